"""Draws reports, with the errors of a condition, from what reaches a phone.

Shape letters: B sequences, T reports, C cells of the scene, N heard cells of a report,
Q quantities.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import Condition
from rayfix.measurement.link import (
    beam_rsrp_dbm,
    rank_and_precoder,
    strongest_beam,
    throughput_and_bler,
)
from rayfix.measurement.propagation import Float64, Propagation
from rayfix.measurement.protocol import serving_cells
from rayfix.measurement.quantities import (
    cqi_from_sinr,
    detected,
    quantise_aoa_deg,
    quantise_rsrp_dbm,
    quantise_rsrq_db,
    quantise_sinr_db,
    quantise_toa_ns,
    rsrp_dbm,
    sinr_and_rsrq_db,
    timing_advance_from_toa,
)
from rayfix.measurement.report import QUANTITIES, CellMeasurement, Report, ReportBatch
from rayfix.scene.cell import Cell

INTEGER_QUANTITIES = frozenset({"cqi", "ri", "pmi", "timing_advance", "beam_id"})
RSRP = QUANTITIES.index("rsrp_dbm")
SERVING_ONLY = ("cqi", "ri", "pmi", "throughput_mbps", "bler")
"""Quantities that a phone reports of its serving cell alone."""
CLOCK_STREAM, LINK_STREAM = 1, 2
"""Set the draws of clocks, and of beams and block errors, apart from all other errors of a seed."""


def draw_reports(
    propagation: Propagation, cells: Sequence[Cell], condition: Condition, seed: int
) -> ReportBatch:
    """Reports that a phone would send; the same seed and input give the same reports.

    A cell is in a report when it is detected (`quantities.DETECTION_SNR_DB`, from its RSRP
    without the residual) and among the strongest by measured RSRP, the serving cell always.
    `SERVING_ONLY` quantities are reported of that cell: the strongest one unless the condition
    has handovers. A report that lost every quantity keeps the RSRP of its
    strongest cell: a phone that measured nothing sends no report. A cell of which every quantity is
    missing is left out. Where no cell is detected there is no report: cells are -1 and its time is
    NaN.

    Args:
        propagation: places and paths, C cells.
        cells: those cells, as they are in the propagation's world (their power counts).
        condition: the errors.
        seed: of all draws.
    Returns:
        B sequences of T reports with up to `condition.max_cells` cells, strongest first.
        `cell_BTN` indexes `cells`.
    Raises:
        InvalidInputError: the number of cells differs.
    """
    recorded = propagation.path_gain_db_BTC.shape[-1]
    if recorded != len(cells):
        raise InvalidInputError("cells", f"{recorded} cells are recorded, not {len(cells)}")
    random = np.random.default_rng(seed)
    traced_BTC = rsrp_dbm(propagation.path_gain_db_BTC, cells)
    heard_BTC = detected(traced_BTC, cells)
    residual_BTC = rsrp_residual_db(propagation.xy_m_BT2, len(cells), condition, random)
    measured_BTC = traced_BTC + residual_BTC
    clock_BT = clock_offset_ns(propagation.time_s_T, len(propagation), condition, seed)
    values_BTCQ = _quantities(propagation, measured_BTC, clock_BT, cells, condition, seed, random)
    values_BTCQ[_missing(values_BTCQ.shape, condition, random)] = np.nan

    order_BTN = np.argsort(np.where(heard_BTC, -measured_BTC, np.inf), axis=-1, kind="stable")
    order_BTN = order_BTN[..., : min(condition.max_cells, len(cells))]
    serving_BT1 = _serving(propagation, measured_BTC, heard_BTC, order_BTN, condition)
    outside_BT = (order_BTN != serving_BT1).all(axis=-1) & (serving_BT1[..., 0] >= 0)
    order_BTN[outside_BT, -1] = serving_BT1[outside_BT, 0]
    heard_BTN = np.take_along_axis(heard_BTC, order_BTN, axis=-1)
    values_BTNQ = np.take_along_axis(values_BTCQ, order_BTN[..., None], axis=-2)
    for name in _of_serving_cell(condition):
        values_BTNQ[order_BTN != serving_BT1, QUANTITIES.index(name)] = np.nan
    values_BTNQ[~heard_BTN] = np.nan

    lost_BT = np.isnan(values_BTNQ).all(axis=(-1, -2)) & heard_BTN[..., 0]
    strongest_BT = np.take_along_axis(measured_BTC, order_BTN[..., :1], axis=-1)[..., 0]
    values_BTNQ[lost_BT, 0, RSRP] = quantise_rsrp_dbm(strongest_BT[lost_BT])

    named_BTN = np.isfinite(values_BTNQ).any(axis=-1)
    time_BT = np.where(named_BTN.any(axis=-1), propagation.time_s_T, np.nan)
    first_B1 = np.fmin.reduce(time_BT, axis=1, keepdims=True)
    return ReportBatch(
        np.where(named_BTN, order_BTN, -1).astype(np.int64),
        values_BTNQ.astype(np.float32),
        (time_BT - first_B1).astype(np.float32),
    )


def _serving(
    propagation: Propagation,
    measured_BTC: Float64,
    heard_BTC: npt.NDArray[np.bool_],
    order_BTN: npt.NDArray[np.intp],
    condition: Condition,
) -> npt.NDArray[np.int64]:
    """The serving cell of each report, [B, T, 1]."""
    if condition.handover is None:
        return order_BTN[..., :1].astype(np.int64)
    rsrp_BTC = np.where(heard_BTC, measured_BTC, np.nan)
    return serving_cells(rsrp_BTC, propagation.time_s_T, condition.handover)[..., None]


def _of_serving_cell(condition: Condition) -> list[str]:
    """Measured quantities that only the serving cell has."""
    alone = {*SERVING_ONLY} | (
        {"timing_advance"} if condition.timing_advance_of == "serving" else set()
    )
    return [name for name in condition.quantities if name in alone]


def rsrp_residual_db(
    xy_m_BT2: Float64, cell_count: int, condition: Condition, random: np.random.Generator
) -> Float64:
    """What ray tracing leaves unexplained of each RSRP [dB], shape [B, T, C].

    The correlated part is a first-order autoregression along the way, with correlation
    exp(-travelled distance / correlation length) (Gudmundson 1991, eq. 8); it starts anew in every
    sequence and is independent between cells. The other part is independent everywhere.
    """
    shape = (*xy_m_BT2.shape[:2], cell_count)
    step_m_BT = np.hypot(*np.moveaxis(np.diff(xy_m_BT2, axis=1), -1, 0))
    correlation_BT = np.exp(-step_m_BT / condition.correlation_length_m)
    correlated = random.standard_normal(shape)
    for t in range(1, shape[1]):
        rho_B1 = correlation_BT[:, t - 1, None]
        correlated[:, t] = (
            rho_B1 * correlated[:, t - 1] + np.sqrt(1.0 - rho_B1**2) * correlated[:, t]
        )
    independent = random.standard_normal(shape)
    share = condition.correlated_share
    residual: Float64 = np.sqrt(share) * correlated + np.sqrt(1.0 - share) * independent
    return condition.rsrp_residual_db * residual


def clock_offset_ns(time_s_T: Float64, sequences: int, condition: Condition, seed: int) -> Float64:
    """Offset of each phone's clock at each report [ns], shape [B, T]: a constant and a drift.

    From a stream of its own, so that all other errors of a seed stay the same with and without.
    """
    random = np.random.default_rng([seed, CLOCK_STREAM])
    offset_B1 = condition.clock_offset_ns * random.standard_normal((sequences, 1))
    drift_B1 = condition.clock_drift_ns_s * random.standard_normal((sequences, 1))
    return np.asarray(offset_B1 + drift_B1 * (time_s_T - time_s_T[-1]), np.float64)


def _quantities(
    propagation: Propagation,
    measured_BTC: Float64,
    clock_BT: Float64,
    cells: Sequence[Cell],
    condition: Condition,
    seed: int,
    random: np.random.Generator,
) -> Float64:
    """Every measured quantity with its error, quantised, shape [B, T, C, Q]."""
    sinr, rsrq = sinr_and_rsrq_db(measured_BTC, cells)
    spacing_C = np.array([cell.subcarrier_spacing_hz for cell in cells])
    toa = propagation.toa_ns_BTC + condition.timing_error_ns * random.standard_normal(sinr.shape)
    one_way = toa + clock_BT[..., None]
    aoa = propagation.aoa_deg_BTC + condition.aoa_error_deg * random.standard_normal(sinr.shape)
    drawn = {
        "rsrp_dbm": quantise_rsrp_dbm(measured_BTC),
        "rsrq_db": quantise_rsrq_db(rsrq),
        "sinr_db": quantise_sinr_db(sinr),
        "cqi": cqi_from_sinr(sinr),
        "timing_advance": timing_advance_from_toa(toa, spacing_C),
        "toa_ns": quantise_toa_ns(one_way),
        "aoa_deg": quantise_aoa_deg(aoa),
    }
    drawn |= _link_quantities(propagation, sinr, measured_BTC, cells, condition, seed)
    # A time of flight that the phone's clock would make negative is not reported.
    drawn["toa_ns"][(one_way < 0) & (clock_BT[..., None] != 0)] = np.nan
    values = np.full((*sinr.shape, len(QUANTITIES)), np.nan)
    for name in condition.quantities:
        values[..., QUANTITIES.index(name)] = drawn[name]
    return values


def _link_quantities(
    propagation: Propagation,
    sinr: Float64,
    measured_BTC: Float64,
    cells: Sequence[Cell],
    condition: Condition,
    seed: int,
) -> dict[str, Float64]:
    """Beams, rank, precoder, throughput and block errors, as far as the condition asks for them."""
    wanted = set(condition.quantities)
    drawn: dict[str, Float64] = {}
    random = np.random.default_rng([seed, LINK_STREAM])
    if "beam_id" in wanted:
        beams = beam_rsrp_dbm(measured_BTC, propagation.recorded_detail("beam_id"))
        errors = condition.beam_error_db * random.standard_normal(beams.shape)
        drawn["beam_id"] = strongest_beam(beams + errors)
    if wanted & {"ri", "pmi"}:
        detail = propagation.recorded_detail("ri, pmi")
        drawn["ri"], drawn["pmi"] = rank_and_precoder(sinr, detail)
    if wanted & {"throughput_mbps", "bler"}:
        drawn["throughput_mbps"], drawn["bler"] = throughput_and_bler(sinr, cells, random)
    return drawn


def _missing(
    shape: tuple[int, ...], condition: Condition, random: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Which quantities are missing, each on its own, shape [B, T, C, Q]."""
    share_Q = np.full(len(QUANTITIES), condition.missing_share)
    for name, share in condition.missing_share_of.items():
        share_Q[QUANTITIES.index(name)] = share
    return np.asarray(random.random(shape) < share_Q)


def to_reports(
    batch: ReportBatch, cell_ids: Sequence[str], start_time_s: float = 0.0
) -> list[list[Report]]:
    """The same reports as objects, such as clients send them; empty reports are left out.

    Args:
        batch: B sequences.
        cell_ids: the cells that `batch.cell_BTN` indexes.
        start_time_s: time of each sequence's first report [s].
    """
    return [
        [
            Report(
                time=start_time_s + float(batch.time_s_BT[b, t]),
                cells=tuple(
                    CellMeasurement.model_validate(
                        {"cell_id": cell_ids[cell]} | _present(batch.values_BTNQ[b, t, n])
                    )
                    for n, cell in enumerate(batch.cell_BTN[b, t])
                    if cell >= 0
                ),
            )
            for t in range(batch.cell_BTN.shape[1])
            if (batch.cell_BTN[b, t] >= 0).any()
        ]
        for b in range(len(batch))
    ]


def _present(values_Q: npt.NDArray[np.float32]) -> dict[str, float | int]:
    """The quantities that are not missing, by name."""
    return {
        name: int(value) if name in INTEGER_QUANTITIES else round(float(value), 3)
        for name, value in zip(QUANTITIES, values_Q, strict=True)
        if np.isfinite(value)
    }
