from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from lachesis.v1 import content_pb2 as _content_pb2
from lachesis.v1 import error_pb2 as _error_pb2
from lachesis.v1 import tokens_pb2 as _tokens_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class StopReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    STOP_REASON_UNSPECIFIED: _ClassVar[StopReason]
    STOP_REASON_NATURAL: _ClassVar[StopReason]
    STOP_REASON_LENGTH: _ClassVar[StopReason]
    STOP_REASON_MAX_TURNS: _ClassVar[StopReason]
    STOP_REASON_MODEL_ERROR: _ClassVar[StopReason]
    STOP_REASON_EMPTY_RESPONSE: _ClassVar[StopReason]
    STOP_REASON_CONTEXT_OVERFLOW: _ClassVar[StopReason]
    STOP_REASON_CANCELLED: _ClassVar[StopReason]
    STOP_REASON_DEADLINE: _ClassVar[StopReason]
    STOP_REASON_ENVIRONMENT_ERROR: _ClassVar[StopReason]
    STOP_REASON_INFRASTRUCTURE_ERROR: _ClassVar[StopReason]
    STOP_REASON_ENVIRONMENT_DONE: _ClassVar[StopReason]
    STOP_REASON_MAX_TOOL_CALLS: _ClassVar[StopReason]
    STOP_REASON_MAX_TOKENS: _ClassVar[StopReason]

class CallDiagnosticKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CALL_DIAGNOSTIC_KIND_UNSPECIFIED: _ClassVar[CallDiagnosticKind]
    CALL_DIAGNOSTIC_KIND_MALFORMED: _ClassVar[CallDiagnosticKind]
    CALL_DIAGNOSTIC_KIND_CUT_OFF: _ClassVar[CallDiagnosticKind]
    CALL_DIAGNOSTIC_KIND_IN_THINKING: _ClassVar[CallDiagnosticKind]
STOP_REASON_UNSPECIFIED: StopReason
STOP_REASON_NATURAL: StopReason
STOP_REASON_LENGTH: StopReason
STOP_REASON_MAX_TURNS: StopReason
STOP_REASON_MODEL_ERROR: StopReason
STOP_REASON_EMPTY_RESPONSE: StopReason
STOP_REASON_CONTEXT_OVERFLOW: StopReason
STOP_REASON_CANCELLED: StopReason
STOP_REASON_DEADLINE: StopReason
STOP_REASON_ENVIRONMENT_ERROR: StopReason
STOP_REASON_INFRASTRUCTURE_ERROR: StopReason
STOP_REASON_ENVIRONMENT_DONE: StopReason
STOP_REASON_MAX_TOOL_CALLS: StopReason
STOP_REASON_MAX_TOKENS: StopReason
CALL_DIAGNOSTIC_KIND_UNSPECIFIED: CallDiagnosticKind
CALL_DIAGNOSTIC_KIND_MALFORMED: CallDiagnosticKind
CALL_DIAGNOSTIC_KIND_CUT_OFF: CallDiagnosticKind
CALL_DIAGNOSTIC_KIND_IN_THINKING: CallDiagnosticKind

class ToolError(_message.Message):
    __slots__ = ("turn", "tool_name", "arguments", "error", "tool_result")
    TURN_FIELD_NUMBER: _ClassVar[int]
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    TOOL_RESULT_FIELD_NUMBER: _ClassVar[int]
    turn: int
    tool_name: str
    arguments: str
    error: str
    tool_result: str
    def __init__(self, turn: _Optional[int] = ..., tool_name: _Optional[str] = ..., arguments: _Optional[str] = ..., error: _Optional[str] = ..., tool_result: _Optional[str] = ...) -> None: ...

