from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorOrigin(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_ORIGIN_UNSPECIFIED: _ClassVar[ErrorOrigin]
    ERROR_ORIGIN_REQUEST: _ClassVar[ErrorOrigin]
    ERROR_ORIGIN_ENVIRONMENT: _ClassVar[ErrorOrigin]
    ERROR_ORIGIN_MODEL: _ClassVar[ErrorOrigin]
    ERROR_ORIGIN_INFRASTRUCTURE: _ClassVar[ErrorOrigin]
ERROR_ORIGIN_UNSPECIFIED: ErrorOrigin
ERROR_ORIGIN_REQUEST: ErrorOrigin
ERROR_ORIGIN_ENVIRONMENT: ErrorOrigin
ERROR_ORIGIN_MODEL: ErrorOrigin
ERROR_ORIGIN_INFRASTRUCTURE: ErrorOrigin

class ErrorDetail(_message.Message):
    __slots__ = ("reason", "remedy", "field", "origin", "metadata", "retry_after")
    class MetadataEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    REASON_FIELD_NUMBER: _ClassVar[int]
    REMEDY_FIELD_NUMBER: _ClassVar[int]
    FIELD_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    METADATA_FIELD_NUMBER: _ClassVar[int]
    RETRY_AFTER_FIELD_NUMBER: _ClassVar[int]
    reason: str
    remedy: str
    field: str
    origin: ErrorOrigin
    metadata: _containers.ScalarMap[str, str]
    retry_after: _duration_pb2.Duration
    def __init__(self, reason: _Optional[str] = ..., remedy: _Optional[str] = ..., field: _Optional[str] = ..., origin: _Optional[_Union[ErrorOrigin, str]] = ..., metadata: _Optional[_Mapping[str, str]] = ..., retry_after: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...
