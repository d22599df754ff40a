"""Cells whose maps err alike: the joint density against its formula, and what it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.stats import multivariate_normal

from rayfix.physics.correlated import log_correlated
from rayfix.physics.likelihood_grid import LikelihoodGrid, covered_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import FeatureNoise, NoiseModel
from rayfix.physics.observation import Observation
from rayfix.physics.posterior import grid_posterior
from rayfix.physics.report_features import PATH_GAIN
from rayfix.radio_map.cell_correlation import CellCorrelation
from rayfix.radio_map.radio_map import RadioMap

Observe = Callable[..., Observation]
ALIKE = CellCorrelation(common=0.2, nearby=0.6, range_m=60.0)


@pytest.fixture
def measured(town: RadioMap) -> MapTensors:
    """The town with path gain alone, and that wherever any cell has it."""
    everywhere = np.isfinite(town.features["path_gain"]).all(0)
    gain = np.where(everywhere, town.features["path_gain"], np.nan)
    stderr = np.full_like(gain, 4.0)
    return MapTensors.from_radio_map(
        replace(town, features={"path_gain": gain}, extra={"path_gain_stderr": stderr})
    )


def with_correlation(noise: NoiseModel, alike: CellCorrelation | None) -> NoiseModel:
    gaussian = FeatureNoise(independent=0.3, outlier_share=0.0, outlier_span=60.0)
    return noise.model_copy(update={"path_gain": gaussian, "cell_correlation": alike})


def seen_at(observed: Observe, grid: LikelihoodGrid) -> Observation:
    seen = observed([[-12.6, 4.3]])
    valid = torch.zeros_like(seen.valid_BKF)
    valid[..., PATH_GAIN] = seen.valid_BKF[..., PATH_GAIN]
    return replace(seen, valid_BKF=valid)


def test_density_is_the_multivariate_normal(
    measured: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    grid = covered_grid(measured)
    known = with_correlation(noise, ALIKE)
    seen = seen_at(observed, grid)
    found = log_correlated(seen, measured, known, grid)[0].numpy()
    cells = seen.cell_BK[0].numpy()
    level = seen.value_BKF[0, :, PATH_GAIN].numpy()
    sigma_k = seen.sigma_BKF[0, :, PATH_GAIN].numpy()
    matrix = ALIKE.matrix(measured.cell_xyz_m_C3[:, :2].double().numpy())[np.ix_(cells, cells)]
    expected = []
    for place in range(0, len(found), 97):
        scale = np.sqrt(grid.variance_CEP[cells, 0, place].numpy() + sigma_k**2)
        covariance = matrix * np.outer(scale, scale)
        mean = grid.mean_CEP[cells, 0, place].numpy()
        expected.append(multivariate_normal(mean, covariance).logpdf(level))
    apart = found[::97] - np.array(expected)  # a constant of the sequence is left out
    assert apart == pytest.approx(np.full(len(apart), apart[0]), abs=2e-2)


def test_no_correlation_is_independence(
    measured: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    """Without detection in the way, the joint density of independent cells is their product."""
    plain, joint = with_correlation(noise, None), with_correlation(noise, CellCorrelation())
    plain, joint = (n.model_copy(update={"window_share": 0.0}) for n in (plain, joint))
    grid = covered_grid(measured)
    seen = seen_at(observed, grid)
    one = grid_posterior(seen, measured, plain, grid=grid).probability_BP
    other = grid_posterior(seen, measured, joint, grid=grid).probability_BP
    torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-3)


def test_common_errors_count_once(
    measured: MapTensors, noise: NoiseModel, observed: Observe
) -> None:
    """All cells 6 dB too strong is one error of 1.5 deviations where their errors are alike."""
    grid = covered_grid(measured)
    seen = seen_at(observed, grid)
    shifted = replace(seen, value_BKF=seen.value_BKF + 6.0)

    def lost(alike: CellCorrelation) -> float:
        known = with_correlation(noise, alike)
        truth = int((grid.xy_m_P2 - torch.tensor([-12.6, 4.3])).norm(dim=-1).argmin())
        right, wrong = (log_correlated(s, measured, known, grid)[0, truth] for s in (seen, shifted))
        return float(right - wrong)

    assert lost(CellCorrelation(common=0.9)) < 0.5 * lost(CellCorrelation())


def test_silence_speaks_against_places_where_the_cell_would_be_heard(
    town: RadioMap, noise: NoiseModel, observed: Observe
) -> None:
    """One deviation above the threshold costs as much as a level one deviation off."""
    gain = np.where(
        np.isfinite(town.features["path_gain"]).all(0), town.features["path_gain"], np.nan
    )
    detection = np.full_like(gain, 0.3)
    detection[:, :, gain.shape[2] // 2 :] = 0.8413  # one deviation over the threshold
    maps = MapTensors.from_radio_map(
        replace(town, features={"path_gain": gain}, extra={"detection": detection})
    )
    grid = covered_grid(maps)
    known = with_correlation(noise, CellCorrelation())
    none = seen_at(observed, grid)
    silent = replace(
        none,
        heard_BK=torch.zeros_like(none.heard_BK),
        heard_BC=torch.zeros_like(none.heard_BC),
        listened_BC=torch.tensor([[True, False, False]]),
    )
    found = log_correlated(silent, maps, known, grid)[0]
    east = grid.xy_m_P2[:, 0] > 1.0
    west = grid.xy_m_P2[:, 0] < -1.0
    assert float(found[west].min() - found[east].max()) == pytest.approx(0.5, abs=0.01)
    deaf = replace(silent, listened_BC=torch.zeros_like(silent.listened_BC))
    assert bool((log_correlated(deaf, maps, known, grid) == 0).all())


def test_places_without_a_map_are_no_candidates(measured: MapTensors) -> None:
    grid = covered_grid(measured)
    assert len(grid.xy_m_P2) == int((measured.valid_CHW.any(0) & measured.outdoor_HW).sum())
    assert bool(grid.path_CP.all())
