"""One trainable sequence, with its columns as numpy views."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np

from .v1 import tokens_pb2 as tokens

_DTYPES: dict[int, np.dtype] = {
    tokens.COLUMN_TYPE_INT32: np.dtype("<i4"),
    tokens.COLUMN_TYPE_FLOAT32: np.dtype("<f4"),
    tokens.COLUMN_TYPE_UINT8: np.dtype("u1"),
    tokens.COLUMN_TYPE_FLOAT16: np.dtype("<f2"),
    # numpy has no bfloat16: its bits, for the reader's own library to reinterpret.
    tokens.COLUMN_TYPE_BFLOAT16: np.dtype("<u2"),
}


class Row:
    """A row of a batch: ids, logprobs and spans exactly as the model saw and produced them.

    Arrays are read-only views on the received bytes; copy one before writing to it.
    """

    def __init__(
        self,
        message: tokens.Row,
        *,
        group_id: str = "",
        reward: float | None = None,
        turn_rewards: Mapping[int, float] | None = None,
    ):
        self.message = message  #: the row as protobuf
        self.group_id = group_id
        #: What its rollout earned; None when it was not scored.
        self.reward = reward
        #: What its rollout's turns earned, by the `message_index` of their spans; may be empty.
        self.turn_rewards = dict(turn_rewards or {})

    @property
    def id(self) -> str:
        """`<rollout id>/<segment id>`, unique in its group."""
        return self.message.id

    @property
    def rollout_id(self) -> str:
        """The rollout it came from; rows of a rollout share its reward."""
        return self.message.rollout_id

    @cached_property
    def token_ids(self) -> np.ndarray:
        """int32, one per token."""
        return _view(self.message.token_ids, np.dtype("<i4"), f"{self.id}.token_ids")

    @cached_property
    def logprobs(self) -> np.ndarray | None:
        """float32, one per sampled token in order; None when the engine gave none."""
        data = self.message.logprobs
        return _view(data, np.dtype("<f4"), f"{self.id}.logprobs") if data else None

    @cached_property
    def sampled(self) -> np.ndarray:
        """bool, one per token: sampled by the policy."""
        return self._per_token([span.origin == tokens.SPAN_ORIGIN_SAMPLED for span in self.spans])

    @cached_property
    def trained(self) -> np.ndarray:
        """bool, one per token: in the loss."""
        return self._per_token([span.loss == tokens.LOSS_STATE_TRAINED for span in self.spans])

    @cached_property
    def policy_versions(self) -> np.ndarray:
        """int64, one per sampled token: the version that the trainer had announced."""
        runs = self.message.policy_versions
        versions = np.array([run.announced_version for run in runs], dtype=np.int64)
        return np.repeat(versions, [run.length for run in runs])

    @property
    def spans(self):
        """Runs of tokens with one origin and one loss state; they tile the row."""
        return self.message.spans

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """Optional dense columns by name, shaped (tokens or sampled tokens, *entry shape)."""
        arrays = {}
        for column in self.message.columns:
            path = f"{self.id}.columns[{column.name}]"
            if column.type not in _DTYPES:
                raise ValueError(f"{path}: unknown column type {column.type}")
            flat = _view(column.data, _DTYPES[column.type], path)
            arrays[column.name] = flat.reshape(-1, *column.entry_shape)
            if not column.entry_shape:
                arrays[column.name] = flat
        return arrays

    def per_token_logprobs(self, fill: float = 0.0) -> np.ndarray:
        """float32, one per token: `fill` where nothing was sampled. Raises when there are none."""
        if self.logprobs is None:
            raise ValueError(f"{self.id} has no logprobs")
        spread = np.full(len(self.token_ids), fill, dtype=np.float32)
        spread[self.sampled] = self.logprobs
        return spread

    def turn_reward_column(self) -> np.ndarray:
        """float32, one per token: each turn's reward on the last token of it that is in the loss.

        Over the rows of a rollout a turn's reward stands once, since a token is trained once. Turns are the
        main agent's: rows of other agents have 0.
        """
        column = np.zeros(len(self.token_ids), dtype=np.float32)
        if self.message.agent:
            return column
        last_at: dict[int, int] = {}
        at = 0
        for span in self.spans:
            at += span.length
            if span.loss == tokens.LOSS_STATE_TRAINED and span.HasField("message_index"):
                last_at[span.message_index] = at - 1
        for message_index, place in last_at.items():
            column[place] = self.turn_rewards.get(message_index, 0.0)
        return column

    def check(self) -> None:
        """Raises ValueError, naming the column, unless all columns agree in length."""
        count, sampled = len(self.token_ids), int(self.sampled.sum())
        spanned = sum(span.length for span in self.spans)
        if spanned != count:
            raise ValueError(f"{self.id}.spans: tile {spanned} tokens of {count}")
        if self.logprobs is not None and len(self.logprobs) != sampled:
            raise ValueError(
                f"{self.id}.logprobs: {len(self.logprobs)} of {sampled} sampled tokens"
            )
        if len(self.policy_versions) != sampled:
            tiled = len(self.policy_versions)
            raise ValueError(f"{self.id}.policy_versions: tile {tiled} of {sampled} sampled tokens")

    def __len__(self) -> int:
        return len(self.token_ids)

    def __repr__(self) -> str:
        return f"Row({self.id!r}, tokens={len(self)}, reward={self.reward})"

    def _per_token(self, flags) -> np.ndarray:
        lengths = [span.length for span in self.spans]
        return np.repeat(np.array(flags, dtype=bool), lengths)


def _view(data: bytes, dtype: np.dtype, path: str) -> np.ndarray:
    if len(data) % dtype.itemsize:
        raise ValueError(f"{path}: {len(data)} bytes are no whole number of {dtype.itemsize}")
    return np.frombuffer(data, dtype=dtype)
