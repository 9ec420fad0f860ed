import gc
import threading
import time

import grpc
import pytest

import lachesis
from lachesis.errors import LachesisError
from lachesis.lease import HeldLeases
from lachesis.reconnect import Reconnect, Reconnector, StreamCutShort
from lachesis.submit import Submission
from lachesis.v1 import error_pb2 as errors
from lachesis.v1 import work_service_pb2 as works

AWAY = LachesisError(grpc.StatusCode.UNAVAILABLE, "Socket closed")
WRONG_TOKEN = LachesisError(grpc.StatusCode.UNAUTHENTICATED, "the token is another")


def refusal(code):
    return LachesisError(code, "no", errors.ErrorDetail(reason="TOO_BAD"))


def failing(*failures):
    left = list(failures)

    def attempt(_seconds, number):
        if left:
            raise left.pop(0)
        return number

    return attempt


def reconnector(renew=lambda: None):
    changes = []
    options = Reconnect(0.001, 0.002, lambda lost, _away: changes.append(lost is not None))
    return Reconnector(options, renew), changes


def test_what_the_connection_kept_from_coming_is_asked_for_again_and_told_once():
    patient, changes = reconnector()
    assert patient.call(failing(AWAY, StreamCutShort("cut"), AWAY), None) == 3
    assert changes == [True, False]


@pytest.mark.parametrize(
    "error",
    [
        refusal(grpc.StatusCode.UNAVAILABLE),
        refusal(grpc.StatusCode.NOT_FOUND),
        LachesisError(grpc.StatusCode.INTERNAL, "broken"),
        WRONG_TOKEN,
    ],
)
def test_a_refusal_is_final(error):
    patient, changes = reconnector()
    with pytest.raises(LachesisError) as raised:
        patient.call(failing(error), None)
    assert raised.value is error
    assert changes == []


def test_a_server_that_restarted_is_asked_with_its_new_token():
    renewals = [False, True]
    patient, changes = reconnector(lambda: renewals.pop(0))
    assert patient.call(failing(WRONG_TOKEN, WRONG_TOKEN), None) == 2
    assert changes == []


def test_it_ends_at_the_deadline_when_closed_and_when_it_is_off():
    patient, _ = reconnector()
    with pytest.raises(LachesisError) as raised:
        patient.call(failing(*[AWAY] * 1_000), 0.02)
    assert raised.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "Socket closed" in raised.value.message
    patient.close()
    for one in (patient, Reconnector(None)):
        with pytest.raises(LachesisError) as raised:
            one.call(failing(AWAY), None)
        assert raised.value is AWAY


def test_a_stream_goes_on_after_its_cursor():
    patient, changes = reconnector()

    def open_(after):
        yield after + 1
        if after < 4:
            raise AWAY

    assert list(patient.stream(open_, lambda value: value, 0)) == [1, 2, 3, 4, 5]
    assert changes == [True, False] * 4


def group(name):
    return lachesis.build_group(
        name,
        run_id="r",
        environment="e",
        task_key="t",
        sampled=[lachesis.SampledRollout([1], [2], [-0.5], 1.0)],
    )


def heads(frames):
    for frame in frames:
        if frame.WhichOneof("frame") == "header":
            yield frame.header.group_id


def ack(groups, duplicates=0):
    return works.SubmitGroupsResponse(
        ack=works.SubmitAck(groups=groups, duplicates=duplicates, credits=1)
    )


def test_a_submission_sends_again_what_was_not_answered_but_not_what_was_refused():
    names = ["a", "b", "c", "d"]
    groups = (group(name) for name in names)
    submission = Submission("r", groups, worker_id="", max_in_flight=3)
    first = submission.begin()
    sent = heads(submission.frames(first))
    assert [next(sent), next(sent), next(sent)] == ["a", "b", "c"]
    submission.take(first, ack(1))
    no = works.SubmitRefusal(group_number=2, group_id="b")
    submission.take(first, works.SubmitGroupsResponse(refusal=no))
    submission.end(first)
    assert next(sent, None) is None
    with pytest.raises(StreamCutShort):
        submission.assert_whole()
    second = submission.begin()
    assert list(heads(submission.frames(second))) == ["c", "d"]
    submission.take(second, ack(1, duplicates=1))
    submission.take(second, ack(2, duplicates=1))
    submission.assert_whole()
    assert (submission.summary.stored, submission.summary.duplicates) == (2, 1)
    assert [one.group_id for one in submission.summary.refusals] == ["b"]


def test_a_submission_has_no_more_in_flight_than_it_may():
    submission = Submission(
        "r", (group(name) for name in "abc"), worker_id="", max_in_flight=1
    )
    connection = submission.begin()
    seen = []
    thread = threading.Thread(
        target=lambda: seen.extend(heads(submission.frames(connection))), daemon=True
    )
    thread.start()
    for answered in range(3):
        deadline = time.monotonic() + 5
        while len(submission._sent) < 1 and time.monotonic() < deadline:
            time.sleep(0.001)
        assert len(submission._sent) == 1
        submission.take(connection, ack(answered + 1))
    thread.join(5)
    assert submission.summary.stored == 3


class Held:
    """Something that a lease is of."""


def test_a_lease_is_kept_until_its_batch_is_given_back_dropped_or_lost():
    leases = HeldLeases()
    extended = threading.Semaphore(0)

    def lease_threads():
        return [one for one in threading.enumerate() if one.name == "lachesis-lease"]

    def ended():
        deadline = time.monotonic() + 5
        while lease_threads() and time.monotonic() < deadline:
            time.sleep(0.005)
        return not lease_threads()

    batch = Held()
    leases.hold(batch, ("a",), 0.3, lambda _: extended.release())
    assert extended.acquire(timeout=5) and extended.acquire(timeout=5)
    leases.release(("a",))
    assert ended()
    leases.hold(batch, ("a",), 0.3, lambda _: extended.release())
    del batch
    gc.collect()
    assert ended()

    def lost(_timeout):
        raise refusal(grpc.StatusCode.ABORTED)

    other = Held()
    leases.hold(other, ("b",), 0.3, lost)
    assert ended()
    leases.hold(other, ("b",), 60, lost)
    leases.close()
    assert ended()
