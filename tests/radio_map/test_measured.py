"""Measured maps: kriging against its formula, spreads, detection, and where there is no map."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.radio_map.kriging import Bins, CellPrior, Kernel, fit_kernel, krige
from rayfix.radio_map.measured import MeasuredModel, Samples, block_folds, fit_measured

PRIORS = (CellPrior(0.0, 0.0), CellPrior(800.0, 0.0))


def world(samples: int = 500, seed: int = 0) -> Samples:
    """Two omnidirectional cells; shadowing waves of 6 dB; heard above -95; fading of 2 dB."""
    random = np.random.default_rng(seed)
    xy = random.uniform((-200, -400), (1000, 400), (samples, 2))
    level = np.stack([truth(xy, c) for c in range(2)], axis=1)
    level += random.normal(0, 2, level.shape)
    heard = level > -95
    return Samples(xy, np.where(heard, level, np.nan), heard, np.ones_like(heard))


def truth(xy: np.ndarray, cell: int) -> np.ndarray:
    distance = np.hypot(xy[:, 0] - PRIORS[cell].x_m, xy[:, 1] - PRIORS[cell].y_m) + 20
    wave = 6 * np.sin(xy[:, 0] / 80 + cell) * np.cos(xy[:, 1] / 90)
    return -85 - 35 * np.log10(distance / 300) + wave


def test_krige_passes_through_exact_samples_and_returns_to_the_mean_far_away() -> None:
    random = np.random.default_rng(1)
    xy = random.uniform(-300, 300, (60, 2))
    level = truth(xy, 0)[:, None]
    kernel = Kernel(noise_share=0.0)
    here = krige(xy, level, PRIORS[:1], xy, kernel)
    assert np.abs(here.mean_CG[0] - level[:, 0]).max() < 1.5  # the nugget alone is left
    far = np.array([[3000.0, 3000.0], [3000.0, 3100.0]])
    there = krige(xy, level, PRIORS[:1], far, kernel)
    mean = krige(xy, level, PRIORS[:1], far, kernel, with_residual=False)
    np.testing.assert_allclose(there.mean_CG, mean.mean_CG, atol=0.1)
    assert there.variance_CG.min() > 5 * here.variance_CG.max()


def test_krige_is_the_textbook_formula() -> None:
    """Simple kriging of one cell by plain inverses (Rasmussen and Williams, 2.25 and 2.26)."""
    xy = np.random.default_rng(2).uniform(-400, 400, (40, 2))
    level = truth(xy, 0)[:, None]
    kernel, at = Kernel(), np.array([[10.0, 20.0]])
    squares = Bins.of(xy)
    bins = squares.xy_m_V2
    _, values, count = squares.average(level, np.ones(len(xy), bool))
    K = kernel(np.linalg.norm(bins[:, None] - bins, axis=-1)) + np.diag(
        kernel.noise_share / count + 0.02
    )
    k = kernel(np.linalg.norm(at[:, None] - bins, axis=-1))[0]
    prior = PRIORS[0].mean(bins, float(values.mean()))
    P = 64 * np.diag(1 / prior.sigma_J**2)
    H = prior.features_GJ
    A = H.T @ np.linalg.solve(K, H) + P
    residual = values[:, 0] - H @ prior.coefficient_J
    beta = prior.coefficient_J + np.linalg.solve(A, H.T @ np.linalg.solve(K, residual))
    h = PRIORS[0].mean(at, float(values.mean())).features_GJ[0]
    expected = h @ beta + k @ np.linalg.solve(K, values[:, 0] - H @ beta)
    found = krige(xy, level, PRIORS[:1], at, kernel)
    assert found.mean_CG[0, 0] == pytest.approx(expected, abs=1e-3)


def test_likelihood_prefers_the_noise_that_is_there() -> None:
    xy = np.random.default_rng(3).uniform(-400, 400, (300, 2))
    clean = truth(xy, 0)[:, None]
    noisy = clean + np.random.default_rng(4).normal(0, 6, clean.shape)
    quiet, loud = (fit_kernel(xy, level, PRIORS[:1]) for level in (clean, noisy))
    assert quiet.noise_share < loud.noise_share


def test_a_bearing_shapes_the_mean_where_it_is_known() -> None:
    xy = np.array([[0.0, 300.0], [0.0, -300.0]])
    front, back = CellPrior(0, 0, bearing_deg=0.0).mean(xy, -80.0).features_GJ @ [-80, -30, 6]
    assert front - back == pytest.approx(12.0)
    assert CellPrior(0, 0).mean(xy, -80.0).features_GJ.shape == (2, 2)


@pytest.fixture(scope="module")
def model() -> MeasuredModel:
    return fit_measured(world(), PRIORS)


def test_spread_covers_new_readings(model: MeasuredModel) -> None:
    fresh = world(seed=9)
    predicted = model.predict(fresh.xy_m_N2)
    z = (fresh.level_NC.T - predicted.level_CG) / predicted.stderr_CG
    strong = fresh.heard_NC.T & (predicted.level_CG > -90)
    assert 0.6 < np.std(z[strong]) < 1.25


def test_kriging_beats_its_mean(model: MeasuredModel) -> None:
    fresh = world(seed=9)
    plain = fit_measured(world(), PRIORS, with_residual=False)
    near = fresh.level_NC > -90

    def rms(fitted: MeasuredModel) -> float:
        error = fitted.predict(fresh.xy_m_N2).level_CG.T - fresh.level_NC
        return float(np.sqrt((error[near] ** 2).mean()))

    assert rms(model) < 0.8 * rms(plain)


def test_detection_is_the_share_that_is_heard(model: MeasuredModel) -> None:
    fresh = world(samples=2000, seed=10)
    detection = model.predict(fresh.xy_m_N2).detection_CG.T
    for low, high in ((0.0, 0.2), (0.4, 0.6), (0.8, 1.01)):
        some = (detection >= low) & (detection < high)
        share = fresh.heard_NC[some].mean()
        assert low - 0.2 < share < high + 0.2


def test_a_cell_with_few_readings_has_no_map() -> None:
    samples = world()
    few = samples.listened_NC.copy()
    few[10:, 1] = False
    level = np.where(few, samples.level_NC, np.nan)
    fitted = fit_measured(Samples(samples.xy_m_N2, level, samples.heard_NC & few, few), PRIORS)
    predicted = fitted.predict(samples.xy_m_N2[:5])
    assert np.isnan(predicted.level_CG[1]).all()
    assert np.isnan(predicted.detection_CG[1]).all()
    assert np.isfinite(predicted.level_CG[0]).all()


def test_folds_keep_blocks_whole() -> None:
    xy = np.random.default_rng(5).uniform(-1000, 1000, (400, 2))
    fold = block_folds(xy, 5, seed=0)
    square = np.floor(xy / 200).astype(int)
    for block in np.unique(square, axis=0):
        assert len(set(fold[(square == block).all(1)])) == 1
    assert set(fold) == set(range(5))
