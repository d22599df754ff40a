"""Drawn reports have the statistics that their condition promises."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import Condition
from rayfix.measurement.impairments import (
    clock_offset_ns,
    draw_reports,
    rsrp_residual_db,
    to_reports,
)
from rayfix.measurement.propagation import Propagation
from rayfix.measurement.quantities import rsrp_dbm
from rayfix.measurement.report import QUANTITIES, ReportBatch, to_batch
from rayfix.units import wrap_deg

from .free_space import CELLS, propagation

DRAWN = ("rsrp_dbm", "rsrq_db", "sinr_db", "cqi", "timing_advance", "toa_ns", "aoa_deg")
"""What every dataset gives."""
ALL = Condition(
    world="nominal", quantities=DRAWN, rsrp_residual_db=3.0, timing_error_ns=10.0,
    aoa_error_deg=5.0, missing_share=0.2,
)  # fmt: skip
EXACT = Condition(world="nominal", quantities=DRAWN, rsrp_residual_db=0.0)


def places(sequences: int, reports: int, step_m: float = 0.0, seed: int = 0) -> np.ndarray:
    start = np.random.default_rng(seed).uniform(-250, 250, (sequences, 1, 2))
    return start + np.arange(reports)[:, None] * np.array([step_m, 0.0])


def values(batch: ReportBatch, quantity: str) -> np.ndarray:
    return batch.values_BTNQ[..., QUANTITIES.index(quantity)].astype(np.float64)


def truth(batch: ReportBatch, values_BTC: np.ndarray) -> np.ndarray:
    return np.take_along_axis(values_BTC, np.maximum(batch.cell_BTN, 0), axis=-1)


def test_the_same_seed_gives_the_same_reports_and_another_does_not() -> None:
    paths = propagation(places(20, 3))
    first, again, other = (draw_reports(paths, CELLS, ALL, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.values_BTNQ, again.values_BTNQ)
    np.testing.assert_array_equal(first.cell_BTN, again.cell_BTN)
    assert not np.array_equal(first.values_BTNQ, other.values_BTNQ, equal_nan=True)


def test_without_errors_only_quantisation_remains() -> None:
    paths = propagation(places(200, 1))
    batch = draw_reports(paths, CELLS, EXACT, 0)
    exact = truth(batch, rsrp_dbm(paths.path_gain_db_BTC, CELLS))
    assert np.abs(values(batch, "rsrp_dbm") - exact).max() <= 0.5 + 1e-4
    assert np.abs(values(batch, "toa_ns") - truth(batch, paths.toa_ns_BTC)).max() <= 1.02
    off = wrap_deg(values(batch, "aoa_deg") - truth(batch, paths.aoa_deg_BTC))
    assert np.abs(off).max() <= 0.051
    one_way = values(batch, "timing_advance") * 260.4167 / 2
    assert np.abs(one_way - truth(batch, paths.toa_ns_BTC)).max() <= 65.2


def test_strongest_eight_of_nine_come_first() -> None:
    paths = propagation(places(100, 1))
    batch = draw_reports(paths, CELLS, EXACT, 0)
    assert batch.cell_BTN.shape == (100, 1, 8)
    assert (np.diff(values(batch, "rsrp_dbm"), axis=-1) <= 0).all()
    for b in range(100):
        left_out = set(range(9)) - set(batch.cell_BTN[b, 0])
        assert left_out == {int(np.argmin(rsrp_dbm(paths.path_gain_db_BTC[b, 0], CELLS)))}


def test_errors_have_their_standard_deviations() -> None:
    paths = propagation(places(4000, 1))
    condition = ALL.model_copy(update={"missing_share": 0.0, "max_cells": 9})
    batch = draw_reports(paths, CELLS, condition, 5)
    rsrp_error = values(batch, "rsrp_dbm") - truth(batch, rsrp_dbm(paths.path_gain_db_BTC, CELLS))
    assert rsrp_error.std() == pytest.approx(np.sqrt(9 + 1 / 12), rel=0.02)
    assert abs(rsrp_error.mean()) < 0.05
    toa_error = values(batch, "toa_ns") - truth(batch, paths.toa_ns_BTC)
    assert toa_error.std() == pytest.approx(10.0, rel=0.02)
    aoa_error = wrap_deg(values(batch, "aoa_deg") - truth(batch, paths.aoa_deg_BTC))
    assert aoa_error.std() == pytest.approx(5.0, rel=0.02)
    assert values(batch, "aoa_deg").min() >= 0
    assert values(batch, "aoa_deg").max() < 360


def test_a_clock_offset_is_common_to_a_sequences_toas_and_leaves_the_rest_alone() -> None:
    paths = propagation(places(2000, 4))
    plain = ALL.model_copy(update={"timing_error_ns": 0.0})
    off = plain.model_copy(update={"clock_offset_ns": 200.0})
    before, after = (draw_reports(paths, CELLS, c, 9) for c in (plain, off))
    for name in set(DRAWN) - {"toa_ns"}:
        np.testing.assert_array_equal(values(before, name), values(after, name))
    shift = values(after, "toa_ns") - values(before, "toa_ns")
    assert np.nanmax(np.abs(shift - np.nanmedian(shift, axis=(1, 2))[:, None, None])) <= 2.04
    assert np.nanmin(values(after, "toa_ns")) >= 0
    # Clocks that lead by more than the time of flight leave no ToA: look at those that lag.
    lag = np.nanmedian(shift, axis=(1, 2))
    assert np.nanmean(lag[lag > 0]) == pytest.approx(200.0 * np.sqrt(2 / np.pi), rel=0.05)


def test_a_clock_drifts_within_a_sequence() -> None:
    paths = propagation(places(4000, 10))
    clean = EXACT.model_copy(update={"clock_offset_ns": 50.0, "clock_drift_ns_s": 100.0})
    offset = clock_offset_ns(paths.time_s_T, len(paths), clean, 3)
    assert offset[:, -1].std() == pytest.approx(50.0, rel=0.04)
    rate = np.diff(offset, axis=1) / 0.2
    assert rate.std() == pytest.approx(100.0, rel=0.04)
    np.testing.assert_allclose(rate, rate[:, :1].repeat(9, axis=1), atol=1e-6)


@pytest.mark.parametrize("step_m", [0.0, 0.3, 3.0])
def test_half_of_the_residual_is_correlated_over_ten_metres(step_m: float) -> None:
    reports = 10
    way = places(3000, reports, step_m)
    residual = rsrp_residual_db(way, len(CELLS), ALL, np.random.default_rng(0)) / 3.0
    for t in range(reports):
        assert residual[:, t].std() == pytest.approx(1.0, rel=0.02)
    for lag in (1, 5, 9):
        together = (residual[:, :-lag] * residual[:, lag:]).mean()
        assert together == pytest.approx(0.5 * np.exp(-lag * step_m / 10.0), abs=0.015)
    between_cells = (residual[..., 0] * residual[..., 1]).mean()
    assert abs(between_cells) < 0.02


def test_the_missing_share_holds_for_each_quantity_on_its_own() -> None:
    condition = ALL.model_copy(update={"missing_share_of": {"aoa_deg": 0.6}})
    batch = draw_reports(propagation(places(3000, 1)), CELLS, condition, 1)
    for name in DRAWN:
        present = np.isfinite(values(batch, name))
        share = (present[..., 0] if name == "cqi" else present).mean()
        assert share == pytest.approx(0.4 if name == "aoa_deg" else 0.8, abs=0.02), name
    rsrp, toa = (np.isfinite(values(batch, name)) for name in ("rsrp_dbm", "toa_ns"))
    assert (rsrp & toa).mean() == pytest.approx(0.64, abs=0.02)


def test_only_the_serving_cell_has_a_cqi_and_unmeasured_quantities_stay_missing() -> None:
    condition = EXACT.model_copy(update={"quantities": ("rsrp_dbm", "cqi")})
    batch = draw_reports(propagation(places(50, 2)), CELLS, condition, 0)
    assert np.isfinite(values(batch, "cqi")[..., 0]).all()
    assert np.isnan(values(batch, "cqi")[..., 1:]).all()
    for name in set(QUANTITIES) - {"rsrp_dbm", "cqi"}:
        assert np.isnan(values(batch, name)).all(), name


def test_a_report_that_lost_everything_keeps_the_strongest_rsrp() -> None:
    condition = ALL.model_copy(update={"missing_share": 1.0})
    batch = draw_reports(propagation(places(50, 2)), CELLS, condition, 0)
    assert np.isfinite(values(batch, "rsrp_dbm")[..., 0]).all()
    assert np.isfinite(batch.values_BTNQ).sum() == 50 * 2
    assert (batch.cell_BTN[..., 0] >= 0).all()
    assert (batch.cell_BTN[..., 1:] == -1).all()


def test_a_place_that_hears_nothing_gives_no_report() -> None:
    paths = propagation(places(3, 4))
    gain = paths.path_gain_db_BTC.copy()
    gain[0, 0] = np.nan
    gain[0, 1] = -300.0
    silent = Propagation(
        paths.xy_m_BT2, paths.time_s_T, gain, paths.toa_ns_BTC, paths.aoa_deg_BTC, paths.los_BTC
    )
    batch = draw_reports(silent, CELLS, EXACT, 0)
    assert (batch.cell_BTN[0, :2] == -1).all()
    np.testing.assert_allclose(batch.time_s_BT[0], [np.nan, np.nan, 0.0, 0.2], atol=1e-6)
    np.testing.assert_allclose(batch.time_s_BT[1], [0.0, 0.2, 0.4, 0.6], atol=1e-6)
    assert [len(reports) for reports in to_reports(batch, ids())] == [2, 4, 4]


def ids() -> list[str]:
    return [cell.cell_id for cell in CELLS]


def test_reports_as_objects_say_the_same() -> None:
    batch = draw_reports(propagation(places(30, 3)), CELLS, ALL, 4)
    sequences = to_reports(batch, ids(), start_time_s=1000.0)
    back, unknown = to_batch(sequences, {name: index for index, name in enumerate(ids())})
    assert not any(unknown)
    assert sequences[0][1].time == pytest.approx(1000.2)
    for b in range(30):
        for t in range(3):
            sent, got = by_cell(batch, b, t), by_cell(back, b, t)
            assert sent.keys() == got.keys()
            for index in sent:
                np.testing.assert_allclose(got[index], sent[index], atol=1e-3)


def by_cell(batch: ReportBatch, b: int, t: int) -> dict[int, np.ndarray]:
    """Values [Q] of every heard cell of one report."""
    heard = batch.cell_BTN[b, t] >= 0
    return dict(zip(batch.cell_BTN[b, t][heard], batch.values_BTNQ[b, t][heard], strict=True))


def test_other_cells_than_recorded_are_refused() -> None:
    with pytest.raises(InvalidInputError, match="9 cells are recorded, not 8"):
        draw_reports(propagation(places(1, 1)), CELLS[:8], ALL, 0)
