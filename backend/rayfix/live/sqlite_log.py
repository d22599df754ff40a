"""The live log embedded: one SQLite file in write-ahead mode."""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

from rayfix.errors import ArtefactError
from rayfix.live.log import LiveLogUnavailableError, LogState, Retention
from rayfix.live.record import FixRecord, TrackPoint

SCHEMA_VERSION = 3
_SCHEMA = """
CREATE TABLE fix (
  "offset" INTEGER PRIMARY KEY AUTOINCREMENT,
  fix_id TEXT NOT NULL UNIQUE, ue_id TEXT, scene TEXT NOT NULL,
  time_s REAL NOT NULL, received_s REAL NOT NULL, lat REAL NOT NULL, lon REAL NOT NULL,
  accuracy_m REAL NOT NULL, confidence REAL NOT NULL, semi_major_m REAL NOT NULL,
  semi_minor_m REAL NOT NULL, orientation_deg REAL NOT NULL, ellipse_confidence REAL NOT NULL,
  detail TEXT NOT NULL, truth_lat REAL, truth_lon REAL, serving_cell TEXT, track TEXT
);
CREATE INDEX fix_by_ue_and_time ON fix (ue_id, time_s);
CREATE TABLE latest (ue_id TEXT PRIMARY KEY, "offset" INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_UPGRADES = {
    1: """
