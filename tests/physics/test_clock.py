"""A common offset of one-way ToAs is eliminated; timing advance has none and is left alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from tests.physics.conftest import report_batch

from rayfix.measurement.quantities import timing_advance_from_toa
from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.physics import PhysicsLoss, PhysicsLossConfig
from rayfix.physics.clock import clock_offset, level_of_cells
from rayfix.physics.likelihood import log_likelihood
from rayfix.physics.maps import MapTensors
from rayfix.physics.motion import sequence_posterior
from rayfix.physics.noise import FeatureNoise, NoiseModel
from rayfix.physics.observation import Observation, observe
from rayfix.physics.posterior import grid_posterior
from rayfix.physics.report_features import ReportTensors

TOA, TIMING_ADVANCE = QUANTITIES.index("toa_ns"), QUANTITIES.index("timing_advance")
SIGMA = (4.0, 6.0, 3.0)
GAUSSIAN = FeatureNoise(independent=1.0)


def places(count: int = 60, reports: int = 1, seed: int = 3) -> np.ndarray:
    last = np.random.default_rng(seed).uniform(-18, 8, (count, 1, 2))
    return np.repeat(last, reports, axis=1)


def with_clock(batch: ReportBatch, offset_ns: np.ndarray | float) -> ReportBatch:
    """The same reports from phones whose clocks are off by [B, T] or a constant."""
    values = batch.values_BTNQ.copy()
    values[..., TOA] += np.asarray(offset_ns, np.float32)[..., None]
    return replace(batch, values_BTNQ=values)


def see(batch: ReportBatch, maps: MapTensors, noise: NoiseModel) -> Observation:
    return observe(ReportTensors.from_batch(batch), maps, noise)


@pytest.fixture(scope="session")
def wary(noise: NoiseModel) -> NoiseModel:
    """The noise of a phone whose RSRP and angles say little and whose clock is unknown."""
    rough = {
        "path_gain": noise.path_gain.model_copy(update={"independent": 4.0}),
        "clock_offset_ns": 200.0,
    }
    return noise.model_copy(update=rough)


def test_gaussian_residuals_are_marginalised_in_closed_form() -> None:
    residual = torch.tensor([[210.0, 195.0], [190.0, -40.0], [203.0, 77.0]], dtype=torch.float64)
    variance = torch.tensor([[100.0, 64.0], [36.0, 1.0], [9.0, 400.0]], dtype=torch.float64)
    known = torch.tensor([[True, True], [True, False], [True, True]])
    offset, log_evidence = clock_offset(residual, variance, known, GAUSSIAN, 150.0)
    for p in range(2):
        mine = known[:, p]
        r, v = residual[mine, p].numpy(), variance[mine, p].numpy()
        expected = stats.multivariate_normal(cov=np.diag(v) + 150.0**2).logpdf(r)
        left = stats.norm(0, np.sqrt(v)).logpdf(r - offset[p].item()).sum()
        assert left + log_evidence[p].item() == pytest.approx(expected, abs=1e-9)


def test_without_any_toa_nothing_is_said() -> None:
    offset, log_evidence = clock_offset(
        torch.full((3, 1), 50.0), torch.ones(3, 1), torch.zeros(3, 1, dtype=torch.bool),
        GAUSSIAN, 100.0,
    )  # fmt: skip
    assert offset.item() == 0.0
    assert log_evidence.item() == pytest.approx(0.0, abs=1e-6)


def test_a_reflection_does_not_drag_the_offset_along() -> None:
    """Against numerical integration over the offset: Student-t core, flat share, one outlier."""
    kind = FeatureNoise(
        independent=10.0, degrees_of_freedom=5, outlier_share=0.05, outlier_span=1000.0
    )
    residual = torch.tensor([104.0, 96.0, 101.0, 480.0], dtype=torch.float64)
    variance = torch.full((4,), 100.0, dtype=torch.float64)
    offset, log_evidence = clock_offset(
        residual[:, None], variance[:, None], torch.ones(4, 1, dtype=torch.bool), kind, 200.0
    )
    assert offset.item() == pytest.approx(100.0, abs=3.0)

    def density(b: float) -> float:
        core = 0.95 * stats.t(5).pdf((residual.numpy() - b) / 10.0) / 10.0
        return float(np.prod(core + 0.05 / 1000.0))

    expected, _ = integrate.quad(
        lambda b: density(b) * stats.norm(0, 200.0).pdf(b), -400, 700, points=[100, 480], limit=200
    )
    found = np.log(density(offset.item())) + log_evidence.item()
    assert found == pytest.approx(np.log(expected), abs=0.15)


def test_levels_of_cells_are_even_whatever_is_missing() -> None:
    """A drifting clock adds the same to every cell, also to one that only the last reports name."""
    levels, drift = torch.tensor([100.0, 250.0, 400.0]), torch.arange(6.0) * 20 - 50
    value = (levels + drift[:, None])[None]
    valid = torch.ones_like(value, dtype=torch.bool)
    valid[0, :3, 2], valid[0, 4:, 0] = False, False
    torch.testing.assert_close(level_of_cells(value, valid)[0], levels, atol=0.5, rtol=0)


def errors(batch: ReportBatch, xy_BT2: np.ndarray, maps: MapTensors, noise: NoiseModel) -> float:
    """Median error of the grid posterior's mean [m]."""
    mean = grid_posterior(see(batch, maps, noise), maps, noise).mean()
    truth = torch.from_numpy(xy_BT2[:, -1]).float()
    return (mean - truth).norm(dim=-1).median().item()


