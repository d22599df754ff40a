"""Quantities against the numbers of the specifications."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.measurement import quantities as q
from rayfix.scene.cell import Cell


def cell(**changes: object) -> Cell:
    fields = {"cell_id": "A-1", "site_id": "A", "x_m": 0, "y_m": 0, "z_m": 25, "bearing_deg": 0}
    return Cell.model_validate(fields | changes)


# TS 38.133, tables 10.1.6.1-1, 10.1.11.1-1, 10.1.16.1-1: interval [from, to) -> centre.
@pytest.mark.parametrize(
    ("quantise", "value", "decoded"),
    [
        (q.quantise_rsrp_dbm, -156.0, -155.5),  # SS-RSRP_1: -156 <= x < -155
        (q.quantise_rsrp_dbm, -155.01, -155.5),
        (q.quantise_rsrp_dbm, -90.0, -89.5),
        (q.quantise_rsrp_dbm, -156.3, -156.5),  # SS-RSRP_0: x < -156
        (q.quantise_rsrp_dbm, -200.0, -156.5),
        (q.quantise_rsrp_dbm, -10.0, -30.5),  # SS-RSRP_126: -31 <= x
        (q.quantise_rsrq_db, -43.0, -42.75),  # SS-RSRQ_1
        (q.quantise_rsrq_db, -10.3, -10.25),
        (q.quantise_rsrq_db, 25.0, 20.25),
        (q.quantise_sinr_db, -23.0, -22.75),  # SS-SINR_1
        (q.quantise_sinr_db, 12.6, 12.75),
        (q.quantise_sinr_db, -40.0, -23.25),
    ],
)
def test_report_mapping(quantise: object, value: float, decoded: float) -> None:
    assert quantise(value) == pytest.approx(decoded)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("quantise", "step"),
    [(q.quantise_rsrp_dbm, 1.0), (q.quantise_rsrq_db, 0.5), (q.quantise_sinr_db, 0.5)],
)
def test_quantisation_error_has_zero_mean_and_half_a_step(quantise: object, step: float) -> None:
    value = np.random.default_rng(0).uniform(-20, 15, 20_000) - (80 if step == 1.0 else 0)
    error = quantise(value) - value  # type: ignore[operator]
    assert np.abs(error).max() <= step / 2 + 1e-9
    assert abs(error.mean()) < step / 50


def test_missing_stays_missing() -> None:
    for quantise in (
        q.quantise_rsrp_dbm, q.quantise_rsrq_db, q.quantise_sinr_db, q.quantise_toa_ns,
        q.quantise_aoa_deg, q.cqi_from_sinr,
    ):  # fmt: skip
        assert np.isnan(quantise(np.nan))
    assert np.isnan(q.timing_advance_from_toa(np.nan, 30e3))


def test_timing_advance_of_nr() -> None:
    # 16 * 64 * T_c = 520.8 ns round trip = 78.1 m one way at 15 kHz; half of that per doubling.
    assert q.timing_advance_step_ns(15e3) == pytest.approx(520.833, abs=1e-3)
    metres = q.timing_advance_step_ns(15e3) / 2 * 0.299792458
    assert metres == pytest.approx(78.07, abs=0.01)
    assert q.timing_advance_step_ns(30e3) == pytest.approx(260.417, abs=1e-3)
    assert q.timing_advance_from_toa(1000.0, 30e3) == 8
    assert q.timing_advance_from_toa(1e9, 30e3) == 3846
    assert q.timing_advance_from_toa(-50.0, 30e3) == 0
    index = np.arange(0, 3847)
    there = q.toa_from_timing_advance(index, 30e3)
    np.testing.assert_array_equal(q.timing_advance_from_toa(there, 30e3), index)


def test_time_and_angle_steps() -> None:
    assert pytest.approx(2.0345, abs=1e-4) == q.TOA_STEP_NS
    assert q.quantise_toa_ns(-3.0) == 0.0
    assert q.quantise_aoa_deg(359.96) == 0.0
    assert q.quantise_aoa_deg(-0.06) == pytest.approx(359.9)
    assert q.quantise_aoa_deg(12.34) == pytest.approx(12.3)


def test_rsrp_and_noise_of_a_100_mhz_carrier() -> None:
    cells = [cell(power_dbm=46.0)]
    # 273 resource blocks of 12 elements: 46 - 35.15 dBm; k T 30 kHz + 9 dB = -120.2 dBm.
    assert q.rsrp_dbm([-100.0], cells)[0] == pytest.approx(46 - 35.154 - 100, abs=1e-3)
    assert q.noise_dbm(cells)[0] == pytest.approx(-120.2, abs=0.01)
    threshold = q.noise_dbm(cells)[0] - 6
    below, at, none = threshold - 0.1, threshold, np.nan
    np.testing.assert_array_equal(
        q.detected(np.array([[below], [at], [none]]), cells)[:, 0], [False, True, False]
    )


def test_sinr_and_rsrq_of_two_cells_by_hand() -> None:
    cells = [cell(cell_id="A", load=0.5), cell(cell_id="B", load=1.0)]
    sinr, rsrq = q.sinr_and_rsrq_db(np.array([-80.0, -90.0]), cells)
    noise = 10 ** (-12.02)
    assert sinr[0] == pytest.approx(10 * np.log10(1e-8 / (1e-9 + noise)), abs=1e-3)
    assert sinr[1] == pytest.approx(10 * np.log10(1e-9 / (0.5e-8 + noise)), abs=1e-3)
    rssi = 12 * (0.5e-8 + 1e-9 + noise)
    np.testing.assert_allclose(rsrq, 10 * np.log10(np.array([1e-8, 1e-9]) / rssi), atol=1e-3)


def test_only_cells_on_the_same_carrier_interfere() -> None:
    apart = [cell(cell_id="A"), cell(cell_id="B", carrier_hz=2.6e9)]
    alone, _ = q.sinr_and_rsrq_db(np.array([-80.0, -70.0]), apart)
    assert alone[0] == pytest.approx(-80.0 - q.noise_dbm(apart)[0], abs=1e-6)
    missing, _ = q.sinr_and_rsrq_db(np.array([-80.0, np.nan]), [cell(), cell(cell_id="B")])
    assert missing[0] == pytest.approx(alone[0])
    assert np.isnan(missing[1])


def test_cqi_grows_with_sinr_and_has_sixteen_values() -> None:
    sinr = np.linspace(-30, 50, 2000)
    cqi = q.cqi_from_sinr(sinr)
    assert (np.diff(cqi) >= 0).all()
    assert set(cqi) == set(range(16))
    # Attenuated Shannon (TR 36.942): 0.6 log2(1 + 10^0.1x) >= the efficiency of the index.
    at_10_db = 0.6 * np.log2(1 + 10)
    assert q.cqi_from_sinr(10.0) == sum(e <= at_10_db for e in q.CQI_EFFICIENCY)
