from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats

from rayfix.errors import InvalidInputError
from rayfix.physics.likelihood import EVIDENCE_FEATURES
from rayfix.physics.likelihood_grid import likelihood_grid
from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.noise import FeatureNoise, NoiseModel
from rayfix.physics.observation import Observation
from rayfix.physics.posterior import ellipse_scale, grid_posterior, log_likelihood_grid

PLACES = [[-12.6, 4.3], [5.2, -17.7], [-30.5, -33.1]]
Observe = Callable[..., Observation]


def core(residual: float, sigma: float, kind: FeatureNoise) -> float:
    nu = kind.degrees_of_freedom
    known = stats.norm if nu is None else stats.t(nu)
    return float((1 - kind.outlier_share) * known.pdf(residual / sigma) / sigma)


def window_moments(
    maps: MapTensors, c: int, f: int, row: int, column: int
) -> tuple[float, float, float]:
    """Share of a 3 x 3 window with a path, mean and variance of a feature there."""
    window = (slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2))
    outdoor = maps.outdoor_HW[window]
    known = maps.valid_CHW[c][window] & outdoor
    values = maps.features_CFHW[c, f][window][known].double()
    share = float(known.sum() / outdoor.sum())
    if not len(values):
        return 0.0, 0.0, 0.0
    if f == AOA:
        mean = torch.exp(1j * torch.deg2rad(values)).mean()
        variance = float(-2 * mean.abs().log()) * (180 / math.pi) ** 2
        return share, math.degrees(float(mean.angle())), variance
    return share, float(values.mean()), float(values.var(correction=0))


def brute_force(seen: Observation, b: int, row: int, column: int, maps, noise) -> float:  # type: ignore[no-untyped-def]
    """Log likelihood of one place, in plain Python."""
    total = 0.0
    steepest = {0: 4.0, 1: maps.resolution_m / 0.299792458, AOA: 10.0}
    for c in range(maps.shape[0]):
        path = bool(maps.valid_CHW[c, row, column])
        share, _, _ = window_moments(maps, c, 0, row, column)
        heard = share * (1.0 if path else 0.25)
        heard = min(max(heard, noise.undetected_share / 4), 1 - noise.undetected_share)
        if not seen.heard_BC[b, c]:
            total += math.log(1 - heard)
            continue
        total += math.log(heard)
        k = seen.cell_BK[b].tolist().index(c)
        for f in EVIDENCE_FEATURES:
            if not seen.valid_BKF[b, k, f]:
                continue
            kind = noise.of_feature(f)
            _, mean, variance = window_moments(maps, c, f, row, column)
            slope = min(variance, steepest[f] ** 2) / 8
            parts = [(noise.window_share, mean, variance)] if share else []
            if path:
                own = float(maps.features_CFHW[c, f, row, column])
                parts.append((1 - noise.window_share, own, slope))
            elif share:
                parts = [(1.0, mean, variance)]
            value = kind.outlier_share / kind.outlier_span if share else kind.no_path_density
            for weight, centre, spread in parts:
                residual = float(seen.value_BKF[b, k, f]) - centre
                if f == AOA:
                    residual = (residual + 180.0) % 360.0 - 180.0
                sigma = math.hypot(float(seen.sigma_BKF[b, k, f]), math.sqrt(spread))
                value += weight * core(residual, sigma, kind)
            total += math.log(value)
    return total * float(noise.likelihood_exponent)