class ToolStatistics(_message.Message):
    __slots__ = ("tool_name", "calls", "errors", "duration")
    TOOL_NAME_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    ERRORS_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    tool_name: str
    calls: int
    errors: int
    duration: _duration_pb2.Duration
    def __init__(self, tool_name: _Optional[str] = ..., calls: _Optional[int] = ..., errors: _Optional[int] = ..., duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class ToolCallMetrics(_message.Message):
    __slots__ = ("attempted", "schema_valid", "executed_ok", "exec_error", "unknown", "coerced", "repaired", "refused", "timed_out", "json_schema_valid", "tools")
    ATTEMPTED_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_VALID_FIELD_NUMBER: _ClassVar[int]
    EXECUTED_OK_FIELD_NUMBER: _ClassVar[int]
    EXEC_ERROR_FIELD_NUMBER: _ClassVar[int]
    UNKNOWN_FIELD_NUMBER: _ClassVar[int]
    COERCED_FIELD_NUMBER: _ClassVar[int]
    REPAIRED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    JSON_SCHEMA_VALID_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    attempted: int
    schema_valid: int
    executed_ok: int
    exec_error: int
    unknown: int
    coerced: int
    repaired: int
    refused: int
    timed_out: int
    json_schema_valid: int
    tools: _containers.RepeatedCompositeFieldContainer[ToolStatistics]
    def __init__(self, attempted: _Optional[int] = ..., schema_valid: _Optional[int] = ..., executed_ok: _Optional[int] = ..., exec_error: _Optional[int] = ..., unknown: _Optional[int] = ..., coerced: _Optional[int] = ..., repaired: _Optional[int] = ..., refused: _Optional[int] = ..., timed_out: _Optional[int] = ..., json_schema_valid: _Optional[int] = ..., tools: _Optional[_Iterable[_Union[ToolStatistics, _Mapping]]] = ...) -> None: ...

class Usage(_message.Message):
    __slots__ = ("prompt_tokens", "completion_tokens", "model_calls", "model_retries")
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MODEL_CALLS_FIELD_NUMBER: _ClassVar[int]
    MODEL_RETRIES_FIELD_NUMBER: _ClassVar[int]
    prompt_tokens: int
    completion_tokens: int
    model_calls: int
    model_retries: int
    def __init__(self, prompt_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ..., model_calls: _Optional[int] = ..., model_retries: _Optional[int] = ...) -> None: ...

class PromptViewUse(_message.Message):
    __slots__ = ("tokens", "shortened", "dropped", "over_budget")
    TOKENS_FIELD_NUMBER: _ClassVar[int]
    SHORTENED_FIELD_NUMBER: _ClassVar[int]
    DROPPED_FIELD_NUMBER: _ClassVar[int]
    OVER_BUDGET_FIELD_NUMBER: _ClassVar[int]
    tokens: int
    shortened: int
    dropped: int
    over_budget: bool
    def __init__(self, tokens: _Optional[int] = ..., shortened: _Optional[int] = ..., dropped: _Optional[int] = ..., over_budget: bool = ...) -> None: ...

class CallDiagnostic(_message.Message):
    __slots__ = ("kind", "offset", "message")
    KIND_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    kind: CallDiagnosticKind
    offset: int
    message: str
    def __init__(self, kind: _Optional[_Union[CallDiagnosticKind, str]] = ..., offset: _Optional[int] = ..., message: _Optional[str] = ...) -> None: ...

class Turn(_message.Message):
    __slots__ = ("index", "reasoning", "finish_reason", "prompt_tokens", "completion_tokens", "model_duration", "tool_duration", "tool_calls", "view", "call_diagnostics")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    REASONING_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    COMPLETION_TOKENS_FIELD_NUMBER: _ClassVar[int]
    MODEL_DURATION_FIELD_NUMBER: _ClassVar[int]
    TOOL_DURATION_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    CALL_DIAGNOSTICS_FIELD_NUMBER: _ClassVar[int]
    index: int
    reasoning: str
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    model_duration: _duration_pb2.Duration
    tool_duration: _duration_pb2.Duration
    tool_calls: int
    view: PromptViewUse
    call_diagnostics: _containers.RepeatedCompositeFieldContainer[CallDiagnostic]
    def __init__(self, index: _Optional[int] = ..., reasoning: _Optional[str] = ..., finish_reason: _Optional[str] = ..., prompt_tokens: _Optional[int] = ..., completion_tokens: _Optional[int] = ..., model_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., tool_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., tool_calls: _Optional[int] = ..., view: _Optional[_Union[PromptViewUse, _Mapping]] = ..., call_diagnostics: _Optional[_Iterable[_Union[CallDiagnostic, _Mapping]]] = ...) -> None: ...

class AgentResult(_message.Message):
    __slots__ = ("stop_reason", "stop_detail", "finished_naturally", "turns_used", "turns", "tool_errors", "tool_calls", "usage", "messages_truncated")
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    STOP_DETAIL_FIELD_NUMBER: _ClassVar[int]
    FINISHED_NATURALLY_FIELD_NUMBER: _ClassVar[int]
    TURNS_USED_FIELD_NUMBER: _ClassVar[int]
    TURNS_FIELD_NUMBER: _ClassVar[int]
    TOOL_ERRORS_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    stop_reason: StopReason
    stop_detail: str
    finished_naturally: bool
    turns_used: int
    turns: _containers.RepeatedCompositeFieldContainer[Turn]
    tool_errors: _containers.RepeatedCompositeFieldContainer[ToolError]
    tool_calls: ToolCallMetrics
    usage: Usage
    messages_truncated: int
    def __init__(self, stop_reason: _Optional[_Union[StopReason, str]] = ..., stop_detail: _Optional[str] = ..., finished_naturally: bool = ..., turns_used: _Optional[int] = ..., turns: _Optional[_Iterable[_Union[Turn, _Mapping]]] = ..., tool_errors: _Optional[_Iterable[_Union[ToolError, _Mapping]]] = ..., tool_calls: _Optional[_Union[ToolCallMetrics, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ..., messages_truncated: _Optional[int] = ...) -> None: ...

class RewardComponent(_message.Message):
    __slots__ = ("name", "value", "weight")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    name: str
    value: float
    weight: float
    def __init__(self, name: _Optional[str] = ..., value: _Optional[float] = ..., weight: _Optional[float] = ...) -> None: ...

class TurnReward(_message.Message):
    __slots__ = ("message_index", "value")
    MESSAGE_INDEX_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    message_index: int
    value: float
    def __init__(self, message_index: _Optional[int] = ..., value: _Optional[float] = ...) -> None: ...

class Reward(_message.Message):
    __slots__ = ("value", "components", "turn_rewards")
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    TURN_REWARDS_FIELD_NUMBER: _ClassVar[int]
    value: float
    components: _containers.RepeatedCompositeFieldContainer[RewardComponent]
    turn_rewards: _containers.RepeatedCompositeFieldContainer[TurnReward]
    def __init__(self, value: _Optional[float] = ..., components: _Optional[_Iterable[_Union[RewardComponent, _Mapping]]] = ..., turn_rewards: _Optional[_Iterable[_Union[TurnReward, _Mapping]]] = ...) -> None: ...

class NotScored(_message.Message):
    __slots__ = ("error", "message")
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    error: _error_pb2.ErrorDetail
    message: str
    def __init__(self, error: _Optional[_Union[_error_pb2.ErrorDetail, _Mapping]] = ..., message: _Optional[str] = ...) -> None: ...

class Provenance(_message.Message):
    __slots__ = ("environment", "environment_version", "verifier_version", "model", "sampling", "rendering", "isolation", "worker_id", "logprob_mode", "sandbox")
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_VERSION_FIELD_NUMBER: _ClassVar[int]
    VERIFIER_VERSION_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    RENDERING_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    LOGPROB_MODE_FIELD_NUMBER: _ClassVar[int]
    SANDBOX_FIELD_NUMBER: _ClassVar[int]
    environment: str
    environment_version: str
    verifier_version: str
    model: str
    sampling: _content_pb2.SamplingParameters
    rendering: _tokens_pb2.RenderingFingerprint
    isolation: str
    worker_id: str
    logprob_mode: str
    sandbox: SandboxUse
    def __init__(self, environment: _Optional[str] = ..., environment_version: _Optional[str] = ..., verifier_version: _Optional[str] = ..., model: _Optional[str] = ..., sampling: _Optional[_Union[_content_pb2.SamplingParameters, _Mapping]] = ..., rendering: _Optional[_Union[_tokens_pb2.RenderingFingerprint, _Mapping]] = ..., isolation: _Optional[str] = ..., worker_id: _Optional[str] = ..., logprob_mode: _Optional[str] = ..., sandbox: _Optional[_Union[SandboxUse, _Mapping]] = ...) -> None: ...

class SandboxUse(_message.Message):
    __slots__ = ("backend", "id", "earlier_uses")
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    ID_FIELD_NUMBER: _ClassVar[int]
    EARLIER_USES_FIELD_NUMBER: _ClassVar[int]
    backend: str
    id: str
    earlier_uses: int
    def __init__(self, backend: _Optional[str] = ..., id: _Optional[str] = ..., earlier_uses: _Optional[int] = ...) -> None: ...

class ModelCall(_message.Message):
    __slots__ = ("index", "call_id", "parent_call_id", "agent", "purpose", "announced_version", "sampled_tokens", "finish_reason", "failed", "continues", "passes_over", "alters")
    INDEX_FIELD_NUMBER: _ClassVar[int]
    CALL_ID_FIELD_NUMBER: _ClassVar[int]
    PARENT_CALL_ID_FIELD_NUMBER: _ClassVar[int]
    AGENT_FIELD_NUMBER: _ClassVar[int]
    PURPOSE_FIELD_NUMBER: _ClassVar[int]
    ANNOUNCED_VERSION_FIELD_NUMBER: _ClassVar[int]
    SAMPLED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    FAILED_FIELD_NUMBER: _ClassVar[int]
    CONTINUES_FIELD_NUMBER: _ClassVar[int]
    PASSES_OVER_FIELD_NUMBER: _ClassVar[int]
    ALTERS_FIELD_NUMBER: _ClassVar[int]
    index: int
    call_id: str
    parent_call_id: str
    agent: str
    purpose: str
    announced_version: int
    sampled_tokens: int
    finish_reason: str
    failed: bool
    continues: int
    passes_over: _containers.RepeatedScalarFieldContainer[int]
    alters: AlteredAnswer
    def __init__(self, index: _Optional[int] = ..., call_id: _Optional[str] = ..., parent_call_id: _Optional[str] = ..., agent: _Optional[str] = ..., purpose: _Optional[str] = ..., announced_version: _Optional[int] = ..., sampled_tokens: _Optional[int] = ..., finish_reason: _Optional[str] = ..., failed: bool = ..., continues: _Optional[int] = ..., passes_over: _Optional[_Iterable[int]] = ..., alters: _Optional[_Union[AlteredAnswer, _Mapping]] = ...) -> None: ...

class AlteredAnswer(_message.Message):
    __slots__ = ("call_index", "common_tokens")
    CALL_INDEX_FIELD_NUMBER: _ClassVar[int]
    COMMON_TOKENS_FIELD_NUMBER: _ClassVar[int]
    call_index: int
    common_tokens: int
    def __init__(self, call_index: _Optional[int] = ..., common_tokens: _Optional[int] = ...) -> None: ...

class Rollout(_message.Message):
    __slots__ = ("id", "group_id", "task_key", "index", "messages", "segments", "result", "reward", "not_scored", "ledger", "provenance", "start_time", "end_time", "metrics", "calls")
    class MetricsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: float
        def __init__(self, key: _Optional[str] = ..., value: _Optional[float] = ...) -> None: ...
    ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    TASK_KEY_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    SEGMENTS_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    NOT_SCORED_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    START_TIME_FIELD_NUMBER: _ClassVar[int]
    END_TIME_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    CALLS_FIELD_NUMBER: _ClassVar[int]
    id: str
    group_id: str
    task_key: str
    index: int
    messages: _containers.RepeatedCompositeFieldContainer[_content_pb2.Message]
    segments: _containers.RepeatedCompositeFieldContainer[_tokens_pb2.Segment]
    result: AgentResult
    reward: Reward
    not_scored: NotScored
    ledger: _tokens_pb2.Ledger
    provenance: Provenance
    start_time: _timestamp_pb2.Timestamp
    end_time: _timestamp_pb2.Timestamp
    metrics: _containers.ScalarMap[str, float]
    calls: _containers.RepeatedCompositeFieldContainer[ModelCall]
    def __init__(self, id: _Optional[str] = ..., group_id: _Optional[str] = ..., task_key: _Optional[str] = ..., index: _Optional[int] = ..., messages: _Optional[_Iterable[_Union[_content_pb2.Message, _Mapping]]] = ..., segments: _Optional[_Iterable[_Union[_tokens_pb2.Segment, _Mapping]]] = ..., result: _Optional[_Union[AgentResult, _Mapping]] = ..., reward: _Optional[_Union[Reward, _Mapping]] = ..., not_scored: _Optional[_Union[NotScored, _Mapping]] = ..., ledger: _Optional[_Union[_tokens_pb2.Ledger, _Mapping]] = ..., provenance: _Optional[_Union[Provenance, _Mapping]] = ..., start_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., end_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., metrics: _Optional[_Mapping[str, float]] = ..., calls: _Optional[_Iterable[_Union[ModelCall, _Mapping]]] = ...) -> None: ...

class RolloutStarted(_message.Message):
    __slots__ = ("task_key", "index")
    TASK_KEY_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    task_key: str
    index: int
    def __init__(self, task_key: _Optional[str] = ..., index: _Optional[int] = ...) -> None: ...

class TurnFinished(_message.Message):
    __slots__ = ("turn", "messages")
    TURN_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    turn: Turn
    messages: _containers.RepeatedCompositeFieldContainer[_content_pb2.Message]
    def __init__(self, turn: _Optional[_Union[Turn, _Mapping]] = ..., messages: _Optional[_Iterable[_Union[_content_pb2.Message, _Mapping]]] = ...) -> None: ...

class RolloutFinished(_message.Message):
    __slots__ = ("stop_reason", "stop_detail", "reward", "not_scored", "tool_calls", "ledger", "usage")
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    STOP_DETAIL_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    NOT_SCORED_FIELD_NUMBER: _ClassVar[int]
    TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    USAGE_FIELD_NUMBER: _ClassVar[int]
    stop_reason: StopReason
    stop_detail: str
    reward: float
    not_scored: NotScored
    tool_calls: ToolCallMetrics
    ledger: _tokens_pb2.Ledger
    usage: Usage
    def __init__(self, stop_reason: _Optional[_Union[StopReason, str]] = ..., stop_detail: _Optional[str] = ..., reward: _Optional[float] = ..., not_scored: _Optional[_Union[NotScored, _Mapping]] = ..., tool_calls: _Optional[_Union[ToolCallMetrics, _Mapping]] = ..., ledger: _Optional[_Union[_tokens_pb2.Ledger, _Mapping]] = ..., usage: _Optional[_Union[Usage, _Mapping]] = ...) -> None: ...

class Heartbeat(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RolloutEvent(_message.Message):
    __slots__ = ("sequence", "time", "rollout_id", "group_id", "started", "turn_finished", "finished", "heartbeat", "run_id", "attempt", "missed_turns")
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    TURN_FINISHED_FIELD_NUMBER: _ClassVar[int]
    FINISHED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    MISSED_TURNS_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    time: _timestamp_pb2.Timestamp
    rollout_id: str
    group_id: str
    started: RolloutStarted
    turn_finished: TurnFinished
    finished: RolloutFinished
    heartbeat: Heartbeat
    run_id: str
    attempt: int
    missed_turns: int
    def __init__(self, sequence: _Optional[int] = ..., time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ..., rollout_id: _Optional[str] = ..., group_id: _Optional[str] = ..., started: _Optional[_Union[RolloutStarted, _Mapping]] = ..., turn_finished: _Optional[_Union[TurnFinished, _Mapping]] = ..., finished: _Optional[_Union[RolloutFinished, _Mapping]] = ..., heartbeat: _Optional[_Union[Heartbeat, _Mapping]] = ..., run_id: _Optional[str] = ..., attempt: _Optional[int] = ..., missed_turns: _Optional[int] = ...) -> None: ...
