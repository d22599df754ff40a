"""Beams, rank, precoder, throughput and Doppler against what the paths say."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest

from rayfix.errors import InvalidInputError, MissingExtraError
from rayfix.measurement.conditions import Condition
from rayfix.measurement.impairments import draw_reports
from rayfix.measurement.link import (
    beam_rsrp_dbm,
    rank_and_precoder,
    rssi_dbm,
    snr_db,
    strongest_beam,
    throughput_and_bler,
)
from rayfix.measurement.propagation import PathDetail
from rayfix.measurement.quantities import rsrp_dbm, sinr_and_rsrq_db
from rayfix.measurement.report import QUANTITIES
from rayfix.simulation.link import link_table
from rayfix.units import db_to_linear

from .free_space import CELLS, propagation

CARRIER_HZ = np.array([cell.carrier_hz for cell in CELLS])


def detail(layer_ratio_db: float, precoder_gain_db: float = 0.0) -> PathDetail:
    """One place and cell with two layers of this ratio; precoders 2 and 1."""
    known = propagation(np.zeros((1, 1, 2)), with_detail=True).detail
    assert known is not None
    ones = known.each(lambda values: np.ones_like(values[:, :, :1]))
    return replace(
        ones,
        layer_ratio_db=ones.layer_ratio_db * np.float32(layer_ratio_db),
        pmi_rank1_gain_db=ones.pmi_rank1_gain_db * np.float32(precoder_gain_db),
        pmi_rank1=ones.pmi_rank1 * 2,
    )


@pytest.mark.parametrize(
    ("sinr_db", "ratio_db", "gain_db", "rank", "pmi"),
    [
        (20.0, 0.0, 0.0, 2, 1),  # two equal layers
        (20.0, -60.0, 3.01, 1, 2),  # one layer only, all power in it
        (-5.0, -10.0, 2.6, 1, 2),  # too little power for two
        (40.0, -10.0, 2.6, 2, 1),  # one layer is at its highest CQI, the other adds to it
    ],
)
def test_the_rank_is_that_of_the_larger_rate(
    sinr_db: float, ratio_db: float, gain_db: float, rank: int, pmi: int
) -> None:
    found = rank_and_precoder(np.full((1, 1, 1), sinr_db), detail(ratio_db, gain_db))
    assert (found[0].item(), found[1].item()) == (rank, pmi)


def test_rank_is_unknown_where_there_is_no_path() -> None:
    rank, pmi = rank_and_precoder(np.full((1, 1, 1), np.nan), detail(0.0))
    assert np.isnan(rank).all() and np.isnan(pmi).all()


def test_rssi_is_the_power_of_all_cells_and_of_noise() -> None:
    paths = propagation(np.array([[[10.0, 20.0]]]))
    rsrp = rsrp_dbm(paths.path_gain_db_BTC, CELLS)
    _, rsrq = sinr_and_rsrq_db(rsrp, CELLS)
    found = db_to_linear(rssi_dbm(rsrp, rsrq, CELLS))
    noise = db_to_linear(rsrp - snr_db(rsrp, CELLS))[0, 0, 0]
    load = CELLS[0].load
    expected = 12 * CELLS[0].resource_blocks * (load * db_to_linear(rsrp).sum() + noise)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_the_strongest_beam_points_at_the_phone() -> None:
    """North of a cell that looks north by east, the beam left of boresight wins."""
    cell = CELLS[0]  # at (-150, -100), bearing 0
    places = np.array([[[cell.x_m + dx, cell.y_m + 100.0]] for dx in (-80.0, 8.0, 80.0)])
    paths = propagation(places, with_detail=True)
    assert paths.detail is not None
    beams = beam_rsrp_dbm(rsrp_dbm(paths.path_gain_db_BTC, CELLS), paths.detail)
    assert beams.shape == (3, 1, 9, 8)
    strongest = strongest_beam(beams)[:, 0, 0]
    assert strongest[0] < 3 and strongest[1] == 4 and strongest[2] > 4
    assert np.isnan(strongest_beam(np.full((1, 8), np.nan))).all()


def test_doppler_is_the_rate_at_which_the_path_shortens() -> None:
    start = np.array([[40.0, -60.0], [100.0, 30.0]])
    way = start[:, None] + np.arange(5)[:, None] * np.array([2.0, 1.0])  # 11.2 m/s
    paths = propagation(way, with_detail=True)
    found = paths.doppler_hz(CARRIER_HZ)
    shortening = -np.gradient(paths.toa_ns_BTC.astype(float), 0.2, axis=1) * 1e-9
    np.testing.assert_allclose(found[:, 1:-1], (shortening * CARRIER_HZ)[:, 1:-1], atol=0.6)
    assert np.abs(found).max() <= np.hypot(2, 1) / 0.2 * CARRIER_HZ[0] / 3e8 + 1
    assert (propagation(way[:, :1], with_detail=True).doppler_hz(CARRIER_HZ) == 0).all()


def test_without_the_detail_of_paths_the_quantity_is_named() -> None:
    paths = propagation(np.zeros((1, 1, 2)))
    for quantity in ("beam_id", "ri"):
        condition = Condition(world="nominal", quantities=(quantity,), rsrp_residual_db=0.0)
        with pytest.raises(InvalidInputError, match=rf"{quantity}.*paths\.detail"):
            draw_reports(paths, CELLS, condition, 0)


def test_link_quantities_are_of_the_serving_cell_and_beams_of_all() -> None:
    way = np.random.default_rng(0).uniform(-200, 200, (40, 1, 2))
    quantities = ("rsrp_dbm", "toa_ns", "ri", "pmi", "beam_id")
    paths = propagation(way, with_detail=True)
    condition = Condition(
        world="nominal", quantities=quantities, rsrp_residual_db=3.0, missing_share=0.1
    )
    batch = draw_reports(paths, CELLS, condition, 3)
    known = {name: np.isfinite(batch.values_BTNQ[..., i]) for i, name in enumerate(QUANTITIES)}
    assert not known["ri"][..., 1:].any() and not known["pmi"][..., 1:].any()
    assert known["ri"][..., 0].mean() > 0.8
    assert known["beam_id"].mean() > 0.8
    # Asking for more does not change what was drawn before.
    less = condition.model_copy(update={"quantities": ("rsrp_dbm", "toa_ns")})
    before = draw_reports(paths, CELLS, less, 3)
    for name in less.quantities:
        at = QUANTITIES.index(name)
        np.testing.assert_array_equal(batch.values_BTNQ[..., at], before.values_BTNQ[..., at])


def test_beam_errors_move_some_phones_to_another_beam() -> None:
    way = np.random.default_rng(1).uniform(-200, 200, (300, 1, 2))
    paths = propagation(way, with_detail=True)
    exact = Condition(world="nominal", quantities=("beam_id",), rsrp_residual_db=0.0)
    rough = exact.model_copy(update={"beam_error_db": 12.0})
    at = QUANTITIES.index("beam_id")
    first, second = (draw_reports(paths, CELLS, c, 3).values_BTNQ[..., at] for c in (exact, rough))
    assert 0.2 < (first != second).mean() < 0.9


def test_throughput_follows_the_map_solvers_tables() -> None:
    """Counted block errors scatter around the tables' rate; the throughput is what is left."""
    sinr = np.broadcast_to(np.array([-12.0, 5.0, 35.0])[:, None], (3, len(CELLS))).copy()
    exact, bler = throughput_and_bler(sinr, CELLS)
    assert (np.diff(exact, axis=0) > 0).all()
    assert (bler[1:] <= 0.1001).all()
    many = np.repeat(sinr[1:2], 2000, axis=0)
    drawn, counted = throughput_and_bler(many, CELLS, np.random.default_rng(0))
    np.testing.assert_allclose(counted.mean(axis=0), bler[1], atol=0.002)
    np.testing.assert_allclose(drawn.mean(axis=0), exact[1], rtol=0.005)
    assert np.isnan(throughput_and_bler(np.full((1, 9), np.nan), CELLS)[0]).all()


def test_throughput_without_the_ray_tracer_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link_table.cache_clear()
    monkeypatch.setitem(sys.modules, "sionna.sys", None)
    with pytest.raises(MissingExtraError, match=r"rayfix\[maps\]"):
        throughput_and_bler(np.zeros((1, len(CELLS))), CELLS)
