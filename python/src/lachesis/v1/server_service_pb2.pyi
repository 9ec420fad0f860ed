from google.protobuf import duration_pb2 as _duration_pb2
from lachesis.v1 import group_pb2 as _group_pb2
from lachesis.v1 import tokens_pb2 as _tokens_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GetServerInfoRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ServerLimits(_message.Message):
    __slots__ = ("max_request_message_bytes", "max_response_message_bytes", "max_chunk_bytes", "max_group_bytes", "max_timeout", "event_history", "max_group_header_bytes")
    MAX_REQUEST_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_RESPONSE_MESSAGE_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_CHUNK_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_GROUP_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_TIMEOUT_FIELD_NUMBER: _ClassVar[int]
    EVENT_HISTORY_FIELD_NUMBER: _ClassVar[int]
    MAX_GROUP_HEADER_BYTES_FIELD_NUMBER: _ClassVar[int]
    max_request_message_bytes: int
    max_response_message_bytes: int
    max_chunk_bytes: int
    max_group_bytes: int
    max_timeout: _duration_pb2.Duration
    event_history: int
    max_group_header_bytes: int
    def __init__(self, max_request_message_bytes: _Optional[int] = ..., max_response_message_bytes: _Optional[int] = ..., max_chunk_bytes: _Optional[int] = ..., max_group_bytes: _Optional[int] = ..., max_timeout: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., event_history: _Optional[int] = ..., max_group_header_bytes: _Optional[int] = ...) -> None: ...

class GetServerInfoResponse(_message.Message):
    __slots__ = ("version", "services", "unimplemented_methods", "features", "limits", "isolation", "codecs", "training_policies", "instance_id")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    UNIMPLEMENTED_METHODS_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    LIMITS_FIELD_NUMBER: _ClassVar[int]
    ISOLATION_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    TRAINING_POLICIES_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    version: str
    services: _containers.RepeatedScalarFieldContainer[str]
    unimplemented_methods: _containers.RepeatedScalarFieldContainer[str]
    features: _containers.RepeatedScalarFieldContainer[str]
    limits: ServerLimits
    isolation: str
    codecs: _containers.RepeatedScalarFieldContainer[_tokens_pb2.Codec]
    training_policies: _containers.RepeatedScalarFieldContainer[_group_pb2.TrainingPolicy]
    instance_id: str
    def __init__(self, version: _Optional[str] = ..., services: _Optional[_Iterable[str]] = ..., unimplemented_methods: _Optional[_Iterable[str]] = ..., features: _Optional[_Iterable[str]] = ..., limits: _Optional[_Union[ServerLimits, _Mapping]] = ..., isolation: _Optional[str] = ..., codecs: _Optional[_Iterable[_Union[_tokens_pb2.Codec, str]]] = ..., training_policies: _Optional[_Iterable[_Union[_group_pb2.TrainingPolicy, str]]] = ..., instance_id: _Optional[str] = ...) -> None: ...
