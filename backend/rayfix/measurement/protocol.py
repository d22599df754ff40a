"""The protocol layer of a report: which cell serves, and when the phone hands over.

Shape letters: B sequences, T reports, C cells.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from rayfix.measurement.propagation import Float64

Int64 = npt.NDArray[np.int64]

L3_SAMPLE_S = 0.2
"""Time between two samples that the filter coefficient is defined for [s] (TS 38.331, 5.5.3.2)."""


class A3Event(BaseModel):
    """Event A3, neighbour becomes offset better than serving cell (TS 38.331, 5.5.4.4).

    Attributes:
        offset_db: Off [dB].
        hysteresis_db: Hys [dB].
        time_to_trigger_s: time that the entering condition holds before the handover [s].
        filter_coefficient: k of the layer 3 filter, F_n = (1 - a) F_(n-1) + a M_n with
            a = 1 / 2^(k/4) (5.5.3.2); 0 = no filter.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    offset_db: float = Field(default=3.0, ge=-15, le=15)
    hysteresis_db: float = Field(default=1.0, ge=0, le=15)
    time_to_trigger_s: float = Field(default=0.16, ge=0, le=5.12)
    filter_coefficient: int = Field(default=4, ge=0, le=19)


def serving_cells(rsrp_BTC: Float64, time_s_T: Float64, event: A3Event) -> Int64:
    """The serving cell of each report, -1 where no cell is heard, [B, T].

    The phone starts on the strongest cell. It hands over to a neighbour that has fulfilled event
    A3 for the time to trigger (the strongest such one), and comes back on the strongest cell when
    the serving one is lost (re-establishment, TS 38.331, 5.3.7).

    Args:
        rsrp_BTC: measured RSRP [dBm], NaN where a cell is not heard.
        time_s_T: time of each report [s].
        event: thresholds, filter and time to trigger.
    """
    count, reports, cells = rsrp_BTC.shape
    serving_BT = np.full((count, reports), -1, np.int64)
    filtered = np.full((count, cells), np.nan)
    since = np.full((count, cells), np.nan)  # when each neighbour entered
    serving = np.full(count, -1, np.int64)
    rows = np.arange(count)
    for t in range(reports):
        measured = rsrp_BTC[:, t]
        step_s = time_s_T[t] - time_s_T[t - 1] if t else 0.0
        keep = (1.0 - 0.5 ** (event.filter_coefficient / 4.0)) ** (step_s / L3_SAMPLE_S)
        fresh = np.isnan(filtered)
        filtered = np.where(fresh, measured, keep * filtered + (1.0 - keep) * measured)
        level = np.where(np.isnan(filtered), -np.inf, filtered)
        heard = np.isfinite(level).any(axis=1)
        lost = (serving < 0) | ~np.isfinite(level[rows, np.maximum(serving, 0)])
        serving = np.where(heard, np.where(lost, level.argmax(axis=1), serving), -1)
        since[lost] = np.nan

        own = level[rows, np.maximum(serving, 0)][:, None]
        with np.errstate(invalid="ignore"):
            better = level - event.hysteresis_db > own + event.offset_db
            worse = level + event.hysteresis_db < own + event.offset_db
        since = np.where(worse, np.nan, since)
        since = np.where(better & np.isnan(since), time_s_T[t], since)
        due = time_s_T[t] - since >= event.time_to_trigger_s - 1e-9
        due[rows, np.maximum(serving, 0)] = False
        target = np.where(due, level, -np.inf).argmax(axis=1)
        moves = due.any(axis=1) & heard
        serving = np.where(moves, target, serving)
        since[moves] = np.nan
        serving_BT[:, t] = serving
    return serving_BT


def handovers(serving_BT: Int64) -> npt.NDArray[np.bool_]:
    """Whether each report is the first one on another cell than the report before, [B, T]."""
    changed = np.zeros(serving_BT.shape, bool)
    changed[:, 1:] = (
        (serving_BT[:, 1:] != serving_BT[:, :-1])
        & (serving_BT[:, 1:] >= 0)
        & (serving_BT[:, :-1] >= 0)
    )
    return changed
