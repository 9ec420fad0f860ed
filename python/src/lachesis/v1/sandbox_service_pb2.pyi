from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AcquireSandboxRequest(_message.Message):
    __slots__ = ("lease_id", "backend", "image", "network")
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    IMAGE_FIELD_NUMBER: _ClassVar[int]
    NETWORK_FIELD_NUMBER: _ClassVar[int]
    lease_id: str
    backend: str
    image: str
    network: bool
    def __init__(self, lease_id: _Optional[str] = ..., backend: _Optional[str] = ..., image: _Optional[str] = ..., network: bool = ...) -> None: ...

class AcquireSandboxResponse(_message.Message):
    __slots__ = ("lease_duration", "isolation", "backend", "working_directory")
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    BACKEND_FIELD_NUMBER: _ClassVar[int]
    WORKING_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    lease_duration: _duration_pb2.Duration
    isolation: str
    backend: str
    working_directory: str
    def __init__(self, lease_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., isolation: _Optional[str] = ..., backend: _Optional[str] = ..., working_directory: _Optional[str] = ...) -> None: ...

class ExecCommandRequest(_message.Message):
    __slots__ = ("lease_id", "command", "working_directory", "environment", "standard_input", "timeout", "max_output_bytes")
    class EnvironmentEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    COMMAND_FIELD_NUMBER: _ClassVar[int]
    WORKING_DIRECTORY_FIELD_NUMBER: _ClassVar[int]
    ENVIRONMENT_FIELD_NUMBER: _ClassVar[int]
    STANDARD_INPUT_FIELD_NUMBER: _ClassVar[int]
    TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    MAX_OUTPUT_BYTES_FIELD_NUMBER: _ClassVar[int]
    lease_id: str
    command: _containers.RepeatedScalarFieldContainer[str]
    working_directory: str
    environment: _containers.ScalarMap[str, str]
    standard_input: bytes
    timeout: _duration_pb2.Duration
    max_output_bytes: int
    def __init__(self, lease_id: _Optional[str] = ..., command: _Optional[_Iterable[str]] = ..., working_directory: _Optional[str] = ..., environment: _Optional[_Mapping[str, str]] = ..., standard_input: _Optional[bytes] = ..., timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., max_output_bytes: _Optional[int] = ...) -> None: ...

class ExecCommandResponse(_message.Message):
    __slots__ = ("standard_output", "standard_error", "exit")
    STANDARD_OUTPUT_FIELD_NUMBER: _ClassVar[int]
    STANDARD_ERROR_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    standard_output: bytes
    standard_error: bytes
    exit: CommandExit
    def __init__(self, standard_output: _Optional[bytes] = ..., standard_error: _Optional[bytes] = ..., exit: _Optional[_Union[CommandExit, _Mapping]] = ...) -> None: ...

class CommandExit(_message.Message):
    __slots__ = ("exit_code", "timed_out", "output_truncated", "duration", "signal")
    EXIT_CODE_FIELD_NUMBER: _ClassVar[int]
    TIMED_OUT_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_TRUNCATED_FIELD_NUMBER: _ClassVar[int]
    DURATION_FIELD_NUMBER: _ClassVar[int]
    SIGNAL_FIELD_NUMBER: _ClassVar[int]
    exit_code: int
    timed_out: bool
    output_truncated: bool
    duration: _duration_pb2.Duration
    signal: str
    def __init__(self, exit_code: _Optional[int] = ..., timed_out: bool = ..., output_truncated: bool = ..., duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., signal: _Optional[str] = ...) -> None: ...

class PutArchiveRequest(_message.Message):
    __slots__ = ("lease_id", "path", "data")
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    DATA_FIELD_NUMBER: _ClassVar[int]
    lease_id: str
    path: str
    data: bytes
    def __init__(self, lease_id: _Optional[str] = ..., path: _Optional[str] = ..., data: _Optional[bytes] = ...) -> None: ...

class PutArchiveResponse(_message.Message):
    __slots__ = ("size",)
    SIZE_FIELD_NUMBER: _ClassVar[int]
    size: int
    def __init__(self, size: _Optional[int] = ...) -> None: ...

class GetArchiveRequest(_message.Message):
    __slots__ = ("lease_id", "path")
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    PATH_FIELD_NUMBER: _ClassVar[int]
    lease_id: str
    path: str
    def __init__(self, lease_id: _Optional[str] = ..., path: _Optional[str] = ...) -> None: ...

class GetArchiveResponse(_message.Message):
    __slots__ = ("data",)
    DATA_FIELD_NUMBER: _ClassVar[int]
    data: bytes
    def __init__(self, data: _Optional[bytes] = ...) -> None: ...

class ReleaseSandboxRequest(_message.Message):
    __slots__ = ("lease_id",)
    LEASE_ID_FIELD_NUMBER: _ClassVar[int]
    lease_id: str
    def __init__(self, lease_id: _Optional[str] = ...) -> None: ...

class ReleaseSandboxResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...
