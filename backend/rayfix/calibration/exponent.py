"""How far a posterior on a measured map can be trusted: its exponent, from left-out blocks."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rayfix.measurement.drive_test import DriveTest
from rayfix.physics.likelihood_grid import covered_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.posterior import GridPosterior, grid_posterior
from rayfix.physics.report_features import ReportTensors
from rayfix.radio_map.kriging import Float64, Int64
from rayfix.radio_map.measured import FOLDS, MeasuredModel, block_folds
from rayfix.radio_map.radio_map import RadioMap

EXPONENTS = (1.0, 0.85, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2)
DEFAULT_EXPONENT = 0.6
MOST_CALIBRATED = 250
"""Moments of each fold that the exponent is calibrated on."""
BATCH = 64


def posterior_on(maps: MapTensors, drive_test: DriveTest, noise: NoiseModel) -> list[GridPosterior]:
    """Posterior of every moment, in batches of `BATCH`."""
    grid = covered_grid(maps)
    drive_test = drive_test.with_cells(maps.cell_ids)
    reports = ReportTensors.from_batch(drive_test.to_batch(), maps.device)
    listened = torch.from_numpy(drive_test.listened_MC).to(maps.device)
    return [
        grid_posterior(observe(reports[part], maps, noise, listened[part]), maps, noise, grid=grid)
        for start in range(0, len(drive_test), BATCH)
        for part in (slice(start, start + BATCH),)
    ]


def inside(posterior: GridPosterior, truth_m_B2: Tensor, confidence: float) -> Tensor:
    """Whether the truth lies within the radius of this confidence around the median, [B].

    Without the radius itself: no more than the confidence may lie nearer than the truth.
    """
    centre_B2 = posterior.geometric_median()
    within = confidence * posterior.pixel_m**2 / math.pi
    away_B1 = (truth_m_B2 - centre_B2).square().sum(-1, keepdim=True) - within
    nearer_BP = torch.cdist(centre_B2, posterior.grid.xy_m_P2).square() < away_B1
    held_B: Tensor = (posterior.probability_BP * nearer_BP).sum(-1) < confidence
    return held_B


class HeldOut(NamedTuple):
    """Moments of left-out blocks, and the map that was made without them."""

    moments: Int64
    radio_map: RadioMap


def held_out_maps(
    model: MeasuredModel, map_of: Callable[[MeasuredModel], RadioMap], seed: int = 0
) -> list[HeldOut]:
    """A map without each fold of blocks, by a model of all; none where there are few blocks."""
    fold_N = block_folds(model.samples.xy_m_N2, FOLDS, seed + 1)
    if len(np.unique(fold_N)) < FOLDS:
        return []
    random = np.random.default_rng(seed)
    parts = []
    for fold in range(FOLDS):
        held = random.permutation(np.flatnonzero(fold_N == fold))[:MOST_CALIBRATED]
        part = replace(model, samples=model.samples[fold_N != fold])
        parts.append(HeldOut(held, map_of(part)))
    return parts


def calibrate_exponent(
    held_out: Sequence[HeldOut], drive_test: DriveTest, truth_m_M2: Float64, noise: NoiseModel
) -> float:
    """The likelihood exponent by which 68 % of the truths lie inside the 68 % radius.

    Cells share shadowing that their maps do not know, so that their evidence is not independent.

    Args:
        held_out: of `held_out_maps`.
        drive_test: what the model was fitted to.
        truth_m_M2: its places [m].
        noise: of the posterior, its exponent apart.
    """
    if not held_out:
        return DEFAULT_EXPONENT
    whole = noise.model_copy(update={"likelihood_exponent": 1.0})
    hits_X, asked = np.zeros(len(EXPONENTS)), 0
    for moments, radio_map in held_out:
        maps = MapTensors.from_radio_map(radio_map)
        truth_m_B2 = torch.from_numpy(truth_m_M2[moments]).float()
        for number, posterior in enumerate(posterior_on(maps, drive_test[moments], whole)):
            truth = truth_m_B2[number * BATCH : (number + 1) * BATCH]
            hits_X += [
                int(inside(_tempered(posterior, exponent), truth, 0.68).sum())
                for exponent in EXPONENTS
            ]
        asked += len(moments)
    # The share rises as the exponent falls; between two choices it is as good as linear.
    return float(np.interp(0.68, np.maximum.accumulate(hits_X / asked), EXPONENTS))


def _tempered(posterior: GridPosterior, exponent: float) -> GridPosterior:
    log_BP = posterior.probability_BP.clamp(min=1e-38).log()
    return GridPosterior((log_BP * exponent).softmax(-1), posterior.grid)
