import numpy as np
import pytest

import lachesis
from lachesis.batch import read_batch
from lachesis.v1 import batch_service_pb2 as service
from lachesis.v1 import group_pb2 as groups
from lachesis.v1 import tokens_pb2 as tokens


def group(rewards, group_id="g", tokens=5):
    return lachesis.build_group(
        group_id,
        run_id="r",
        environment="e",
        task_key="t",
        sampled=[
            lachesis.SampledRollout([1, 2], list(range(3, 3 + tokens)), [-0.5] * tokens, reward, 7)
            for reward in rewards
        ],
    )


def frames(built, ranks=1, chunk_bytes=7):
    manifest = service.BatchManifest(batch_id="b", step=1, policy_version=7, delivery=1)
    for group_index, one in enumerate(built):
        manifest.groups.append(one.header)
        for part_index, part in enumerate(one.header.parts):
            if part.kind != groups.GROUP_PART_KIND_ROW:
                continue
            manifest.rows.add(
                group_index=group_index, part_index=part_index, rank=len(manifest.rows) % ranks
            )
    manifest.digest = lachesis.batch_digest(manifest)
    yield service.NextBatchResponse(manifest=manifest)
    for row in manifest.rows:
        data = built[row.group_index].parts[row.part_index]
        for offset in range(0, len(data), chunk_bytes):
            chunk = groups.GroupChunk(
                part_index=row.part_index, offset=offset, data=data[offset : offset + chunk_bytes]
            )
            yield service.NextBatchResponse(
                chunk=service.BatchChunk(group_index=row.group_index, chunk=chunk)
            )
    yield service.NextBatchResponse(end=service.BatchEnd())


def read(stream, rank=0):
    return read_batch(stream, run_id="r", consumer_id="c", rank=rank)


def test_rows_come_out_as_they_went_in():
    batch = read(frames([group([0.0, 1.0]), group([0.5], "h")]))
    assert [row.reward for row in batch.rows] == [0.0, 1.0, 0.5]
    row = batch.rows[0]
    assert row.token_ids.dtype == np.int32 and row.token_ids.tolist() == [1, 2, 3, 4, 5, 6, 7]
    assert row.logprobs.tolist() == [-0.5] * 5
    assert row.trained.tolist() == [False, False] + [True] * 5
    assert row.policy_versions.tolist() == [7] * 5
    assert row.per_token_logprobs().tolist() == [0, 0] + [-0.5] * 5


def test_a_manifest_in_several_frames_is_joined():
    begun, *others = frames([group([0.0, 1.0]), group([0.5], "h")])
    first, second = service.BatchManifest(), service.ManifestRest()
    first.CopyFrom(begun.manifest)
    second.groups.append(first.groups.pop())
    rows = service.ManifestRest(rows=[first.rows.pop(), first.rows.pop()][::-1])
    split = [
        service.NextBatchResponse(manifest=first),
        service.NextBatchResponse(manifest_rest=second),
        service.NextBatchResponse(manifest_rest=rows),
    ]
    joined = read([*split, *others])
    assert joined.manifest == begun.manifest
    assert [row.reward for row in joined.rows] == [0.0, 1.0, 0.5]
    with pytest.raises(ValueError, match="digest"):
        read([*split[:2], *others])
    with pytest.raises(ValueError, match="beginning"):
        read([split[1]])


def test_turn_rewards_stand_on_the_last_trained_token_of_their_turn():
    row = tokens.Row(id="r.0/0", token_ids=np.arange(9, dtype="<i4").tobytes())
    sampled, trained = tokens.SPAN_ORIGIN_SAMPLED, tokens.LOSS_STATE_TRAINED
    row.spans.add(length=2, origin=tokens.SPAN_ORIGIN_PROMPT, loss=tokens.LOSS_STATE_NOT_SAMPLED)
    row.spans.add(length=2, origin=sampled, loss=trained, message_index=1)
    row.spans.add(length=2, origin=tokens.SPAN_ORIGIN_TOOL, loss=tokens.LOSS_STATE_NOT_SAMPLED)
    row.spans.add(length=1, origin=sampled, loss=trained, message_index=3)
    row.spans.add(length=1, origin=sampled, loss=tokens.LOSS_STATE_OVER_LENGTH, message_index=3)
    row.spans.add(length=1, origin=sampled, loss=tokens.LOSS_STATE_OVER_LENGTH, message_index=5)
    read_row = lachesis.Row(row, turn_rewards={1: 0.5, 3: -1.0, 5: 7.0})
    assert read_row.turn_reward_column().tolist() == [0, 0, 0, 0.5, 0, 0, -1.0, 0, 0]
    assert not lachesis.Row(row).turn_reward_column().any()
    # The turns are the main agent's, and another agent's messages are counted apart.
    row.agent = "critic"
    assert not read_row.turn_reward_column().any()


def test_turn_rewards_come_from_the_header():
    built = group([1.0])
    built.header.rollouts[0].turn_rewards.add(message_index=1, value=0.25)
    assert read(frames([built])).rows[0].turn_rewards == {1: 0.25}


def test_columns_are_views_and_read_only():
    row = read(frames([group([1.0])])).rows[0]
    assert not row.token_ids.flags.owndata and not row.token_ids.flags.writeable


def test_advantages_are_normalised_within_each_group():
    batch = read(frames([group([0.0, 1.0]), group([3.0, 3.0], "h")]))
    assert batch.advantages().tolist() == pytest.approx([-1, 1, 0, 0], abs=1e-6)


def test_a_rank_gets_its_own_rows():
    built = [group([0.0, 1.0, 2.0])]
    assert [row.reward for row in read(frames(built, ranks=2), rank=1).rows] == [1.0]


def test_no_batch_is_false():
    none = service.NextBatchResponse(none=service.NoBatch(waiting=3, needed=8, closed=True))
    assert not read([none]) and read([none]).closed


def test_a_changed_byte_is_refused():
    stream = list(frames([group([1.0])]))
    data = bytearray(stream[1].chunk.chunk.data)
    data[3] ^= 1
    stream[1].chunk.chunk.data = bytes(data)
    with pytest.raises(ValueError, match="digest"):
        read(stream)


def test_a_changed_row_order_is_refused():
    stream = list(frames([group([0.0, 1.0])]))
    rows = stream[0].manifest.rows
    rows[0].part_index, rows[1].part_index = 1, 0
    with pytest.raises(ValueError, match="digest"):
        read(stream)


def test_a_lost_chunk_is_refused():
    stream = list(frames([group([1.0])]))
    with pytest.raises(ValueError, match="goes on at"):
        read(stream[:2] + stream[3:])


def test_a_stream_that_ends_early_is_refused():
    with pytest.raises(ValueError, match="ended before"):
        read(list(frames([group([1.0])]))[:-1])
