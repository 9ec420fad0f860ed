"""How a client finds its server."""

from __future__ import annotations

from urllib.parse import urlsplit

import grpc

from .client import Client
from .local import LocalServer, find_local_servers


def connect(
    address: str | None = None,
    token: str | None = None,
    *,
    scope: str = "operator",
    credentials: grpc.ChannelCredentials | None = None,
) -> Client:
    """Connects to a server.

    Without an address: the newest server that this user runs on this machine. Without a token:
    the one that the server of that address left for `scope` (`operator`, `trainer` or `worker`).
    An `https://` address uses TLS, by `credentials` when given. Raises LookupError when there is
    no server to be found.
    """
    if address is None or token is None:
        server = _find(address)
        if server is not None:
            address, token = address or server.address, token or server.tokens[scope]
    if address is None:
        raise LookupError(
            "no Lachesis server of yours runs on this machine: start one with "
            "`npx lachesis serve`, or pass its address"
        )
    return Client(address, token, credentials=credentials)


def _find(address: str | None) -> LocalServer | None:
    """A token is given only to the very address that its server wrote."""
    for server in find_local_servers():
        if address is None or _origin(server.address) == _origin(address):
            return server
    return None


def _origin(address: str) -> tuple[str, str | None, int | None]:
    url = urlsplit(address if "//" in address else f"http://{address}")
    host = "127.0.0.1" if url.hostname == "localhost" else url.hostname
    return url.scheme, host, url.port
