"""A sandbox of a server, for an agent that runs here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import grpc
from google.protobuf.duration_pb2 import Duration

from .calls import Calls
from .errors import LachesisError
from .v1 import sandbox_service_pb2 as sandboxes
from .v1.sandbox_service_pb2_grpc import SandboxServiceStub

_PIECE_BYTES = 1_048_576


@dataclass(frozen=True)
class Output:
    """Some of what a command wrote."""

    stream: str  #: `stdout` or `stderr`
    data: bytes


@dataclass(frozen=True)
class Exit:
    """How a command ended. A fault of the sandbox is a LachesisError, and never an exit code."""

    exit_code: int  #: as a shell says it: 124 timed out, 128 + n ended by signal n
    signal: str  #: such as `SIGKILL`; empty when it ended by itself
    timed_out: bool
    output_truncated: bool
    seconds: float


@dataclass(frozen=True)
class Completed(Exit):
    """A command that ended, with all that it wrote."""

    stdout: bytes
    stderr: bytes


class Sandbox:
    """A sandbox of a server, which leaving a `with` block gives back.

    The server takes it back as well when it is not used for `lease_seconds`.
    """

    def __init__(
        self, calls: SandboxCalls, lease_id: str, had: sandboxes.AcquireSandboxResponse
    ) -> None:
        self.lease_id = lease_id
        self.isolation = had.isolation
        self.backend = had.backend
        self.workdir = had.working_directory
        self.lease_seconds = _seconds(had.lease_duration)
        self._calls = calls

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            self.release()
        except LachesisError:
            if kind is None:
                raise  # What went wrong in the block is the better story.

    def exec(
        self,
        command: Sequence[str],
        *,
        cwd: str = "",
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        command_timeout: float | None = None,
        max_output_bytes: int = 0,
        timeout: float | None = None,
    ) -> Iterator[Output | Exit]:
        """A command's output as it comes, and its Exit last. Leaving the loop ends the command.

        `command` is a program and its arguments; no shell reads them. `command_timeout` (default: 60
        seconds) ends it with an Exit that says so; `timeout` is the call's own. Of each stream
        `max_output_bytes` come, and the rest is dropped; 0 for all.
        """
        if isinstance(command, (str, bytes)):
            raise TypeError('command is a list: ["bash", "-c", script] runs a script')
        request = sandboxes.ExecCommandRequest(
            lease_id=self.lease_id,
            command=command,
            working_directory=cwd,
            environment=env,
            standard_input=stdin,
            timeout=None if command_timeout is None else _duration(command_timeout),
            max_output_bytes=max_output_bytes,
        )
        return self._events(request, timeout)

    def run(self, command: Sequence[str], **options: Any) -> Completed:
        """Runs a command to its end, with the options of `exec`."""
        written: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        for event in self.exec(command, **options):
            if isinstance(event, Exit):
                out, err = (b"".join(pieces) for pieces in written.values())
                return Completed(**vars(event), stdout=out, stderr=err)
            written[event.stream].append(event.data)
        raise AssertionError("exec ends with an Exit, or raises")

    def put_archive(
        self, path: str, tar: bytes | BinaryIO | Iterable[bytes], *, timeout: float | None = None
    ) -> int:
        """Unpacks a tar archive under `path`; returns the bytes taken.

        One that fails leaves what was unpacked by then, the last file perhaps cut off.
        """
        failed: list[BaseException] = []

        def frames() -> Iterator[sandboxes.PutArchiveRequest]:
            yield sandboxes.PutArchiveRequest(lease_id=self.lease_id, path=path)
            try:
                for data in _pieces(tar):
                    yield sandboxes.PutArchiveRequest(data=data)
            except BaseException as error:
                failed.append(error)  # grpcio only cancels the call for it.
                raise

        try:
            return self._calls._of_agent(lambda stub: stub.PutArchive, frames(), timeout).size
        except LachesisError as error:
            if failed:
                raise failed[0] from None
            raise error

    def get_archive(self, path: str, *, timeout: float | None = None) -> Iterator[bytes]:
        """Packs a file or folder: the pieces of a tar archive, whose names begin at `path`'s last part."""
        request = sandboxes.GetArchiveRequest(lease_id=self.lease_id, path=path)
        for response in self._calls._stream_of_agent(lambda stub: stub.GetArchive, request, timeout):
            yield response.data

    def release(self, *, timeout: float = 60) -> None:
        """Gives it back; done twice it does no harm."""
        request = sandboxes.ReleaseSandboxRequest(lease_id=self.lease_id)
        self._calls._of_agent(lambda stub: stub.ReleaseSandbox, request, timeout)

    def _events(
        self, request: sandboxes.ExecCommandRequest, timeout: float | None
    ) -> Iterator[Output | Exit]:
        for response in self._calls._stream_of_agent(
            lambda stub: stub.ExecCommand, request, timeout
        ):
            kind = response.WhichOneof("event")
            if kind == "standard_output":
                yield Output("stdout", response.standard_output)
            elif kind == "standard_error":
                yield Output("stderr", response.standard_error)
            elif kind == "exit":
                ended = response.exit
                yield Exit(
                    exit_code=ended.exit_code,
                    signal=ended.signal,
                    timed_out=ended.timed_out,
                    output_truncated=ended.output_truncated,
                    seconds=_seconds(ended.duration),
                )
                return
        text = "the server ended the stream before the command's end came"
        raise LachesisError(grpc.StatusCode.UNAVAILABLE, text)


class SandboxCalls(Calls):
    """The part of a client that an agent uses."""

    def __init__(
        self,
        *args: Any,
        agent_token: str | Callable[[], str | None] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(*args, **fields)
        self._sandboxes = SandboxServiceStub(self._channel)
        self._agent_token = agent_token if callable(agent_token) else lambda: agent_token

    def acquire_sandbox(
        self,
        *,
        lease_id: str | None = None,
        image: str = "",
        network: bool = False,
        timeout: float | None = None,
    ) -> Sandbox:
        """Takes a sandbox; use it as a context manager, or `release` it.

        Asking twice by one `lease_id` gives the same one: who knows it has the sandbox. By itself it is a
        random one. `image` is the server's own when left out, and there is no network unless `network`.
        """
        lease_id = lease_id or str(uuid.uuid4())
        request = sandboxes.AcquireSandboxRequest(lease_id=lease_id, image=image, network=network)
        had = self._reconnector.call(
            lambda seconds, _: self._of_agent(lambda stub: stub.AcquireSandbox, request, seconds),
            timeout,
        )
        return Sandbox(self, lease_id, had)

    def _of_agent(self, method: Callable[[SandboxServiceStub], Any], request, timeout):
        return self._unary(method(self._sandboxes), request, timeout, self._agent_metadata())

    def _stream_of_agent(self, method: Callable[[SandboxServiceStub], Any], request, timeout):
        return self._stream(method(self._sandboxes), request, timeout, self._agent_metadata())

    def _agent_metadata(self) -> list[tuple[str, str]]:
        return self._metadata(self._agent_token())


def _pieces(tar: bytes | BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(tar, (bytes, bytearray, memoryview)):
        tar = (tar,)
    elif hasattr(tar, "read"):
        file = tar
        tar = iter(lambda: file.read(_PIECE_BYTES), b"")
    for data in tar:
        for start in range(0, len(data), _PIECE_BYTES):
            yield bytes(data[start : start + _PIECE_BYTES])


def _duration(seconds: float) -> Duration:
    duration = Duration()
    duration.FromNanoseconds(round(seconds * 1e9))
    return duration


def _seconds(duration: Duration) -> float:
    return duration.ToNanoseconds() / 1e9
