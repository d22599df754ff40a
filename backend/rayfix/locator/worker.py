"""One thread that owns the model and a bounded queue, and locates what waits in batches.

The forward pass of a batch costs little more than that of one sequence, so the thread takes
whatever waits, without waiting for more: at low load a batch is one sequence and nothing is
delayed, at high load batches fill by themselves. A batch holds one kind of query, so that nobody
waits for the refinement or the attention of another; the kind that waits longest is next.
"""

from __future__ import annotations

import asyncio
import math
import sys
import threading
import time
from asyncio import Future
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from rayfix.errors import RayFixError
from rayfix.locator.fix import LocateResult
from rayfix.locator.locator import Kind, Prepared

SWITCH_INTERVAL_S = 0.00003
"""How long a Python thread may hold the interpreter while another waits. With the default of 5 ms,
and still with 0.5 ms, the event loop keeps the worker waiting between two kernels: under four times
the load it can carry the service then answers half of what it could."""


class OverloadedError(RayFixError):
    """More waits than can be answered in time; `retry_after_s` says when to try again."""

    code = "overloaded"

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s


class StoppingError(OverloadedError):
    """The service is going down and takes nothing new."""

    code = "stopping"


class Locates(Protocol):
    """What the worker drives: the locator."""

    def locate_together(self, prepared: Sequence[Prepared]) -> list[LocateResult]: ...


@dataclass(frozen=True)
class _Waiting:
    prepared: Prepared
    future: Future[LocateResult]
    since_s: float
    deadline_s: float


Outcome = LocateResult | BaseException


class LocateWorker:
    """Start with `start` inside an event loop, hand in with `submit` there, end with `stop`."""

    def __init__(
        self,
        locator: Locates,
        max_batch: int,
        queue_size: int,
        observe_batch: Callable[[int], None] = lambda size: None,
    ) -> None:
        self._locator = locator
        self._max_batch = max_batch
        self._queue_size = queue_size
        self._observe_batch = observe_batch
        self._queues: dict[Kind, deque[_Waiting]] = {}
        self._waiting = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._seconds_per_query = 0.01
        self._thread = threading.Thread(target=self._run, name="locate", daemon=True)

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        sys.setswitchinterval(SWITCH_INTERVAL_S)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the thread runs and takes new work."""
        return self._thread.is_alive() and not self._stopping

    @property
    def waiting(self) -> int:
        """Sequences in the queue."""
        return self._waiting

    def check_room(self) -> None:
        """Refuse at once what `submit` would refuse.

        Raises:
            OverloadedError: the queue is full.
        """
        if self._waiting >= self._queue_size:
            raise self._full()

    def submit(self, prepared: Sequence[Prepared], timeout_s: float) -> list[Future[LocateResult]]:
        """Queue sequences, all or none.

        A future fails with OverloadedError when its turn comes after `timeout_s`.

        Raises:
            OverloadedError: the queue has no room for all of them.
        """
        now = time.monotonic()
        new_future, deadline_s = self._loop.create_future, now + timeout_s
        entries = [_Waiting(one, new_future(), now, deadline_s) for one in prepared]
        with self._changed:
            if self._stopping:
                raise StoppingError("the service is stopping", self._retry_after_s())
            if self._waiting + len(entries) > self._queue_size:
                raise self._full()
            for entry in entries:
                self._queues.setdefault(entry.prepared.kind, deque()).append(entry)
            self._waiting += len(entries)
            self._changed.notify()
        return [entry.future for entry in entries]

    def _full(self) -> OverloadedError:
        return OverloadedError(
            f"{self._waiting} sequences wait already, {self._queue_size} may",
            self._retry_after_s(),
        )

    def _retry_after_s(self) -> int:
        return max(1, math.ceil(self._waiting * self._seconds_per_query))

    def stop(self, timeout_s: float) -> None:
        """Take nothing new, answer what waits, end the thread."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while batch := self._next_batch():
            started = time.monotonic()
            current, outcomes = self._current(batch, started)
            if current:
                self._observe_batch(len(current))
                outcomes += self._located(current, started)
            # One message a batch: waking the loop for each answer costs more than some answers.
            self._loop.call_soon_threadsafe(_settle, outcomes)

    def _current(
        self, batch: Sequence[_Waiting], now: float
    ) -> tuple[list[_Waiting], list[tuple[Future[LocateResult], Outcome]]]:
        """What somebody still waits for, and the refusals of what is too late."""
        current: list[_Waiting] = []
        late: list[tuple[Future[LocateResult], Outcome]] = []
        for entry in batch:
            if entry.future.cancelled():
                continue
            if now <= entry.deadline_s:
                current.append(entry)
                continue
            waited = f"waited {now - entry.since_s:.1f} s in the queue"
            late.append((entry.future, OverloadedError(waited, self._retry_after_s())))
        return current, late

    def _located(
        self, current: Sequence[_Waiting], started: float
    ) -> list[tuple[Future[LocateResult], Outcome]]:
        try:
            results = self._locator.locate_together([entry.prepared for entry in current])
        except BaseException as error:
            return [(entry.future, error) for entry in current]
        seconds = (time.monotonic() - started) / len(current)
        self._seconds_per_query += 0.1 * (seconds - self._seconds_per_query)
        return [
            (
                entry.future,
                replace(
                    result,
                    timing_ms={**result.timing_ms, "queue": 1e3 * (started - entry.since_s)},
                ),
            )
            for entry, result in zip(current, results, strict=True)
        ]

    def _next_batch(self) -> list[_Waiting]:
        """Up to `max_batch` of the kind that waits longest; empty when the worker stops and
        nothing is left."""
        with self._changed:
            while not self._waiting and not self._stopping:
                self._changed.wait()
            if not self._waiting:
                return []
            kind = min(self._queues, key=lambda kind: self._queues[kind][0].since_s)
            queue = self._queues[kind]
            batch = [queue.popleft() for _ in range(min(len(queue), self._max_batch))]
            if not queue:
                del self._queues[kind]
            self._waiting -= len(batch)
            return batch


def _settle(outcomes: Sequence[tuple[Future[LocateResult], Outcome]]) -> None:
    """Hand outcomes to those who wait; in the event loop."""
    for future, outcome in outcomes:
        if future.done():
            continue
        if isinstance(outcome, BaseException):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
