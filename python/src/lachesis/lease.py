"""Keeps the lease of a batch while a trainer works on it."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

import grpc

from .errors import LachesisError

#: After these the lease may still stand; after others it is gone, which shows at the ack.
_PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


class HeldLeases:
    """A thread per batch that is held; it ends when the batch is given back, or dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple, list[threading.Event]] = {}

    def hold(
        self, batch: Any, key: tuple, seconds: float, extend: Callable[[float], object]
    ) -> None:
        """Extends three times in `seconds`, by `extend(timeout)`, for as long as `batch` is there."""
        if seconds <= 0:
            return
        stop = threading.Event()
        with self._lock:
            self._held.setdefault(key, []).append(stop)
        # The thread knows the key and not the batch, which must be free to go.
        weakref.finalize(batch, stop.set).atexit = False
        pause = max(0.1, seconds / 3)
        thread = threading.Thread(
            target=self._keep, args=(key, stop, pause, extend), name="lachesis-lease", daemon=True
        )
        thread.start()

    def release(self, key: tuple) -> None:
        """It was given back."""
        with self._lock:
            stops = self._held.pop(key, [])
        for stop in stops:
            stop.set()

    def close(self) -> None:
        """All of them."""
        for key in list(self._held):
            self.release(key)

    def _keep(
        self, key: tuple, stop: threading.Event, pause: float, extend: Callable[[float], object]
    ) -> None:
        try:
            while not stop.wait(pause):
                try:
                    extend(pause)
                except LachesisError as error:
                    if error.code not in _PASSING:
                        return
                except ValueError:
                    return  # The channel is closed.
        finally:
            with self._lock:
                stops = self._held.get(key, [])
                if stop in stops:
                    stops.remove(stop)
                if not stops:
                    self._held.pop(key, None)