def test_a_common_offset_costs_little_when_it_is_expected(
    maps: MapTensors, wary: NoiseModel
) -> None:
    xy = places()
    batch, trusting = report_batch(xy, SIGMA), wary.model_copy(update={"clock_offset_ns": 0.0})
    drawn = 200.0 * np.random.default_rng(1).standard_normal((len(xy), 1))
    plain = errors(batch, xy, maps, trusting)
    expected = errors(with_clock(batch, drawn), xy, maps, wary)
    ruined = errors(with_clock(batch, drawn), xy, maps, trusting)
    without = batch.values_BTNQ.copy()
    without[..., TOA] = np.nan
    no_toa = errors(replace(batch, values_BTNQ=without), xy, maps, trusting)
    assert expected < 1.5 * plain
    assert expected < no_toa  # the differences of ToAs still say something
    assert ruined > 1.5 * expected
    assert ruined > no_toa
    # The offset itself is not what the answer depends on.
    assert errors(with_clock(batch, 300.0), xy, maps, wary) == pytest.approx(expected, rel=0.3)


def test_a_small_offset_is_as_good_as_none(maps: MapTensors, wary: NoiseModel) -> None:
    batch = report_batch(places(5), SIGMA)
    nearly, none = (wary.model_copy(update={"clock_offset_ns": s}) for s in (0.01, 0.0))
    torch.testing.assert_close(
        grid_posterior(see(batch, maps, nearly), maps, nearly).probability_BP,
        grid_posterior(see(batch, maps, none), maps, none).probability_BP,
        atol=1e-5, rtol=1e-2,
    )  # fmt: skip


def test_timing_advance_has_no_offset(maps: MapTensors, wary: NoiseModel) -> None:
    batch = report_batch(places(5), SIGMA)
    values = batch.values_BTNQ.copy()
    values[..., TIMING_ADVANCE] = timing_advance_from_toa(values[..., TOA], 30e3)
    values[..., TOA] = np.nan
    batch = replace(batch, values_BTNQ=values)
    trusting = wary.model_copy(update={"clock_offset_ns": 0.0})
    seen, plain = see(batch, maps, wary), see(batch, maps, trusting)
    assert not seen.one_way_BK.any()
    xy = torch.from_numpy(places(5)).float()
    torch.testing.assert_close(
        log_likelihood(xy, seen, maps, wary), log_likelihood(xy, plain, maps, trusting),
        atol=1e-5, rtol=0,
    )  # fmt: skip
    torch.testing.assert_close(
        grid_posterior(seen, maps, wary).probability_BP,
        grid_posterior(plain, maps, trusting).probability_BP, atol=1e-7, rtol=1e-4,
    )  # fmt: skip
    loss = PhysicsLoss()
    torch.testing.assert_close(loss.energy(xy, seen, maps), loss.energy(xy, plain, maps))


