"""Pulls one batch, gives it back and prints what it was as JSON.

Usage: large_batch.py ADDRESS TOKEN RUN. Run by test/contract/large-manifest.test.ts.
"""

import json
import sys

import lachesis


def main(address, token, run_id):
    with lachesis.connect(address, token) as client:
        client.register_consumer(run_id, "python")
        batch = client.next_batch(run_id, "python", wait=10)
        client.nack(batch, "for another")
        names = {f"{row.group_id}/{row.rollout_id}" for row in batch.rows}
        groups = [header.group_id for header in batch.manifest.groups]
        print(json.dumps({"groups": groups, "rows": len(batch.rows), "names": len(names)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
