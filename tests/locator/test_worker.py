"""The worker thread: batches what waits, refuses what it cannot carry, answers all it took."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest

from rayfix.errors import OutsideMapError
from rayfix.locator.fix import Ellipse, Fix, LocateOptions, LocateQuery, LocateResult
from rayfix.locator.worker import LocateWorker, OverloadedError, StoppingError

WITHIN_S = 5.0


class Gate:
    """A source of answers in a few lines: says what it was asked once the gate is open."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.batches: list[int] = []
        self.kinds: list[set[int | None]] = []
        self.error: Exception | None = None

    def kind(self, query: LocateQuery) -> int | None:
        return query.options.refine_steps

    def locate(self, queries: Sequence[LocateQuery]) -> list[LocateResult]:
        assert self.open.wait(WITHIN_S)
        self.batches.append(len(queries))
        self.kinds.append({self.kind(query) for query in queries})
        if self.error is not None:
            raise self.error
        fix = Fix(0, 0, 0, 0, 1, 2, Ellipse(1, 1, 0, 0.95), 1)
        return [LocateResult(fix, (), "gate", query.scene) for query in queries]


def queries(count: int, start: int = 0) -> list[LocateQuery]:
    return [LocateQuery(f"scene-{start + i}", ()) for i in range(count)]


def busy(gate: Gate, queue_size: int = 100) -> LocateWorker:
    """A worker that holds one batch of one at the gate."""
    worker = LocateWorker(gate, max_batch=4, queue_size=queue_size)
    worker.start()
    worker.submit(queries(1), WITHIN_S)
    deadline = time.monotonic() + WITHIN_S
    while worker.waiting:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    return worker


def test_what_waits_is_taken_together_in_order_up_to_the_limit() -> None:
    gate = Gate()
    worker = busy(gate)
    futures = [f for i in range(10) for f in worker.submit(queries(1, i), WITHIN_S)]
    gate.open.set()
    assert [f.result(WITHIN_S).scene for f in futures] == [f"scene-{i}" for i in range(10)]
    assert gate.batches == [1, 4, 4, 2]
    assert futures[0].result().timing_ms["queue"] > 0
    worker.stop(WITHIN_S)


def test_a_full_queue_refuses_at_once_and_whole() -> None:
    gate = Gate()
    worker = busy(gate, queue_size=5)
    accepted = worker.submit(queries(3), WITHIN_S)
    with pytest.raises(OverloadedError) as refused:
        worker.submit(queries(3), WITHIN_S)
    assert refused.value.retry_after_s >= 1
    accepted += worker.submit(queries(2), WITHIN_S)
    gate.open.set()
    assert len([f.result(WITHIN_S) for f in accepted]) == 5
    worker.stop(WITHIN_S)


def test_what_waited_too_long_is_not_located() -> None:
    gate = Gate()
    worker = busy(gate)
    (late,) = worker.submit(queries(1), timeout_s=0.01)
    (current,) = worker.submit(queries(1), WITHIN_S)
    time.sleep(0.05)
    gate.open.set()
    with pytest.raises(OverloadedError, match="queue"):
        late.result(WITHIN_S)
    assert current.result(WITHIN_S).scene == "scene-0"
    assert gate.batches == [1, 1]
    worker.stop(WITHIN_S)


def test_kinds_go_separately_and_the_longest_waiting_first() -> None:
    gate = Gate()
    worker = busy(gate)
    plain, refined = queries(3), [replace(q, options=LocateOptions(5)) for q in queries(3, 10)]
    mixed = [q for pair in zip(refined, plain, strict=True) for q in pair]
    futures = [f for q in mixed for f in worker.submit([q], WITHIN_S)]
    gate.open.set()
    answered = [f.result(WITHIN_S).scene for f in futures]
    assert answered == [q.scene for q in mixed]
    assert gate.kinds == [{None}, {5}, {None}]
    assert gate.batches == [1, 3, 3]
    worker.stop(WITHIN_S)


def test_a_full_queue_is_known_before_anything_is_handed_in() -> None:
    gate = Gate()
    worker = busy(gate, queue_size=2)
    worker.check_room()
    worker.submit(queries(2), WITHIN_S)
    with pytest.raises(OverloadedError) as refused:
        worker.check_room()
    assert refused.value.retry_after_s >= 1
    gate.open.set()
    worker.stop(WITHIN_S)


def test_an_error_reaches_its_batch_and_the_thread_goes_on() -> None:
    gate = Gate()
    gate.error = OutsideMapError("somewhere else")
    gate.open.set()
    worker = LocateWorker(gate, max_batch=4, queue_size=10)
    worker.start()
    (first,) = worker.submit(queries(1), WITHIN_S)
    with pytest.raises(OutsideMapError):
        first.result(WITHIN_S)
    gate.error = None
    (second,) = worker.submit(queries(1), WITHIN_S)
    assert second.result(WITHIN_S).model == "gate"
    assert worker.alive
    worker.stop(WITHIN_S)


def test_who_cancelled_is_left_out() -> None:
    gate = Gate()
    worker = busy(gate)
    gone, here = worker.submit(queries(2), WITHIN_S)
    assert gone.cancel()
    gate.open.set()
    assert here.result(WITHIN_S).scene == "scene-1"
    assert gate.batches == [1, 1]
    worker.stop(WITHIN_S)


def test_stop_answers_what_waits_and_takes_nothing_new() -> None:
    gate = Gate()
    worker = busy(gate)
    futures = worker.submit(queries(6), WITHIN_S)
    stopping = threading.Thread(target=worker.stop, args=[WITHIN_S])
    stopping.start()
    while worker.alive:
        time.sleep(0.001)
    with pytest.raises(StoppingError):
        worker.submit(queries(1), WITHIN_S)
    gate.open.set()
    stopping.join(WITHIN_S)
    assert all(f.done() for f in futures)
    assert not worker.alive
