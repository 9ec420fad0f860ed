"""Pulls a run's batches, acks them and keeps an account: a trainer's loop without the training.

With --json each batch is one line of JSON; pull-batches.ts beside it prints the very same.
"""

import argparse
import json
import sys

import lachesis


def account_of(batch):
    """What a batch holds, by group and rollout; a reward of None means that it was not scored."""
    messages = {rollout.id: len(rollout.messages) for rollout in batch.rollouts}
    rows = {}
    for row in batch.rows:
        counts = {
            "tokens": len(row.token_ids),
            "sampled": int(row.sampled.sum()),
            "trained": int(row.trained.sum()),
        }
        rows.setdefault(row.rollout_id, []).append(counts)
    return [
        {
            "group": group.group_id,
            "task": group.task_key,
            "rollouts": [
                {
                    "id": summary.rollout_id,
                    "reward": summary.reward if summary.HasField("reward") else None,
                    "messages": messages.get(summary.rollout_id, 0),
                    "rows": rows.get(summary.rollout_id, []),
                }
                for summary in group.rollouts
            ],
        }
        for group in batch.manifest.groups
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server")
    parser.add_argument("--run", default="run")
    parser.add_argument("--consumer", default="pull-batches")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()

    with lachesis.connect(args.server) as client:
        client.register_consumer(args.run, args.consumer)
        print(f"waiting for batches of run {args.run}, until it is closed", file=sys.stderr)
        # NoBatch, which is false, comes once it is.
        while batch := client.next_batch(args.run, args.consumer, include_rollouts=True):
            groups = account_of(batch)
            rollouts = [rollout for group in groups for rollout in group["rollouts"]]
            rows = [row for rollout in rollouts for row in rollout["rows"]]
            rewards = [r["reward"] for r in rollouts if r["reward"] is not None]
            # This is where a trainer would take its step, and publish the new policy version.
            step = client.ack(batch).step
            if args.json:
                line = json.dumps({"batch": batch.id, "step": batch.step, "groups": groups})
            else:
                line = (
                    f"step {step}: {len(groups)} groups, {len(rollouts)} rollouts, "
                    f"reward {sum(rewards) / len(rewards):.2f} over {len(rewards)} scored, "
                    f"{len(rows)} rows, {sum(row['tokens'] for row in rows)} tokens, "
                    f"{sum(row['trained'] for row in rows)} trained"
                )
            print(line, flush=True)


if __name__ == "__main__":
    main()
