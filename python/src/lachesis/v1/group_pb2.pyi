from google.protobuf import timestamp_pb2 as _timestamp_pb2
from lachesis.v1 import rollout_pb2 as _rollout_pb2
from lachesis.v1 import tokens_pb2 as _tokens_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GroupPartKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GROUP_PART_KIND_UNSPECIFIED: _ClassVar[GroupPartKind]
    GROUP_PART_KIND_ROW: _ClassVar[GroupPartKind]
    GROUP_PART_KIND_ROLLOUT: _ClassVar[GroupPartKind]

class TrainingPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    TRAINING_POLICY_UNSPECIFIED: _ClassVar[TrainingPolicy]
    TRAINING_POLICY_STRICT: _ClassVar[TrainingPolicy]
    TRAINING_POLICY_REALIGN: _ClassVar[TrainingPolicy]
    TRAINING_POLICY_FORK: _ClassVar[TrainingPolicy]
    TRAINING_POLICY_MASK: _ClassVar[TrainingPolicy]
GROUP_PART_KIND_UNSPECIFIED: GroupPartKind
GROUP_PART_KIND_ROW: GroupPartKind
GROUP_PART_KIND_ROLLOUT: GroupPartKind
TRAINING_POLICY_UNSPECIFIED: TrainingPolicy
TRAINING_POLICY_STRICT: TrainingPolicy
TRAINING_POLICY_REALIGN: TrainingPolicy
TRAINING_POLICY_FORK: TrainingPolicy
TRAINING_POLICY_MASK: TrainingPolicy

class GroupPart(_message.Message):
    __slots__ = ("kind", "encoded_size", "codec", "rollout_index", "tokens", "sampled_tokens", "trained_tokens", "digest")
    KIND_FIELD_NUMBER: _ClassVar[int]
    ENCODED_SIZE_FIELD_NUMBER: _ClassVar[int]
    CODEC_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_INDEX_FIELD_NUMBER: _ClassVar[int]
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TRAINED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    kind: GroupPartKind
    encoded_size: int
    codec: _tokens_pb2.Codec
    rollout_index: int
    tokens: int
    sampled_tokens: int
    trained_tokens: int
    digest: bytes
    def __init__(self, kind: _Optional[_Union[GroupPartKind, str]] = ..., encoded_size: _Optional[int] = ..., codec: _Optional[_Union[_tokens_pb2.Codec, str]] = ..., rollout_index: _Optional[int] = ..., tokens: _Optional[int] = ..., sampled_tokens: _Optional[int] = ..., trained_tokens: _Optional[int] = ..., digest: _Optional[bytes] = ...) -> None: ...

class RolloutSummary(_message.Message):
    __slots__ = ("rollout_id", "stop_reason", "reward", "masked", "ledger", "tool_calls", "turns_used", "turn_rewards")
    ROLLOUT_ID_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    MASKED_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    TURNS_USED_FIELD_NUMBER: _ClassVar[int]
    TURN_REWARDS_FIELD_NUMBER: _ClassVar[int]
    rollout_id: str
    stop_reason: _rollout_pb2.StopReason
    reward: float
    masked: bool
    ledger: _tokens_pb2.Ledger
    tool_calls: _rollout_pb2.ToolCallMetrics
    turns_used: int
    turn_rewards: _containers.RepeatedCompositeFieldContainer[_rollout_pb2.TurnReward]
    def __init__(self, rollout_id: _Optional[str] = ..., stop_reason: _Optional[_Union[_rollout_pb2.StopReason, str]] = ..., reward: _Optional[float] = ..., masked: bool = ..., ledger: _Optional[_Union[_tokens_pb2.Ledger, _Mapping]] = ..., tool_calls: _Optional[_Union[_rollout_pb2.ToolCallMetrics, _Mapping]] = ..., turns_used: _Optional[int] = ..., turn_rewards: _Optional[_Iterable[_Union[_rollout_pb2.TurnReward, _Mapping]]] = ...) -> None: ...

class GroupHeader(_message.Message):
    __slots__ = ("group_id", "run_id", "environment", "task_key", "rollouts", "parts", "oldest_policy_version", "ledger", "digest", "provenance", "training_policy", "end_time")
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    TASK_KEY_FIELD_NUMBER: _ClassVar[int]
    ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    TRAINING_POLICY_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    group_id: str
    run_id: str
    environment: str
    task_key: str
    rollouts: _containers.RepeatedCompositeFieldContainer[RolloutSummary]
    parts: _containers.RepeatedCompositeFieldContainer[GroupPart]
    oldest_policy_version: int
    ledger: _tokens_pb2.Ledger
    digest: bytes
    provenance: _rollout_pb2.Provenance
    training_policy: TrainingPolicy
    end_time: _timestamp_pb2.Timestamp
    def __init__(self, group_id: _Optional[str] = ..., run_id: _Optional[str] = ..., environment: _Optional[str] = ..., task_key: _Optional[str] = ..., rollouts: _Optional[_Iterable[_Union[RolloutSummary, _Mapping]]] = ..., parts: _Optional[_Iterable[_Union[GroupPart, _Mapping]]] = ..., oldest_policy_version: _Optional[int] = ..., ledger: _Optional[_Union[_tokens_pb2.Ledger, _Mapping]] = ..., digest: _Optional[bytes] = ..., provenance: _Optional[_Union[_rollout_pb2.Provenance, _Mapping]] = ..., training_policy: _Optional[_Union[TrainingPolicy, str]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class GroupChunk(_message.Message):
    __slots__ = ("part_index", "offset", "data")
    PART_INDEX_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    part_index: int
    offset: int
    data: bytes
    def __init__(self, part_index: _Optional[int] = ..., offset: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class GroupEnd(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
