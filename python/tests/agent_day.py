"""An agent's whole day with `lachesis.Sandbox`; prints what it saw as JSON.

Usage: agent_day.py ADDRESS. Run by test/contract/python-sandboxes.test.ts; its token is the one that the
server left for its user.
"""

import io
import json
import sys
import tarfile
import time

import lachesis


def packed(name, data):
    """A tar archive of one file."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as tar:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        tar.addfile(member, io.BytesIO(data))
    return file.getvalue()


def refused(call):
    try:
        call()
    except lachesis.LachesisError as error:
        return [error.code.name, error.reason]
    return None


def sandbox_day(client, seen):
    with client.acquire_sandbox(timeout=30) as box:
        seen["box"] = [box.backend, box.isolation, box.lease_seconds > 0]
        done = box.run(
            ["bash", "-c", 'cat; echo " $A $PWD"; echo no >&2; exit 3'],
            env={"A": "b"},
            stdin=b"given",
            cwd="/",
        )
        seen["run"] = [done.exit_code, done.stdout.decode(), done.stderr.decode(), done.signal]
        late = box.run(["bash", "-c", "echo begun; sleep 30"], command_timeout=0.3)
        seen["late"] = [late.exit_code, late.timed_out, late.stdout.decode()]
        cut = box.run(["head", "-c", "3000000", "/dev/zero"], max_output_bytes=10)
        seen["cut"] = [len(cut.stdout), cut.output_truncated]
        seen["large"] = len(box.run(["head", "-c", "9000000", "/dev/zero"]).stdout)

        # The first line comes long before the command ends, and leaving the loop ends it.
        begun = time.monotonic()
        for event in box.exec(["bash", "-c", "echo first; exec sleep 55.5"]):
            seen["first"] = [event.stream, event.data.decode()]
            break
        while box.run(["bash", "-c", "grep -l 55.5 /proc/[0-9]*/cmdline"]).stdout.count(b"\n") > 1:
            time.sleep(0.05)
        seen["left"] = time.monotonic() - begun < 10

        data = bytes(range(256)) * 20_000
        tar = packed("d/file", data)
        seen["put"] = [
            box.put_archive(box.workdir, tar) >= len(data),
            box.put_archive("/tmp/as-file", io.BytesIO(tar)) >= len(data),
            box.put_archive("/tmp/in-pieces", (tar[i : i + 999_999] for i in range(0, len(tar), 999_999)))
            >= len(data),
        ]
        back = io.BytesIO(b"".join(box.get_archive(f"{box.workdir}/d")))
        with tarfile.open(fileobj=back) as got:
            seen["got"] = [got.extractfile("d/file").read() == data, got.getnames()]

        def broken():
            yield tar[:1_000]
            raise RuntimeError("the source broke")

        try:
            box.put_archive("/tmp/broken", broken())
        except RuntimeError as error:
            seen["broken"] = str(error)
        seen["missing"] = refused(lambda: list(box.get_archive("/nowhere")))

        again = client.acquire_sandbox(lease_id=box.lease_id)
        seen["same"] = again.run(["cat", "d/file"]).stdout == data
    seen["after"] = refused(lambda: box.run(["true"]))
    box.release()

    try:
        with client.acquire_sandbox() as box:
            raise KeyError("of the block")
    except KeyError:
        seen["given_back"] = refused(lambda: box.run(["true"]))


def main(address):
    seen = {}
    with lachesis.connect(address) as client:
        sandbox_day(client, seen)
    with lachesis.connect(address, scope="agent") as agent:
        with agent.acquire_sandbox() as box:
            seen["agent"] = box.run(["echo", "hello"]).stdout.decode()
        seen["plane"] = refused(lambda: agent.run_status("r"))
    with lachesis.connect(address, "no-token-of-this-server", reconnect=None) as stranger:
        seen["stranger"] = refused(stranger.acquire_sandbox)
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
