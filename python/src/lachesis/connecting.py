"""How a client finds its server."""

from __future__ import annotations

import grpc

from .client import Client
from .local import find_local_servers


def connect(
    address: str | None = None,
    token: str | None = None,
    *,
    scope: str = "operator",
    credentials: grpc.ChannelCredentials | None = None,
) -> Client:
    """Connects to a server.

    Without an address: the newest server that this user runs on this machine. Without a token:
    the one that such a server left for `scope` (`operator`, `trainer` or `worker`). An
    `https://` address uses TLS, by `credentials` when given. Raises LookupError when there is no
    server to be found.
    """
    if address is None or token is None:
        for server in find_local_servers():
            if address is None or server.address == address:
                address, token = server.address, token or server.tokens[scope]
                break
    if address is None:
        raise LookupError(
            "no Lachesis server of yours runs on this machine: start one with `npx lachesis serve`, "
            "or pass its address"
        )
    return Client(address, token, credentials=credentials)
