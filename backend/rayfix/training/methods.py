"""What `rayfix evaluate` compares: the model, and its peers on the same reports and map.

Shape letters: B sequences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rayfix.measurement.conditions import Condition
from rayfix.measurement.report import ReportBatch
from rayfix.model.calibration import GAUSSIAN_68, GAUSSIAN_95
from rayfix.model.positioning import ModelOnMap, locate
from rayfix.physics.likelihood_grid import LikelihoodGrid, likelihood_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.motion import sequence_posterior
from rayfix.physics.noise import MapError, NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.posterior import GridPosterior
from rayfix.physics.report_features import ReportTensors
from rayfix.training.baselines import Estimate, Fingerprint, strongest_cell_centroid

TRUSTED_OUTLIERS = 1e-10
TRUSTED_SILENCE = 1e-6
"""What the posterior that trusts the map leaves to values, and to heard or silent cells, that the
map excludes: none would leave some reports without any place (and float32 carries no less)."""


@dataclass(frozen=True)
class Answer:
    """What a method says: positions [m] [B, 2], covariances [m^2], and the Mahalanobis radii of
    the ellipses that should hold 68 % and 95 % of the truths, [B]."""

    xy_m_B2: Tensor
    covariance_m2_B22: Tensor
    ellipse_68_B: Tensor
    ellipse_95_B: Tensor


Method = Callable[[ReportBatch, Condition], tuple[Answer, ...]]
"""Reports and the condition that they were drawn under, to one answer per name of the method."""
Methods = Mapping[tuple[str, ...], Method]


def model_methods(ready: ModelOnMap) -> Methods:
    """The network alone, and with refinement; neither is told the condition."""

    def network(batch: ReportBatch, steps: int | None) -> tuple[Answer, ...]:
        fix = locate(ready, batch, steps).fix
        return (Answer(fix.xy_m_B2, fix.covariance_m2_B22, fix.ellipse_68_B, fix.ellipse_95_B),)

    return {
        ("transformer",): lambda batch, condition: network(batch, 0),
        ("transformer_refined",): lambda batch, condition: network(batch, None),
    }


def peers(maps: MapTensors) -> Methods:
    """What answers without being trained, from the reports, the map and the condition's errors."""
    grid = likelihood_grid(maps)
    trusted_grid = replace(grid, heard_share_CP=grid.path_CP.to(grid.heard_share_CP.dtype))
    fingerprint = Fingerprint()

    def strongest(batch: ReportBatch, condition: Condition) -> tuple[Answer, ...]:
        noise = NoiseModel.from_condition(condition)
        observation = observe(ReportTensors.from_batch(batch), maps, noise)
        return (_gaussian(strongest_cell_centroid(observation, maps, grid)),)

    def knn(batch: ReportBatch, condition: Condition) -> tuple[Answer, ...]:
        noise = NoiseModel.from_condition(condition)
        observation = observe(ReportTensors.from_batch(batch), maps, noise)
        return (_gaussian(fingerprint.locate(observation, maps, grid)),)

    def posterior(batch: ReportBatch, condition: Condition) -> tuple[Answer, ...]:
        found = _posterior(batch, NoiseModel.from_condition(condition), maps, grid)
        return answer_around(found, found.local_mean()[0]), answer_around(found, found.mode())

    def trusting(batch: ReportBatch, condition: Condition) -> tuple[Answer, ...]:
        found = _posterior(batch, trusting_noise(condition), maps, trusted_grid)
        return (answer_around(found, found.local_mean()[0]),)

    return {
        ("strongest_cell",): strongest,
        ("knn",): knn,
        ("grid_posterior", "grid_mode"): posterior,
        ("grid_trusting",): trusting,
    }


def trusting_noise(condition: Condition) -> NoiseModel:
    """The errors that a condition adds to reports, and nothing else: the map is taken as true.

    Gaussian as they are drawn, no error of the map, no places that look like their surroundings, no
    outliers but for `TRUSTED_OUTLIERS`, and the plain likelihood.
    """
    exact = NoiseModel.from_condition(condition, MapError(path_gain_db=0, toa_ns=0, aoa_deg=0))
    gaussian = {"degrees_of_freedom": None, "outlier_share": TRUSTED_OUTLIERS}
    features = {
        name: getattr(exact, name).model_copy(update=gaussian)
        for name in ("path_gain", "toa", "timing_advance", "aoa", "sinr")
    }
    plain = {
        "undetected_share": TRUSTED_SILENCE, "window_share": 0.0, "likelihood_exponent": 1.0,
    }  # fmt: skip
    return exact.model_copy(update={**features, **plain})


def _posterior(
    batch: ReportBatch, noise: NoiseModel, maps: MapTensors, grid: LikelihoodGrid
) -> GridPosterior:
    observation = observe(ReportTensors.from_batch(batch), maps, noise)
    return sequence_posterior(observation, maps, noise, grid=grid)


def answer_around(posterior: GridPosterior, xy_m_B2: Tensor) -> Answer:
    """An answer with the posterior's own spread around it."""
    covariance_B22 = posterior.covariance(xy_m_B2)
    radii = (posterior.ellipse_radius(xy_m_B2, covariance_B22, p) for p in (0.68, 0.95))
    return Answer(xy_m_B2, covariance_B22, *radii)


def _gaussian(found: Estimate) -> Answer:
    one = torch.ones(len(found.xy_m_B2))
    return Answer(found.xy_m_B2, found.covariance_m2_B22, GAUSSIAN_68 * one, GAUSSIAN_95 * one)
