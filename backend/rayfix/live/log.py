"""The append-only log of fixes: one interface, two homes (SQLite, Redis Streams).

Every record has an *offset*: 1, 2, 3 ... in the order of appending. Offsets of one *epoch* (a
random word made with the log) are comparable; a new epoch means that the log began anew. Records
leave at the old end only, by age and by size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rayfix.errors import RayFixError
from rayfix.live.record import FixRecord


class LiveLogUnavailableError(RayFixError):
    """The live log cannot be reached now; trying again later may help."""

    code = "live_log_unavailable"


@dataclass(frozen=True)
class LogState:
    """What a log holds: offsets `floor + 1 .. last` (none when they are equal)."""

    epoch: str
    floor: int
    last: int

    def can_resume(self, epoch: str | None, offset: int | None) -> bool:
        """Whether every record after `offset` is still held."""
        return epoch == self.epoch and offset is not None and self.floor <= offset <= self.last


@dataclass(frozen=True)
class Retention:
    """How long and how much a log keeps: age by `received_s` [s], size [bytes]."""

    max_age_s: float
    max_bytes: int


class LiveLog(Protocol):
    """Blocking and safe to call from several threads.

    Records that come from `since`, `latest` and `track` have an empty `detail`.

    Raises:
        LiveLogUnavailableError: from any method, when the home cannot be reached.
    """

    def append(self, records: Sequence[FixRecord]) -> None:
        """Append in order; a record whose `fix_id` is held already is left out (safe to retry)."""

    def state(self) -> LogState:
        """Epoch and bounds."""

    def begin_epoch(self, old: str) -> None:
        """Give the log a new epoch, unless another process did already and it is no longer `old`:
        offsets that were given out before are then not taken for those that follow."""

    def since(self, offset: int, limit: int) -> list[FixRecord]:
        """Up to `limit` records after `offset`, ascending."""

    def wait(self, offset: int, timeout_s: float) -> list[FixRecord]:
        """`since`, but waits up to `timeout_s` for the first record; may return none."""

    def latest(self) -> tuple[LogState, list[FixRecord]]:
        """The newest record of each UE by offset, and the state they were read at."""

    def track(
        self, ue_id: str, since_s: float | None, until_s: float | None, limit: int
    ) -> list[FixRecord]:
        """The newest `limit` records of a UE with since <= time_s <= until, oldest first."""

    def get(self, fix_id: str) -> FixRecord | None:
        """A record with its detail; None = unknown or no longer kept."""

    def trim(self, now_s: float) -> int:
        """Drop the oldest records by the retention; returns how many."""

    def close(self) -> None:
        """Release connections."""
