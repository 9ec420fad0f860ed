"""An environment on Atropos' own SDK for bench/broker.ts: usage atropos-environment.py URL NAME SECONDS.

Groups of 8 x 2,048 random ids, a quarter of them prompt; what a group costs here is the SDK's own work to send it.
Prints a line of JSON at the end: groups sent, CPU seconds."""

import asyncio
import json
import os
import random
import sys
import time

from atroposlib.envs.base import APIServerConfig, BaseEnv, BaseEnvConfig

ROLLOUTS, TOKENS, PROMPT = 8, 2048, 512
sent = 0


class RandomEnv(BaseEnv):
    name = "random"

    async def setup(self):
        draw = random.Random(sys.argv[2])
        self.group = {"tokens": [], "masks": [], "scores": [], "inference_logprobs": []}
        for index in range(ROLLOUTS):
            ids = [int(151_936 ** draw.random()) for _ in range(TOKENS)]
            self.group["tokens"].append(ids)
            self.group["masks"].append([-100] * PROMPT + ids[PROMPT:])
            self.group["scores"].append(float(index % 2))
            logprobs = [-draw.expovariate(1) for _ in range(TOKENS - PROMPT)]
            self.group["inference_logprobs"].append([1.0] * PROMPT + logprobs)
        self.item = 0

    async def get_next_item(self):
        self.item += 1
        return self.item

    async def collect_trajectories(self, item):
        await asyncio.sleep(0)
        return dict(self.group), []

    async def _send_scored_data_to_api(self, scored_data):
        global sent
        await super()._send_scored_data_to_api(scored_data)
        sent += 1

    async def evaluate(self, *_args, **_options):
        pass


async def main():
    url, name, seconds = sys.argv[1:4]
    config = BaseEnvConfig(
        group_size=ROLLOUTS,
        rollout_server_url=url,
        wandb_name=name,
        total_steps=10**9,
        use_wandb=False,
        max_token_length=4096,
        max_num_workers=8,
        max_batches_offpolicy=1000,
        steps_per_eval=-1,
        min_items_sent_before_logging=10**9,
    )
    env = RandomEnv(config, [APIServerConfig(base_url="http://127.0.0.1:9/v1")], testing=True)
    running = asyncio.ensure_future(env.env_manager())
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end and not running.done():
        await asyncio.sleep(0.1)
    if running.done():
        running.result()
    print(json.dumps({"groups": sent, "cpu": time.process_time()}), flush=True)
    os._exit(0)


asyncio.run(main())
