"""A trainer that takes batches as Atropos' example trainer does: usage atropos-trainer.py URL SECONDS PLAIN|GZIP.

Prints a line of JSON at the end: groups, seconds, and milliseconds of each batch."""

import json
import sys
import time

import numpy as np
import requests

url, seconds, codec = sys.argv[1], float(sys.argv[2]), sys.argv[3]
headers = {"Accept-Encoding": "identity"} if codec == "plain" else {}
answer = requests.post(
    f"{url}/register",
    json={
        "wandb_group": "",
        "wandb_project": "",
        "batch_size": 16 * 8,
        "max_token_len": 4096,
        "starting_step": 0,
        "checkpoint_dir": "checkpoints",
        "save_checkpoint_interval": 1000,
        "num_steps": 10**6,
    },
    timeout=30,
)
answer.raise_for_status()
start = time.monotonic()
groups, times = 0, []
while time.monotonic() < start + seconds:
    asked = time.monotonic()
    batch = requests.get(f"{url}/batch", headers=headers, timeout=60).json()["batch"]
    if batch is None:
        time.sleep(0.05)
        continue
    for group in batch:
        for index, tokens in enumerate(group["tokens"]):
            np.array(tokens), np.array(group["masks"][index])
            np.array(group["inference_logprobs"][index], dtype=np.float32)
    groups += len(batch)
    times.append((time.monotonic() - asked) * 1000)
print(json.dumps({"groups": groups, "seconds": time.monotonic() - start, "times": times}))
