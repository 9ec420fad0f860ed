"""SHA-256 digests of groups and batches."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

from .v1 import batch_service_pb2 as service
from .v1 import group_pb2 as groups


def part_digest(data: bytes) -> bytes:
    """Of a part: the first 16 bytes of the SHA-256 of its bytes as sent."""
    return hashlib.sha256(data).digest()[:16]


def group_digest(parts: Iterable[groups.GroupPart]) -> bytes:
    """Of a group: SHA-256 over its parts' digests, in order."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part.digest)
    return state.digest()


def batch_digest(manifest: service.BatchManifest) -> bytes:
    """Of a batch: over its groups' digests, then each row's group and part index as uint32 (LE).

    Ranks are left out: all consumers of a batch see the same digest.
    """
    state = hashlib.sha256()
    for header in manifest.groups:
        state.update(header.digest)
    for row in manifest.rows:
        state.update(struct.pack("<II", row.group_index, row.part_index))
    return state.digest()
