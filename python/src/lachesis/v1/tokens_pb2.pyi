from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SpanOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPAN_ORIGIN_UNSPECIFIED: _ClassVar[SpanOrigin]
    SPAN_ORIGIN_PROMPT: _ClassVar[SpanOrigin]
    SPAN_ORIGIN_TOOL: _ClassVar[SpanOrigin]
    SPAN_ORIGIN_TEMPLATE: _ClassVar[SpanOrigin]
    SPAN_ORIGIN_SAMPLED: _ClassVar[SpanOrigin]
    SPAN_ORIGIN_FOREIGN: _ClassVar[SpanOrigin]

class LossState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LOSS_STATE_UNSPECIFIED: _ClassVar[LossState]
    LOSS_STATE_NOT_SAMPLED: _ClassVar[LossState]
    LOSS_STATE_TRAINED: _ClassVar[LossState]
    LOSS_STATE_CONTEXT_ONLY: _ClassVar[LossState]
    LOSS_STATE_ABANDONED_RETRY: _ClassVar[LossState]
    LOSS_STATE_REALIGNED_DRIFT: _ClassVar[LossState]
    LOSS_STATE_DROPPED_BRANCH: _ClassVar[LossState]
    LOSS_STATE_OVER_LENGTH: _ClassVar[LossState]
    LOSS_STATE_MASKED_BY_FAILURE: _ClassVar[LossState]
    LOSS_STATE_NOT_FOR_TRAINING: _ClassVar[LossState]

class ColumnType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLUMN_TYPE_UNSPECIFIED: _ClassVar[ColumnType]
    COLUMN_TYPE_INT32: _ClassVar[ColumnType]
    COLUMN_TYPE_FLOAT32: _ClassVar[ColumnType]
    COLUMN_TYPE_UINT8: _ClassVar[ColumnType]
    COLUMN_TYPE_FLOAT16: _ClassVar[ColumnType]
    COLUMN_TYPE_BFLOAT16: _ClassVar[ColumnType]