def test_the_grid_is_the_brute_force_likelihood(
    maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    seen = observed(PLACES, sigma=(1.0, 6.0, 3.0))
    # Sequence 1 did not hear cell B, sequence 2 misses cell C's ToA.
    heard = seen.heard_BC.clone()
    heard[1, 1] = False
    valid = seen.valid_BKF.clone()
    valid[1, 1], valid[2, 2, 1] = False, False
    seen = type(seen)(**{**vars(seen), "heard_BC": heard, "valid_BKF": valid})
    found = log_likelihood_grid(seen, maps, noise)
    assert found.shape == (3, 40, 40)
    assert torch.isneginf(found[:, ~maps.outdoor_HW]).all()
    for b in range(3):
        for row, column in ((3, 4), (22, 13), (36, 36), (9, 9), (10, 9)):
            expected = brute_force(seen, b, row, column, maps, noise)
            assert found[b, row, column].item() == pytest.approx(expected, abs=5e-3)


def test_the_grid_does_not_depend_on_how_sequences_are_batched(
    maps: MapTensors, noise: NoiseModel, observed: Observe, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = observed(PLACES, sigma=(1.0, 6.0, 3.0))
    whole = log_likelihood_grid(seen, maps, noise)
    monkeypatch.setattr("rayfix.physics.posterior.CHUNK_ELEMENTS", 1)
    torch.testing.assert_close(log_likelihood_grid(seen, maps, noise), whole)


def test_the_posterior_is_a_distribution_around_the_truth(
    maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    random = np.random.default_rng(3)
    truth = random.uniform(-18, 8, (200, 2))
    seen = observed(truth, sigma=(1.0, 6.0, 3.0), seed=4)
    # This map is exact: its errors are neither shared nor those of neighbours.
    exact = noise.model_copy(update={"likelihood_exponent": 1.0, "window_share": 0.0})
    posterior = grid_posterior(seen, maps, exact)
    truth_B2 = torch.from_numpy(truth).float()
    torch.testing.assert_close(posterior.probability_BP.sum(-1), torch.ones(200))
    assert (posterior.probability_BHW[:, ~maps.outdoor_HW] == 0).all()
    mean = posterior.mean()
    assert (mean - truth_B2).norm(dim=-1).median() < 1.5
    assert (posterior.mode() - truth_B2).norm(dim=-1).median() < 2.0
    inside = (mean - truth_B2).norm(dim=-1) <= posterior.radius(mean, 0.68)
    assert 0.55 < inside.float().mean() < 0.85
    offset = (truth_B2 - mean)[:, :, None]
    squared = (offset.mT @ posterior.covariance().inverse() @ offset)[:, 0, 0]
    for confidence in (0.68, 0.95):
        radius = posterior.ellipse_radius(mean, posterior.covariance(), confidence)
        inside = (squared.sqrt() <= radius).float().mean()
        # Student-t tails are wider than the Gaussian errors drawn here: rather too large.
        assert -0.1 < inside - confidence < 0.2
    assert (squared.sqrt() <= ellipse_scale(0.95)).float().mean() > 0.88


def test_a_coarse_grid_agrees_with_the_fine_one(
    maps: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    seen = observed(PLACES[:2], sigma=(1.0, 6.0, 3.0))
    coarse = grid_posterior(seen, maps, noise, stride=4)
    fine = grid_posterior(seen, maps, noise)
    assert coarse.probability_BHW.shape == (2, 10, 10)
    assert ((coarse.mean() - fine.mean()).norm(dim=-1) < 2.5).all()
    with pytest.raises(InvalidInputError, match="stride"):
        grid_posterior(seen, maps, noise, stride=3)


def test_a_block_knows_mean_and_variance_of_its_outdoor_pixels(maps: MapTensors) -> None:
    grid = likelihood_grid(maps, stride=4)
    rows, columns = grid.shape
    assert (rows, columns) == (10, 10)
    gain = maps.features_CFHW[1, 0]
    for p in (0, 37, len(grid.index_P) - 1):
        row, column = divmod(int(grid.index_P[p]), columns)
        window = (slice(4 * row, 4 * row + 4), slice(4 * column, 4 * column + 4))
        values = gain[window][maps.outdoor_HW[window]]
        assert grid.mean_CEP[1, 0, p].item() == pytest.approx(values.mean().item(), rel=1e-5)
        spread = values.var(correction=0).item()
        # The variance within pixels comes on top; this town is smooth.
        assert spread <= grid.variance_CEP[1, 0, p].item() < 1.2 * spread
        assert grid.outdoor_P[p] == maps.outdoor_HW[window].sum()
    # The south-west has no path from cell C.
    assert not grid.path_CP[2, 0] and grid.path_CP[2, -1]


def test_silence_is_evidence(maps: MapTensors, noise: NoiseModel, observed: Observe) -> None:
    """Cell C is unheard: only its shadow explains that."""
    seen = observed([[0.0, 0.0]])
    quiet = type(seen)(
        **{
            **vars(seen),
            "heard_BC": torch.tensor([[True, True, False]]),
            "valid_BKF": torch.zeros_like(seen.valid_BKF),
        }
    )
    shadow = ~maps.valid_CHW[2] & maps.outdoor_HW
    share = grid_posterior(quiet, maps, noise).probability_BHW[0][shadow].sum()
    assert share > 5 * shadow.sum() / maps.outdoor_HW.sum()


def test_no_evidence_leaves_the_prior(maps: MapTensors, noise: NoiseModel, observed) -> None:  # type: ignore[no-untyped-def]
    seen = observed([[0.0, 0.0]])
    silent = {"valid_BKF": torch.zeros_like(seen.valid_BKF)}
    none = type(seen)(**{**vars(seen), **silent})
    flat = noise.model_copy(update={"likelihood_exponent": 1e-6})
    probability = grid_posterior(none, maps, flat).probability_BP
    torch.testing.assert_close(
        probability, torch.full_like(probability, 1 / probability.shape[1]), rtol=1e-3, atol=0
    )
