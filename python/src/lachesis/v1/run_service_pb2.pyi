from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from lachesis.v1 import batch_service_pb2 as _batch_service_pb2
from lachesis.v1 import group_pb2 as _group_pb2
from lachesis.v1 import tokens_pb2 as _tokens_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class WhenShort(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WHEN_SHORT_UNSPECIFIED: _ClassVar[WhenShort]
    WHEN_SHORT_RELEASE: _ClassVar[WhenShort]
    WHEN_SHORT_WAIT: _ClassVar[WhenShort]

class Admission(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADMISSION_UNSPECIFIED: _ClassVar[Admission]
    ADMISSION_OFF: _ClassVar[Admission]
    ADMISSION_SOFT: _ClassVar[Admission]
    ADMISSION_STRICT: _ClassVar[Admission]

class OverLengthPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OVER_LENGTH_POLICY_UNSPECIFIED: _ClassVar[OverLengthPolicy]
    OVER_LENGTH_POLICY_TRUNCATE: _ClassVar[OverLengthPolicy]
    OVER_LENGTH_POLICY_DROP: _ClassVar[OverLengthPolicy]
    OVER_LENGTH_POLICY_SPLIT: _ClassVar[OverLengthPolicy]

class FailedRolloutPolicy(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FAILED_ROLLOUT_POLICY_UNSPECIFIED: _ClassVar[FailedRolloutPolicy]
    FAILED_ROLLOUT_POLICY_DROP_ROLLOUT: _ClassVar[FailedRolloutPolicy]
    FAILED_ROLLOUT_POLICY_DROP_GROUP: _ClassVar[FailedRolloutPolicy]
    FAILED_ROLLOUT_POLICY_MASK: _ClassVar[FailedRolloutPolicy]
WHEN_SHORT_UNSPECIFIED: WhenShort
WHEN_SHORT_RELEASE: WhenShort
WHEN_SHORT_WAIT: WhenShort
ADMISSION_UNSPECIFIED: Admission
ADMISSION_OFF: Admission
ADMISSION_SOFT: Admission
ADMISSION_STRICT: Admission
OVER_LENGTH_POLICY_UNSPECIFIED: OverLengthPolicy
OVER_LENGTH_POLICY_TRUNCATE: OverLengthPolicy
OVER_LENGTH_POLICY_DROP: OverLengthPolicy
OVER_LENGTH_POLICY_SPLIT: OverLengthPolicy
FAILED_ROLLOUT_POLICY_UNSPECIFIED: FailedRolloutPolicy
FAILED_ROLLOUT_POLICY_DROP_ROLLOUT: FailedRolloutPolicy
FAILED_ROLLOUT_POLICY_DROP_GROUP: FailedRolloutPolicy
FAILED_ROLLOUT_POLICY_MASK: FailedRolloutPolicy

class RunSettings(_message.Message):
    __slots__ = ("batch_rows", "batch_tokens", "batch_groups", "training_policy", "max_staleness", "max_waiting_groups", "failed_rollouts", "max_row_tokens", "environments", "auto_play", "drop_uniform_groups", "shares", "admission", "admission_factor", "over_length")
    BATCH_ROWS_FIELD_NUMBER: _ClassVar[int]
    BATCH_TOKENS_FIELD_NUMBER: _ClassVar[int]
    BATCH_GROUPS_FIELD_NUMBER: _ClassVar[int]
    TRAINING_POLICY_FIELD_NUMBER: _ClassVar[int]
    MAX_STALENESS_FIELD_NUMBER: _ClassVar[int]
    MAX_WAITING_GROUPS_FIELD_NUMBER: _ClassVar[int]
    FAILED_ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    MAX_ROW_TOKENS_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENTS_FIELD_NUMBER: _ClassVar[int]
    AUTO_PLAY_FIELD_NUMBER: _ClassVar[int]
    DROP_UNIFORM_GROUPS_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    ADMISSION_FIELD_NUMBER: _ClassVar[int]
    ADMISSION_FACTOR_FIELD_NUMBER: _ClassVar[int]
    OVER_LENGTH_FIELD_NUMBER: _ClassVar[int]
    batch_rows: int
    batch_tokens: int
    batch_groups: int
    training_policy: _group_pb2.TrainingPolicy
    max_staleness: int
    max_waiting_groups: int
    failed_rollouts: FailedRolloutPolicy
    max_row_tokens: int
    environments: _containers.RepeatedScalarFieldContainer[str]
    auto_play: AutoPlay
    drop_uniform_groups: bool
    shares: _containers.RepeatedCompositeFieldContainer[EnvironmentShare]
    admission: Admission
    admission_factor: float
    over_length: OverLengthPolicy
    def __init__(self, batch_rows: _Optional[int] = ..., batch_tokens: _Optional[int] = ..., batch_groups: _Optional[int] = ..., training_policy: _Optional[_Union[_group_pb2.TrainingPolicy, str]] = ..., max_staleness: _Optional[int] = ..., max_waiting_groups: _Optional[int] = ..., failed_rollouts: _Optional[_Union[FailedRolloutPolicy, str]] = ..., max_row_tokens: _Optional[int] = ..., environments: _Optional[_Iterable[str]] = ..., auto_play: _Optional[_Union[AutoPlay, _Mapping]] = ..., drop_uniform_groups: bool = ..., shares: _Optional[_Iterable[_Union[EnvironmentShare, _Mapping]]] = ..., admission: _Optional[_Union[Admission, str]] = ..., admission_factor: _Optional[float] = ..., over_length: _Optional[_Union[OverLengthPolicy, str]] = ...) -> None: ...

class EnvironmentShare(_message.Message):
    __slots__ = ("environment", "weight", "min_share", "when_short")
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    MIN_SHARE_FIELD_NUMBER: _ClassVar[int]
    WHEN_SHORT_FIELD_NUMBER: _ClassVar[int]
    environment: str
    weight: float
    min_share: float
    when_short: WhenShort
    def __init__(self, environment: _Optional[str] = ..., weight: _Optional[float] = ..., min_share: _Optional[float] = ..., when_short: _Optional[_Union[WhenShort, str]] = ...) -> None: ...

class AutoPlay(_message.Message):
    __slots__ = ("environments", "max_ahead", "max_batches_ahead")
    ENVIRONMENTS_FIELD_NUMBER: _ClassVar[int]
    MAX_AHEAD_FIELD_NUMBER: _ClassVar[int]
    MAX_BATCHES_AHEAD_FIELD_NUMBER: _ClassVar[int]
    environments: _containers.RepeatedCompositeFieldContainer[AutoPlayEnvironment]
    max_ahead: int
    max_batches_ahead: int
    def __init__(self, environments: _Optional[_Iterable[_Union[AutoPlayEnvironment, _Mapping]]] = ..., max_ahead: _Optional[int] = ..., max_batches_ahead: _Optional[int] = ...) -> None: ...

class AutoPlayEnvironment(_message.Message):
    __slots__ = ("environment", "group_size", "split", "weight")
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    GROUP_SIZE_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    environment: str
    group_size: int
    split: str
    weight: float
    def __init__(self, environment: _Optional[str] = ..., group_size: _Optional[int] = ..., split: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...

class Run(_message.Message):
    __slots__ = ("id", "settings", "policy_version", "step", "closed", "open_time")
    ID_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    OPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    id: str
    settings: RunSettings
    policy_version: int
    step: int
    closed: bool
    open_time: _timestamp_pb2.Timestamp
    def __init__(self, id: _Optional[str] = ..., settings: _Optional[_Union[RunSettings, _Mapping]] = ..., policy_version: _Optional[int] = ..., step: _Optional[int] = ..., closed: bool = ..., open_time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class OpenRunRequest(_message.Message):
    __slots__ = ("run_id", "settings", "initial_policy_version")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SETTINGS_FIELD_NUMBER: _ClassVar[int]
    INITIAL_POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    settings: RunSettings
    initial_policy_version: int
    def __init__(self, run_id: _Optional[str] = ..., settings: _Optional[_Union[RunSettings, _Mapping]] = ..., initial_policy_version: _Optional[int] = ...) -> None: ...

class OpenRunResponse(_message.Message):
    __slots__ = ("run", "existed")
    RUN_FIELD_NUMBER: _ClassVar[int]
    EXISTED_FIELD_NUMBER: _ClassVar[int]
    run: Run
    existed: bool
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., existed: bool = ...) -> None: ...

class GetRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class ListRunsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListRunsResponse(_message.Message):
    __slots__ = ("runs", "next_page_token")
    RUNS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    runs: _containers.RepeatedCompositeFieldContainer[Run]
    next_page_token: str
    def __init__(self, runs: _Optional[_Iterable[_Union[Run, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class CloseRunRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class CloseRunResponse(_message.Message):
    __slots__ = ("run",)
    RUN_FIELD_NUMBER: _ClassVar[int]
    run: Run
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ...) -> None: ...

class RunStatus(_message.Message):
    __slots__ = ("run", "waiting_groups", "waiting_rows", "waiting_tokens", "open_assignments", "leased_batches", "accepted_groups", "dropped_groups", "rollouts", "not_scored", "recent_mean_reward", "ledger", "oldest_waiting", "open_by_environment", "problem", "shares", "more_shares", "recent_batches", "waiting_by_staleness", "trained_by_staleness", "throughput", "held_batches", "more_held_batches", "workers", "more_workers", "dead_letters", "consumers", "more_consumers", "given_up_batches")
    class DroppedGroupsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    class OpenByEnvironmentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: int
        def __init__(self, key: _Optional[str] = ..., value: _Optional[int] = ...) -> None: ...
    RUN_FIELD_NUMBER: _ClassVar[int]
    WAITING_GROUPS_FIELD_NUMBER: _ClassVar[int]
    WAITING_ROWS_FIELD_NUMBER: _ClassVar[int]
    WAITING_TOKENS_FIELD_NUMBER: _ClassVar[int]
    OPEN_ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    LEASED_BATCHES_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_GROUPS_FIELD_NUMBER: _ClassVar[int]
    DROPPED_GROUPS_FIELD_NUMBER: _ClassVar[int]
    ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    NOT_SCORED_FIELD_NUMBER: _ClassVar[int]
    RECENT_MEAN_REWARD_FIELD_NUMBER: _ClassVar[int]
    LEDGER_FIELD_NUMBER: _ClassVar[int]
    OLDEST_WAITING_FIELD_NUMBER: _ClassVar[int]
    OPEN_BY_ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    PROBLEM_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    MORE_SHARES_FIELD_NUMBER: _ClassVar[int]
    RECENT_BATCHES_FIELD_NUMBER: _ClassVar[int]
    WAITING_BY_STALENESS_FIELD_NUMBER: _ClassVar[int]
    TRAINED_BY_STALENESS_FIELD_NUMBER: _ClassVar[int]
    THROUGHPUT_FIELD_NUMBER: _ClassVar[int]
    HELD_BATCHES_FIELD_NUMBER: _ClassVar[int]
    MORE_HELD_BATCHES_FIELD_NUMBER: _ClassVar[int]
    WORKERS_FIELD_NUMBER: _ClassVar[int]
    MORE_WORKERS_FIELD_NUMBER: _ClassVar[int]
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    CONSUMERS_FIELD_NUMBER: _ClassVar[int]
    MORE_CONSUMERS_FIELD_NUMBER: _ClassVar[int]
    GIVEN_UP_BATCHES_FIELD_NUMBER: _ClassVar[int]
    run: Run
    waiting_groups: int
    waiting_rows: int
    waiting_tokens: int
    open_assignments: int
    leased_batches: int
    accepted_groups: int
    dropped_groups: _containers.ScalarMap[str, int]
    rollouts: int
    not_scored: int
    recent_mean_reward: float
    ledger: _tokens_pb2.Ledger
    oldest_waiting: _duration_pb2.Duration
    open_by_environment: _containers.ScalarMap[str, int]
    problem: str
    shares: _containers.RepeatedCompositeFieldContainer[EnvironmentFigures]
    more_shares: int
    recent_batches: int
    waiting_by_staleness: _containers.RepeatedScalarFieldContainer[int]
    trained_by_staleness: _containers.RepeatedScalarFieldContainer[int]
    throughput: RunThroughput
    held_batches: _containers.RepeatedCompositeFieldContainer[HeldBatch]
    more_held_batches: int
    workers: _containers.RepeatedCompositeFieldContainer[WorkerHold]
    more_workers: int
    dead_letters: int
    consumers: _containers.RepeatedCompositeFieldContainer[_batch_service_pb2.ConsumerStanding]
    more_consumers: int
    given_up_batches: int
    def __init__(self, run: _Optional[_Union[Run, _Mapping]] = ..., waiting_groups: _Optional[int] = ..., waiting_rows: _Optional[int] = ..., waiting_tokens: _Optional[int] = ..., open_assignments: _Optional[int] = ..., leased_batches: _Optional[int] = ..., accepted_groups: _Optional[int] = ..., dropped_groups: _Optional[_Mapping[str, int]] = ..., rollouts: _Optional[int] = ..., not_scored: _Optional[int] = ..., recent_mean_reward: _Optional[float] = ..., ledger: _Optional[_Union[_tokens_pb2.Ledger, _Mapping]] = ..., oldest_waiting: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., open_by_environment: _Optional[_Mapping[str, int]] = ..., problem: _Optional[str] = ..., shares: _Optional[_Iterable[_Union[EnvironmentFigures, _Mapping]]] = ..., more_shares: _Optional[int] = ..., recent_batches: _Optional[int] = ..., waiting_by_staleness: _Optional[_Iterable[int]] = ..., trained_by_staleness: _Optional[_Iterable[int]] = ..., throughput: _Optional[_Union[RunThroughput, _Mapping]] = ..., held_batches: _Optional[_Iterable[_Union[HeldBatch, _Mapping]]] = ..., more_held_batches: _Optional[int] = ..., workers: _Optional[_Iterable[_Union[WorkerHold, _Mapping]]] = ..., more_workers: _Optional[int] = ..., dead_letters: _Optional[int] = ..., consumers: _Optional[_Iterable[_Union[_batch_service_pb2.ConsumerStanding, _Mapping]]] = ..., more_consumers: _Optional[int] = ..., given_up_batches: _Optional[int] = ...) -> None: ...

class EnvironmentFigures(_message.Message):
    __slots__ = ("environment", "waiting_groups", "waiting_rows", "waiting_tokens", "recent_groups", "recent_rows", "recent_tokens", "weight")
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    WAITING_GROUPS_FIELD_NUMBER: _ClassVar[int]
    WAITING_ROWS_FIELD_NUMBER: _ClassVar[int]
    WAITING_TOKENS_FIELD_NUMBER: _ClassVar[int]
    RECENT_GROUPS_FIELD_NUMBER: _ClassVar[int]
    RECENT_ROWS_FIELD_NUMBER: _ClassVar[int]
    RECENT_TOKENS_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    environment: str
    waiting_groups: int
    waiting_rows: int
    waiting_tokens: int
    recent_groups: int
    recent_rows: int
    recent_tokens: int
    weight: float
    def __init__(self, environment: _Optional[str] = ..., waiting_groups: _Optional[int] = ..., waiting_rows: _Optional[int] = ..., waiting_tokens: _Optional[int] = ..., recent_groups: _Optional[int] = ..., recent_rows: _Optional[int] = ..., recent_tokens: _Optional[int] = ..., weight: _Optional[float] = ...) -> None: ...

class RunThroughput(_message.Message):
    __slots__ = ("window", "accepted_groups", "accepted_rows", "accepted_tokens", "trained_groups", "trained_rows", "trained_tokens")
    WINDOW_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_GROUPS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_ROWS_FIELD_NUMBER: _ClassVar[int]
    ACCEPTED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    TRAINED_GROUPS_FIELD_NUMBER: _ClassVar[int]
    TRAINED_ROWS_FIELD_NUMBER: _ClassVar[int]
    TRAINED_TOKENS_FIELD_NUMBER: _ClassVar[int]
    window: _duration_pb2.Duration
    accepted_groups: int
    accepted_rows: int
    accepted_tokens: int
    trained_groups: int
    trained_rows: int
    trained_tokens: int
    def __init__(self, window: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., accepted_groups: _Optional[int] = ..., accepted_rows: _Optional[int] = ..., accepted_tokens: _Optional[int] = ..., trained_groups: _Optional[int] = ..., trained_rows: _Optional[int] = ..., trained_tokens: _Optional[int] = ...) -> None: ...

class HeldBatch(_message.Message):
    __slots__ = ("step", "consumer_id", "fan_out", "delivery", "world_size", "acked_ranks", "missing_ranks", "left")
    STEP_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ID_FIELD_NUMBER: _ClassVar[int]
    FAN_OUT_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    WORLD_SIZE_FIELD_NUMBER: _ClassVar[int]
    ACKED_RANKS_FIELD_NUMBER: _ClassVar[int]
    MISSING_RANKS_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    step: int
    consumer_id: str
    fan_out: bool
    delivery: int
    world_size: int
    acked_ranks: int
    missing_ranks: _containers.RepeatedScalarFieldContainer[int]
    left: _duration_pb2.Duration
    def __init__(self, step: _Optional[int] = ..., consumer_id: _Optional[str] = ..., fan_out: bool = ..., delivery: _Optional[int] = ..., world_size: _Optional[int] = ..., acked_ranks: _Optional[int] = ..., missing_ranks: _Optional[_Iterable[int]] = ..., left: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class WorkerHold(_message.Message):
    __slots__ = ("worker_id", "assignments", "oldest")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    assignments: int
    oldest: _duration_pb2.Duration
    def __init__(self, worker_id: _Optional[str] = ..., assignments: _Optional[int] = ..., oldest: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class GetRunStatusRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class GetRunStatusResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: RunStatus
    def __init__(self, status: _Optional[_Union[RunStatus, _Mapping]] = ...) -> None: ...

class WatchRunRequest(_message.Message):
    __slots__ = ("run_id", "interval")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    interval: _duration_pb2.Duration
    def __init__(self, run_id: _Optional[str] = ..., interval: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class WatchRunResponse(_message.Message):
    __slots__ = ("status",)
    STATUS_FIELD_NUMBER: _ClassVar[int]
    status: RunStatus
    def __init__(self, status: _Optional[_Union[RunStatus, _Mapping]] = ...) -> None: ...

class GetGroupRequest(_message.Message):
    __slots__ = ("run_id", "group_id", "header_only")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    HEADER_ONLY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    group_id: str
    header_only: bool
    def __init__(self, run_id: _Optional[str] = ..., group_id: _Optional[str] = ..., header_only: bool = ...) -> None: ...

class GetGroupResponse(_message.Message):
    __slots__ = ("header", "chunk", "end")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    header: _group_pb2.GroupHeader
    chunk: _group_pb2.GroupChunk
    end: _group_pb2.GroupEnd
    def __init__(self, header: _Optional[_Union[_group_pb2.GroupHeader, _Mapping]] = ..., chunk: _Optional[_Union[_group_pb2.GroupChunk, _Mapping]] = ..., end: _Optional[_Union[_group_pb2.GroupEnd, _Mapping]] = ...) -> None: ...

class ScanGroupsRequest(_message.Message):
    __slots__ = ("run_id", "after_position", "max_groups", "header_only")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    AFTER_POSITION_FIELD_NUMBER: _ClassVar[int]
    MAX_GROUPS_FIELD_NUMBER: _ClassVar[int]
    HEADER_ONLY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    after_position: int
    max_groups: int
    header_only: bool
    def __init__(self, run_id: _Optional[str] = ..., after_position: _Optional[int] = ..., max_groups: _Optional[int] = ..., header_only: bool = ...) -> None: ...

class ScanGroupsResponse(_message.Message):
    __slots__ = ("group", "chunk", "end")
    GROUP_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    group: ScannedGroup
    chunk: _group_pb2.GroupChunk
    end: _group_pb2.GroupEnd
    def __init__(self, group: _Optional[_Union[ScannedGroup, _Mapping]] = ..., chunk: _Optional[_Union[_group_pb2.GroupChunk, _Mapping]] = ..., end: _Optional[_Union[_group_pb2.GroupEnd, _Mapping]] = ...) -> None: ...

class ScannedGroup(_message.Message):
    __slots__ = ("position", "header")
    POSITION_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    position: int
    header: _group_pb2.GroupHeader
    def __init__(self, position: _Optional[int] = ..., header: _Optional[_Union[_group_pb2.GroupHeader, _Mapping]] = ...) -> None: ...

class ListDeadLettersRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class ListDeadLettersResponse(_message.Message):
    __slots__ = ("dead_letters",)
    DEAD_LETTERS_FIELD_NUMBER: _ClassVar[int]
    dead_letters: _containers.RepeatedCompositeFieldContainer[DeadLetter]
    def __init__(self, dead_letters: _Optional[_Iterable[_Union[DeadLetter, _Mapping]]] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("assignment_id", "environment", "reason", "error", "worker_id", "attempts", "time")
    ASSIGNMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ATTEMPTS_FIELD_NUMBER: _ClassVar[int]
    TIME_FIELD_NUMBER: _ClassVar[int]
    assignment_id: str
    environment: str
    reason: str
    error: str
    worker_id: str
    attempts: int
    time: _timestamp_pb2.Timestamp
    def __init__(self, assignment_id: _Optional[str] = ..., environment: _Optional[str] = ..., reason: _Optional[str] = ..., error: _Optional[str] = ..., worker_id: _Optional[str] = ..., attempts: _Optional[int] = ..., time: _Optional[_Union[_timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
