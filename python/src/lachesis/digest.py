"""SHA-256 digests of groups and batches."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable

from .v1 import batch_service_pb2 as service


def group_digest(parts: Iterable[bytes]) -> bytes:
    """Of a group: over its parts' bytes as sent, in order."""
    state = hashlib.sha256()
    for part in parts:
        state.update(part)
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
