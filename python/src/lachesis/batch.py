"""A batch, put together from its stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np

from . import codec
from .digest import batch_digest, group_digest, part_digest
from .reconnect import StreamCutShort
from .row import Row
from .v1 import batch_service_pb2 as service
from .v1 import group_pb2 as groups
from .v1 import rollout_pb2 as rollouts
from .v1 import tokens_pb2 as tokens


@dataclass(frozen=True)
class NoBatch:
    """No batch came in time; false, so that `while batch := client.next_batch(...)` ends."""

    waiting: int
    needed: int
    closed: bool  #: the run is closed and none will come
    #: other consumers that the next batch waits for, since as many batches are open as may be
    held_back_by: tuple[service.ConsumerStanding, ...] = ()

    def __bool__(self) -> bool:
        return False


@dataclass(frozen=True)
class Batch:
    """What a trainer gets for one step. Handed out again, it is identical."""

    run_id: str
    consumer_id: str
    rank: int
    manifest: service.BatchManifest
    rows: list[Row]  #: of this rank, in order
    rollouts: list[rollouts.Rollout] = field(default_factory=list)  #: when asked for

    @property
    def id(self) -> str:
        """Unique in its run."""
        return self.manifest.batch_id

    @property
    def step(self) -> int:
        """The step that it is for, from 1."""
        return self.manifest.step

    @property
    def delivery(self) -> int:
        """1 the first time; more when it was handed out before."""
        return self.manifest.delivery

    @property
    def policy_version(self) -> int:
        """The policy version when it was cut."""
        return self.manifest.policy_version

    def advantages(self, floor: float = 1e-8) -> np.ndarray:
        """float64, one per row: its rollout's reward, normalised over the rollouts of its group.

        A rollout without a reward is in no mean, and its rows get 0.
        """
        by_rollout: dict[tuple[str, str], float] = {}
        for header in self.manifest.groups:
            scored = [s for s in header.rollouts if s.HasField("reward") and not s.masked]
            if not scored:
                continue
            rewards = np.array([summary.reward for summary in scored])
            normal = (rewards - rewards.mean()) / (rewards.std() + floor)
            for summary, value in zip(scored, normal):
                by_rollout[header.group_id, summary.rollout_id] = float(value)
        return np.array([by_rollout.get((r.group_id, r.rollout_id), 0.0) for r in self.rows])


def read_batch(
    frames: Iterable[service.NextBatchResponse],
    *,
    run_id: str,
    consumer_id: str,
    rank: int,
    seen: Callable[[service.BatchManifest], None] = lambda _: None,
) -> Batch | NoBatch:
    """Puts a batch together and checks it; raises ValueError when it is not what it says.

    `seen` is told of what begins to come.
    """
    manifest: service.BatchManifest | None = None
    received: dict[tuple[int, int], bytearray] = {}
    ended = False
    for frame in frames:
        kind = frame.WhichOneof("frame")
        if kind == "none":
            none = frame.none
            return NoBatch(none.waiting, none.needed, none.closed, tuple(none.held_back_by))
        if kind == "manifest":
            manifest = frame.manifest
            seen(manifest)
        elif kind == "manifest_rest":
            if manifest is None:
                raise ValueError("batch: the rest of a manifest came before its beginning")
            manifest.groups.MergeFrom(frame.manifest_rest.groups)
            manifest.rows.MergeFrom(frame.manifest_rest.rows)
        elif kind == "chunk":
            if manifest is None:
                raise ValueError("batch: bytes came before the manifest")
            _take(received, manifest, frame.chunk)
        elif kind == "end":
            ended = True
    if manifest is None or not ended:
        raise StreamCutShort("batch: the stream ended before the batch did")
    parts = {key: bytes(data) for key, data in received.items()}
    _verify(manifest, parts)
    batch = Batch(run_id, consumer_id, rank, manifest, _rows(manifest, parts, rank))
    batch.rollouts.extend(_rollouts(manifest, parts))
    return batch


def _take(
    received: dict[tuple[int, int], bytearray],
    manifest: service.BatchManifest,
    chunk: service.BatchChunk,
) -> None:
    """Adds a chunk's bytes to their part, and to the parts after it that they run on into."""
    sizes = [part.encoded_size for part in manifest.groups[chunk.group_index].parts]
    part, offset = chunk.chunk.part_index, chunk.chunk.offset
    data = memoryview(chunk.chunk.data)
    while len(data):
        if part >= len(sizes):
            raise ValueError(f"batch: bytes beyond the last part of group {chunk.group_index}")
        held = received.setdefault((chunk.group_index, part), bytearray())
        if offset != len(held):
            raise ValueError(
                f"batch: part {part} of group {chunk.group_index} goes on at {offset},"
                f" not {len(held)}"
            )
        piece = data[: sizes[part] - offset]
        held += piece
        data = data[len(piece) :]
        part, offset = part + 1, 0


def _verify(manifest: service.BatchManifest, parts: dict[tuple[int, int], bytes]) -> None:
    if batch_digest(manifest) != manifest.digest:
        raise ValueError(f"batch {manifest.batch_id}: its digest does not fit its groups and rows")
    for header in manifest.groups:
        if group_digest(header.parts) != header.digest:
            raise ValueError(f"group {header.group_id}: its header does not fit its digest")
    # A batch without its rollouts, or of several ranks, holds only some parts of a group.
    for (group_index, part_index), data in parts.items():
        header = manifest.groups[group_index]
        part = header.parts[part_index]
        if len(data) != part.encoded_size:
            raise ValueError(
                f"batch: part {part_index} of group {header.group_id}"
                f" has {len(data)} of {part.encoded_size} bytes"
            )
        if part_digest(data) != part.digest:
            raise ValueError(
                f"group {header.group_id}: the bytes of part {part_index} do not fit its digest"
            )


def _rows(
    manifest: service.BatchManifest, parts: dict[tuple[int, int], bytes], rank: int
) -> list[Row]:
    rows = []
    for place in manifest.rows:
        if place.rank != rank:
            continue
        key = (place.group_index, place.part_index)
        header = manifest.groups[place.group_index]
        part = header.parts[place.part_index]
        if key not in parts:
            raise ValueError(f"batch: part {key[1]} of group {header.group_id} is missing")
        summary = header.rollouts[part.rollout_index]
        row = Row(
            tokens.Row.FromString(codec.decode(part.codec, parts[key])),
            group_id=header.group_id,
            reward=summary.reward if summary.HasField("reward") else None,
            turn_rewards={turn.message_index: turn.value for turn in summary.turn_rewards},
        )
        row.check()
        rows.append(row)
    return rows


def _rollouts(manifest: service.BatchManifest, parts: dict[tuple[int, int], bytes]):
    for (group_index, part_index), data in sorted(parts.items()):
        part = manifest.groups[group_index].parts[part_index]
        if part.kind == groups.GROUP_PART_KIND_ROLLOUT:
            yield rollouts.Rollout.FromString(codec.decode(part.codec, data))
