from google.protobuf import duration_pb2 as _duration_pb2
from lachesis.v1 import group_pb2 as _group_pb2
from lachesis.v1 import tokens_pb2 as _tokens_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ConsumerMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONSUMER_MODE_UNSPECIFIED: _ClassVar[ConsumerMode]
    CONSUMER_MODE_COMPETE: _ClassVar[ConsumerMode]
    CONSUMER_MODE_FAN_OUT: _ClassVar[ConsumerMode]

class HoldsBack(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    HOLDS_BACK_UNSPECIFIED: _ClassVar[HoldsBack]
    HOLDS_BACK_ACK: _ClassVar[HoldsBack]
    HOLDS_BACK_COMMIT: _ClassVar[HoldsBack]
CONSUMER_MODE_UNSPECIFIED: ConsumerMode
CONSUMER_MODE_COMPETE: ConsumerMode
CONSUMER_MODE_FAN_OUT: ConsumerMode
HOLDS_BACK_UNSPECIFIED: HoldsBack
HOLDS_BACK_ACK: HoldsBack
HOLDS_BACK_COMMIT: HoldsBack

class RegisterConsumerRequest(_message.Message):
    __slots__ = ("run_id", "consumer_id", "rank", "world_size", "mode", "codecs", "rejoin")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ID_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    WORLD_SIZE_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    CODECS_FIELD_NUMBER: _ClassVar[int]
    REJOIN_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    consumer_id: str
    rank: int
    world_size: int
    mode: ConsumerMode
    codecs: _containers.RepeatedScalarFieldContainer[_tokens_pb2.Codec]
    rejoin: bool
    def __init__(self, run_id: _Optional[str] = ..., consumer_id: _Optional[str] = ..., rank: _Optional[int] = ..., world_size: _Optional[int] = ..., mode: _Optional[_Union[ConsumerMode, str]] = ..., codecs: _Optional[_Iterable[_Union[_tokens_pb2.Codec, str]]] = ..., rejoin: bool = ...) -> None: ...

class RegisterConsumerResponse(_message.Message):
    __slots__ = ("lease_duration", "step", "policy_version", "consumer_step", "committed_step")
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_STEP_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_STEP_FIELD_NUMBER: _ClassVar[int]
    lease_duration: _duration_pb2.Duration
    step: int
    policy_version: int
    consumer_step: int
    committed_step: int
    def __init__(self, lease_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., step: _Optional[int] = ..., policy_version: _Optional[int] = ..., consumer_step: _Optional[int] = ..., committed_step: _Optional[int] = ...) -> None: ...

class UnregisterConsumerRequest(_message.Message):
    __slots__ = ("run_id", "consumer_id")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    consumer_id: str
    def __init__(self, run_id: _Optional[str] = ..., consumer_id: _Optional[str] = ...) -> None: ...

class UnregisterConsumerResponse(_message.Message):
    __slots__ = ("existed", "released_batches")
    EXISTED_FIELD_NUMBER: _ClassVar[int]
    RELEASED_BATCHES_FIELD_NUMBER: _ClassVar[int]
    existed: bool
    released_batches: int
    def __init__(self, existed: bool = ..., released_batches: _Optional[int] = ...) -> None: ...

class ConsumerStanding(_message.Message):
    __slots__ = ("consumer_id", "mode", "world_size", "step", "next_step", "committed_step", "open_batches", "kept_batches", "holds_back", "oldest", "last_seen")
    CONSUMER_ID_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    WORLD_SIZE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    NEXT_STEP_FIELD_NUMBER: _ClassVar[int]
    COMMITTED_STEP_FIELD_NUMBER: _ClassVar[int]
    OPEN_BATCHES_FIELD_NUMBER: _ClassVar[int]
    KEPT_BATCHES_FIELD_NUMBER: _ClassVar[int]
    HOLDS_BACK_FIELD_NUMBER: _ClassVar[int]
    OLDEST_FIELD_NUMBER: _ClassVar[int]
    LAST_SEEN_FIELD_NUMBER: _ClassVar[int]
    consumer_id: str
    mode: ConsumerMode
    world_size: int
    step: int
    next_step: int
    committed_step: int
    open_batches: int
    kept_batches: int
    holds_back: HoldsBack
    oldest: _duration_pb2.Duration
    last_seen: _duration_pb2.Duration
    def __init__(self, consumer_id: _Optional[str] = ..., mode: _Optional[_Union[ConsumerMode, str]] = ..., world_size: _Optional[int] = ..., step: _Optional[int] = ..., next_step: _Optional[int] = ..., committed_step: _Optional[int] = ..., open_batches: _Optional[int] = ..., kept_batches: _Optional[int] = ..., holds_back: _Optional[_Union[HoldsBack, str]] = ..., oldest: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., last_seen: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class NextBatchRequest(_message.Message):
    __slots__ = ("run_id", "consumer_id", "rank", "wait", "include_rollouts", "split_manifest")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ID_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    WAIT_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_ROLLOUTS_FIELD_NUMBER: _ClassVar[int]
    SPLIT_MANIFEST_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    consumer_id: str
    rank: int
    wait: _duration_pb2.Duration
    include_rollouts: bool
    split_manifest: bool
    def __init__(self, run_id: _Optional[str] = ..., consumer_id: _Optional[str] = ..., rank: _Optional[int] = ..., wait: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., include_rollouts: bool = ..., split_manifest: bool = ...) -> None: ...

class NextBatchResponse(_message.Message):
    __slots__ = ("manifest", "chunk", "end", "none", "manifest_rest")
    MANIFEST_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    END_FIELD_NUMBER: _ClassVar[int]
    NONE_FIELD_NUMBER: _ClassVar[int]
    MANIFEST_REST_FIELD_NUMBER: _ClassVar[int]
    manifest: BatchManifest
    chunk: BatchChunk
    end: BatchEnd
    none: NoBatch
    manifest_rest: ManifestRest
    def __init__(self, manifest: _Optional[_Union[BatchManifest, _Mapping]] = ..., chunk: _Optional[_Union[BatchChunk, _Mapping]] = ..., end: _Optional[_Union[BatchEnd, _Mapping]] = ..., none: _Optional[_Union[NoBatch, _Mapping]] = ..., manifest_rest: _Optional[_Union[ManifestRest, _Mapping]] = ...) -> None: ...

class BatchManifest(_message.Message):
    __slots__ = ("batch_id", "step", "policy_version", "groups", "rows", "delivery", "lease_duration", "digest")
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    DIGEST_FIELD_NUMBER: _ClassVar[int]
    batch_id: str
    step: int
    policy_version: int
    groups: _containers.RepeatedCompositeFieldContainer[_group_pb2.GroupHeader]
    rows: _containers.RepeatedCompositeFieldContainer[BatchRow]
    delivery: int
    lease_duration: _duration_pb2.Duration
    digest: bytes
    def __init__(self, batch_id: _Optional[str] = ..., step: _Optional[int] = ..., policy_version: _Optional[int] = ..., groups: _Optional[_Iterable[_Union[_group_pb2.GroupHeader, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[BatchRow, _Mapping]]] = ..., delivery: _Optional[int] = ..., lease_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ..., digest: _Optional[bytes] = ...) -> None: ...

class ManifestRest(_message.Message):
    __slots__ = ("groups", "rows")
    GROUPS_FIELD_NUMBER: _ClassVar[int]
    ROWS_FIELD_NUMBER: _ClassVar[int]
    groups: _containers.RepeatedCompositeFieldContainer[_group_pb2.GroupHeader]
    rows: _containers.RepeatedCompositeFieldContainer[BatchRow]
    def __init__(self, groups: _Optional[_Iterable[_Union[_group_pb2.GroupHeader, _Mapping]]] = ..., rows: _Optional[_Iterable[_Union[BatchRow, _Mapping]]] = ...) -> None: ...

class BatchRow(_message.Message):
    __slots__ = ("group_index", "part_index", "rank")
    GROUP_INDEX_FIELD_NUMBER: _ClassVar[int]
    PART_INDEX_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    group_index: int
    part_index: int
    rank: int
    def __init__(self, group_index: _Optional[int] = ..., part_index: _Optional[int] = ..., rank: _Optional[int] = ...) -> None: ...

class BatchChunk(_message.Message):
    __slots__ = ("group_index", "chunk")
    GROUP_INDEX_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    group_index: int
    chunk: _group_pb2.GroupChunk
    def __init__(self, group_index: _Optional[int] = ..., chunk: _Optional[_Union[_group_pb2.GroupChunk, _Mapping]] = ...) -> None: ...

class BatchEnd(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class NoBatch(_message.Message):
    __slots__ = ("waiting", "needed", "closed", "held_back_by")
    WAITING_FIELD_NUMBER: _ClassVar[int]
    NEEDED_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    HELD_BACK_BY_FIELD_NUMBER: _ClassVar[int]
    waiting: int
    needed: int
    closed: bool
    held_back_by: _containers.RepeatedCompositeFieldContainer[ConsumerStanding]
    def __init__(self, waiting: _Optional[int] = ..., needed: _Optional[int] = ..., closed: bool = ..., held_back_by: _Optional[_Iterable[_Union[ConsumerStanding, _Mapping]]] = ...) -> None: ...

class ExtendBatchRequest(_message.Message):
    __slots__ = ("run_id", "consumer_id", "batch_id", "rank", "delivery")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    consumer_id: str
    batch_id: str
    rank: int
    delivery: int
    def __init__(self, run_id: _Optional[str] = ..., consumer_id: _Optional[str] = ..., batch_id: _Optional[str] = ..., rank: _Optional[int] = ..., delivery: _Optional[int] = ...) -> None: ...

class ExtendBatchResponse(_message.Message):
    __slots__ = ("lease_duration",)
    LEASE_DURATION_FIELD_NUMBER: _ClassVar[int]
    lease_duration: _duration_pb2.Duration
    def __init__(self, lease_duration: _Optional[_Union[_duration_pb2.Duration, _Mapping]] = ...) -> None: ...

class AckBatchRequest(_message.Message):
    __slots__ = ("run_id", "consumer_id", "batch_id", "rank", "delivery")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    consumer_id: str
    batch_id: str
    rank: int
    delivery: int
    def __init__(self, run_id: _Optional[str] = ..., consumer_id: _Optional[str] = ..., batch_id: _Optional[str] = ..., rank: _Optional[int] = ..., delivery: _Optional[int] = ...) -> None: ...

class AckBatchResponse(_message.Message):
    __slots__ = ("complete", "step")
    COMPLETE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    complete: bool
    step: int
    def __init__(self, complete: bool = ..., step: _Optional[int] = ...) -> None: ...

class NackBatchRequest(_message.Message):
    __slots__ = ("run_id", "consumer_id", "batch_id", "rank", "reason", "delivery")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ID_FIELD_NUMBER: _ClassVar[int]
    BATCH_ID_FIELD_NUMBER: _ClassVar[int]
    RANK_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DELIVERY_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    consumer_id: str
    batch_id: str
    rank: int
    reason: str
    delivery: int
    def __init__(self, run_id: _Optional[str] = ..., consumer_id: _Optional[str] = ..., batch_id: _Optional[str] = ..., rank: _Optional[int] = ..., reason: _Optional[str] = ..., delivery: _Optional[int] = ...) -> None: ...

class NackBatchResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class CommitStepRequest(_message.Message):
    __slots__ = ("run_id", "consumer_id", "step")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    consumer_id: str
    step: int
    def __init__(self, run_id: _Optional[str] = ..., consumer_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class CommitStepResponse(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class RewindToStepRequest(_message.Message):
    __slots__ = ("run_id", "consumer_id", "step")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    CONSUMER_ID_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    consumer_id: str
    step: int
    def __init__(self, run_id: _Optional[str] = ..., consumer_id: _Optional[str] = ..., step: _Optional[int] = ...) -> None: ...

class RewindToStepResponse(_message.Message):
    __slots__ = ("batches",)
    BATCHES_FIELD_NUMBER: _ClassVar[int]
    batches: int
    def __init__(self, batches: _Optional[int] = ...) -> None: ...

class PublishPolicyVersionRequest(_message.Message):
    __slots__ = ("run_id", "policy_version")
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    policy_version: int
    def __init__(self, run_id: _Optional[str] = ..., policy_version: _Optional[int] = ...) -> None: ...

class PublishPolicyVersionResponse(_message.Message):
    __slots__ = ("policy_version",)
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    policy_version: int
    def __init__(self, policy_version: _Optional[int] = ...) -> None: ...

class WatchPolicyVersionRequest(_message.Message):
    __slots__ = ("run_id",)
    RUN_ID_FIELD_NUMBER: _ClassVar[int]
    run_id: str
    def __init__(self, run_id: _Optional[str] = ...) -> None: ...

class WatchPolicyVersionResponse(_message.Message):
    __slots__ = ("policy_version",)
    POLICY_VERSION_FIELD_NUMBER: _ClassVar[int]
    policy_version: int
    def __init__(self, policy_version: _Optional[int] = ...) -> None: ...
