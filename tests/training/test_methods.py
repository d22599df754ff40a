from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.model.town import town_maps
from tests.training.conftest import ROOT, town_dataset

from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.physics.noise import NoiseModel
from rayfix.training.methods import peers, trusting_noise

AOA = QUANTITIES.index("aoa_deg")
CONDITIONS = load_conditions(ROOT / "configs" / "conditions.yaml").conditions


def test_who_trusts_the_map_knows_only_the_errors_of_the_reports() -> None:
    wary, trusting = (
        make(CONDITIONS["standard"]) for make in (NoiseModel.from_condition, trusting_noise)
    )
    # 3 dB, of whose variance reports share half, and quantisation in steps of 1 dB.
    assert trusting.path_gain.common == pytest.approx(3 * 0.5**0.5)
    assert trusting.path_gain.independent == pytest.approx((4.5 + 1 / 12) ** 0.5)
    assert trusting.toa.common == trusting.aoa.common == 0
    assert trusting.toa.degrees_of_freedom is None
    assert trusting.likelihood_exponent == 1 and trusting.window_share == 0
    assert trusting.undetected_share < 1e-3 * wary.undetected_share


def test_peers_find_the_place_on_a_true_map() -> None:
    maps = town_maps()
    dataset = town_dataset(40, 5)
    batch = dataset.draw(CONDITIONS["clean"], 1, 1)
    truth = torch.from_numpy(dataset.truth_xy_m_S2).float()
    found = {}
    for names, method in peers(maps).items():
        found |= zip(names, method(batch, CONDITIONS["clean"]), strict=True)
    median = {
        name: float((answer.xy_m_B2 - truth).norm(dim=-1).median())
        for name, answer in found.items()
    }
    assert set(median) == {"strongest_cell", "knn", "grid_posterior", "grid_mode", "grid_trusting"}
    assert all(median[name] < 2.0 for name in set(median) - {"strongest_cell"})
    assert median["grid_trusting"] <= 1.2 * median["grid_posterior"]
    assert 5.0 < median["strongest_cell"] < 100.0


def test_who_trusts_a_wrong_map_is_further_off_than_who_does_not() -> None:
    maps = town_maps()
    dataset = town_dataset(60, 6)
    shifted = dataset.draw(CONDITIONS["clean"], 3, 1)
    # One cell's antenna is not where the map thinks: its angles are turned by 5 degrees.
    values = shifted.values_BTNQ.copy()
    values[..., AOA] = np.where(
        shifted.cell_BTN == 0, (values[..., AOA] + 5) % 360, values[..., AOA]
    )
    batch = ReportBatch(shifted.cell_BTN, values, shifted.time_s_BT)
    truth = torch.from_numpy(dataset.truth_xy_m_S2).float()
    methods = peers(maps)
    (mean, _), (trusting,) = (
        methods[names](batch, CONDITIONS["clean"])
        for names in (("grid_posterior", "grid_mode"), ("grid_trusting",))
    )
    wary_m, trusting_m = (
        float((answer.xy_m_B2 - truth).norm(dim=-1).quantile(0.9)) for answer in (mean, trusting)
    )
    assert trusting_m > 1.1 * wary_m
