"""An environment on Atropos' own SDK that needs no model: usage environment.py URL NAME LOG STEPS [SHARE].

Every group is noted in LOG before the SDK sends it; each third item gives two groups, which the SDK sends as a list."""

import asyncio
import json
import os
import random
import sys

from atroposlib.envs.base import APIServerConfig, BaseEnv, BaseEnvConfig

GROUP_SIZE = 4


class CountingEnv(BaseEnv):
    name = "counting"

    async def setup(self):
        self.items = 0
        self.random = random.Random(self.config.wandb_name)
        self.log = open(sys.argv[3], "a", encoding="utf-8")

    async def get_next_item(self):
        self.items += 1
        return self.items

    async def collect_trajectories(self, item):
        await asyncio.sleep(0.01)
        if item % 3 == 0:
            return [self.play(item, "a"), self.play(item, "b")], []
        return self.play(item, ""), []

    def play(self, item, part):
        # One that was started again plays other items than before.
        prompt = self.tokenizer.encode(f"{self.config.wandb_name} {os.getpid()} {item}{part}?")
        group = {"tokens": [], "masks": [], "scores": [], "inference_logprobs": [], "messages": []}
        for index in range(GROUP_SIZE):
            answer = self.tokenizer.encode("ja" * (1 + index + item % 50))
            group["tokens"].append(prompt + answer)
            group["masks"].append([-100] * len(prompt) + answer)
            group["scores"].append(float(index))
            logprobs = [-self.random.random() for _ in answer]
            group["inference_logprobs"].append([1.0] * len(prompt) + logprobs)
            group["messages"].append([{"role": "user", "content": f"{item}?", "reward": 1.0}])
        group["generation_params"] = {"temperature": 1.0}
        self.log.write(json.dumps(group) + "\n")
        self.log.flush()
        return group

    async def evaluate(self, *_args, **_options):
        pass


async def main():
    url, name, _, steps = sys.argv[1:5]
    share = float(sys.argv[5]) if len(sys.argv) > 5 else None
    config = BaseEnvConfig(
        group_size=GROUP_SIZE,
        rollout_server_url=url,
        wandb_name=name,
        total_steps=int(steps),
        use_wandb=False,
        min_batch_allocation=share,
        max_num_workers=4,
        steps_per_eval=-1,
        min_items_sent_before_logging=10**9,
    )
    env = CountingEnv(config, [APIServerConfig(base_url="http://127.0.0.1:9/v1")], testing=True)
    await env.env_manager()


asyncio.run(main())
