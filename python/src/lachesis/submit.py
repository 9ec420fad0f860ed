"""Submitting groups over as many connections as it takes."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .group import Group
from .reconnect import StreamCutShort
from .v1 import work_service_pb2 as works


@dataclass
class SubmitSummary:
    """What became of submitted groups."""

    stored: int = 0  #: new ones
    #: Stored before: the same id again. Also one whose answer was lost with its connection.
    duplicates: int = 0
    refusals: list[works.SubmitRefusal] = field(default_factory=list)


class _Connection:
    def __init__(self) -> None:
        self.over = False
        self.acked = 0
        self.duplicates = 0


class Submission:
    """Groups on their way: at most `max_in_flight` are sent and not answered, and kept until they are."""

    def __init__(
        self, run_id: str, groups: Iterable[Group], *, worker_id: str, max_in_flight: int
    ) -> None:
        self.summary = SubmitSummary()
        #: What the caller's own iterable raised.
        self.failure: BaseException | None = None
        self._open = works.SubmitOpen(run_id=run_id, worker_id=worker_id)
        self._source = iter(groups)
        self._exhausted = False
        self._max = max(1, max_in_flight)
        # One connection at a time may ask the caller for a group; it may take long.
        self._asking = threading.Lock()
        self._changed = threading.Condition()
        self._waiting: deque[Group] = deque()
        self._sent: deque[Group] = deque()

    def begin(self) -> _Connection:
        """Another connection: what was not answered on the last is sent again, first."""
        with self._changed:
            refused = {refusal.group_id for refusal in self.summary.refusals}
            again = [group for group in self._sent if group.header.group_id not in refused]
            self._sent.clear()
            self._waiting.extendleft(reversed(again))
        return _Connection()

    def end(self, connection: _Connection) -> None:
        """It is over; who feeds it stops."""
        with self._changed:
            connection.over = True
            self._changed.notify_all()

    def frames(self, connection: _Connection) -> Iterator[works.SubmitGroupsRequest]:
        """What is sent over a connection."""
        yield works.SubmitGroupsRequest(open=self._open)
        while True:
            group = self._next(connection)
            if group is None:
                return
            yield from group.frames()

    def take(self, connection: _Connection, response: works.SubmitGroupsResponse) -> None:
        """An answer came."""
        if response.WhichOneof("answer") == "refusal":
            self.summary.refusals.append(response.refusal)
            return
        ack = response.ack
        with self._changed:
            for _ in range(ack.groups - connection.acked):
                group = self._sent.popleft()
                refused = self.summary.refusals
                if not any(one.group_id == group.header.group_id for one in refused[-1:]):
                    self.summary.stored += 1
            duplicates = ack.duplicates - connection.duplicates
            self.summary.duplicates += duplicates
            self.summary.stored -= duplicates
            connection.acked, connection.duplicates = ack.groups, ack.duplicates
            self._changed.notify_all()

    def assert_whole(self) -> None:
        """Raises when the stream ended before all was answered."""
        if self.failure is not None:
            raise self.failure
        with self._changed:
            if not self._exhausted or self._sent or self._waiting:
                raise StreamCutShort("the server ended the submit stream before its answers came")

    def _next(self, connection: _Connection) -> Group | None:
        with self._changed:
            while len(self._sent) >= self._max and not connection.over:
                self._changed.wait()
        with self._asking:
            if connection.over:
                return None
            group = self._waiting.popleft() if self._waiting else self._ask()
            if group is None:
                return None
            with self._changed:
                if connection.over:
                    # It came too late for this connection, and is the next one's.
                    self._waiting.appendleft(group)
                    return None
                self._sent.append(group)
        return group

    def _ask(self) -> Group | None:
        if self._exhausted:
            return None
        try:
            return next(self._source)
        except StopIteration:
            self._exhausted = True
            return None
        except BaseException as error:
            self.failure = error
            raise
