"""Finds servers of the same user on this machine, by the token files that they write."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

_LARGEST_FILE_BYTES = 65_536


@dataclass(frozen=True)
class LocalServer:
    """A running server and the tokens it left for clients of its user."""

    address: str  #: `http://127.0.0.1:50051`
    pid: int
    instance_id: str
    tokens: dict[str, str]  #: by scope: `operator`, `trainer`, `worker`, `agent`


def token_directory() -> Path:
    """Where token files are: the user's runtime directory, or one under the temporary directory."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        return Path(runtime) / "lachesis"
    # On Windows there is no uid; Node says -1 there.
    uid = os.getuid() if hasattr(os, "getuid") else -1
    return Path(tempfile.gettempdir()) / f"lachesis-{uid}"


def find_local_servers(directory: Path | None = None) -> list[LocalServer]:
    """The servers that run, newest first.

    A file that another user could have written or read is passed over, and so is one whose
    process is gone.
    """
    directory = directory or token_directory()
    try:
        status = directory.lstat()
        if not stat.S_ISDIR(status.st_mode) or not _is_private(status):
            return []
        paths = [path for path in directory.iterdir() if path.suffix == ".json"]
    except OSError:
        return []
    found = [entry for entry in map(_read, paths) if entry is not None]
    found.sort(key=lambda entry: entry[0], reverse=True)
    return [server for _, server in found]


def _read(path: Path):
    try:
        # A link could point at a file that someone else controls.
        handle = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
        with os.fdopen(handle, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or not _is_private(status):
                return None
            content = json.loads(file.read(_LARGEST_FILE_BYTES))
        server = LocalServer(
            address=content["address"],
            pid=content["pid"],
            instance_id=content["instanceId"],
            tokens=dict(content["tokens"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None  # Removed meanwhile, or no token file: it names no server.
    return (status.st_mtime_ns, server) if _is_running(server.pid) else None


def _is_private(status: os.stat_result) -> bool:
    if not hasattr(os, "getuid"):
        return True
    return status.st_uid == os.getuid() and status.st_mode & 0o077 == 0


def _is_running(pid: int) -> bool:
    if os.name == "nt":
        return True  # kill(pid, 0) would end the process there.
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return True
