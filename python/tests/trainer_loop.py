"""A trainer's whole day with `lachesis.Client`; prints what it saw as JSON.

Usage: trainer_loop.py ADDRESS TOKEN RUN. Run by test/contract/python-client.test.ts.
"""

import json
import sys

import lachesis


def groups(run_id, count):
    for index in range(count):
        yield lachesis.build_group(
            f"g{index}",
            run_id=run_id,
            environment="synthetic",
            task_key="t",
            sampled=[
                lachesis.SampledRollout([1, 2, 3], [4, 5, 6, 7], [-0.1, -0.2, -0.3, -0.4], reward)
                for reward in (0.0, 1.0)
            ],
        )


def main(address, token, run_id):
    seen = {"batches": [], "errors": []}
    with lachesis.connect(address, token) as client:
        seen["run"] = client.open_run(run_id, batch_groups=1, max_waiting_groups=8).id
        summary = client.submit_groups(run_id, groups(run_id, 3))
        again = client.submit_groups(run_id, groups(run_id, 1))
        seen["stored"], seen["duplicates"] = summary.stored, again.duplicates
        client.register_consumer(run_id, "trainer")
        while batch := client.next_batch(run_id, "trainer", wait=0.2):
            twin = client.next_batch(run_id, "trainer", wait=0.2)
            client.ack(batch)
            version = client.publish_policy_version(run_id, batch.step)
            seen["batches"].append(
                {
                    "step": batch.step,
                    "rows": len(batch.rows),
                    "tokens": sum(len(row) for row in batch.rows),
                    "trained": int(sum(row.trained.sum() for row in batch.rows)),
                    "advantages": batch.advantages().round(6).tolist(),
                    "logprobs": [round(float(value), 6) for value in batch.rows[0].logprobs],
                    "redelivered": twin.manifest.digest == batch.manifest.digest,
                    "version": version,
                }
            )
        seen["waiting"] = client.run_status(run_id).waiting_groups
        seen["none"] = {"needed": batch.needed, "closed": batch.closed}
        client.close_run(run_id)
        for call in (lambda: client.run_status("absent"), lambda: client.open_run("no spaces")):
            try:
                call()
            except lachesis.LachesisError as error:
                seen["errors"].append([error.code.name, error.reason, error.field])
        seen["several"] = several(client, f"{run_id}-several")
        seen["played"] = played(client, f"{run_id}-played")
        seen["evaluated"] = evaluated(client)
    json.dump(seen, sys.stdout)


def several(client, run_id):
    """A late ack, and a consumer that is taken out and comes back."""
    refused = []

    def refusal(call, *args, **fields):
        try:
            call(*args, **fields)
        except lachesis.LachesisError as error:
            refused.append([error.code.name, error.reason, error.metadata.get("delivery")])

    client.open_run(run_id, batch_groups=1, max_waiting_groups=8)
    client.submit_groups(run_id, groups(run_id, 2))
    client.register_consumer(run_id, "trainer")
    client.register_consumer(run_id, "archive", fan_out=True)
    first = client.next_batch(run_id, "trainer", wait=5)
    client.nack(first, "restarted")
    second = client.next_batch(run_id, "trainer", wait=5)
    refusal(client.ack, first)
    refusal(client.extend, first)
    refusal(client.nack, first, "late")
    client.extend(second)
    client.ack(second)
    status = client.run_status(run_id)
    standings = [[one.consumer_id, one.step, one.open_batches] for one in status.consumers]
    out = [client.unregister_consumer(run_id, "archive") for _ in range(2)]
    refusal(client.next_batch, run_id, "archive", wait=5)
    refusal(client.register_consumer, run_id, "archive", fan_out=True)
    again = client.register_consumer(run_id, "archive", fan_out=True, rejoin=True)
    return {
        "deliveries": [first.delivery, second.delivery],
        "refused": refused,
        "standings": standings,
        "out": [[one.existed, one.released_batches] for one in out],
        "again": [again.step, again.consumer_step, again.HasField("committed_step")],
        "next": client.next_batch(run_id, "archive", wait=5).step,
    }


def played(client, run_id):
    """A batch that the server's own worker played, with its transcripts."""
    environments = [{"environment": "quick", "group_size": 2}]
    auto_play = {"environments": environments, "max_ahead": 1}
    start = client.open_run(run_id, batch_groups=1, auto_play=auto_play)
    client.register_consumer(run_id, "trainer")
    batch = client.next_batch(run_id, "trainer", include_rollouts=True, wait=10)
    group_id = batch.manifest.groups[0].group_id
    events = list(client.watch_rollouts(group_ids=[group_id], until_finished=True, timeout=10))
    client.close_run(run_id)
    return {
        "step": start.step,
        "rewards": [row.reward for row in batch.rows],
        "sampled": [int(row.sampled.sum()) for row in batch.rows],
        "rollouts": [rollout.messages[-1].content[0].text for rollout in batch.rollouts],
        "finished": sum(event.WhichOneof("event") == "finished" for event in events),
    }


def evaluated(client):
    """By the environment's own settings, by others, and by a reader that leaves early."""
    *samples, summary = client.evaluate("quick", timeout=10)
    *asked, other = client.evaluate(
        "quick", split="", max_tasks=0, attempts=1, sampling={"temperature": 0.5}, solved_at=2
    )
    leaving = client.evaluate("quick", attempts=1_000)
    next(leaving)
    leaving.close()
    try:
        next(client.evaluate("quick", split="nowhere"))
    except lachesis.LachesisError as error:
        refused = [error.reason, error.field]
    return {
        "rewards": [sample.reward for sample in samples],
        "solved_at": summary.solved_at,
        "pass_at_k": [figure.value for figure in summary.pass_at_k],
        "metrics": {each.name: [each.mean, each.count] for each in summary.metrics},
        "asked": [len(asked), other.sampling.temperature, other.pass_at_k[0].value],
        "refused": refused,
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
