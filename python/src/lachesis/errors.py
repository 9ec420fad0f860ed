"""The one error that calls raise, with the typed detail that a server sends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from .v1.error_pb2 import ErrorDetail

_DETAILS_KEY = "grpc-status-details-bin"
_DETAIL_TYPE = "lachesis.v1.ErrorDetail"


class LachesisError(Exception):
    """A failed call. Branch on `code` and `reason`; the message already holds the remedy."""

    def __init__(
        self, code: grpc.StatusCode, message: str, detail: ErrorDetail | None = None
    ) -> None:
        self.code = code
        self.message = message
        self.detail = detail or ErrorDetail()
        remedy = self.detail.remedy
        text = message if not remedy or remedy in message else f"{message} {remedy}"
        super().__init__(f"{code.name}: {text}")

    @property
    def reason(self) -> str:
        """Stable, upper snake case: `TOKEN_COLUMN_LENGTH`; empty when the server gave none."""
        return self.detail.reason

    @property
    def field(self) -> str:
        """Path of the offending field; empty for none."""
        return self.detail.field

    @property
    def metadata(self) -> dict[str, str]:
        """Small facts, such as the oldest sequence still held."""
        return dict(self.detail.metadata)

    @property
    def retry_after_seconds(self) -> float | None:
        """How long to wait before trying again; None when that is no use."""
        if not self.detail.HasField("retry_after"):
            return None
        return self.detail.retry_after.ToTimedelta().total_seconds()


def from_rpc_error(error: grpc.RpcError) -> LachesisError:
    """The same error with its typed detail, if it came with one."""
    code = error.code() if hasattr(error, "code") else grpc.StatusCode.UNKNOWN
    text = error.details() if hasattr(error, "details") else str(error)
    trailers: Any = error.trailing_metadata() if hasattr(error, "trailing_metadata") else None
    detail = None
    for key, value in trailers or ():
        if key == _DETAILS_KEY:
            detail = _read_detail(value)
    return LachesisError(code or grpc.StatusCode.UNKNOWN, text or "", detail)


def _read_detail(status: bytes) -> ErrorDetail | None:
    """Our detail out of a `google.rpc.Status` (3: repeated Any{1: type URL, 2: value}).

    Read by hand: the package that declares that message need not be installed.
    """
    try:
        for number, value in _fields(status):
            if number != 3 or not isinstance(value, bytes):
                continue
            any_fields = dict(_fields(value))
            url = any_fields.get(1, b"")
            if isinstance(url, bytes) and url.decode().rpartition("/")[2] == _DETAIL_TYPE:
                return ErrorDetail.FromString(any_fields.get(2, b""))
    except (IndexError, ValueError, DecodeError):
        pass  # An unreadable detail must not hide the error itself.
    return None


def _fields(data: bytes) -> Iterator[tuple[int, Any]]:
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        kind = tag & 7
        if kind == 0:
            value, position = _varint(data, position)
            yield tag >> 3, value
        elif kind == 2:
            size, position = _varint(data, position)
            yield tag >> 3, data[position : position + size]
            position += size
        else:
            position += {1: 8, 5: 4}[kind] if kind in (1, 5) else len(data)


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
