"""What a client does while its server is away: it tries again what may be done twice."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc

from .errors import LachesisError

_T = TypeVar("_T")
_LOG = logging.getLogger("lachesis")
#: How long a server that has just started may take to write its new token.
_TOKEN_GRACE_SECONDS = 5.0


class StreamCutShort(ValueError):
    """A stream that ended without an error, and without all that it was to bring."""


def _log_change(lost: Exception | None, away: float) -> None:
    if lost is None:
        _LOG.warning("the server is back after %.1f s", away)
    else:
        _LOG.warning("the server is away, and is asked again until it is back: %s", lost)


@dataclass(frozen=True)
class Reconnect:
    """How a client goes on after its server restarted or its connection broke."""

    initial: float = 0.1  #: seconds before the second attempt, at most; each later pause is twice as long
    longest: float = 5.0  #: seconds of the longest pause
    #: Told once when the server is away, with the error, and once when it is back, with None and the
    #: seconds that it was away.
    on_change: Callable[[Exception | None, float], None] = _log_change


def is_connection_lost(error: Exception) -> bool:
    """Whether an answer did not come because of the connection; a refusal is none of that."""
    if isinstance(error, StreamCutShort):
        return True
    return (
        isinstance(error, LachesisError)
        and error.code is grpc.StatusCode.UNAVAILABLE
        and not error.reason
    )


class Reconnector:
    """Tries again for as long as a call's timeout allows; never what the server refused."""

    def __init__(
        self, options: Reconnect | None, renew_token: Callable[[], bool | None] = lambda: None
    ) -> None:
        self._options = options
        self._renew_token = renew_token
        self._closed = threading.Event()
        self._lock = threading.Lock()
        self._away_since: float | None = None
        self._told = False

    def close(self) -> None:
        """No attempt follows another any more."""
        self._closed.set()

    def call(
        self,
        attempt: Callable[[float | None, int], _T],
        timeout: float | None,
        *,
        each: float | None = None,
    ) -> _T:
        """Calls `attempt(seconds left, number from 0)`; `each` bounds one attempt of an endless call."""
        deadline = None if timeout is None else time.monotonic() + timeout
        failed = number = 0
        lost: Exception | None = None
        while True:
            begun = time.monotonic()
            left = each if deadline is None else max(0.001, deadline - begun)
            try:
                value = attempt(left, number)
            except (LachesisError, StreamCutShort) as error:
                if lost is not None and _is_deadline(error):
                    raise _timed_out(lost) from lost
                if not self._may_pass(error):
                    raise
                lost = error
                # One that lasted for a while had a connection: this is a first failure again.
                long = time.monotonic() - begun > self._options.longest
                failed, number = 1 if long else failed + 1, number + 1
                pause = self._pause(failed)
                if deadline is not None and time.monotonic() + pause >= deadline:
                    raise _timed_out(error) from error
                if self._closed.wait(pause):
                    raise
            else:
                self.alive()
                return value

    def stream(
        self,
        open_: Callable[[Any], Iterator[_T]],
        cursor_of: Callable[[_T], Any],
        after: Any = None,
        timeout: float | None = None,
    ) -> Iterator[_T]:
        """Values of a stream that is opened again after the last cursor when it breaks."""
        deadline = None if timeout is None else time.monotonic() + timeout
        failed = 0
        while True:
            try:
                for value in open_(after):
                    failed = 0
                    self.alive()
                    after = cursor_of(value)
                    yield value
                return
            except LachesisError as error:
                if not self._may_pass(error):
                    raise
                failed += 1
                pause = self._pause(failed)
                if deadline is not None and time.monotonic() + pause >= deadline:
                    raise _timed_out(error) from error
                if self._closed.wait(pause):
                    raise

    def alive(self) -> None:
        """Something came: the server is there."""
        with self._lock:
            since, told = self._away_since, self._told
            self._away_since, self._told = None, False
        if since is not None and told and self._options is not None:
            self._options.on_change(None, time.monotonic() - since)

    def _may_pass(self, error: Exception) -> bool:
        if self._options is None or self._closed.is_set():
            return False
        # A wrong token is no lost connection; a server that restarted has another, which is at hand.
        unauthenticated = (
            isinstance(error, LachesisError) and error.code is grpc.StatusCode.UNAUTHENTICATED
        )
        if not unauthenticated and not is_connection_lost(error):
            return False
        with self._lock:
            if self._away_since is None:
                self._away_since = time.monotonic()
            since = self._away_since
            tell = not unauthenticated and not self._told
            self._told = self._told or tell
        if tell:
            self._options.on_change(error, 0.0)
        if not unauthenticated:
            return True
        renewed = self._renew_token()
        if renewed is None:
            return False
        return renewed or time.monotonic() - since < _TOKEN_GRACE_SECONDS

    def _pause(self, failed: int) -> float:
        assert self._options is not None
        bound = min(self._options.longest, self._options.initial * 2.0 ** min(failed - 1, 30))
        return bound * (0.5 + random.random() / 2)


def _is_deadline(error: Exception) -> bool:
    return (
        isinstance(error, LachesisError) and error.code is grpc.StatusCode.DEADLINE_EXCEEDED
    )


def _timed_out(error: Exception) -> LachesisError:
    text = f"the deadline passed while the server was away: {error}"
    return LachesisError(grpc.StatusCode.DEADLINE_EXCEEDED, text)
