"""A trainer's calls: batches in, policy versions out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from . import codec
from .batch import Batch, NoBatch, read_batch
from .calls import ATTEMPT_SECONDS, Calls
from .lease import HeldLeases
from .v1 import batch_service_pb2 as batches
from .v1.batch_service_pb2_grpc import BatchServiceStub


class BatchCalls(Calls):
    """The part of a client that a trainer uses at each step."""

    def __init__(self, *args: Any, **fields: Any) -> None:
        super().__init__(*args, **fields)
        self._batches = BatchServiceStub(self._channel)
        self._leases = HeldLeases()
        self._consumers: dict[tuple, tuple[batches.RegisterConsumerRequest, bool]] = {}

    def close(self) -> None:
        """Ends the connection; calls that run are cancelled, and leases are kept no more."""
        self._leases.close()
        super().close()

    def register_consumer(
        self,
        run_id: str,
        consumer_id: str,
        *,
        rank: int = 0,
        world_size: int = 1,
        fan_out: bool = False,
        rejoin: bool = False,
        keep_leases: bool = True,
        timeout: float | None = None,
    ) -> batches.RegisterConsumerResponse:
        """Registers one rank of a consumer; `next_batch` wants that done before.

        With `fan_out` it gets every batch, and else it competes for them. `rejoin` is for one that was
        taken out of the run (CONSUMER_UNREGISTERED). The lease of each batch is kept until it is given
        back, unless `keep_leases` is false.
        """
        mode = batches.CONSUMER_MODE_FAN_OUT if fan_out else batches.CONSUMER_MODE_COMPETE
        request = batches.RegisterConsumerRequest(
            run_id=run_id,
            consumer_id=consumer_id,
            rank=rank,
            world_size=world_size,
            mode=mode,
            codecs=codec.DECODABLE,
        )
        # What is asked again after a lost connection never rejoins: who was taken out is told.
        again_request = batches.RegisterConsumerRequest()
        again_request.CopyFrom(request)
        request.rejoin = rejoin
        response = self._patient(self._batches.RegisterConsumer, request, timeout)
        self._consumers[run_id, consumer_id, rank] = again_request, keep_leases
        return response

    def unregister_consumer(
        self, run_id: str, consumer_id: str, *, timeout: float | None = None
    ) -> batches.UnregisterConsumerResponse:
        """Takes a consumer out of a run: one that is gone for good, or that has enough. Idempotent.

        What it holds is free, and nothing waits for it or is kept for it any more.
        """
        request = batches.UnregisterConsumerRequest(run_id=run_id, consumer_id=consumer_id)
        return self._patient(self._batches.UnregisterConsumer, request, timeout)

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

        Its digests are checked. Until it is acked the same batch is handed out again, also when the
        connection broke in its middle. The time that a server is away does not count as waiting.
        """
        key = run_id, consumer_id, rank
        digests: dict[str, bytes] = {}
        left = wait

        def seen(manifest: batches.BatchManifest) -> None:
            if digests.setdefault(manifest.batch_id, manifest.digest) != manifest.digest:
                raise ValueError(f"{manifest.batch_id} came again as another batch")

        def attempt(seconds: float | None, number: int) -> Batch | NoBatch:
            nonlocal left
            begun = time.monotonic()
            if number > 0 and key in self._consumers:
                # A server that restarted knows the consumer, and not what it can decode.
                again = self._consumers[key][0]
                self._unary(self._batches.RegisterConsumer, again, seconds or ATTEMPT_SECONDS)
                self._reconnector.alive()
            request = batches.NextBatchRequest(
                run_id=run_id,
                consumer_id=consumer_id,
                rank=rank,
                include_rollouts=include_rollouts,
                split_manifest=True,
            )
            if left is not None:
                request.wait.FromNanoseconds(int(left * 1e9))
            asked = time.monotonic()
            rest = None if seconds is None else max(0.001, seconds - (asked - begun))
            try:
                frames = self._stream(self._batches.NextBatch, request, rest)
                return read_batch(
                    frames, run_id=run_id, consumer_id=consumer_id, rank=rank, seen=seen
                )
            finally:
                if left is not None:
                    left = max(0.0, left - (time.monotonic() - asked))

        batch = self._reconnector.call(attempt, timeout)
        if batch and self._consumers.get(key, (None, True))[1]:
            self._hold(batch)
        return batch

    def _hold(self, batch: Batch) -> None:
        request = batches.ExtendBatchRequest(**_key(batch))
        seconds = batch.manifest.lease_duration.ToTimedelta().total_seconds()

        def extend(timeout: float) -> None:
            self._patient(self._batches.ExtendBatch, request, timeout)

        self._leases.hold(batch, _lease(batch), seconds, extend)

    def ack(self, batch: Batch, *, timeout: float | None = None) -> batches.AckBatchResponse:
        """This rank is done with a batch; when all are, the run's step rises."""
        request = batches.AckBatchRequest(**_key(batch))
        response = self._patient(self._batches.AckBatch, request, timeout)
        self._leases.release(_lease(batch))
        return response

    def nack(self, batch: Batch, reason: str, *, timeout: float | None = None) -> None:
        """Gives a batch back; it is handed out again, identical."""
        request = batches.NackBatchRequest(reason=reason, **_key(batch))
        self._patient(self._batches.NackBatch, request, timeout)
        self._leases.release(_lease(batch))

    def extend(self, batch: Batch, *, timeout: float | None = None) -> float:
        """Keeps the lease of a batch, which is done by itself; returns for how many seconds from now."""
        request = batches.ExtendBatchRequest(**_key(batch))
        response = self._patient(self._batches.ExtendBatch, request, timeout)
        return response.lease_duration.ToTimedelta().total_seconds()

    def commit(
        self, run_id: str, consumer_id: str, step: int, *, timeout: float | None = None
    ) -> None:
        """The checkpoint of a step is safe: a rewind to it, and to no earlier one, stays possible."""
        request = batches.CommitStepRequest(run_id=run_id, consumer_id=consumer_id, step=step)
        self._patient(self._batches.CommitStep, request, timeout)

    def rewind(
        self, run_id: str, consumer_id: str, step: int, *, timeout: float | None = None
    ) -> int:
        """Back to the checkpoint of a step: the batches after it come again; returns how many."""
        request = batches.RewindToStepRequest(run_id=run_id, consumer_id=consumer_id, step=step)
        return self._patient(self._batches.RewindToStep, request, timeout).batches

    def publish_policy_version(
        self, run_id: str, version: int, *, timeout: float | None = None
    ) -> int:
        """Announces a new policy version; returns the run's version now."""
        request = batches.PublishPolicyVersionRequest(run_id=run_id, policy_version=version)
        return self._patient(self._batches.PublishPolicyVersion, request, timeout).policy_version

    def watch_policy_version(self, run_id: str, *, timeout: float | None = None) -> Iterator[int]:
        """The policy version at once and at every change. Leaving the loop cancels the call."""
        request = batches.WatchPolicyVersionRequest(run_id=run_id)
        last = None
        for response in self._reconnector.stream(
            lambda _: self._stream(self._batches.WatchPolicyVersion, request, timeout),
            lambda _: None,
            timeout=timeout,
        ):
            if response.policy_version != last:
                last = response.policy_version
                yield last


def _lease(batch: Batch) -> tuple:
    return batch.run_id, batch.consumer_id, batch.rank, batch.id, batch.delivery


def _key(batch: Batch) -> dict[str, Any]:
    return {
        "run_id": batch.run_id,
        "consumer_id": batch.consumer_id,
        "batch_id": batch.id,
        "rank": batch.rank,
        "delivery": batch.delivery,
    }
