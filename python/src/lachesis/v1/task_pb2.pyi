from google.protobuf import duration_pb2 as _duration_pb2
from lachesis.v1 import content_pb2 as _content_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Task(_message.Message):
    __slots__ = ("key", "content_sha256", "split", "data_json")
    KEY_FIELD_NUMBER: _ClassVar[int]
    CONTENT_SHA256_FIELD_NUMBER: _ClassVar[int]
    SPLIT_FIELD_NUMBER: _ClassVar[int]
    DATA_JSON_FIELD_NUMBER: _ClassVar[int]
    key: str
    content_sha256: str
    split: str
    data_json: str
    def __init__(self, key: _Optional[str] = ..., content_sha256: _Optional[str] = ..., split: _Optional[str] = ..., data_json: _Optional[str] = ...) -> None: ...

class RolloutLimits(_message.Message):
    __slots__ = ("max_turns", "timeout")
    MAX_TURNS_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    max_turns: int
    timeout: _duration_pb2.Duration
    def __init__(self, max_turns: _Optional[int] = ..., timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class Assignment(_message.Message):
    __slots__ = ("id", "run_id", "environment", "task_key", "task", "group_size", "sampling", "limits", "priority", "seed")
    ID_FIELD_NUMBER: _ClassVar[int]
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    TASK_KEY_FIELD_NUMBER: _ClassVar[int]
    TASK_FIELD_NUMBER: _ClassVar[int]
    GROUP_SIZE_FIELD_NUMBER: _ClassVar[int]
    SAMPLING_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    id: str
    run_id: str
    environment: str
    task_key: str
    task: Task
    group_size: int
    sampling: _content_pb2.SamplingParameters
    limits: RolloutLimits
    priority: int
    seed: int
    def __init__(self, id: _Optional[str] = ..., run_id: _Optional[str] = ..., environment: _Optional[str] = ..., task_key: _Optional[str] = ..., task: _Optional[_Union[Task, _Mapping]] = ..., group_size: _Optional[int] = ..., sampling: _Optional[_Union[_content_pb2.SamplingParameters, _Mapping]] = ..., limits: _Optional[_Union[RolloutLimits, _Mapping]] = ..., priority: _Optional[int] = ..., seed: _Optional[int] = ...) -> None: ...
