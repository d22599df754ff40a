"""The worker thread: batches what waits, refuses what it cannot carry, answers all it took."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import pytest

from rayfix.errors import OutsideMapError
from rayfix.locator.fix import Ellipse, Fix, LocateQuery, LocateResult
from rayfix.locator.locator import Kind, Prepared
from rayfix.locator.worker import LocateWorker, OverloadedError, StoppingError
from rayfix.measurement.report import ReportBatch

WITHIN_S = 5.0
NOTHING = ReportBatch(
    np.empty((1, 0, 0), np.int64), np.empty((1, 0, 0, 12), np.float32), np.empty((1, 0), np.float32)
)


class Gate:
    """A source of answers in a few lines: says what it was asked once the gate is open."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.batches: list[int] = []
        self.kinds: list[set[int | None]] = []
        self.error: Exception | None = None

    def locate_together(self, prepared: Sequence[Prepared]) -> list[LocateResult]:
        assert self.open.wait(WITHIN_S)
        self.batches.append(len(prepared))
        self.kinds.append({one.kind.refine_steps for one in prepared})
        if self.error is not None:
            raise self.error
        fix = Fix(0, 0, 0, 0, 1, 2, Ellipse(1, 1, 0, 0.95), 1)
        return [LocateResult(fix, (), "gate", one.query.scene) for one in prepared]


def queries(count: int, start: int = 0, steps: int | None = None) -> list[Prepared]:
    return [
        Prepared(
            LocateQuery(f"scene-{start + i}", ()), Kind("town", steps, False, False), NOTHING,
            frozenset(), ()
        )
        for i in range(count)
    ]  # fmt: skip


async def busy(gate: Gate, queue_size: int = 100) -> LocateWorker:
    """A worker that holds one batch of one at the gate."""
    worker = LocateWorker(gate, max_batch=4, queue_size=queue_size)
    worker.start()
    worker.submit(queries(1), WITHIN_S)
    deadline = time.monotonic() + WITHIN_S
    while worker.waiting:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)
    return worker


async def result(future: Awaitable[LocateResult]) -> LocateResult:
    return await asyncio.wait_for(future, WITHIN_S)


async def stop(worker: LocateWorker) -> None:
    await asyncio.to_thread(worker.stop, WITHIN_S)


def in_a_loop(test: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """The worker answers into an event loop: the test runs inside one."""

    async def run() -> None:
        await test()

    def wrapped() -> None:
        asyncio.run(run())

    wrapped.__name__, wrapped.__doc__ = test.__name__, test.__doc__
    return wrapped


@in_a_loop
async def test_what_waits_is_taken_together_in_order_up_to_the_limit() -> None:
    gate = Gate()
    worker = await busy(gate)
    futures = [f for i in range(10) for f in worker.submit(queries(1, i), WITHIN_S)]
    gate.open.set()
    assert [(await result(f)).scene for f in futures] == [f"scene-{i}" for i in range(10)]
    assert gate.batches == [1, 4, 4, 2]
    assert futures[0].result().timing_ms["queue"] > 0
    await stop(worker)


@in_a_loop
async def test_a_full_queue_refuses_at_once_and_whole() -> None:
    gate = Gate()
    worker = await busy(gate, queue_size=5)
    accepted = worker.submit(queries(3), WITHIN_S)
    with pytest.raises(OverloadedError) as refused:
        worker.submit(queries(3), WITHIN_S)
    assert refused.value.retry_after_s >= 1
    accepted += worker.submit(queries(2), WITHIN_S)
    gate.open.set()
    assert len([await result(f) for f in accepted]) == 5
    await stop(worker)


@in_a_loop
async def test_what_waited_too_long_is_not_located() -> None:
    gate = Gate()
    worker = await busy(gate)
    (late,) = worker.submit(queries(1), timeout_s=0.01)
    (current,) = worker.submit(queries(1), WITHIN_S)
    await asyncio.sleep(0.05)
    gate.open.set()
    with pytest.raises(OverloadedError, match="queue"):
        await result(late)
    assert (await result(current)).scene == "scene-0"
    assert gate.batches == [1, 1]
    await stop(worker)


@in_a_loop
async def test_kinds_go_separately_and_the_longest_waiting_first() -> None:
    gate = Gate()
    worker = await busy(gate)
    mixed = [q for pair in zip(queries(3, 10, steps=5), queries(3), strict=True) for q in pair]
    futures = [f for q in mixed for f in worker.submit([q], WITHIN_S)]
    gate.open.set()
    answered = [(await result(f)).scene for f in futures]
    assert answered == [q.query.scene for q in mixed]
    assert gate.kinds == [{None}, {5}, {None}]
    assert gate.batches == [1, 3, 3]
    await stop(worker)


@in_a_loop
async def test_a_full_queue_is_known_before_anything_is_handed_in() -> None:
    gate = Gate()
    worker = await busy(gate, queue_size=2)
    worker.check_room()
    worker.submit(queries(2), WITHIN_S)
    with pytest.raises(OverloadedError) as refused:
        worker.check_room()
    assert refused.value.retry_after_s >= 1
    gate.open.set()
    await stop(worker)


@in_a_loop
async def test_an_error_reaches_its_batch_and_the_thread_goes_on() -> None:
    gate = Gate()
    gate.error = OutsideMapError("somewhere else")
    gate.open.set()
    worker = LocateWorker(gate, max_batch=4, queue_size=10)
    worker.start()
    (first,) = worker.submit(queries(1), WITHIN_S)
    with pytest.raises(OutsideMapError):
        await result(first)
    gate.error = None
    (second,) = worker.submit(queries(1), WITHIN_S)
    assert (await result(second)).model == "gate"
    assert worker.alive
    await stop(worker)


@in_a_loop
async def test_who_cancelled_is_left_out() -> None:
    gate = Gate()
    worker = await busy(gate)
    gone, here = worker.submit(queries(2), WITHIN_S)
    assert gone.cancel()
    gate.open.set()
    assert (await result(here)).scene == "scene-1"
    assert gate.batches == [1, 1]
    await stop(worker)


@in_a_loop
async def test_stop_answers_what_waits_and_takes_nothing_new() -> None:
    gate = Gate()
    worker = await busy(gate)
    futures = worker.submit(queries(6), WITHIN_S)
    stopping = asyncio.create_task(stop(worker))
    while worker.alive:
        await asyncio.sleep(0.001)
    with pytest.raises(StoppingError):
        worker.submit(queries(1), WITHIN_S)
    gate.open.set()
    await stopping
    assert [(await result(f)).model for f in futures] == ["gate"] * 6
    assert not worker.alive
