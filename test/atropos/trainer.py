"""A trainer that talks to Atropos' API as its example trainer does: usage trainer.py URL BATCHES BATCH_SIZE.

Prints a line of JSON per batch that it got."""

import json
import sys
import time

import numpy as np
import requests
from tenacity import retry, stop_after_attempt, wait_exponential

url, batches, batch_size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])


@retry(stop=stop_after_attempt(5), wait=wait_exponential(multiplier=1, min=1, max=10))
def register():
    answer = requests.post(
        f"{url}/register",
        json={
            "wandb_group": "",
            "wandb_project": "",
            "batch_size": batch_size,
            "max_token_len": 2048,
            "starting_step": 0,
            "checkpoint_dir": "checkpoints",
            "save_checkpoint_interval": batches,
            "num_steps": batches,
        },
        timeout=10,
    )
    answer.raise_for_status()
    assert isinstance(answer.json()["uuid"], int)


@retry(stop=stop_after_attempt(5), wait=wait_exponential(multiplier=1, min=1, max=10))
def get_batch():
    data = requests.get(f"{url}/batch", timeout=10).json()
    if data.get("status") == "error":
        raise RuntimeError(data["message"])
    return data["batch"]


@retry(stop=stop_after_attempt(5), wait=wait_exponential(multiplier=1, min=1, max=10))
def get_step():
    return requests.get(f"{url}/status", timeout=10).json()["current_step"]


register()
got = 0
while got < batches:
    batch = get_batch()
    if batch is None:
        time.sleep(0.1)
        continue
    got += 1
    sequences = 0
    for group in batch:
        scores = np.array(group["scores"])
        assert scores.dtype == np.float64
        if group["overrides"] is not None:
            raise AssertionError("nobody sent overrides")
        for index, tokens in enumerate(group["tokens"]):
            sequences += 1
            labels = np.array(group["masks"][index])
            logprobs = np.array(group["inference_logprobs"][index], dtype=np.float32)
            assert len(tokens) == len(labels) == len(logprobs)
            assert (logprobs[labels == -100] == 1.0).all() and (logprobs[labels != -100] < 0).all()
    print(json.dumps({"sequences": sequences, "step": get_step(), "batch": batch}), flush=True)
