"""A start for the fit of materials.

A slab reflects more and less with its electrical thickness (ITU-R P.2040-4, eqs. 43 and 44):
once every half wavelength, which is a sixth of a wall of 0.1 m. The gradient alone ends in the
nearest fringe. So the materials that many paths meet are searched, one after the other: electrical
thickness finely, permittivity coarsely, all else fixed.
"""

from __future__ import annotations

import math

import torch

from rayfix.calibration.corrections import Corrections, Priors
from rayfix.calibration.fit import Fit, fit, negative_log_posterior
from rayfix.calibration.traced_model import PROPERTIES, TracedModel

PERMITTIVITY_SIGMA = (-1.5, -0.75, 0.0, 0.75, 1.5)
"""Tried logarithms of a permittivity, in the prior's standard deviation."""
REACH_SIGMA = 2.0
"""Electrical thickness is tried up to this many standard deviations to either side."""
STEPS_A_FRINGE = 4
"""Tried thicknesses within a half wavelength."""
ROUNDS = 2
"""Searches, each followed by a fit of everything."""
LEAST_SHARE = 0.02
"""Materials with a smaller share of all bounces are not searched."""
CONDUCTOR_S_M = 1e4
"""Materials of a higher conductivity reflect everything."""
LEAST_GAIN = 2.0
"""A material leaves its nominal values only for so much more log probability."""


def likely_materials(model: TracedModel, priors: Priors) -> Corrections:
    """Corrections to start from: antennas by a fit, materials by search, in turns."""
    found = fit(model, priors)
    for _ in range(ROUNDS):
        found = fit(model, priors, _search(model, priors, found))
    return found.corrections


def _search(model: TracedModel, priors: Priors, found: Fit) -> Corrections:
    """The corrections with better materials, all else the same."""
    best_P = found.corrections.vector_P.clone()
    log_noise = torch.tensor(math.log(found.noise_db), dtype=torch.float64)
    offset = len(best_P) - len(found.corrections.environment_E)
    permittivity, thickness = PROPERTIES.index("permittivity"), PROPERTIES.index("thickness_m")

    def loss(vector_P: torch.Tensor) -> float:
        with torch.no_grad():
            return float(negative_log_posterior(vector_P, log_noise, model, priors))

    least = loss(best_P)
    for number in _searched(model):
        base = offset + number * len(PROPERTIES)
        material = list(model.nominal.values())[number]
        electrical_m = material.thickness_m * math.sqrt(material.permittivity)
        step = 0.5 * model.wavelength_m / electrical_m / STEPS_A_FRINGE
        reach = math.floor(REACH_SIGMA * priors.material_log * math.hypot(1.0, 0.5) / step)
        chosen = best_P
        for a in PERMITTIVITY_SIGMA:
            for k in range(-reach, reach + 1):
                tried = best_P.clone()
                tried[base + permittivity] = a * priors.material_log
                tried[base + thickness] = k * step - 0.5 * a * priors.material_log
                now = loss(tried)
                if now < least - (LEAST_GAIN if chosen is best_P else 0.0):
                    least, chosen = now, tried
        best_P = chosen
    return Corrections.split(best_P, model.antennas)


def _searched(model: TracedModel) -> list[int]:
    """Materials worth a search, those with most bounces first."""
    met = model.chain.material_PD[model.chain.material_PD >= 0]
    count = torch.bincount(met, minlength=len(model.nominal))
    order = count.argsort(descending=True).tolist()
    conductivity = [material.conductivity_s_m for material in model.nominal.values()]
    return [
        number
        for number in order
        if count[number] >= LEAST_SHARE * max(len(met), 1) and conductivity[number] < CONDUCTOR_S_M
    ]