def test_likelihood_of_a_place_hardly_depends_on_the_offset(
    maps: MapTensors, wary: NoiseModel
) -> None:
    batch = report_batch(places(6), (0.0, 0.0, 0.0))
    xy = torch.from_numpy(places(6)).float().requires_grad_()
    true, off = (
        log_likelihood(xy, see(with_clock(batch, shift), maps, wary), maps, wary)
        for shift in (0.0, 150.0)
    )
    # What is left is the prior of the offset, 0.5 (150 / 200)^2.
    torch.testing.assert_close(true - off, torch.full_like(true, 0.5 * 0.75**2), atol=0.03, rtol=0)
    (slope,) = torch.autograd.grad(off.sum(), xy)
    assert torch.isfinite(slope).all()


@pytest.mark.parametrize("loss_type", ["mse", "huber"])
def test_the_loss_is_least_at_the_truth_whatever_the_clock(
    maps: MapTensors, wary: NoiseModel, loss_type: str
) -> None:
    loss = PhysicsLoss(
        PhysicsLossConfig(feature_weights={"toa": 1.0, "aoa": 0.3}, loss_type=loss_type)
    )
    batch = with_clock(report_batch(places(8)), 200.0)
    truth = torch.from_numpy(places(8)).float()
    around = truth + 12.0 * torch.tensor([[0.0, 0.0], [1, 0], [-1, 0], [0, 1], [0, -1]])
    trusting = wary.model_copy(update={"clock_offset_ns": 0.0})
    found = loss.energy(around, see(batch, maps, wary), maps)
    assert (found.argmin(1) == 0).all()
    fooled = loss.energy(around, see(batch, maps, trusting), maps)
    assert (fooled.argmin(1) != 0).float().mean() > 0.5
    assert (fooled[:, 0] > 5 * found[:, 0]).all()


def test_the_least_loss_has_the_right_slope(maps: MapTensors, wary: NoiseModel) -> None:
    """The offset is eliminated without a gradient of its own; finite differences agree."""
    seen = see(with_clock(report_batch(places(4)), 200.0), maps, wary)
    loss = PhysicsLoss(PhysicsLossConfig(loss_type="huber"))
    xy = (torch.from_numpy(places(4)[:, 0]).float() + 5.3).requires_grad_()
    (slope,) = torch.autograd.grad(loss.energy(xy, seen, maps).sum(), xy)
    step = 0.02
    for axis in range(2):
        shift = step * torch.eye(2)[axis]
        with torch.no_grad():
            up, down = (loss.energy(xy + s * shift, seen, maps) for s in (1, -1))
        torch.testing.assert_close((up - down) / (2 * step), slope[:, axis], rtol=0.05, atol=0.05)


def test_a_drifting_clock_is_not_taken_for_motion(maps: MapTensors, wary: NoiseModel) -> None:
    xy = places(30, reports=10)
    batch = report_batch(xy, SIGMA)
    random = np.random.default_rng(2)
    drift = np.arange(10) * 20.0 * random.standard_normal((30, 1))  # 100 ns/s
    off = with_clock(batch, 200.0 * random.standard_normal((30, 1)) + drift)
    truth = torch.from_numpy(xy[:, -1]).float()
    plain, drifting = (
        (sequence_posterior(see(b, maps, wary), maps, wary).mean() - truth).norm(dim=-1).median()
        for b in (batch, off)
    )
    assert drifting < 1.3 * plain + 0.2
