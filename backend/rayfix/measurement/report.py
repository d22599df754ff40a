"""Reports: what a phone measured at one time, per cell, in 3GPP quantities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from rayfix.errors import NoKnownCellsError

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


def _epoch_seconds(value: object) -> object:
    """Seconds of an RFC 3339 time with zone; numbers pass (epoch or any relative clock)."""
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError("a number of seconds or an RFC 3339 time is expected") from None
        if moment.tzinfo is None:
            raise ValueError("the RFC 3339 time needs a zone, such as 'Z'")
        return moment.timestamp()
    if isinstance(value, bool):
        raise ValueError("a number of seconds or an RFC 3339 time is expected")
    return value


Rfc3339 = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]

Seconds = Annotated[
    float,
    BeforeValidator(_epoch_seconds, json_schema_input_type=float | Rfc3339),
    Field(
        allow_inf_nan=False,
        ge=-62_135_596_800,
        le=253_402_300_799,
        description="seconds, or an RFC 3339 time with zone; years 1 to 9999",
    ),
]


def _quantity(ge: float, le: float, description: str) -> Any:
    return Field(default=None, ge=ge, le=le, allow_inf_nan=False, description=description)


class CellMeasurement(BaseModel):
    """What one report says of one cell. Every quantity is optional; missing is masked, not zero."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cell_id: str = Field(min_length=1, max_length=64)
    rsrp_dbm: float | None = _quantity(-160, 0, "SS-RSRP (TS 38.215, 5.1.1)")
    rsrq_db: float | None = _quantity(-60, 30, "SS-RSRQ (TS 38.215, 5.1.3)")
    sinr_db: float | None = _quantity(-60, 80, "SS-SINR (TS 38.215, 5.1.5)")
    cqi: int | None = _quantity(0, 15, "channel quality indicator (TS 38.214, 5.2.2.1)")
    ri: int | None = _quantity(1, 8, "rank indicator (TS 38.214, 5.2.2)")
    pmi: int | None = _quantity(0, 65535, "precoding matrix indicator (TS 38.214, 5.2.2.2)")
    timing_advance: int | None = _quantity(
        0, 3846, "timing advance index T_A, round trip, steps of 16*64/2^mu T_c (TS 38.213, 4.2)"
    )
    toa_ns: float | None = _quantity(0, 1e6, "one-way time of flight of the first path")
    aoa_deg: float | None = _quantity(
        -360, 360, "UL-AoA azimuth at the cell as a bearing from true north (TS 38.215, 5.2.4)"
    )
    throughput_mbps: float | None = _quantity(0, 1e5, "downlink throughput")
    bler: float | None = _quantity(0, 1, "block error rate of first transmissions")
    beam_id: int | None = _quantity(0, 63, "SSB index of the strongest beam (TS 38.213, 4.1)")


class Report(BaseModel):
    """What a phone measured at one time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    time: Seconds
    cells: tuple[CellMeasurement, ...] = Field(min_length=1, max_length=64)


QUANTITIES: tuple[str, ...] = tuple(
    name for name in CellMeasurement.model_fields if name != "cell_id"
)
"""Measured quantities in the order of the last axis of `ReportBatch.values_BTNQ`."""


@dataclass(frozen=True)
class ReportBatch:
    """Sequences of reports as arrays: B sequences, T reports each, N heard cells a report.

    Attributes:
        cell_BTN: index of each heard cell in the radio map, -1 where there is none, int64.
        values_BTNQ: measured values in the order of `QUANTITIES`, NaN = missing, float32.
        time_s_BT: time of each report since the sequence's first [s], NaN = no report, float32.
    """

    cell_BTN: Int64
    values_BTNQ: Float32
    time_s_BT: Float32

    def __len__(self) -> int:
        return len(self.cell_BTN)

    def __getitem__(self, index: slice | Int64) -> ReportBatch:
        return ReportBatch(self.cell_BTN[index], self.values_BTNQ[index], self.time_s_BT[index])


def to_batch(
    sequences: Sequence[Sequence[Report]], cell_index: Mapping[str, int]
) -> tuple[ReportBatch, list[set[str]]]:
    """Pack sequences of reports into arrays; reports are sorted by time.

    Args:
        sequences: B sequences of reports, any lengths.
        cell_index: position of each cell id in the radio map.
    Returns:
        The batch, and for each sequence the cell ids that the radio map does not know.
    Raises:
        NoKnownCellsError: a sequence names no cell of the map.
    """
    longest = max((len(reports) for reports in sequences), default=0)
    widest = max((len(r.cells) for reports in sequences for r in reports), default=0)
    shape = (len(sequences), longest, widest)
    cell = np.full(shape, -1, np.int64)
    values = np.full((*shape, len(QUANTITIES)), np.nan, np.float32)
    time = np.full(shape[:2], np.nan, np.float32)
    unknown: list[set[str]] = []
    for b, reports in enumerate(sequences):
        missing: set[str] = set()
        ordered = sorted(reports, key=lambda report: report.time)
        for t, report in enumerate(ordered):
            time[b, t] = report.time - ordered[0].time
            n = 0
            for measurement in report.cells:
                index = cell_index.get(measurement.cell_id)
                if index is None:
                    missing.add(measurement.cell_id)
                    continue
                cell[b, t, n] = index
                for q, name in enumerate(QUANTITIES):
                    value = getattr(measurement, name)
                    if value is not None:
                        values[b, t, n, q] = value
                n += 1
        if not (cell[b] >= 0).any():
            names = ", ".join(sorted(missing)[:5])
            raise NoKnownCellsError(f"no report names a cell of the radio map (heard: {names})")
        unknown.append(missing)
    return ReportBatch(cell, values, time), unknown


def together(batches: Sequence[ReportBatch]) -> ReportBatch:
    """The sequences of several batches as one, padded to the longest and widest."""
    shapes = [batch.cell_BTN.shape for batch in batches]
    longest, widest = max(t for _, t, _ in shapes), max(n for _, _, n in shapes)
    shape = (sum(b for b, _, _ in shapes), longest, widest)
    cell = np.full(shape, -1, np.int64)
    values = np.full((*shape, len(QUANTITIES)), np.nan, np.float32)
    time = np.full(shape[:2], np.nan, np.float32)
    start = 0
    for batch, (b, t, n) in zip(batches, shapes, strict=True):
        own = slice(start, start + b)
        cell[own, :t, :n] = batch.cell_BTN
        values[own, :t, :n] = batch.values_BTNQ
        time[own, :t] = batch.time_s_BT
        start += b
    return ReportBatch(cell, values, time)
