from __future__ import annotations

import numpy as np
import pytest
import torch

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import Condition
from rayfix.measurement.quantities import sinr_and_rsrq_db, timing_advance_step_ns
from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation, observe
from rayfix.physics.report_features import PATH_GAIN, TOA, ReportTensors
from rayfix.radio_map.radio_map import RadioMap


def batch_of(entries: list[dict[int, dict[str, float]]], cells: int = 3) -> ReportBatch:
    """One sequence; each report maps a cell index to its measured values."""
    values = np.full((1, len(entries), cells, len(QUANTITIES)), np.nan, np.float32)
    cell = np.full((1, len(entries), cells), -1, np.int64)
    for t, report in enumerate(entries):
        for n, (index, measured) in enumerate(report.items()):
            cell[0, t, n] = index
            for name, value in measured.items():
                values[0, t, n, QUANTITIES.index(name)] = value
    time = 0.2 * np.arange(len(entries), dtype=np.float32)[None]
    return ReportBatch(cell, values, time)


def one(batch: ReportBatch, maps: MapTensors, noise: NoiseModel) -> Observation:
    return observe(ReportTensors.from_batch(batch), maps, noise)


def test_mean_over_time_is_masked_and_circular(maps: MapTensors, noise: NoiseModel) -> None:
    seen = one(
        batch_of(
            [
                {1: {"rsrp_dbm": -80.0, "aoa_deg": 350.0}, 2: {"toa_ns": 100.0}},
                {2: {"toa_ns": 110.0}, 1: {"rsrp_dbm": -84.0, "aoa_deg": 20.0}},
                {1: {"aoa_deg": -5.0}},
            ]
        ),
        maps,
        noise,
    )
    assert seen.cell_BK.tolist() == [[1, 2]] and seen.heard_BK.all()
    epre = float(maps.epre_dbm_C[1])
    assert seen.value_BKF[0, 0, PATH_GAIN].item() == pytest.approx(-82.0 - epre, abs=1e-3)
    assert seen.value_BKF[0, 0, AOA].item() == pytest.approx(1.67, abs=0.1)
    assert seen.value_BKF[0, 1, TOA].item() == pytest.approx(105.0)
    assert seen.valid_BKF[0, :, [PATH_GAIN, TOA, AOA]].tolist() == [
        [True, False, True],
        [False, True, False],
    ]


def test_averaging_does_not_shrink_the_common_part(maps: MapTensors, noise: NoiseModel) -> None:
    single = one(batch_of([{0: {"rsrp_dbm": -80.0}}]), maps, noise)
    many = one(batch_of([{0: {"rsrp_dbm": -80.0}}] * 100), maps, noise)
    kind = noise.path_gain
    assert single.sigma_BKF[0, 0, PATH_GAIN].item() == pytest.approx(kind.sigma(1), rel=1e-5)
    assert many.sigma_BKF[0, 0, PATH_GAIN].item() == pytest.approx(kind.sigma(100), rel=1e-5)
    assert kind.sigma(100) > kind.common


def test_timing_advance_stands_in_where_there_is_no_toa(
    maps: MapTensors, noise: NoiseModel
) -> None:
    seen = one(
        batch_of(
            [{0: {"timing_advance": 3}, 1: {"timing_advance": 3, "toa_ns": 400.0}},
             {1: {"timing_advance": 5}}]
        ),
        maps,
        noise,
    )  # fmt: skip
    step = float(timing_advance_step_ns(30e3)) / 2
    assert seen.value_BKF[0, 0, TOA].item() == pytest.approx(3 * step, rel=1e-5)
    assert seen.value_BKF[0, 1, TOA].item() == pytest.approx(400.0)
    assert seen.from_timing_advance_BK.tolist() == [[True, False]]
    assert seen.spread_BKF[0, 0, TOA] > 3 * seen.spread_BKF[0, 1, TOA]
    torch.testing.assert_close(seen.interval_ns_BK, torch.tensor([[step, 0.0]]))


def test_a_timing_advance_that_changes_puts_the_toa_at_the_border(
    maps: MapTensors, noise: NoiseModel
) -> None:
    step = float(timing_advance_step_ns(30e3)) / 2
    seen = one(batch_of([{0: {"timing_advance": t}} for t in (3, 4, 4, 4)]), maps, noise)
    assert seen.value_BKF[0, 0, TOA].item() == pytest.approx(3.5 * step, rel=1e-5)
    assert seen.interval_ns_BK.tolist() == [[0.0]] and seen.from_timing_advance_BK.all()
    assert seen.spread_BKF[0, 0, TOA] < 10.0


def test_missing_rsrp_is_restored_from_rsrq_and_sinr(
    town: RadioMap, maps: MapTensors, noise: NoiseModel
) -> None:
    rsrp = np.array([-75.0, -83.0, -90.0])
    sinr, rsrq = sinr_and_rsrq_db(rsrp, town.cells)
    report = {
        0: {"rsrp_dbm": rsrp[0], "rsrq_db": rsrq[0]},
        1: {"rsrq_db": rsrq[1]},
        2: {"sinr_db": sinr[2]},
    }
    seen = one(batch_of([report]), maps, noise)
    assert seen.valid_BKF[0, :, PATH_GAIN].all()
    restored = seen.value_BKF[0, :, PATH_GAIN] + maps.epre_dbm_C
    torch.testing.assert_close(restored, torch.tensor(rsrp).float(), atol=0.02, rtol=0)


def test_silence_is_below_detection_or_below_the_weakest_of_a_full_list(
    maps: MapTensors, noise: NoiseModel
) -> None:
    batch = batch_of([{0: {"rsrp_dbm": -80.0}, 1: {"rsrp_dbm": -95.0}}])
    open_list = one(batch, maps, noise)
    full_list = one(batch, maps, noise.model_copy(update={"max_cells": 2}))
    detection = float(maps.noise_dbm_C[2]) + noise.detection_snr_db
    assert open_list.threshold_dbm_BC[0, 2].item() == pytest.approx(detection, abs=1e-3)
    assert full_list.threshold_dbm_BC[0, 2].item() == pytest.approx(-95.0)
    assert open_list.heard_BC.tolist() == [[True, True, False]]


def test_a_sequence_without_any_cell_gives_an_empty_observation(
    maps: MapTensors, noise: NoiseModel
) -> None:
    batch = batch_of([{}])
    batch.time_s_BT[:] = np.nan
    seen = one(batch, maps, noise)
    assert not seen.heard_BK.any() and not seen.valid_BKF.any()
    assert torch.isfinite(seen.sigma_BKF).all() and torch.isfinite(seen.value_BKF).all()


def test_noise_of_a_condition(maps: MapTensors) -> None:
    condition = Condition(
        world="w", quantities=("rsrp_dbm", "toa_ns"), rsrp_residual_db=3.0, correlated_share=0.5,
        timing_error_ns=10.0, aoa_error_deg=5.0, max_cells=4,
    )  # fmt: skip
    noise = NoiseModel.from_condition(condition)
    assert noise.max_cells == 4
    assert noise.path_gain.sigma(1) == pytest.approx(np.sqrt(9.0 + 0.7**2 + 1 / 12), rel=1e-6)
    assert noise.path_gain.sigma(10**6) == pytest.approx(np.sqrt(4.5 + 0.7**2), rel=1e-3)
    assert noise.toa.sigma(1) > 10.0 and noise.timing_advance.sigma(1) > 10.0
    assert NoiseModel.from_mapping(noise.model_dump()) == noise
    with pytest.raises(InvalidInputError, match=r"noise\.wind: no such key"):
        NoiseModel.from_mapping(noise.model_dump() | {"wind": 1})
