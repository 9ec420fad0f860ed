"""How a client finds its server."""

from __future__ import annotations

from urllib.parse import urlsplit

import grpc

from .client import Client
from .local import LocalServer, find_local_servers
from .reconnect import Reconnect


def connect(
    address: str | None = None,
    token: str | None = None,
    *,
    scope: str = "operator",
    credentials: grpc.ChannelCredentials | None = None,
    reconnect: Reconnect | None = Reconnect(),
) -> Client:
    """Connects to a server.

    Without an address: the newest server that this user runs on this machine. Without a token:
    the one that the server of that address left for `scope` (`operator`, `trainer`, `worker` or
    `agent`), and for sandboxes the agent's.
    An `https://` address uses TLS, by `credentials` when given. Raises LookupError when there is
    no server to be found. `reconnect` says how it goes on when the server restarts (see `Client`).
    """
    server = _find(address) if address is None or token is None else None
    if server is not None:
        address = address or server.address
    if address is None:
        raise LookupError(
            "no Lachesis server of yours runs on this machine: start one with "
            "`npx lachesis serve`, or pass its address"
        )
    if token is not None:
        return Client(address, token, credentials=credentials, reconnect=reconnect)
    local = _LocalToken(address, scope, server)
    agent = _LocalToken(address, "agent", server)
    return Client(
        address,
        local.get,
        credentials=credentials,
        reconnect=reconnect,
        renew_token=lambda: any([local.renew(), agent.renew()]),
        agent_token=agent.get,
    )


class _LocalToken:
    """What the server of an address left for its user; a server that restarts leaves another."""

    def __init__(self, address: str, scope: str, server: LocalServer | None) -> None:
        self._address = address
        self._scope = scope
        self._token = server.tokens.get(scope) if server is not None else None

    def get(self) -> str | None:
        return self._token

    def renew(self) -> bool:
        """Whether there is another now; a server that is away leaves the old one."""
        server = _find(self._address)
        token = server.tokens.get(self._scope) if server is not None else None
        if token is None or token == self._token:
            return False
        self._token = token
        return True


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
