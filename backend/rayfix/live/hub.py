"""Between the service and the live log: appends in the background, fans out what was appended.

Two threads. The *writer* takes what `publish` left and appends it in batches; when the log cannot
be reached it keeps what waits (up to a bound) and tries again. The *follower* waits for new
records, whoever appended them, encodes each once and hands them to the subscriptions of this
process. So one process with SQLite and many with Redis work the same way.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import chain

import structlog

from rayfix.live.log import LiveLog, LiveLogUnavailableError, LogState
from rayfix.live.record import FixRecord
from rayfix.live.subscription import (
    NEW_EPOCH,
    FeedFilter,
    LiveFeature,
    Subscription,
    encode,
)
from rayfix.live.tracks import REMEMBERED_FIXES, Tracks

log = structlog.get_logger(__name__)

LINGER_S = 0.03
"""How long the writer collects records for one commit: the most a fix is delayed in the feed."""
MAX_PENDING = 50_000
"""Records kept while the log cannot be reached (about 3 kB each); older ones are dropped."""
WRITE_STEP = 1000
RETRY_S = 0.5
FOLLOW_TIMEOUT_S = 0.25
TRIM_INTERVAL_S = 30.0


class LiveHub:
    """One per process. `start` inside the event loop that the subscriptions live in."""

    def __init__(
        self,
        live_log: LiveLog,
        client_bytes: int,
        observe_lag: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.log = live_log
        self.dropped = 0
        self._client_bytes = client_bytes
        self._observe_lag = observe_lag
        self._pending: OrderedDict[str, FixRecord] = OrderedDict()
        self._tracks = Tracks()
        self._in_track: set[str] = set()  # of what is pending
        self._lock = threading.Condition()
        self._stopping = threading.Event()
        self._write_failed = self._follow_failed = False
        self._of_many_ues: set[Subscription] = set()
        self._of_one_ue: defaultdict[str, set[Subscription]] = defaultdict(set)
        self._position = LogState("", 0, 0)
        self._threads: list[threading.Thread] = []

    @property
    def stale(self) -> bool:
        """Whether the log cannot be reached at present: fixes wait, the feed stands still."""
        return self._write_failed or self._follow_failed

    @property
    def pending(self) -> int:
        """Records that wait to be appended."""
        return len(self._pending)

    @property
    def subscribers(self) -> int:
        """Open subscriptions of this process."""
        return sum(1 for _ in self._all())

    def _all(self) -> Iterator[Subscription]:
        return chain(self._of_many_ues, *self._of_one_ue.values())

    @property
    def position(self) -> LogState:
        """Epoch and offset up to which the subscriptions were served."""
        return self._position

    def start(self) -> None:
        """Start both threads. A log that cannot be reached yet makes the feed stale, no more."""
        self._loop = asyncio.get_running_loop()
        for target in (self._write, self._follow):
            thread = threading.Thread(target=target, name=f"live{target.__name__}", daemon=True)
            thread.start()
            self._threads.append(thread)

    async def stop(self, timeout_s: float) -> None:
        """Append what waits, then end the threads and close the log."""
        self._stopping.set()
        with self._lock:
            self._lock.notify_all()
        until = time.monotonic() + timeout_s
        for thread in self._threads:
            await asyncio.to_thread(thread.join, max(0.0, until - time.monotonic()))
        if self._pending:
            log.warning("fixes_not_kept", count=len(self._pending))
        self.log.close()

    def publish(self, record: FixRecord) -> None:
        """Leave a record for the writer; never blocks on the log."""
        with self._lock:
            if len(self._pending) >= MAX_PENDING:
                dropped, _ = self._pending.popitem(last=False)
                self._in_track.discard(dropped)
                self.dropped += 1
            self._pending[record.fix_id] = record
            self._lock.notify_all()

    def get(self, fix_id: str) -> FixRecord | None:
        """A record by id, also before it is appended; None = unknown or no longer kept."""
        with self._lock:
            waiting = self._pending.get(fix_id)
        return waiting or self.log.get(fix_id)

    # --- the writer thread ---------------------------------------------------------------

    def _write(self) -> None:
        next_trim = time.monotonic()
        while True:
            batch = self._next_batch()
            if not batch and self._stopping.is_set():
                return
            try:
                if batch:
                    self.log.append([self._followed(record) for record in batch])
                    self._forget(batch)
                if time.monotonic() >= next_trim:
                    self.log.trim(time.time())
                    next_trim = time.monotonic() + TRIM_INTERVAL_S
                self._write_failed = False
            except LiveLogUnavailableError as error:
                if not self._write_failed:
                    log.warning("live_log_unavailable", error=str(error))
                self._write_failed = True
                if self._stopping.wait(RETRY_S):
                    return

    def _next_batch(self) -> list[FixRecord]:
        with self._lock:
            if not self._pending:
                self._lock.wait(FOLLOW_TIMEOUT_S)
        if self._pending and not self._write_failed:
            self._stopping.wait(LINGER_S)
        with self._lock:
            return list(self._pending.values())[:WRITE_STEP]

    def _followed(self, record: FixRecord) -> FixRecord:
        """The record with what its UE's track says; found once, also when appending is retried."""
        if record.ue_id is None or record.fix_id in self._in_track:
            return record
        if not self._tracks.knows(record.ue_id):
            kept = self.log.track(record.ue_id, None, record.time_s, REMEMBERED_FIXES)
            self._tracks.begin(record.ue_id, sorted(kept, key=lambda known: known.offset))
        followed = self._tracks.followed(record)
        self._in_track.add(record.fix_id)
        with self._lock:
            self._pending[record.fix_id] = followed
        return followed

    def _forget(self, batch: Sequence[FixRecord]) -> None:
        with self._lock:
            for record in batch:
                self._pending.pop(record.fix_id, None)
                self._in_track.discard(record.fix_id)

    # --- the follower thread -------------------------------------------------------------

    def _follow(self) -> None:
        state: LogState | None = None
        quiet = True  # nothing new: perhaps because the log began anew with smaller offsets
        while not self._stopping.is_set():
            try:
                if state is None or quiet:
                    state = self._begin(state)
                    quiet = False
                records = self.log.wait(state.last, FOLLOW_TIMEOUT_S)
            except LiveLogUnavailableError:
                self._follow_failed = quiet = True
                self._stopping.wait(RETRY_S)
                continue
            self._follow_failed = False
            if records:
                self._tracks.learn(records)
                state = LogState(state.epoch, state.floor, records[-1].offset)
                self._observe_lag(time.time() - records[-1].received_s)
                self._call_in_loop(self._fan_out, encode(records), state)
            else:
                quiet = True

    def _begin(self, state: LogState | None) -> LogState:
        """Where to follow from: the end at first; after a loss, where it stopped, unless the log
        began anew or has dropped what came since. A log that ends earlier than it did was restored
        from a copy: its offsets will be given out a second time."""
        now = self.log.state()
        if state is not None and now.epoch == state.epoch and now.last < state.last:
            self.log.begin_epoch(now.epoch)
            now = self.log.state()
        if state is not None and now.can_resume(state.epoch, state.last):
            return state
        self._call_in_loop(self._begin_anew, now, state is not None)
        return now

    def _call_in_loop(self, function: Callable[..., None], *arguments: object) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(function, *arguments)

    # --- in the event loop ---------------------------------------------------------------

    def _begin_anew(self, state: LogState, close: bool) -> None:
        self._position = state
        if close:
            for subscription in self._all():
                subscription.close(NEW_EPOCH, "the live log began anew: reconnect")

    def _fan_out(self, features: Sequence[LiveFeature], state: LogState) -> None:
        self._position = state
        by_ue: dict[str, list[LiveFeature]] = defaultdict(list)
        for feature in features:
            by_ue[feature.ue_id].append(feature)
        for ue_id, own in by_ue.items():
            for subscription in self._of_one_ue.get(ue_id, ()):
                subscription.offer(own)
        for subscription in self._of_many_ues:
            subscription.offer(features)

    def subscribe(self, wanted: FeedFilter) -> Subscription:
        """Collect features from now on; end with `unsubscribe`."""
        subscription = Subscription(wanted, self._position.last, self._client_bytes)
        if wanted.ue_id is None:
            self._of_many_ues.add(subscription)
        else:
            self._of_one_ue[wanted.ue_id].add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        ue_id = subscription.wanted.ue_id
        if ue_id is None:
            self._of_many_ues.discard(subscription)
            return
        of_this_ue = self._of_one_ue[ue_id]
        of_this_ue.discard(subscription)
        if not of_this_ue:
            del self._of_one_ue[ue_id]