class ColumnAxis(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COLUMN_AXIS_UNSPECIFIED: _ClassVar[ColumnAxis]
    COLUMN_AXIS_ALL_TOKENS: _ClassVar[ColumnAxis]
    COLUMN_AXIS_SAMPLED_TOKENS: _ClassVar[ColumnAxis]

class SegmentReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SEGMENT_REASON_UNSPECIFIED: _ClassVar[SegmentReason]
    SEGMENT_REASON_START: _ClassVar[SegmentReason]
    SEGMENT_REASON_HISTORY_REWRITTEN: _ClassVar[SegmentReason]
    SEGMENT_REASON_BRANCH: _ClassVar[SegmentReason]
    SEGMENT_REASON_TEMPLATE: _ClassVar[SegmentReason]
    SEGMENT_REASON_SUB_AGENT: _ClassVar[SegmentReason]

class Codec(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CODEC_UNSPECIFIED: _ClassVar[Codec]
    CODEC_RAW: _ClassVar[Codec]
    CODEC_ZSTD: _ClassVar[Codec]
SPAN_ORIGIN_UNSPECIFIED: SpanOrigin
SPAN_ORIGIN_PROMPT: SpanOrigin
SPAN_ORIGIN_TOOL: SpanOrigin
SPAN_ORIGIN_TEMPLATE: SpanOrigin
SPAN_ORIGIN_SAMPLED: SpanOrigin
SPAN_ORIGIN_FOREIGN: SpanOrigin
LOSS_STATE_UNSPECIFIED: LossState
LOSS_STATE_NOT_SAMPLED: LossState
LOSS_STATE_TRAINED: LossState
LOSS_STATE_CONTEXT_ONLY: LossState
LOSS_STATE_ABANDONED_RETRY: LossState
LOSS_STATE_REALIGNED_DRIFT: LossState
LOSS_STATE_DROPPED_BRANCH: LossState
LOSS_STATE_OVER_LENGTH: LossState
LOSS_STATE_MASKED_BY_FAILURE: LossState
LOSS_STATE_NOT_FOR_TRAINING: LossState
COLUMN_TYPE_UNSPECIFIED: ColumnType
COLUMN_TYPE_INT32: ColumnType
COLUMN_TYPE_FLOAT32: ColumnType
COLUMN_TYPE_UINT8: ColumnType
COLUMN_TYPE_FLOAT16: ColumnType
COLUMN_TYPE_BFLOAT16: ColumnType
COLUMN_AXIS_UNSPECIFIED: ColumnAxis
COLUMN_AXIS_ALL_TOKENS: ColumnAxis
COLUMN_AXIS_SAMPLED_TOKENS: ColumnAxis
SEGMENT_REASON_UNSPECIFIED: SegmentReason
SEGMENT_REASON_START: SegmentReason
SEGMENT_REASON_HISTORY_REWRITTEN: SegmentReason
SEGMENT_REASON_BRANCH: SegmentReason
SEGMENT_REASON_TEMPLATE: SegmentReason
SEGMENT_REASON_SUB_AGENT: SegmentReason
CODEC_UNSPECIFIED: Codec
CODEC_RAW: Codec
CODEC_ZSTD: Codec

class Span(_message.Message):
    __slots__ = ("length", "origin", "loss", "message_index", "call_index")
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_INDEX_FIELD_NUMBER: _ClassVar[int]
    CALL_INDEX_FIELD_NUMBER: _ClassVar[int]
    length: int
    origin: SpanOrigin
    loss: LossState
    message_index: int
    call_index: int
    def __init__(self, length: _Optional[int] = ..., origin: _Optional[_Union[SpanOrigin, str]] = ..., loss: _Optional[_Union[LossState, str]] = ..., message_index: _Optional[int] = ..., call_index: _Optional[int] = ...) -> None: ...

class VersionRun(_message.Message):
    __slots__ = ("length", "announced_version", "reported_version")
    LENGTH_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_VERSION_FIELD_NUMBER: _ClassVar[int]
    REPORTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    length: int
    announced_version: int
    reported_version: int
    def __init__(self, length: _Optional[int] = ..., announced_version: _Optional[int] = ..., reported_version: _Optional[int] = ...) -> None: ...

class Column(_message.Message):
    __slots__ = ("name", "type", "axis", "entry_shape", "data")
    NAME_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    AXIS_FIELD_NUMBER: _ClassVar[int]
    ENTRY_SHAPE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    name: str
    type: ColumnType
    axis: ColumnAxis
    entry_shape: _containers.RepeatedScalarFieldContainer[int]
    data: bytes
    def __init__(self, name: _Optional[str] = ..., type: _Optional[_Union[ColumnType, str]] = ..., axis: _Optional[_Union[ColumnAxis, str]] = ..., entry_shape: _Optional[_Iterable[int]] = ..., data: _Optional[bytes] = ...) -> None: ...

class Segment(_message.Message):
    __slots__ = ("id", "parent_id", "parent_length", "reason", "reason_detail", "agent", "token_ids", "logprobs", "spans", "policy_versions", "rendering", "columns")
    ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_LENGTH_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    REASON_DETAIL_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    SPANS_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    RENDERING_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    id: str
    parent_id: str
    parent_length: int
    reason: SegmentReason
    reason_detail: str
    agent: str
    token_ids: bytes
    logprobs: bytes
    spans: _containers.RepeatedCompositeFieldContainer[Span]
    policy_versions: _containers.RepeatedCompositeFieldContainer[VersionRun]
    rendering: RenderingFingerprint
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    def __init__(self, id: _Optional[str] = ..., parent_id: _Optional[str] = ..., parent_length: _Optional[int] = ..., reason: _Optional[_Union[SegmentReason, str]] = ..., reason_detail: _Optional[str] = ..., agent: _Optional[str] = ..., token_ids: _Optional[bytes] = ..., logprobs: _Optional[bytes] = ..., spans: _Optional[_Iterable[_Union[Span, _Mapping]]] = ..., policy_versions: _Optional[_Iterable[_Union[VersionRun, _Mapping]]] = ..., rendering: _Optional[_Union[RenderingFingerprint, _Mapping]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ...) -> None: ...

class RenderingFingerprint(_message.Message):
    __slots__ = ("tokenizer_sha256", "template_sha256")
    TOKENIZER_SHA256_FIELD_NUMBER: _ClassVar[int]
    TEMPLATE_SHA256_FIELD_NUMBER: _ClassVar[int]
    tokenizer_sha256: str
    template_sha256: str
    def __init__(self, tokenizer_sha256: _Optional[str] = ..., template_sha256: _Optional[str] = ...) -> None: ...

class Row(_message.Message):
    __slots__ = ("id", "rollout_id", "segment_id", "agent", "token_ids", "logprobs", "spans", "policy_versions", "columns", "segment_offset")
    ID_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_ID_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    SPANS_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSIONS_FIELD_NUMBER: _ClassVar[int]
    COLUMNS_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_OFFSET_FIELD_NUMBER: _ClassVar[int]
    id: str
    rollout_id: str
    segment_id: str
    agent: str
    token_ids: bytes
    logprobs: bytes
    spans: _containers.RepeatedCompositeFieldContainer[Span]
    policy_versions: _containers.RepeatedCompositeFieldContainer[VersionRun]
    columns: _containers.RepeatedCompositeFieldContainer[Column]
    segment_offset: int
    def __init__(self, id: _Optional[str] = ..., rollout_id: _Optional[str] = ..., segment_id: _Optional[str] = ..., agent: _Optional[str] = ..., token_ids: _Optional[bytes] = ..., logprobs: _Optional[bytes] = ..., spans: _Optional[_Iterable[_Union[Span, _Mapping]]] = ..., policy_versions: _Optional[_Iterable[_Union[VersionRun, _Mapping]]] = ..., columns: _Optional[_Iterable[_Union[Column, _Mapping]]] = ..., segment_offset: _Optional[int] = ...) -> None: ...

class Ledger(_message.Message):
    __slots__ = ("sampled", "trained", "context_only", "abandoned_retry", "realigned_drift", "dropped_branch", "over_length", "masked_by_failure", "not_for_training")
    SAMPLED_FIELD_NUMBER: _ClassVar[int]
    TRAINED_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_ONLY_FIELD_NUMBER: _ClassVar[int]
    ABANDONED_RETRY_FIELD_NUMBER: _ClassVar[int]
    REALIGNED_DRIFT_FIELD_NUMBER: _ClassVar[int]
    DROPPED_BRANCH_FIELD_NUMBER: _ClassVar[int]
    OVER_LENGTH_FIELD_NUMBER: _ClassVar[int]
    MASKED_BY_FAILURE_FIELD_NUMBER: _ClassVar[int]
    NOT_FOR_TRAINING_FIELD_NUMBER: _ClassVar[int]
    sampled: int
    trained: int
    context_only: int
    abandoned_retry: int
    realigned_drift: int
    dropped_branch: int
    over_length: int
    masked_by_failure: int
    not_for_training: int
    def __init__(self, sampled: _Optional[int] = ..., trained: _Optional[int] = ..., context_only: _Optional[int] = ..., abandoned_retry: _Optional[int] = ..., realigned_drift: _Optional[int] = ..., dropped_branch: _Optional[int] = ..., over_length: _Optional[int] = ..., masked_by_failure: _Optional[int] = ..., not_for_training: _Optional[int] = ...) -> None: ...
