import grpc
from google.protobuf.any_pb2 import Any

from lachesis.errors import from_rpc_error
from lachesis.v1.error_pb2 import ErrorDetail


class Failed(grpc.RpcError):
    def __init__(self, trailers=()):
        self._trailers = trailers

    def code(self):
        return grpc.StatusCode.OUT_OF_RANGE

    def details(self):
        return "too old."

    def trailing_metadata(self):
        return self._trailers


def status(detail):
    """A google.rpc.Status by hand: code 11, message, one detail."""
    packed = Any()
    packed.Pack(detail)
    data = packed.SerializeToString()
    return b"\x08\x0b\x12\x04text\x1a" + bytes([len(data)]) + data


def test_the_typed_detail_is_read():
    detail = ErrorDetail(reason="CURSOR", remedy="Start over.", metadata={"oldest_sequence": "9"})
    detail.retry_after.FromMilliseconds(1500)
    error = from_rpc_error(Failed([("grpc-status-details-bin", status(detail))]))
    assert (error.code, error.reason) == (grpc.StatusCode.OUT_OF_RANGE, "CURSOR")
    assert error.metadata == {"oldest_sequence": "9"} and error.retry_after_seconds == 1.5
    assert str(error) == "OUT_OF_RANGE: too old. Start over."


def test_an_error_without_a_detail_is_still_an_error():
    error = from_rpc_error(Failed())
    assert (error.reason, error.retry_after_seconds) == ("", None)


def test_an_unreadable_detail_does_not_hide_the_error():
    for data in (b"\x1a\xff", b"\x1a\x02\x0a\x40", b"\xff" * 20):
        assert from_rpc_error(Failed([("grpc-status-details-bin", data)])).reason == ""
