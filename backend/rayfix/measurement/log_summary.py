"""What became of a drive-test log: what was kept, what was dropped and why, what looks odd."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

SUSPECT_SHARE = 0.02
"""A round number that makes up more of a column of decimals than this may stand for "no value"."""


@dataclass
class ImportSummary:
    """What became of a log.

    Attributes:
        rows, moments, readings: rows of the log; moments and readings that were kept.
        not_heard: kept readings of cells that were listened for and not heard.
        dropped_rows, dropped_readings, dropped_values: how many, by reason.
        unknown_cells: readings by cell that is not in the site list.
        notes: what a person should know, one sentence each.
    """

    rows: int = 0
    moments: int = 0
    readings: int = 0
    not_heard: int = 0
    dropped_rows: Counter[str] = field(default_factory=Counter)
    dropped_readings: Counter[str] = field(default_factory=Counter)
    dropped_values: Counter[str] = field(default_factory=Counter)
    unknown_cells: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "rows": self.rows, "moments": self.moments, "readings": self.readings,
            "not_heard": self.not_heard, "dropped_rows": dict(self.dropped_rows),
            "dropped_readings": dict(self.dropped_readings),
            "dropped_values": dict(self.dropped_values),
            "unknown_cells": dict(self.unknown_cells), "notes": self.notes,
        }  # fmt: skip

    def describe(self) -> str:
        """The summary as text."""
        lines = [
            f"Kept {self.moments} moments with {self.readings} readings of {self.rows} rows; "
            f"{self.not_heard} readings say that a cell was not heard"
        ]
        for what, counts in (
            ("rows", self.dropped_rows),
            ("readings", self.dropped_readings),
            ("values", self.dropped_values),
        ):
            lines += [f"  dropped {count} {what}: {why}" for why, count in counts.most_common()]
        if self.unknown_cells:
            names = ", ".join(name for name, _ in self.unknown_cells.most_common(5))
            lines.append(
                f"  {len(self.unknown_cells)} cells are not in the site list "
                f"({sum(self.unknown_cells.values())} readings dropped): {names}"
            )
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


class SuspectValues:
    """Round numbers that are too frequent among decimals."""

    def __init__(self) -> None:
        self._whole: dict[str, Counter[float]] = {}
        self._all: Counter[str] = Counter()

    def count(self, quantity: str, value: float) -> None:
        """Take one value into account."""
        self._all[quantity] += 1
        if value.is_integer():
            self._whole.setdefault(quantity, Counter())[value] += 1

    def notes(self) -> list[str]:
        """One sentence per quantity that has such a number."""
        notes = []
        for quantity, whole in self._whole.items():
            if whole.total() > 0.5 * self._all[quantity]:
                continue  # a column of whole numbers
            for value, count in whole.most_common(1):
                if count > max(3, SUSPECT_SHARE * self._all[quantity]):
                    notes.append(
                        f"{quantity}: {count} values are exactly {value:g} among decimals; if that "
                        "means no value (a receiver that is off), list it under `missing`, or under"
                        " `not_heard`; it was kept"
                    )
        return notes
