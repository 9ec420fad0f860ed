"""The synchronous client of a Lachesis server."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import grpc

from . import codec
from .batch import Batch, NoBatch, read_batch
from .errors import from_rpc_error
from .group import Group
from .row import Row
from .v1 import batch_service_pb2 as batches
from .v1 import content_pb2 as content
from .v1 import environment_service_pb2 as environments
from .v1 import policy_service_pb2 as policies
from .v1 import rollout_pb2 as rollouts
from .v1 import run_service_pb2 as runs
from .v1 import server_service_pb2 as servers
from .v1 import task_pb2 as tasks
from .v1 import work_service_pb2 as works
from .v1.batch_service_pb2_grpc import BatchServiceStub
from .v1.environment_service_pb2_grpc import EnvironmentServiceStub
from .v1.policy_service_pb2_grpc import PolicyServiceStub
from .v1.run_service_pb2_grpc import RunServiceStub
from .v1.server_service_pb2_grpc import ServerServiceStub
from .v1.work_service_pb2_grpc import WorkServiceStub

_MIB = 1_048_576
_CHANNEL_OPTIONS = [
    ("grpc.max_receive_message_length", 64 * _MIB),
    ("grpc.max_send_message_length", 64 * _MIB),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.enable_http_proxy", 0),
]


@dataclass
class SubmitSummary:
    """What became of submitted groups."""

    stored: int = 0  #: new ones
    duplicates: int = 0  #: stored before: the same id again
    refusals: list[works.SubmitRefusal] = field(default_factory=list)


class Client:
    """Calls to one server; use it as a context manager, or `close` it.

    Every call takes a `timeout` in seconds and raises LachesisError when it fails.
    """

    def __init__(
        self,
        address: str,
        token: str | None = None,
        *,
        credentials: grpc.ChannelCredentials | None = None,
    ) -> None:
        url = urlsplit(address if "//" in address else f"http://{address}")
        if url.scheme == "https":
            secure = credentials or grpc.ssl_channel_credentials()
            self._channel = grpc.secure_channel(url.netloc, secure, _CHANNEL_OPTIONS)
        else:
            self._channel = grpc.insecure_channel(url.netloc, _CHANNEL_OPTIONS)
        self.address = address
        self._metadata = [("authorization", f"Bearer {token}")] if token else []
        self._server = ServerServiceStub(self._channel)
        self._environments = EnvironmentServiceStub(self._channel)
        self._runs = RunServiceStub(self._channel)
        self._batches = BatchServiceStub(self._channel)
        self._work = WorkServiceStub(self._channel)
        self._policy = PolicyServiceStub(self._channel)

    def close(self) -> None:
        """Ends the connection; calls that run are cancelled."""
        self._channel.close()

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
        timeout: float = 60,
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
        return self._unary(self._runs.OpenRun, request, timeout).run

    def run_status(self, run_id: str, *, timeout: float = 60) -> runs.RunStatus:
        """Figures of a run."""
        request = runs.GetRunStatusRequest(run_id=run_id)
        return self._unary(self._runs.GetRunStatus, request, timeout).status

    def close_run(self, run_id: str, *, timeout: float = 60) -> runs.Run:
        """Closes a run: no more submits, leases or batches."""
        return self._unary(self._runs.CloseRun, runs.CloseRunRequest(run_id=run_id), timeout).run

    # Batches

    def register_consumer(
        self,
        run_id: str,
        consumer_id: str,
        *,
        rank: int = 0,
        world_size: int = 1,
        timeout: float = 60,
    ) -> batches.RegisterConsumerResponse:
        """Registers one rank of a consumer; `next_batch` wants that done before."""
        request = batches.RegisterConsumerRequest(
            run_id=run_id,
            consumer_id=consumer_id,
            rank=rank,
            world_size=world_size,
            codecs=codec.DECODABLE,
        )
        return self._unary(self._batches.RegisterConsumer, request, timeout)

    def next_batch(
        self,
        run_id: str,
        consumer_id: str,
        *,
        rank: int = 0,
        include_rollouts: bool = False,
        wait: float | None = None,
        timeout: float | None = None,
    ) -> Batch | NoBatch:
        """The next batch, or NoBatch (which is false) when none came within `wait` seconds.

        Its digests are checked. Until it is acked the same batch is handed out again.
        """
        request = batches.NextBatchRequest(
            run_id=run_id, consumer_id=consumer_id, rank=rank, include_rollouts=include_rollouts
        )
        if wait is not None:
            request.wait.FromNanoseconds(int(wait * 1e9))
        frames = self._stream(self._batches.NextBatch, request, timeout)
        return read_batch(frames, run_id=run_id, consumer_id=consumer_id, rank=rank)

    def ack(self, batch: Batch, *, timeout: float = 60) -> batches.AckBatchResponse:
        """This rank is done with a batch; when all are, the run's step rises."""
        request = batches.AckBatchRequest(**_key(batch))
        return self._unary(self._batches.AckBatch, request, timeout)

    def nack(self, batch: Batch, reason: str, *, timeout: float = 60) -> None:
        """Gives a batch back; it is handed out again, identical."""
        request = batches.NackBatchRequest(reason=reason, **_key(batch))
        self._unary(self._batches.NackBatch, request, timeout)

    def extend(self, batch: Batch, *, timeout: float = 60) -> float:
        """Keeps the lease of a batch; returns for how many seconds from now."""
        request = batches.ExtendBatchRequest(**_key(batch))
        response = self._unary(self._batches.ExtendBatch, request, timeout)
        return response.lease_duration.ToTimedelta().total_seconds()

    def publish_policy_version(self, run_id: str, version: int, *, timeout: float = 60) -> int:
        """Announces a new policy version; returns the run's version now."""
        request = batches.PublishPolicyVersionRequest(run_id=run_id, policy_version=version)
        return self._unary(self._batches.PublishPolicyVersion, request, timeout).policy_version

    # Work

    def submit_groups(
        self,
        run_id: str,
        groups: Iterable[Group],
        *,
        worker_id: str = "",
        timeout: float | None = None,
    ) -> SubmitSummary:
        """Submits groups and waits until each was stored or refused."""

        def frames() -> Iterator[works.SubmitGroupsRequest]:
            open_ = works.SubmitOpen(run_id=run_id, worker_id=worker_id)
            yield works.SubmitGroupsRequest(open=open_)
            for group in groups:
                yield from group.frames()

        summary = SubmitSummary()
        ended = 0
        for response in self._stream(self._work.SubmitGroups, frames(), timeout):
            if response.WhichOneof("answer") == "refusal":
                summary.refusals.append(response.refusal)
            else:
                ended, summary.duplicates = response.ack.groups, response.ack.duplicates
        summary.stored = ended - summary.duplicates - len(summary.refusals)
        return summary

    # Rollouts

    def watch_rollouts(
        self,
        *,
        after_sequence: int = 0,
        group_ids: Sequence[str] = (),
        rollout_ids: Sequence[str] = (),
        until_finished: bool = False,
        timeout: float | None = None,
    ) -> Iterator[rollouts.RolloutEvent]:
        """Events from after a cursor on, without heartbeats. Leaving the loop cancels the call.

        To resume, pass the `sequence` of the last event seen.
        """
        request = environments.WatchRolloutsRequest(
            after_sequence=after_sequence,
            group_ids=group_ids,
            rollout_ids=rollout_ids,
            until_finished=until_finished,
        )
        for response in self._stream(self._environments.WatchRollouts, request, timeout):
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

    def _unary(self, method, request, timeout: float | None):
        try:
            return method(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error

    def _stream(self, method, request, timeout: float | None):
        call = method(request, timeout=timeout, metadata=self._metadata)
        try:
            yield from call
        except grpc.RpcError as error:
            raise from_rpc_error(error) from error
        finally:
            call.cancel()  # A reader that stops early must not leave the server streaming.


def _key(batch: Batch) -> dict[str, Any]:
    return {
        "run_id": batch.run_id,
        "consumer_id": batch.consumer_id,
        "batch_id": batch.id,
        "rank": batch.rank,
    }
