from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from tests.model.town import SMALL, draw, town_maps

from rayfix.measurement.conditions import load_conditions
from rayfix.model.artefact import Model, ModelConfig
from rayfix.model.calibration import EVIDENCE_TRAITS, Calibration, fit_calibration, traits
from rayfix.model.fine_head import Hypotheses
from rayfix.model.network import LocatorNetwork
from rayfix.model.positioning import ModelOnMap, ellipse_axes, estimate, locate
from rayfix.physics.config import RefineConfig
from rayfix.physics.noise import NoiseModel

NOISE = NoiseModel.from_condition(load_conditions().conditions["standard"])


@pytest.fixture(scope="module")
def ready() -> ModelOnMap:
    torch.manual_seed(0)
    config = ModelConfig(
        name="town", scenes=("town",), network=SMALL, noise=NOISE,
        refinement=RefineConfig(min_confidence_threshold=1.0),
    )  # fmt: skip
    network = LocatorNetwork(SMALL).eval().requires_grad_(False)
    return ModelOnMap.prepare(Model(network, config, {}), town_maps())


def test_refinement_lowers_energy_and_error(ready: ModelOnMap) -> None:
    batch, truth = draw(128, 5, seed=1)
    found = locate(ready, batch)
    assert found.refinement is not None
    energy_BJ = found.refinement.energy_BJ
    assert energy_BJ.shape == (128, 6)
    assert (energy_BJ.diff(dim=1) <= 1e-4).all()
    assert found.refinement.path_m_BJ2.shape == (128, 6, 2)
    xy = torch.from_numpy(truth).float()
    refined = (found.fix.xy_m_B2 - xy).norm(dim=-1).median()
    assert refined < (found.unrefined.xy_m_B2 - xy).norm(dim=-1).median()


def test_no_steps_gives_the_networks_answer(ready: ModelOnMap) -> None:
    batch, _ = draw(4, 1, seed=2)
    found = locate(ready, batch, refine_steps=0)
    assert found.refinement is None
    assert torch.equal(found.fix.xy_m_B2, found.unrefined.xy_m_B2)


def test_one_by_one_is_as_together(ready: ModelOnMap) -> None:
    batch, _ = draw(6, 2, seed=3)
    together = locate(ready, batch, attention=True)
    for b in range(6):
        alone = locate(ready, batch[slice(b, b + 1)], attention=True)
        torch.testing.assert_close(
            alone.fix.xy_m_B2[0], together.fix.xy_m_B2[b], atol=0.05, rtol=1e-4
        )


def test_shapes_and_sums(ready: ModelOnMap) -> None:
    batch, _ = draw(3, 2, seed=4)
    found = locate(ready, batch, attention=True)
    torch.testing.assert_close(found.posterior_BP.sum(1), torch.ones(3))
    torch.testing.assert_close(found.hypothesis_weight_BK.sum(1), torch.ones(3))
    assert (found.hypothesis_weight_BK.diff(dim=1) <= 0).all()
    assert found.token_attention_BLHTN is not None
    assert found.token_attention_BLHTN.shape == (3, SMALL.radio_layers, SMALL.heads, 2, 6)
    total = found.token_attention_BLHTN.sum((-1, -2))
    torch.testing.assert_close(total, torch.ones_like(total))


def test_attention_follows_the_reports_own_order(ready: ModelOnMap) -> None:
    batch, _ = draw(3, 2, seed=5)
    order = np.array([3, 0, 5, 1, 4, 2])
    shuffled = type(batch)(
        batch.cell_BTN[:, :, order], batch.values_BTNQ[:, :, order], batch.time_s_BT
    )
    first = locate(ready, batch, attention=True).token_attention_BLHTN
    second = locate(ready, shuffled, attention=True).token_attention_BLHTN
    assert first is not None and second is not None
    torch.testing.assert_close(first[..., order], second, atol=1e-5, rtol=1e-3)


def test_nothing_measured_still_answers(ready: ModelOnMap) -> None:
    batch, _ = draw(2, 1, seed=6)
    batch.values_BTNQ[:] = np.nan
    found = locate(ready, batch)
    assert torch.isfinite(found.fix.xy_m_B2).all()
    assert torch.isfinite(found.fix.radius_68_m_B).all()


def test_estimate_is_the_mean_of_the_heaviest_place() -> None:
    mean = torch.tensor([[[0.0, 0.0], [10.0, 0.0], [200.0, 0.0]]])
    factor = torch.eye(2).expand(1, 3, 2, 2)
    weight = torch.tensor([[0.3, 0.3, 0.4]])
    cell = torch.tensor([[0, 1, 2]])
    found = Hypotheses(cell, mean, torch.zeros_like(mean), factor, weight.log(), weight.log())
    fix = estimate(found, Calibration(), torch.zeros(1, len(EVIDENCE_TRAITS)))
    torch.testing.assert_close(fix.xy_m_B2, torch.tensor([[5.0, 0.0]]))
    torch.testing.assert_close(fix.confidence_B, torch.tensor([0.6]))
    torch.testing.assert_close(fix.covariance_m2_B22[0, 0, 0], torch.tensor(1.0 + 25.0))


def test_ellipse_axes_and_bearing() -> None:
    turn = math.radians(30.0)  # major axis 30 deg north of east: bearing 60 deg
    axis = torch.tensor([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    covariance = axis @ torch.diag(torch.tensor([9.0, 4.0])) @ axis.T
    major, minor, bearing = ellipse_axes(covariance[None], torch.tensor([2.0]))
    assert float(major) == pytest.approx(6.0, rel=1e-4)
    assert float(minor) == pytest.approx(4.0, rel=1e-4)
    assert float(bearing) == pytest.approx(60.0, abs=1e-2)


def test_fitted_calibration_holds_what_it_says() -> None:
    torch.manual_seed(4)
    confidence = torch.rand(8000)
    # Errors grow tenfold with doubt, and the covariance does not know.
    size = 10.0 ** -torch.log10(1.0 - confidence).clamp(-1.0, 0.0)
    error = size[:, None] * torch.randn(8000, 2) * torch.tensor([1.0, 2.0])
    covariance = torch.diag(torch.tensor([1.0, 4.0])).expand(8000, 2, 2)
    trait = traits(confidence, covariance, torch.zeros(8000, len(EVIDENCE_TRAITS)))
    half = slice(0, 4000), slice(4000, 8000)
    fitted = fit_calibration(error[half[0]], covariance[half[0]], trait[half[0]])
    e68, e95, _ = fitted.radii(trait[half[1]])
    distance = (error[half[1]] / torch.tensor([1.0, 2.0])).norm(dim=-1)
    for part in (confidence[half[1]] < 0.45, confidence[half[1]] > 0.55):
        assert 0.62 < float((distance <= e68)[part].float().mean()) < 0.74
        assert 0.92 < float((distance <= e95)[part].float().mean()) < 0.98
