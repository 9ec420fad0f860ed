"""Groups to submit, from what a producer of its own sampled."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .digest import group_digest, part_digest
from .v1 import group_pb2 as groups
from .v1 import rollout_pb2 as rollouts
from .v1 import tokens_pb2 as tokens
from .v1 import work_service_pb2 as service

_CHUNK_BYTES = 262_144


@dataclass(frozen=True)
class SampledRollout:
    """A rollout of one turn: a prompt and what was sampled after it, all of it trained."""

    prompt_ids: Sequence[int]
    sampled_ids: Sequence[int]
    logprobs: Sequence[float] | None  #: one per sampled id; None when the engine gives none
    reward: float
    policy_version: int = 0


@dataclass(frozen=True)
class Group:
    """A header and the bytes of its parts, ready to be submitted."""

    header: groups.GroupHeader
    parts: list[bytes]

    def frames(self) -> Iterator[service.SubmitGroupsRequest]:
        """The group as frames of a submit stream: header, chunks, end."""
        yield service.SubmitGroupsRequest(header=self.header)
        # Chunks run on from part to part: all parts are one run of bytes.
        starts = [0]
        for part in self.parts:
            starts.append(starts[-1] + len(part))
        whole = b"".join(self.parts)
        for at in range(0, len(whole), _CHUNK_BYTES):
            index = bisect.bisect_right(starts, at) - 1
            chunk = groups.GroupChunk(
                part_index=index, offset=at - starts[index], data=whole[at : at + _CHUNK_BYTES]
            )
            yield service.SubmitGroupsRequest(chunk=chunk)
        yield service.SubmitGroupsRequest(end=groups.GroupEnd())


def build_group(
    group_id: str,
    *,
    run_id: str,
    environment: str,
    task_key: str,
    sampled: Iterable[SampledRollout],
) -> Group:
    """One row per rollout under the STRICT training policy; ids are `<group id>.<index>`.

    Each rollout has its transcript too, without messages: ingest checks rows against it.
    """
    header = groups.GroupHeader(
        group_id=group_id,
        run_id=run_id,
        environment=environment,
        task_key=task_key,
        training_policy=groups.TRAINING_POLICY_STRICT,
    )
    parts = []
    transcripts = []
    for index, rollout in enumerate(sampled):
        row = _row(f"{group_id}.{index}", rollout)
        data = row.SerializeToString(deterministic=True)
        count = len(rollout.sampled_ids)
        header.rollouts.add(
            rollout_id=row.rollout_id,
            stop_reason=rollouts.STOP_REASON_NATURAL,
            reward=rollout.reward,
            ledger=tokens.Ledger(sampled=count, trained=count),
            turns_used=1,
        )
        header.parts.add(
            kind=groups.GROUP_PART_KIND_ROW,
            encoded_size=len(data),
            codec=tokens.CODEC_RAW,
            rollout_index=index,
            tokens=len(rollout.prompt_ids) + count,
            sampled_tokens=count,
            trained_tokens=count,
            digest=part_digest(data),
        )
        header.ledger.sampled += count
        header.ledger.trained += count
        if not header.HasField("oldest_policy_version"):
            header.oldest_policy_version = rollout.policy_version
        header.oldest_policy_version = min(header.oldest_policy_version, rollout.policy_version)
        parts.append(data)
        transcripts.append(_transcript(group_id, task_key, index, row, rollout.reward))
    for index, transcript in enumerate(transcripts):
        data = transcript.SerializeToString(deterministic=True)
        header.parts.add(
            kind=groups.GROUP_PART_KIND_ROLLOUT,
            encoded_size=len(data),
            codec=tokens.CODEC_RAW,
            rollout_index=index,
            digest=part_digest(data),
        )
        parts.append(data)
    header.end_time.GetCurrentTime()
    header.digest = group_digest(header.parts)
    return Group(header, parts)


def _transcript(
    group_id: str, task_key: str, index: int, row: tokens.Row, reward: float
) -> rollouts.Rollout:
    count = row.spans[-1].length
    transcript = rollouts.Rollout(
        id=row.rollout_id,
        group_id=group_id,
        task_key=task_key,
        index=index,
        result=rollouts.AgentResult(stop_reason=rollouts.STOP_REASON_NATURAL, turns_used=1),
        reward=rollouts.Reward(value=reward),
        ledger=tokens.Ledger(sampled=count, trained=count),
    )
    # Its one segment leaves the ids and logprobs to the row.
    segment = transcript.segments.add(id=row.segment_id, reason=tokens.SEGMENT_REASON_START)
    segment.spans.extend(row.spans)
    segment.policy_versions.extend(row.policy_versions)
    return transcript


def _row(rollout_id: str, rollout: SampledRollout) -> tokens.Row:
    ids = np.concatenate([rollout.prompt_ids, rollout.sampled_ids]).astype("<i4")
    row = tokens.Row(
        id=f"{rollout_id}/0", rollout_id=rollout_id, segment_id="0", token_ids=ids.tobytes()
    )
    if rollout.logprobs is not None:
        row.logprobs = np.asarray(rollout.logprobs, dtype="<f4").tobytes()
    row.spans.add(
        length=len(rollout.prompt_ids),
        origin=tokens.SPAN_ORIGIN_PROMPT,
        loss=tokens.LOSS_STATE_NOT_SAMPLED,
    )
    row.spans.add(
        length=len(rollout.sampled_ids),
        origin=tokens.SPAN_ORIGIN_SAMPLED,
        loss=tokens.LOSS_STATE_TRAINED,
        call_index=0,
    )
    row.policy_versions.add(
        length=len(rollout.sampled_ids), announced_version=rollout.policy_version
    )
    return row
