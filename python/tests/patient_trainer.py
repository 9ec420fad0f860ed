"""A trainer that does what it is told on standard input, while its server comes and goes.

Usage: patient_trainer.py ADDRESS RUN [TOKEN]. Prints a line of JSON for each thing that it did. Run by
test/contract/python-reconnect.test.ts.
"""

import json
import sys
import threading

import lachesis
from lachesis.client import Client

#: As fast as a test wants it: by itself a client asks every 20 s whether its peer is there.
_FAST = [
    ("grpc.keepalive_time_ms", 300),
    ("grpc.keepalive_timeout_ms", 200),
    ("grpc.http2.ping_timeout_ms", 200),
]


def say(**fields):
    print(json.dumps(fields), flush=True)


def groups(run_id, count):
    for index in range(count):
        yield lachesis.build_group(
            f"py{index}",
            run_id=run_id,
            environment="synthetic",
            task_key="t",
            sampled=[
                lachesis.SampledRollout([1], list(range(1_000)), [-0.5] * 1_000, reward)
                for reward in (0.0, 1.0)
            ],
        )


def told(error, away):
    say(connection="back" if error is None else "lost")


def main(address, run_id, token=None):
    reconnect = lachesis.Reconnect(initial=0.02, longest=0.1, on_change=told)
    if token is None:
        client = lachesis.connect(address, reconnect=reconnect)
    else:
        client = Client(address, token, reconnect=reconnect, channel_options=_FAST)
    batch = None
    with client:
        client.open_run(run_id, batch_groups=2)
        client.register_consumer(run_id, "python")
        say(did="register")
        for line in sys.stdin:
            order, *rest = line.split()
            if order == "next":
                batch = client.next_batch(run_id, "python")
                say(did=order, step=batch.step, digest=batch.manifest.digest.hex())
            elif order == "ack":
                say(did=order, step=client.ack(batch).step)
            elif order == "commit":
                client.commit(run_id, "python", batch.step)
                say(did=order, version=client.publish_policy_version(run_id, batch.step))
            elif order == "rewind":
                say(did=order, batches=client.rewind(run_id, "python", int(rest[0])))
            elif order == "submit":
                summary = client.submit_groups(run_id, groups(run_id, int(rest[0])))
                say(
                    did=order,
                    sum=summary.stored + summary.duplicates,
                    refused=len(summary.refusals),
                )
            elif order == "threads":
                names = [thread.name for thread in threading.enumerate()]
                say(did=order, leases=names.count("lachesis-lease"))
            elif order == "drop":
                batch = None
                say(did=order)
            elif order == "impatient":
                try:
                    client.commit(run_id, "python", 0, timeout=0.3)
                except lachesis.LachesisError as error:
                    say(did=order, code=error.code.name)


if __name__ == "__main__":
    main(*sys.argv[1:])
