from lachesis.v1 import content_pb2 as _content_pb2
from lachesis.v1 import tokens_pb2 as _tokens_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class UpdateMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UPDATE_MODE_UNSPECIFIED: _ClassVar[UpdateMode]
    UPDATE_MODE_DRAIN: _ClassVar[UpdateMode]
    UPDATE_MODE_ABORT: _ClassVar[UpdateMode]
    UPDATE_MODE_KEEP: _ClassVar[UpdateMode]
UPDATE_MODE_UNSPECIFIED: UpdateMode
UPDATE_MODE_DRAIN: UpdateMode
UPDATE_MODE_ABORT: UpdateMode
UPDATE_MODE_KEEP: UpdateMode

class DescribeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class DescribeResponse(_message.Message):
    __slots__ = ("model", "policy_version", "vocabulary_size", "context_length", "rendering", "losses", "logprob_modes", "paused", "trainable", "chat_format", "vocabulary", "special_tokens")
    class SpecialTokensEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    MODEL_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONTEXT_LENGTH_FIELD_NUMBER: _ClassVar[int]
    RENDERING_FIELD_NUMBER: _ClassVar[int]
    LOSSES_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_MODES_FIELD_NUMBER: _ClassVar[int]
    PAUSED_FIELD_NUMBER: _ClassVar[int]
    TRAINABLE_FIELD_NUMBER: _ClassVar[int]
    CHAT_FORMAT_FIELD_NUMBER: _ClassVar[int]
    VOCABULARY_FIELD_NUMBER: _ClassVar[int]
    SPECIAL_TOKENS_FIELD_NUMBER: _ClassVar[int]
    model: str
    policy_version: int
    vocabulary_size: int
    context_length: int
    rendering: _tokens_pb2.RenderingFingerprint
    losses: _containers.RepeatedScalarFieldContainer[str]
    logprob_modes: _containers.RepeatedScalarFieldContainer[str]
    paused: bool
    trainable: bool
    chat_format: str
    vocabulary: _containers.RepeatedScalarFieldContainer[bytes]
    special_tokens: _containers.ScalarMap[str, int]
    def __init__(self, model: _Optional[str] = ..., policy_version: _Optional[int] = ..., vocabulary_size: _Optional[int] = ..., context_length: _Optional[int] = ..., rendering: _Optional[_Union[_tokens_pb2.RenderingFingerprint, _Mapping]] = ..., losses: _Optional[_Iterable[str]] = ..., logprob_modes: _Optional[_Iterable[str]] = ..., paused: bool = ..., trainable: bool = ..., chat_format: _Optional[str] = ..., vocabulary: _Optional[_Iterable[bytes]] = ..., special_tokens: _Optional[_Mapping[str, int]] = ...) -> None: ...

class GenerateRequest(_message.Message):
    __slots__ = ("request_id", "prompt_token_ids", "sampling", "logprob_mode", "pinned_version")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_MODE_FIELD_NUMBER: _ClassVar[int]
    PINNED_VERSION_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    prompt_token_ids: bytes
    sampling: _content_pb2.SamplingParameters
    logprob_mode: str
    pinned_version: int
    def __init__(self, request_id: _Optional[str] = ..., prompt_token_ids: _Optional[bytes] = ..., sampling: _Optional[_Union[_content_pb2.SamplingParameters, _Mapping]] = ..., logprob_mode: _Optional[str] = ..., pinned_version: _Optional[int] = ...) -> None: ...

class GenerateResponse(_message.Message):
    __slots__ = ("token_ids", "logprobs", "policy_version", "finish_reason")
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    token_ids: bytes
    logprobs: bytes
    policy_version: int
    finish_reason: str
    def __init__(self, token_ids: _Optional[bytes] = ..., logprobs: _Optional[bytes] = ..., policy_version: _Optional[int] = ..., finish_reason: _Optional[str] = ...) -> None: ...

class ScoreRequest(_message.Message):
    __slots__ = ("token_ids", "temperature")
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    token_ids: bytes
    temperature: float
    def __init__(self, token_ids: _Optional[bytes] = ..., temperature: _Optional[float] = ...) -> None: ...

class ScoreResponse(_message.Message):
    __slots__ = ("logprobs", "policy_version")
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    logprobs: bytes
    policy_version: int
    def __init__(self, logprobs: _Optional[bytes] = ..., policy_version: _Optional[int] = ...) -> None: ...

class TrainStepRequest(_message.Message):
    __slots__ = ("open", "row")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    ROW_FIELD_NUMBER: _ClassVar[int]
    open: TrainStepOpen
    row: TrainingRow
    def __init__(self, open: _Optional[_Union[TrainStepOpen, _Mapping]] = ..., row: _Optional[_Union[TrainingRow, _Mapping]] = ...) -> None: ...

