"""The synchronous client of a Lachesis server."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import grpc

from .batch_calls import BatchCalls
from .errors import LachesisError
from .group import Group
from .reconnect import Reconnect
from .row import Row
from .sandbox import SandboxCalls
from .submit import Submission, SubmitSummary
from .v1 import content_pb2 as content
from .v1 import environment_service_pb2 as environments
from .v1 import policy_service_pb2 as policies
from .v1 import rollout_pb2 as rollouts
from .v1 import run_service_pb2 as runs
from .v1 import server_service_pb2 as servers
from .v1 import task_pb2 as tasks
from .v1 import work_service_pb2 as works
from .v1.environment_service_pb2_grpc import EnvironmentServiceStub
from .v1.policy_service_pb2_grpc import PolicyServiceStub
from .v1.run_service_pb2_grpc import RunServiceStub
from .v1.server_service_pb2_grpc import ServerServiceStub
from .v1.work_service_pb2_grpc import WorkServiceStub


class Client(BatchCalls, SandboxCalls):
    """Calls to one server; use it as a context manager, or `close` it.

    Every call takes a `timeout` in seconds and raises LachesisError when it fails. Calls that may be
    made twice go on by themselves when the server restarts or the connection breaks, for as long as
    their timeout allows (None: without an end): opening a run, registering, batches, acks, commits,
    rewinds, policy versions, submits and watches. `reconnect=None` has them fail at once instead.

    `token` may be a function: it is asked at each call, and by `renew_token`, if given, whether there is
    another now. `agent_token` is the one for sandboxes, where it is not `token` itself. `channel_options` are
    grpcio's, on top of the client's own.
    """

    def __init__(
        self,
        address: str,
        token: str | Callable[[], str | None] | None = None,
        *,
        credentials: grpc.ChannelCredentials | None = None,
        reconnect: Reconnect | None = Reconnect(),
        renew_token: Callable[[], bool | None] = lambda: None,
        agent_token: str | Callable[[], str | None] | None = None,
        channel_options: Sequence[tuple[str, Any]] = (),
    ) -> None:
        super().__init__(
            address,
            token,
            credentials=credentials,
            reconnect=reconnect,
            renew_token=renew_token,
            agent_token=agent_token,
            channel_options=channel_options,
        )
        self._server = ServerServiceStub(self._channel)
        self._environments = EnvironmentServiceStub(self._channel)
        self._runs = RunServiceStub(self._channel)
        self._work = WorkServiceStub(self._channel)
        self._policy = PolicyServiceStub(self._channel)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def server_info(self, *, timeout: float = 60) -> servers.GetServerInfoResponse:
        """What the server is, was built with, and its limits."""
        return self._unary(self._server.GetServerInfo, servers.GetServerInfoRequest(), timeout)

    # Runs

    def open_run(
        self,
        run_id: str,
        settings: runs.RunSettings | None = None,
        *,
        initial_policy_version: int = 0,
        timeout: float | None = None,
        **fields: Any,
    ) -> runs.Run:
        """Opens a run, or takes over one with the same settings.

        Settings come whole or by field: `open_run("a", batch_rows=32, max_staleness=2)`.
        """
        request = runs.OpenRunRequest(
            run_id=run_id,
            settings=settings or runs.RunSettings(**fields),
            initial_policy_version=initial_policy_version,
        )
        return self._patient(self._runs.OpenRun, request, timeout).run

    def run_status(self, run_id: str, *, timeout: float = 60) -> runs.RunStatus:
        """Figures of a run."""
        request = runs.GetRunStatusRequest(run_id=run_id)
        return self._unary(self._runs.GetRunStatus, request, timeout).status

    def close_run(self, run_id: str, *, timeout: float = 60) -> runs.Run:
        """Closes a run: no more submits, leases or batches."""
        return self._unary(self._runs.CloseRun, runs.CloseRunRequest(run_id=run_id), timeout).run

    # Work

    def submit_groups(
        self,
        run_id: str,
        groups: Iterable[Group],
        *,
        worker_id: str = "",
        max_in_flight: int = 8,
        timeout: float | None = None,
    ) -> SubmitSummary:
        """Submits groups and waits until each was stored or refused.

        What was not answered when a connection broke, at most `max_in_flight` groups, is sent once more;
        a group that was stored before is known by its id.
        """
        submission = Submission(run_id, groups, worker_id=worker_id, max_in_flight=max_in_flight)

        def attempt(seconds: float | None, _: int) -> SubmitSummary:
            connection = submission.begin()
            try:
                frames = submission.frames(connection)
                for response in self._stream(self._work.SubmitGroups, frames, seconds):
                    self._reconnector.alive()
                    submission.take(connection, response)
            except LachesisError:
                if submission.failure is not None:
                    raise submission.failure from None
                raise
            finally:
                submission.end(connection)
            submission.assert_whole()
            return submission.summary

        return self._reconnector.call(attempt, timeout)

    # Rollouts

    def watch_rollouts(
        self,
        *,
        after_sequence: int = 0,
        group_ids: Sequence[str] = (),
        rollout_ids: Sequence[str] = (),
        run_id: str = "",
        until_finished: bool = False,
        timeout: float | None = None,
    ) -> Iterator[rollouts.RolloutEvent]:
        """Events from after a cursor on, without heartbeats. Leaving the loop cancels the call.

        `run_id` is the run of the groups and rollouts; it is needed where several runs have an id.
        Goes on by itself when the connection breaks. To resume later, pass the `sequence` of the last
        event seen.
        """

        def open_(after: int) -> Iterator[environments.WatchRolloutsResponse]:
            request = environments.WatchRolloutsRequest(
                after_sequence=after,
                group_ids=group_ids,
                rollout_ids=rollout_ids,
                run_id=run_id,
                until_finished=until_finished,
            )
            return self._stream(self._environments.WatchRollouts, request, timeout)

        cursor = after_sequence

        def cursor_of(response: environments.WatchRolloutsResponse) -> int:
            nonlocal cursor
            cursor = response.event.sequence or cursor  # A heartbeat has none of its own.
            return cursor

        for response in self._reconnector.stream(open_, cursor_of, cursor, timeout):
            if response.event.WhichOneof("event") != "heartbeat":
                yield response.event

    # Evaluation

    def evaluate(
        self,
        environment: str,
        *,
        split: str | None = None,
        max_tasks: int | None = None,
        attempts: int | None = None,
        sampling: content.SamplingParameters | Mapping[str, Any] | None = None,
        limits: tasks.RolloutLimits | Mapping[str, Any] | None = None,
        concurrency: int = 0,
        solved_at: float | None = None,
        timeout: float | None = None,
    ) -> Iterator[environments.EvaluationSample | environments.EvaluationSummary]:
        """Each sample as its rollout ends, and the summary last. Leaving the loop cancels the rest.

        What is left out is as the environment says of its evaluations: else all tasks (`split=""`,
        `max_tasks=0`), one attempt, solved at a reward of 1. A sample that was not scored has no `reward`
        (`sample.HasField("reward")`), and an `error`.
        """
        request = environments.EvaluateRequest(
            environment=environment,
            split=split,
            max_tasks=max_tasks,
            attempts=attempts or 0,
            sampling=sampling,
            limits=limits,
            concurrency=concurrency,
            solved_at=solved_at,
        )
        for response in self._stream(self._environments.Evaluate, request, timeout):
            step = response.WhichOneof("step")
            if step in ("sample", "summary"):
                yield getattr(response, step)

    # Policy

    def train_step(
        self,
        step_id: str,
        rows: Iterable[tuple[Row, float]],
        *,
        loss: str = "grpo",
        loss_settings: Mapping[str, float] | None = None,
        learning_rate: float,
        expected_version: int | None = None,
        temperature: float | None = None,
        timeout: float | None = None,
    ) -> policies.TrainStepResponse:
        """One optimiser step of a policy that does its own backprop, on rows with advantages."""

        def frames() -> Iterator[policies.TrainStepRequest]:
            yield policies.TrainStepRequest(
                open=policies.TrainStepOpen(
                    step_id=step_id,
                    loss=loss,
                    loss_settings=loss_settings,
                    learning_rate=learning_rate,
                    expected_version=expected_version,
                    temperature=temperature,
                )
            )
            for row, advantage in rows:
                training_row = policies.TrainingRow(row=row.message, advantage=advantage)
                yield policies.TrainStepRequest(row=training_row)

        return self._unary(self._policy.TrainStep, frames(), timeout)
