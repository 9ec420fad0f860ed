from google.protobuf import duration_pb2 as _duration_pb2
from lachesis.v1 import error_pb2 as _error_pb2
from lachesis.v1 import group_pb2 as _group_pb2
from lachesis.v1 import rollout_pb2 as _rollout_pb2
from lachesis.v1 import run_service_pb2 as _run_service_pb2
from lachesis.v1 import task_pb2 as _task_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class RegisterWorkerRequest(_message.Message):
    __slots__ = ("worker_id", "environments", "capacity", "session")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENTS_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    environments: _containers.RepeatedScalarFieldContainer[str]
    capacity: int
    session: str
    def __init__(self, worker_id: _Optional[str] = ..., environments: _Optional[_Iterable[str]] = ..., capacity: _Optional[int] = ..., session: _Optional[str] = ...) -> None: ...

class RegisterWorkerResponse(_message.Message):
    __slots__ = ("lease_duration",)
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    lease_duration: _duration_pb2.Duration
    def __init__(self, lease_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class HeartbeatWorkerRequest(_message.Message):
    __slots__ = ("worker_id", "assignment_ids", "assignment_run_ids", "session")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    assignment_ids: _containers.RepeatedScalarFieldContainer[str]
    assignment_run_ids: _containers.RepeatedScalarFieldContainer[str]
    session: str
    def __init__(self, worker_id: _Optional[str] = ..., assignment_ids: _Optional[_Iterable[str]] = ..., assignment_run_ids: _Optional[_Iterable[str]] = ..., session: _Optional[str] = ...) -> None: ...

class HeartbeatWorkerResponse(_message.Message):
    __slots__ = ("credits", "cancelled_assignment_ids", "cancelled_rollout_ids", "cancelled_assignment_run_ids", "cancelled_rollout_run_ids")
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_ASSIGNMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_ROLLOUT_IDS_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_ASSIGNMENT_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    CANCELLED_ROLLOUT_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    credits: int
    cancelled_assignment_ids: _containers.RepeatedScalarFieldContainer[str]
    cancelled_rollout_ids: _containers.RepeatedScalarFieldContainer[str]
    cancelled_assignment_run_ids: _containers.RepeatedScalarFieldContainer[str]
    cancelled_rollout_run_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, credits: _Optional[int] = ..., cancelled_assignment_ids: _Optional[_Iterable[str]] = ..., cancelled_rollout_ids: _Optional[_Iterable[str]] = ..., cancelled_assignment_run_ids: _Optional[_Iterable[str]] = ..., cancelled_rollout_run_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class EnqueueAssignmentsRequest(_message.Message):
    __slots__ = ("assignments", "backlog")
    ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    BACKLOG_FIELD_NUMBER: _ClassVar[int]
    assignments: _containers.RepeatedCompositeFieldContainer[_task_pb2.Assignment]
    backlog: bool
    def __init__(self, assignments: _Optional[_Iterable[_Union[_task_pb2.Assignment, _Mapping]]] = ..., backlog: bool = ...) -> None: ...

class EnqueueAssignmentsResponse(_message.Message):
    __slots__ = ("added_ids", "added_run_ids")
    ADDED_IDS_FIELD_NUMBER: _ClassVar[int]
    ADDED_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    added_ids: _containers.RepeatedScalarFieldContainer[str]
    added_run_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, added_ids: _Optional[_Iterable[str]] = ..., added_run_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class LeaseAssignmentsRequest(_message.Message):
    __slots__ = ("worker_id", "max_assignments", "wait", "request_id", "session")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    MAX_ASSIGNMENTS_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    max_assignments: int
    wait: _duration_pb2.Duration
    request_id: str
    session: str
    def __init__(self, worker_id: _Optional[str] = ..., max_assignments: _Optional[int] = ..., wait: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., request_id: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class LeasedAssignment(_message.Message):
    __slots__ = ("assignment", "attempt", "lease_duration", "run")
    ASSIGNMENT_FIELD_NUMBER: _ClassVar[int]
    ATTEMPT_FIELD_NUMBER: _ClassVar[int]
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    RUN_FIELD_NUMBER: _ClassVar[int]
    assignment: _task_pb2.Assignment
    attempt: int
    lease_duration: _duration_pb2.Duration
    run: _run_service_pb2.Run
    def __init__(self, assignment: _Optional[_Union[_task_pb2.Assignment, _Mapping]] = ..., attempt: _Optional[int] = ..., lease_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., run: _Optional[_Union[_run_service_pb2.Run, _Mapping]] = ...) -> None: ...

class LeaseAssignmentsResponse(_message.Message):
    __slots__ = ("leases",)
    LEASES_FIELD_NUMBER: _ClassVar[int]
    leases: _containers.RepeatedCompositeFieldContainer[LeasedAssignment]
    def __init__(self, leases: _Optional[_Iterable[_Union[LeasedAssignment, _Mapping]]] = ...) -> None: ...

class ExtendAssignmentsRequest(_message.Message):
    __slots__ = ("worker_id", "assignment_ids", "assignment_run_ids", "session")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    assignment_ids: _containers.RepeatedScalarFieldContainer[str]
    assignment_run_ids: _containers.RepeatedScalarFieldContainer[str]
    session: str
    def __init__(self, worker_id: _Optional[str] = ..., assignment_ids: _Optional[_Iterable[str]] = ..., assignment_run_ids: _Optional[_Iterable[str]] = ..., session: _Optional[str] = ...) -> None: ...

class ExtendAssignmentsResponse(_message.Message):
    __slots__ = ("lost_assignment_ids", "lost_assignment_run_ids")
    LOST_ASSIGNMENT_IDS_FIELD_NUMBER: _ClassVar[int]
    LOST_ASSIGNMENT_RUN_IDS_FIELD_NUMBER: _ClassVar[int]
    lost_assignment_ids: _containers.RepeatedScalarFieldContainer[str]
    lost_assignment_run_ids: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, lost_assignment_ids: _Optional[_Iterable[str]] = ..., lost_assignment_run_ids: _Optional[_Iterable[str]] = ...) -> None: ...

class FailAssignmentRequest(_message.Message):
    __slots__ = ("worker_id", "assignment_id", "error", "permanent", "run_id", "session")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    ASSIGNMENT_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    PERMANENT_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    assignment_id: str
    error: _error_pb2.ErrorDetail
    permanent: bool
    run_id: str
    session: str
    def __init__(self, worker_id: _Optional[str] = ..., assignment_id: _Optional[str] = ..., error: _Optional[_Union[_error_pb2.ErrorDetail, _Mapping]] = ..., permanent: bool = ..., run_id: _Optional[str] = ..., session: _Optional[str] = ...) -> None: ...

class FailAssignmentResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ReportEventsRequest(_message.Message):
    __slots__ = ("worker_id", "session", "events", "missed_turns")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    MISSED_TURNS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    session: str
    events: _containers.RepeatedCompositeFieldContainer[_rollout_pb2.RolloutEvent]
    missed_turns: _containers.RepeatedCompositeFieldContainer[MissedTurns]
    def __init__(self, worker_id: _Optional[str] = ..., session: _Optional[str] = ..., events: _Optional[_Iterable[_Union[_rollout_pb2.RolloutEvent, _Mapping]]] = ..., missed_turns: _Optional[_Iterable[_Union[MissedTurns, _Mapping]]] = ...) -> None: ...

class MissedTurns(_message.Message):
    __slots__ = ("run_id", "rollout_id", "turns")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ROLLOUT_ID_FIELD_NUMBER: _ClassVar[int]
    TURNS_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    rollout_id: str
    turns: int
    def __init__(self, run_id: _Optional[str] = ..., rollout_id: _Optional[str] = ..., turns: _Optional[int] = ...) -> None: ...

class ReportEventsResponse(_message.Message):
    __slots__ = ("told",)
    TOLD_FIELD_NUMBER: _ClassVar[int]
    told: int
    def __init__(self, told: _Optional[int] = ...) -> None: ...

class SubmitGroupsRequest(_message.Message):
    __slots__ = ("open", "header", "chunk", "end")
    OPEN_FIELD_NUMBER: _ClassVar[int]
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    open: SubmitOpen
    header: _group_pb2.GroupHeader
    chunk: _group_pb2.GroupChunk
    end: _group_pb2.GroupEnd
    def __init__(self, open: _Optional[_Union[SubmitOpen, _Mapping]] = ..., header: _Optional[_Union[_group_pb2.GroupHeader, _Mapping]] = ..., chunk: _Optional[_Union[_group_pb2.GroupChunk, _Mapping]] = ..., end: _Optional[_Union[_group_pb2.GroupEnd, _Mapping]] = ...) -> None: ...

class SubmitOpen(_message.Message):
    __slots__ = ("run_id", "worker_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    worker_id: str
    def __init__(self, run_id: _Optional[str] = ..., worker_id: _Optional[str] = ...) -> None: ...

class SubmitGroupsResponse(_message.Message):
    __slots__ = ("ack", "refusal")
    ACK_FIELD_NUMBER: _ClassVar[int]
    REFUSAL_FIELD_NUMBER: _ClassVar[int]
    ack: SubmitAck
    refusal: SubmitRefusal
    def __init__(self, ack: _Optional[_Union[SubmitAck, _Mapping]] = ..., refusal: _Optional[_Union[SubmitRefusal, _Mapping]] = ...) -> None: ...

class SubmitAck(_message.Message):
    __slots__ = ("groups", "duplicates", "credits")
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    DUPLICATES_FIELD_NUMBER: _ClassVar[int]
    CREDITS_FIELD_NUMBER: _ClassVar[int]
    groups: int
    duplicates: int
    credits: int
    def __init__(self, groups: _Optional[int] = ..., duplicates: _Optional[int] = ..., credits: _Optional[int] = ...) -> None: ...

class SubmitRefusal(_message.Message):
    __slots__ = ("group_number", "group_id", "error", "message")
    GROUP_NUMBER_FIELD_NUMBER: _ClassVar[int]
    GROUP_ID_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    group_number: int
    group_id: str
    error: _error_pb2.ErrorDetail
    message: str
    def __init__(self, group_number: _Optional[int] = ..., group_id: _Optional[str] = ..., error: _Optional[_Union[_error_pb2.ErrorDetail, _Mapping]] = ..., message: _Optional[str] = ...) -> None: ...
