"""Kriging against the textbook formula."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.calibration.residual import LARGEST_DB, Covariance, Residuals, fit_covariance, krige

COVARIANCE = Covariance(cell_db=1.0, site_db=2.0, length_m=20.0, noise_db=0.5)


def drawn(seed: int, count: int = 60) -> Residuals:
    """A draw of the process itself, over two cells."""
    random = np.random.default_rng(seed)
    xy = random.uniform(0, 150, (count, 2))
    cell = random.integers(0, 2, count)
    matrix = COVARIANCE.between(xy, cell.astype(float), xy, cell.astype(float))
    field = np.linalg.cholesky(matrix + 1e-9 * np.eye(count)) @ random.standard_normal(count)
    return Residuals(xy, cell, field + COVARIANCE.noise_db * random.standard_normal(count))


def test_agrees_with_the_textbook() -> None:
    site, points = drawn(1), np.array([[10.0, 20.0], [75.0, 75.0], [140.0, 3.0]])
    mean, sigma = krige(site, COVARIANCE, points, cell=1)
    for place, m, s in zip(points, mean, sigma, strict=True):
        distance = np.linalg.norm(site.xy_m_M2 - place, axis=1)
        cross = np.exp(-distance / 20.0) * (4.0 + 1.0 * (site.cell_M == 1))
        gap = np.linalg.norm(site.xy_m_M2[:, None] - site.xy_m_M2[None], axis=-1)
        same = site.cell_M[:, None] == site.cell_M[None]
        full = np.exp(-gap / 20.0) * (4.0 + 1.0 * same) + 0.25 * np.eye(len(gap))
        weight = np.linalg.solve(full, cross)
        assert m == pytest.approx(weight @ site.value_db_M, abs=1e-9)
        assert s == pytest.approx(np.sqrt(5.0 - weight @ cross), abs=1e-9)


def test_far_away_nothing_is_known() -> None:
    mean, sigma = krige(drawn(1), COVARIANCE, np.array([[5000.0, 0.0]]), cell=0)
    assert mean[0] == pytest.approx(0.0, abs=1e-9)
    assert sigma[0] == pytest.approx(np.sqrt(5.0))


def test_without_residuals_nothing_is_corrected() -> None:
    empty = Residuals(np.zeros((0, 2)), np.zeros(0, int), np.zeros(0))
    mean, sigma = krige(empty, COVARIANCE, np.array([[0.0, 0.0]]), cell=0)
    assert (mean[0], sigma[0]) == (0.0, pytest.approx(np.sqrt(5.0)))


def test_a_wrong_residual_is_capped() -> None:
    site = Residuals(np.array([[0.0, 0.0]]), np.array([0]), np.array([80.0]))
    mean, _ = krige(site, COVARIANCE, np.array([[0.0, 0.0]]), cell=0)
    assert mean[0] <= LARGEST_DB


def test_figures_are_found() -> None:
    """From ten sites that are draws of the process; the start is off by two."""
    start = Covariance(cell_db=2.0, site_db=1.0, length_m=40.0, noise_db=1.0)
    found = fit_covariance([drawn(seed) for seed in range(10)], start)
    assert found.site_db == pytest.approx(2.0, rel=0.4)
    assert found.cell_db == pytest.approx(1.0, rel=0.5)
    assert found.length_m == pytest.approx(20.0, rel=0.5)
    assert found.noise_db == pytest.approx(0.5, rel=0.5)
