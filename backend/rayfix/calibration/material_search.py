"""A start for the fit of materials.

A slab reflects more and less with its electrical thickness (ITU-R P.2040-4, eqs. 43 and 44):
once every half wavelength, which is a sixth of a wall of 0.1 m. The gradient alone ends in the
nearest fringe. So the materials that many paths meet are searched, one after the other: electrical
thickness finely, permittivity coarsely, all else fixed. While all else is wrong, though, a wrong
fringe may look best: of the material that is met most, several fringes are each followed to the
end, and the most probable end counts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

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
STARTS = (2, 0)
"""Other fringes followed in each round; a round is a search and a fit of everything."""
LEAST_SHARE = 0.02
"""Materials with a smaller share of all bounces are not searched."""
CONDUCTOR_S_M = 1e4
"""Materials of a higher conductivity reflect everything."""
LEAST_GAIN = 2.0
"""A material leaves its nominal values only for so much more log probability."""


def likely_materials(model: TracedModel, priors: Priors) -> Corrections:
    """Corrections to start from: antennas by a fit, materials by search, in turns."""
    found = fit(model, priors, uncertainty=False)
    for starts in STARTS:
        tried = [found]
        for start in _fringes(model, priors, found, starts):
            first = fit(model, priors, start, uncertainty=False)
            tried.append(fit(model, priors, _search(model, priors, first), uncertainty=False))
        found = min(tried, key=lambda end: _loss(model, priors, end.corrections, end.noise_db))
    return found.corrections


@torch.no_grad()
def _loss(model: TracedModel, priors: Priors, corrections: Corrections, noise_db: float) -> float:
    log_noise = torch.tensor(math.log(noise_db), dtype=torch.float64)
    return float(negative_log_posterior(corrections.vector_P, log_noise, model, priors))


def _grid(
    model: TracedModel, priors: Priors, found: Corrections, number: int
) -> Iterator[tuple[int, Corrections]]:
    """Corrections with one material varied: the step of its electrical thickness, and all."""
    base = len(found.vector_P) - len(found.environment_E) + number * len(PROPERTIES)
    permittivity, thickness = PROPERTIES.index("permittivity"), PROPERTIES.index("thickness_m")
    material = list(model.nominal.values())[number]
    electrical_m = material.thickness_m * math.sqrt(material.permittivity)
    step = 0.5 * model.wavelength_m / electrical_m / STEPS_A_FRINGE
    reach = math.floor(REACH_SIGMA * priors.material_log * math.hypot(1.0, 0.5) / step)
    for k in range(-reach, reach + 1):
        for a in PERMITTIVITY_SIGMA:
            tried = found.vector_P.clone()
            tried[base + permittivity] = a * priors.material_log
            tried[base + thickness] = k * step - 0.5 * a * priors.material_log
            yield k, Corrections.split(tried, model.antennas)


def _fringes(model: TracedModel, priors: Priors, found: Fit, starts: int) -> list[Corrections]:
    """What is found, and the likeliest corrections on other fringes of the most met material."""
    best: dict[int, tuple[float, Corrections]] = {}
    for k, tried in _grid(model, priors, found.corrections, _searched(model)[0]):
        loss = _loss(model, priors, tried, found.noise_db)
        if k not in best or loss < best[k][0]:
            best[k] = (loss, tried)
    chosen: list[int] = []
    for k in sorted(best, key=lambda k: best[k][0]):
        if all(abs(k - other) >= STEPS_A_FRINGE // 2 for other in chosen):
            chosen.append(k)
    return [found.corrections, *(best[k][1] for k in chosen[:starts])]


def _search(model: TracedModel, priors: Priors, found: Fit) -> Corrections:
    """The corrections with better materials, all else the same."""
    best = found.corrections
    least = _loss(model, priors, best, found.noise_db)
    for number in _searched(model):
        chosen = best
        for _, tried in _grid(model, priors, best, number):
            now = _loss(model, priors, tried, found.noise_db)
            if now < least - (LEAST_GAIN if chosen is best else 0.0):
                least, chosen = now, tried
        best = chosen
    return best


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