class TrainStepOpen(_message.Message):
    __slots__ = ("step_id", "loss", "loss_settings", "learning_rate", "expected_version", "temperature")
    class LossSettingsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    STEP_ID_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    LOSS_SETTINGS_FIELD_NUMBER: _ClassVar[int]
    LEARNING_RATE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_VERSION_FIELD_NUMBER: _ClassVar[int]
    TEMPERATURE_FIELD_NUMBER: _ClassVar[int]
    step_id: str
    loss: str
    loss_settings: _containers.ScalarMap[str, float]
    learning_rate: float
    expected_version: int
    temperature: float
    def __init__(self, step_id: _Optional[str] = ..., loss: _Optional[str] = ..., loss_settings: _Optional[_Mapping[str, float]] = ..., learning_rate: _Optional[float] = ..., expected_version: _Optional[int] = ..., temperature: _Optional[float] = ...) -> None: ...

class TrainingRow(_message.Message):
    __slots__ = ("row", "advantage")
    ROW_FIELD_NUMBER: _ClassVar[int]
    ADVANTAGE_FIELD_NUMBER: _ClassVar[int]
    row: _tokens_pb2.Row
    advantage: float
    def __init__(self, row: _Optional[_Union[_tokens_pb2.Row, _Mapping]] = ..., advantage: _Optional[float] = ...) -> None: ...

class TrainStepResponse(_message.Message):
    __slots__ = ("policy_version", "loss", "gradient_norm", "max_ratio_deviation", "mean_kl", "trained_tokens", "mean_entropy")
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    LOSS_FIELD_NUMBER: _ClassVar[int]
    GRADIENT_NORM_FIELD_NUMBER: _ClassVar[int]
    MAX_RATIO_DEVIATION_FIELD_NUMBER: _ClassVar[int]
    MEAN_KL_FIELD_NUMBER: _ClassVar[int]
    TRAINED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MEAN_ENTROPY_FIELD_NUMBER: _ClassVar[int]
    policy_version: int
    loss: float
    gradient_norm: float
    max_ratio_deviation: float
    mean_kl: float
    trained_tokens: int
    mean_entropy: float
    def __init__(self, policy_version: _Optional[int] = ..., loss: _Optional[float] = ..., gradient_norm: _Optional[float] = ..., max_ratio_deviation: _Optional[float] = ..., mean_kl: _Optional[float] = ..., trained_tokens: _Optional[int] = ..., mean_entropy: _Optional[float] = ...) -> None: ...

class GetWeightsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class WeightTensor(_message.Message):
    __slots__ = ("name", "shape", "type")
    NAME_FIELD_NUMBER: _ClassVar[int]
    SHAPE_FIELD_NUMBER: _ClassVar[int]
    TYPE_FIELD_NUMBER: _ClassVar[int]
    name: str
    shape: _containers.RepeatedScalarFieldContainer[int]
    type: _tokens_pb2.ColumnType
    def __init__(self, name: _Optional[str] = ..., shape: _Optional[_Iterable[int]] = ..., type: _Optional[_Union[_tokens_pb2.ColumnType, str]] = ...) -> None: ...

class WeightsHeader(_message.Message):
    __slots__ = ("policy_version", "tensors", "total_size", "digest")
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    TENSORS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    policy_version: int
    tensors: _containers.RepeatedCompositeFieldContainer[WeightTensor]
    total_size: int
    digest: bytes
    def __init__(self, policy_version: _Optional[int] = ..., tensors: _Optional[_Iterable[_Union[WeightTensor, _Mapping]]] = ..., total_size: _Optional[int] = ..., digest: _Optional[bytes] = ...) -> None: ...

class GetWeightsResponse(_message.Message):
    __slots__ = ("header", "data")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    header: WeightsHeader
    data: bytes
    def __init__(self, header: _Optional[_Union[WeightsHeader, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class UpdateWeightsRequest(_message.Message):
    __slots__ = ("open", "data")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    open: UpdateWeightsOpen
    data: bytes
    def __init__(self, open: _Optional[_Union[UpdateWeightsOpen, _Mapping]] = ..., data: _Optional[bytes] = ...) -> None: ...

class UpdateWeightsOpen(_message.Message):
    __slots__ = ("header", "mode")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    header: WeightsHeader
    mode: UpdateMode
    def __init__(self, header: _Optional[_Union[WeightsHeader, _Mapping]] = ..., mode: _Optional[_Union[UpdateMode, str]] = ...) -> None: ...

class UpdateWeightsResponse(_message.Message):
    __slots__ = ("policy_version",)
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    policy_version: int
    def __init__(self, policy_version: _Optional[int] = ...) -> None: ...

class PauseRequest(_message.Message):
    __slots__ = ("mode",)
    MODE_FIELD_NUMBER: _ClassVar[int]
    mode: UpdateMode
    def __init__(self, mode: _Optional[_Union[UpdateMode, str]] = ...) -> None: ...

class PauseResponse(_message.Message):
    __slots__ = ("aborted",)
    ABORTED_FIELD_NUMBER: _ClassVar[int]
    aborted: int
    def __init__(self, aborted: _Optional[int] = ...) -> None: ...

class ResumeRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ResumeResponse(_message.Message):
    __slots__ = ("policy_version",)
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    policy_version: int
    def __init__(self, policy_version: _Optional[int] = ...) -> None: ...
