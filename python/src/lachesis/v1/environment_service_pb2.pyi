from google.protobuf import duration_pb2 as _duration_pb2
from lachesis.v1 import content_pb2 as _content_pb2
from lachesis.v1 import error_pb2 as _error_pb2
from lachesis.v1 import rollout_pb2 as _rollout_pb2
from lachesis.v1 import task_pb2 as _task_pb2
from lachesis.v1 import tokens_pb2 as _tokens_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GenerationAnswer(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GENERATION_ANSWER_UNSPECIFIED: _ClassVar[GenerationAnswer]
    GENERATION_ANSWER_MESSAGE: _ClassVar[GenerationAnswer]
    GENERATION_ANSWER_TOKENS: _ClassVar[GenerationAnswer]
GENERATION_ANSWER_UNSPECIFIED: GenerationAnswer
GENERATION_ANSWER_MESSAGE: GenerationAnswer
GENERATION_ANSWER_TOKENS: GenerationAnswer

class ListEnvironmentsRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class Environment(_message.Message):
    __slots__ = ("name", "version", "description", "settings_json_schema", "settings_json", "tools", "task_count", "isolation", "max_turns", "model_server")
    NAME_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_JSON_SCHEMA_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_JSON_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    TASK_COUNT_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    MAX_TURNS_FIELD_NUMBER: _ClassVar[int]
    MODEL_SERVER_FIELD_NUMBER: _ClassVar[int]
    name: str
    version: str
    description: str
    settings_json_schema: str
    settings_json: str
    tools: _containers.RepeatedCompositeFieldContainer[_content_pb2.ToolDefinition]
    task_count: int
    isolation: str
    max_turns: int
    model_server: str
    def __init__(self, name: _Optional[str] = ..., version: _Optional[str] = ..., description: _Optional[str] = ..., settings_json_schema: _Optional[str] = ..., settings_json: _Optional[str] = ..., tools: _Optional[_Iterable[_Union[_content_pb2.ToolDefinition, _Mapping]]] = ..., task_count: _Optional[int] = ..., isolation: _Optional[str] = ..., max_turns: _Optional[int] = ..., model_server: _Optional[str] = ...) -> None: ...

class ListEnvironmentsResponse(_message.Message):
    __slots__ = ("environments",)
    ENVIRONMENTS_FIELD_NUMBER: _ClassVar[int]
    environments: _containers.RepeatedCompositeFieldContainer[Environment]
    def __init__(self, environments: _Optional[_Iterable[_Union[Environment, _Mapping]]] = ...) -> None: ...

class ListTasksRequest(_message.Message):
    __slots__ = ("environment", "page_size", "page_token", "split")
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    environment: str
    page_size: int
    page_token: str
    split: str
    def __init__(self, environment: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ..., split: _Optional[str] = ...) -> None: ...

class ListTasksResponse(_message.Message):
    __slots__ = ("tasks", "next_page_token")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    tasks: _containers.RepeatedCompositeFieldContainer[_task_pb2.Task]
    next_page_token: str
    def __init__(self, tasks: _Optional[_Iterable[_Union[_task_pb2.Task, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetTaskRequest(_message.Message):
    __slots__ = ("environment", "task_key")
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    TASK_KEY_FIELD_NUMBER: _ClassVar[int]
    environment: str
    task_key: str
    def __init__(self, environment: _Optional[str] = ..., task_key: _Optional[str] = ...) -> None: ...

class GetTaskResponse(_message.Message):
    __slots__ = ("task",)
    TASK_FIELD_NUMBER: _ClassVar[int]
    task: _task_pb2.Task
    def __init__(self, task: _Optional[_Union[_task_pb2.Task, _Mapping]] = ...) -> None: ...

class StartGroupRequest(_message.Message):
    __slots__ = ("assignment",)
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    assignment: _task_pb2.Assignment
    def __init__(self, assignment: _Optional[_Union[_task_pb2.Assignment, _Mapping]] = ...) -> None: ...

class StartGroupResponse(_message.Message):
    __slots__ = ("rollout_ids", "after_sequence")
    ROLLOUT_IDS_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    rollout_ids: _containers.RepeatedScalarFieldContainer[str]
    after_sequence: int
    def __init__(self, rollout_ids: _Optional[_Iterable[str]] = ..., after_sequence: _Optional[int] = ...) -> None: ...

class StartRolloutsRequest(_message.Message):
    __slots__ = ("assignment",)
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    assignment: _task_pb2.Assignment
    def __init__(self, assignment: _Optional[_Union[_task_pb2.Assignment, _Mapping]] = ...) -> None: ...

class StartRolloutsResponse(_message.Message):
    __slots__ = ("rollout_ids", "after_sequence")
    ROLLOUT_IDS_FIELD_NUMBER: _ClassVar[int]
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    rollout_ids: _containers.RepeatedScalarFieldContainer[str]
    after_sequence: int
    def __init__(self, rollout_ids: _Optional[_Iterable[str]] = ..., after_sequence: _Optional[int] = ...) -> None: ...

class GetRolloutRequest(_message.Message):
    __slots__ = ("rollout_id", "run_id")
    ROLLOUT_ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    rollout_id: str
    run_id: str
    def __init__(self, rollout_id: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class GetRolloutResponse(_message.Message):
    __slots__ = ("total_size", "data")
    TOTAL_SIZE_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    total_size: int
    data: bytes
    def __init__(self, total_size: _Optional[int] = ..., data: _Optional[bytes] = ...) -> None: ...

class WatchRolloutsRequest(_message.Message):
    __slots__ = ("after_sequence", "group_ids", "rollout_ids", "until_finished", "heartbeat_interval", "run_id")
    AFTER_SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    GROUP_IDS_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_IDS_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FINISHED_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_INTERVAL_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    after_sequence: int
    group_ids: _containers.RepeatedScalarFieldContainer[str]
    rollout_ids: _containers.RepeatedScalarFieldContainer[str]
    until_finished: bool
    heartbeat_interval: _duration_pb2.Duration
    run_id: str
    def __init__(self, after_sequence: _Optional[int] = ..., group_ids: _Optional[_Iterable[str]] = ..., rollout_ids: _Optional[_Iterable[str]] = ..., until_finished: bool = ..., heartbeat_interval: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., run_id: _Optional[str] = ...) -> None: ...

class WatchRolloutsResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: _rollout_pb2.RolloutEvent
    def __init__(self, event: _Optional[_Union[_rollout_pb2.RolloutEvent, _Mapping]] = ...) -> None: ...

class CancelRolloutsRequest(_message.Message):
    __slots__ = ("rollout_ids", "group_ids", "reason", "run_id")
    ROLLOUT_IDS_FIELD_NUMBER: _ClassVar[int]
    GROUP_IDS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    rollout_ids: _containers.RepeatedScalarFieldContainer[str]
    group_ids: _containers.RepeatedScalarFieldContainer[str]
    reason: str
    run_id: str
    def __init__(self, rollout_ids: _Optional[_Iterable[str]] = ..., group_ids: _Optional[_Iterable[str]] = ..., reason: _Optional[str] = ..., run_id: _Optional[str] = ...) -> None: ...

class CancelRolloutsResponse(_message.Message):
    __slots__ = ("cancelled_rollout_ids",)
    CANCELLED_ROLLOUT_IDS_FIELD_NUMBER: _ClassVar[int]
    cancelled_rollout_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, cancelled_rollout_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class PlayRolloutRequest(_message.Message):
    __slots__ = ("open", "tool_result", "message_result", "generation_result")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    TOOL_RESULT_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_RESULT_FIELD_NUMBER: _ClassVar[int]
    GENERATION_RESULT_FIELD_NUMBER: _ClassVar[int]
    open: PlayRolloutOpen
    tool_result: PlayToolResult
    message_result: PlayMessageResult
    generation_result: PlayGenerationResult
    def __init__(self, open: _Optional[_Union[PlayRolloutOpen, _Mapping]] = ..., tool_result: _Optional[_Union[PlayToolResult, _Mapping]] = ..., message_result: _Optional[_Union[PlayMessageResult, _Mapping]] = ..., generation_result: _Optional[_Union[PlayGenerationResult, _Mapping]] = ...) -> None: ...

class PlayRolloutOpen(_message.Message):
    __slots__ = ("assignment", "answer_tool_calls", "answer_generations")
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    ANSWER_TOOL_CALLS_FIELD_NUMBER: _ClassVar[int]
    ANSWER_GENERATIONS_FIELD_NUMBER: _ClassVar[int]
    assignment: _task_pb2.Assignment
    answer_tool_calls: bool
    answer_generations: GenerationAnswer
    def __init__(self, assignment: _Optional[_Union[_task_pb2.Assignment, _Mapping]] = ..., answer_tool_calls: bool = ..., answer_generations: _Optional[_Union[GenerationAnswer, str]] = ...) -> None: ...

class PlayToolResult(_message.Message):
    __slots__ = ("request_id", "content", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CONTENT_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    content: str
    error: str
    def __init__(self, request_id: _Optional[str] = ..., content: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class PlayMessageResult(_message.Message):
    __slots__ = ("request_id", "message", "finish_reason", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    message: _content_pb2.Message
    finish_reason: str
    error: str
    def __init__(self, request_id: _Optional[str] = ..., message: _Optional[_Union[_content_pb2.Message, _Mapping]] = ..., finish_reason: _Optional[str] = ..., error: _Optional[str] = ...) -> None: ...

class PlayGenerationResult(_message.Message):
    __slots__ = ("request_id", "token_ids", "logprobs", "finish_reason", "policy_version", "error")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    LOGPROBS_FIELD_NUMBER: _ClassVar[int]
    FINISH_REASON_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    token_ids: bytes
    logprobs: bytes
    finish_reason: str
    policy_version: int
    error: str
    def __init__(self, request_id: _Optional[str] = ..., token_ids: _Optional[bytes] = ..., logprobs: _Optional[bytes] = ..., finish_reason: _Optional[str] = ..., policy_version: _Optional[int] = ..., error: _Optional[str] = ...) -> None: ...

class PlayRolloutResponse(_message.Message):
    __slots__ = ("event", "tool_request", "message_request", "generation_request", "withdrawn", "rollout")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    TOOL_REQUEST_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_REQUEST_FIELD_NUMBER: _ClassVar[int]
    GENERATION_REQUEST_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_FIELD_NUMBER: _ClassVar[int]
    event: _rollout_pb2.RolloutEvent
    tool_request: PlayToolRequest
    message_request: PlayMessageRequest
    generation_request: PlayGenerationRequest
    withdrawn: PlayRequestWithdrawn
    rollout: GetRolloutResponse
    def __init__(self, event: _Optional[_Union[_rollout_pb2.RolloutEvent, _Mapping]] = ..., tool_request: _Optional[_Union[PlayToolRequest, _Mapping]] = ..., message_request: _Optional[_Union[PlayMessageRequest, _Mapping]] = ..., generation_request: _Optional[_Union[PlayGenerationRequest, _Mapping]] = ..., withdrawn: _Optional[_Union[PlayRequestWithdrawn, _Mapping]] = ..., rollout: _Optional[_Union[GetRolloutResponse, _Mapping]] = ...) -> None: ...

class PlayToolRequest(_message.Message):
    __slots__ = ("request_id", "call")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    CALL_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    call: _content_pb2.ToolCall
    def __init__(self, request_id: _Optional[str] = ..., call: _Optional[_Union[_content_pb2.ToolCall, _Mapping]] = ...) -> None: ...

class PlayMessageRequest(_message.Message):
    __slots__ = ("request_id", "messages", "tools", "sampling")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    MESSAGES_FIELD_NUMBER: _ClassVar[int]
    TOOLS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    messages: _containers.RepeatedCompositeFieldContainer[_content_pb2.Message]
    tools: _containers.RepeatedCompositeFieldContainer[_content_pb2.ToolDefinition]
    sampling: _content_pb2.SamplingParameters
    def __init__(self, request_id: _Optional[str] = ..., messages: _Optional[_Iterable[_Union[_content_pb2.Message, _Mapping]]] = ..., tools: _Optional[_Iterable[_Union[_content_pb2.ToolDefinition, _Mapping]]] = ..., sampling: _Optional[_Union[_content_pb2.SamplingParameters, _Mapping]] = ...) -> None: ...

class PlayGenerationRequest(_message.Message):
    __slots__ = ("request_id", "prompt_token_ids", "sampling")
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    PROMPT_TOKEN_IDS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    prompt_token_ids: bytes
    sampling: _content_pb2.SamplingParameters
    def __init__(self, request_id: _Optional[str] = ..., prompt_token_ids: _Optional[bytes] = ..., sampling: _Optional[_Union[_content_pb2.SamplingParameters, _Mapping]] = ...) -> None: ...

class PlayRequestWithdrawn(_message.Message):
    __slots__ = ("request_id",)
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    request_id: str
    def __init__(self, request_id: _Optional[str] = ...) -> None: ...

class EvaluateRequest(_message.Message):
    __slots__ = ("environment", "split", "max_tasks", "attempts", "sampling", "limits", "concurrency", "solved_at")
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    MAX_TASKS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    CONCURRENCY_FIELD_NUMBER: _ClassVar[int]
    SOLVED_AT_FIELD_NUMBER: _ClassVar[int]
    environment: str
    split: str
    max_tasks: int
    attempts: int
    sampling: _content_pb2.SamplingParameters
    limits: _task_pb2.RolloutLimits
    concurrency: int
    solved_at: float
    def __init__(self, environment: _Optional[str] = ..., split: _Optional[str] = ..., max_tasks: _Optional[int] = ..., attempts: _Optional[int] = ..., sampling: _Optional[_Union[_content_pb2.SamplingParameters, _Mapping]] = ..., limits: _Optional[_Union[_task_pb2.RolloutLimits, _Mapping]] = ..., concurrency: _Optional[int] = ..., solved_at: _Optional[float] = ...) -> None: ...

class EvaluateResponse(_message.Message):
    __slots__ = ("sample", "summary", "heartbeat")
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    SUMMARY_FIELD_NUMBER: _ClassVar[int]
    HEARTBEAT_FIELD_NUMBER: _ClassVar[int]
    sample: EvaluationSample
    summary: EvaluationSummary
    heartbeat: _rollout_pb2.Heartbeat
    def __init__(self, sample: _Optional[_Union[EvaluationSample, _Mapping]] = ..., summary: _Optional[_Union[EvaluationSummary, _Mapping]] = ..., heartbeat: _Optional[_Union[_rollout_pb2.Heartbeat, _Mapping]] = ...) -> None: ...

class EvaluationSample(_message.Message):
    __slots__ = ("task_key", "attempt", "rollout_id", "reward", "stop_reason", "error")
    TASK_KEY_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_ID_FIELD_NUMBER: _ClassVar[int]
    REWARD_FIELD_NUMBER: _ClassVar[int]
    STOP_REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    task_key: str
    attempt: int
    rollout_id: str
    reward: float
    stop_reason: _rollout_pb2.StopReason
    error: _error_pb2.ErrorDetail
    def __init__(self, task_key: _Optional[str] = ..., attempt: _Optional[int] = ..., rollout_id: _Optional[str] = ..., reward: _Optional[float] = ..., stop_reason: _Optional[_Union[_rollout_pb2.StopReason, str]] = ..., error: _Optional[_Union[_error_pb2.ErrorDetail, _Mapping]] = ...) -> None: ...

class EvaluationSummary(_message.Message):
    __slots__ = ("tasks", "scored", "not_scored", "mean_reward", "pass_at_k", "ledger", "metrics", "components", "names_left_out", "split", "max_tasks", "attempts", "solved_at", "sampling")
    TASKS_FIELD_NUMBER: _ClassVar[int]
    SCORED_FIELD_NUMBER: _ClassVar[int]
    NOT_SCORED_FIELD_NUMBER: _ClassVar[int]
    MEAN_REWARD_FIELD_NUMBER: _ClassVar[int]
    PASS_AT_K_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    METRICS_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    NAMES_LEFT_OUT_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    MAX_TASKS_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    SOLVED_AT_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    tasks: int
    scored: int
    not_scored: int
    mean_reward: float
    pass_at_k: _containers.RepeatedCompositeFieldContainer[PassAtK]
    ledger: _tokens_pb2.Ledger
    metrics: _containers.RepeatedCompositeFieldContainer[NamedMean]
    components: _containers.RepeatedCompositeFieldContainer[NamedMean]
    names_left_out: bool
    split: str
    max_tasks: int
    attempts: int
    solved_at: float
    sampling: _content_pb2.SamplingParameters
    def __init__(self, tasks: _Optional[int] = ..., scored: _Optional[int] = ..., not_scored: _Optional[int] = ..., mean_reward: _Optional[float] = ..., pass_at_k: _Optional[_Iterable[_Union[PassAtK, _Mapping]]] = ..., ledger: _Optional[_Union[_tokens_pb2.Ledger, _Mapping]] = ..., metrics: _Optional[_Iterable[_Union[NamedMean, _Mapping]]] = ..., components: _Optional[_Iterable[_Union[NamedMean, _Mapping]]] = ..., names_left_out: bool = ..., split: _Optional[str] = ..., max_tasks: _Optional[int] = ..., attempts: _Optional[int] = ..., solved_at: _Optional[float] = ..., sampling: _Optional[_Union[_content_pb2.SamplingParameters, _Mapping]] = ...) -> None: ...

class NamedMean(_message.Message):
    __slots__ = ("name", "mean", "count")
    NAME_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    name: str
    mean: float
    count: int
    def __init__(self, name: _Optional[str] = ..., mean: _Optional[float] = ..., count: _Optional[int] = ...) -> None: ...

class PassAtK(_message.Message):
    __slots__ = ("k", "value", "tasks")
    K_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    TASKS_FIELD_NUMBER: _ClassVar[int]
    k: int
    value: float
    tasks: int
    def __init__(self, k: _Optional[int] = ..., value: _Optional[float] = ..., tasks: _Optional[int] = ...) -> None: ...
