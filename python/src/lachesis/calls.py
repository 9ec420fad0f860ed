"""The connection of a client, and its ways of calling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

import grpc

from .errors import from_rpc_error
from .reconnect import Reconnect, Reconnector

_MIB = 1_048_576
_CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", 64 * _MIB),
    ("grpc.max_send_message_length", 64 * _MIB),
    # A peer that is gone without a word is noticed within half a minute, also by a call that has
    # waited for long: grpcio by itself sends two pings, and no more until data comes; and of late it
    # waits a minute for the answer, whatever the keepalive's own timeout is.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
    ("grpc.http2.max_pings_without_data", 0),
    # By itself it looks for a server that is away every two minutes at last.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 5_000),
    ("grpc.enable_http_proxy", 0),
]
#: Seconds of one attempt of a call that has no timeout of its own.
ATTEMPT_SECONDS = 60.0


class Calls:
    """A channel with a token, and what is tried again when it breaks."""

    def __init__(
        self,
        address: str,
        token: str | Callable[[], str | None] | None,
        *,
        credentials: grpc.ChannelCredentials | None,
        reconnect: Reconnect | None,
        renew_token: Callable[[], bool | None],
        channel_options: Sequence[tuple[str, Any]],
    ) -> None:
        url = urlsplit(address if "//" in address else f"http://{address}")
        # Of an option that stands twice grpcio takes the first.
        options = list({**dict(_CHANNEL_OPTIONS), **dict(channel_options)}.items())
        if url.scheme == "https":
            secure = credentials or grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(url.netloc, secure, options)
        else:
            self._channel = grpc.insecure_channel(url.netloc, options)
        self.address = address
        self._token = token if callable(token) else lambda: token
        self._reconnector = Reconnector(reconnect, renew_token)

    def close(self) -> None:
        """Ends the connection; calls that run are cancelled."""
        self._reconnector.close()
        self._channel.close()

    def _patient(self, method, request, timeout: float | None):
        """A call that may be made twice."""
        return self._reconnector.call(
            lambda seconds, _: self._unary(method, request, seconds), timeout, each=ATTEMPT_SECONDS
        )

    def _metadata(self, token: str | None = None) -> list[tuple[str, str]]:
        token = token or self._token()
        return [("authorization", f"Bearer {token}")] if token else []

    def _unary(self, method, request, timeout: float | None, metadata=None):
        try:
            return method(request, timeout=timeout, metadata=metadata or self._metadata())
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    def _stream(self, method, request, timeout: float | None, metadata=None):
        call = method(request, timeout=timeout, metadata=metadata or self._metadata())
        try:
            yield from call
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        finally:
            call.cancel()  # A reader that stops early must not leave the server streaming.