ALTER TABLE fix ADD COLUMN truth_lat REAL;
ALTER TABLE fix ADD COLUMN truth_lon REAL;
ALTER TABLE fix ADD COLUMN serving_cell TEXT;
""",
    2: "ALTER TABLE fix ADD COLUMN track TEXT;",
}
"""What brings a file of an older version to the next."""
_COLUMNS = (
    "fix_id, ue_id, scene, time_s, received_s, lat, lon, accuracy_m, confidence, semi_major_m, "
    "semi_minor_m, orientation_deg, ellipse_confidence"
)
_LATER = "truth_lat, truth_lon, serving_cell, track"
_INSERT = f"INSERT INTO fix ({_COLUMNS}, detail, {_LATER}) VALUES ({', '.join('?' * 18)})"
_UPSERT_LATEST = "INSERT OR REPLACE INTO latest VALUES (?, ?)"
_SELECT = f"SELECT {_COLUMNS}, '', \"offset\", {_LATER} FROM fix"
PAGE = 1000
TRIM_STEP = 500


class SqliteLog:
    """`LiveLog` in one file; a second process may read it and append to it as well.

    Raises:
        ArtefactError: the file is no SQLite log of this version, or its folder cannot be written.
    """

    def __init__(self, path: Path, retention: Retention) -> None:
        self.path = path
        self._retention = retention
        self._appended = threading.Condition()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = self._connect()
            self._reader = self._connect()
            self._create()
        except (sqlite3.DatabaseError, OSError) as error:
            raise ArtefactError(path, f"cannot be used as live log ({error})") from None
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=5.0, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def _create(self) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if version == 0:
            self._writer.executescript(f"BEGIN IMMEDIATE; {_SCHEMA}")
            self._writer.execute("INSERT INTO meta VALUES ('epoch', ?)", (secrets.token_hex(8),))
            self._writer.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            self._writer.execute("COMMIT")
        elif version in _UPGRADES:
            steps = " ".join(_UPGRADES[old] for old in range(version, SCHEMA_VERSION))
            finish = f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
            self._writer.executescript(f"BEGIN IMMEDIATE; {steps} {finish}")
        elif version != SCHEMA_VERSION:
            raise ArtefactError(self.path, f"live log of version {version}, not {SCHEMA_VERSION}")

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._write_lock, _translated(self.path):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """One snapshot of the file for everything read inside."""
        with self._read_lock, _translated(self.path):
            self._reader.execute("BEGIN")
            try:
                yield self._reader
            finally:
                self._reader.execute("COMMIT")

    def append(self, records: Sequence[FixRecord]) -> None:
        with self._writing() as connection:
            for record in records:
                held = "SELECT 1 FROM fix WHERE fix_id = ?"
                if connection.execute(held, (record.fix_id,)).fetchone():
                    continue
                cursor = connection.execute(_INSERT, _row(record))
                if record.ue_id is not None:
                    connection.execute(_UPSERT_LATEST, (record.ue_id, cursor.lastrowid))
        with self._appended:
            self._appended.notify_all()

    def state(self) -> LogState:
        with self._reading() as connection:
            return self._state(connection)

    def _state(self, connection: sqlite3.Connection) -> LogState:
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'fix'").fetchone()
        last = row[0] if row else 0
        (epoch,) = connection.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()
        (first,) = connection.execute('SELECT min("offset") FROM fix').fetchone()
        return LogState(epoch, last if first is None else first - 1, last)

    def begin_epoch(self, old: str) -> None:
        new = secrets.token_hex(8)
        with self._writing() as connection:
            connection.execute(
                "UPDATE meta SET value = ? WHERE key = 'epoch' AND value = ?", (new, old)
            )

    def since(self, offset: int, limit: int) -> list[FixRecord]:
        with self._reading() as connection:
            rows = connection.execute(
                f'{_SELECT} WHERE "offset" > ? ORDER BY "offset" LIMIT ?', (offset, limit)
            )
            return [_record(row) for row in rows]

    def wait(self, offset: int, timeout_s: float) -> list[FixRecord]:
        with self._appended:
            records = self.since(offset, PAGE)
            if not records and self._appended.wait(timeout_s):
                records = self.since(offset, PAGE)
            return records

    def latest(self) -> tuple[LogState, list[FixRecord]]:
        with self._reading() as connection:
            state = self._state(connection)
            rows = connection.execute(
                f'{_SELECT} WHERE "offset" IN (SELECT "offset" FROM latest) ORDER BY "offset"'
            )
            return state, [_record(row) for row in rows]

    def track(
        self, ue_id: str, since_s: float | None, until_s: float | None, limit: int
    ) -> list[FixRecord]:
        with self._reading() as connection:
            rows = connection.execute(
                f"{_SELECT} WHERE ue_id = ? AND time_s >= ? AND time_s <= ? "
                'ORDER BY time_s DESC, "offset" DESC LIMIT ?',
                (
                    ue_id,
                    float("-inf") if since_s is None else since_s,
                    float("inf") if until_s is None else until_s,
                    limit,
                ),
            )
            return [_record(row) for row in rows][::-1]

    def get(self, fix_id: str) -> FixRecord | None:
        with self._reading() as connection:
            row = connection.execute(
                f'SELECT {_COLUMNS}, detail, "offset", {_LATER} FROM fix WHERE fix_id = ?',
                (fix_id,),
            ).fetchone()
            return None if row is None else _record(row)

    def trim(self, now_s: float) -> int:
        dropped = 0
        while step := self._trim_step(now_s):
            dropped += step
        if dropped:
            with self._write_lock, _translated(self.path):
                self._writer.execute("PRAGMA incremental_vacuum").fetchall()
        return dropped

    def _trim_step(self, now_s: float) -> int:
        """Drop the oldest few: all that are too old up to the first that is not, or, when the
        file is too large, any; short transactions, so that appending never waits long."""
        with self._writing() as connection:
            oldest = connection.execute(
                'SELECT "offset", received_s FROM fix ORDER BY "offset" LIMIT ?', (TRIM_STEP,)
            ).fetchall()
            last = 0
            if self._used_bytes(connection) > self._retention.max_bytes:
                last = oldest[-1][0] if oldest else 0
            for offset, received_s in oldest:
                if received_s >= now_s - self._retention.max_age_s:
                    break
                last = max(last, offset)
            if not last:
                return 0
            connection.execute('DELETE FROM latest WHERE "offset" <= ?', (last,))
            return connection.execute('DELETE FROM fix WHERE "offset" <= ?', (last,)).rowcount

    def _used_bytes(self, connection: sqlite3.Connection) -> int:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
        return int((pages - free) * size)

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()


def _row(record: FixRecord) -> tuple[object, ...]:
    return (
        record.fix_id, record.ue_id, record.scene, record.time_s, record.received_s, record.lat,
        record.lon, record.accuracy_m, record.confidence, record.semi_major_m,
        record.semi_minor_m, record.orientation_deg, record.ellipse_confidence, record.detail,
        record.truth_lat, record.truth_lon, record.serving_cell, _track_text(record.track),
    )  # fmt: skip


def _track_text(track: TrackPoint | None) -> str | None:
    return None if track is None else json.dumps(astuple(track), allow_nan=False)


def _record(row: tuple[Any, ...]) -> FixRecord:
    record, track = FixRecord(*row[:-1]), row[-1]
    return record if track is None else replace(record, track=TrackPoint(*json.loads(track)))


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise LiveLogUnavailableError(f"{path}: {error}") from error
