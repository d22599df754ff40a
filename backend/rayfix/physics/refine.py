"""Refinement: move positions downhill on the physics energy, from coarse to fine.

A bilinear map is a patchwork of facets, and the gradient at a point only sees its own. Each step
therefore looks at a ring of places around the present one, whose radius shrinks from
`learning_rate * search_radius_m` to `final_radius_m`, and fits gradient and curvature to it: those
of the energy smoothed over the ring. The lowest of the ring and of the Newton step of the ring
before becomes the next place, if it is lower than the present one: the energy never rises.

Shape letters: B samples, M hypotheses of a sample, S steps + 1, D candidate places of a step.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor

from rayfix.errors import InvalidInputError
from rayfix.physics.config import PhysicsLossConfig, RefineConfig
from rayfix.physics.likelihood import log_likelihood
from rayfix.physics.lookup import MapExtent, extent_bounds
from rayfix.physics.loss import PhysicsLoss
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation

Energy = Callable[[Tensor], Tensor]
"""Places [B, D, 2] [m] -> energy [B, D]: the physics loss or a negative log likelihood."""

RING = 8
"""Directions that every step looks into."""


@dataclass(frozen=True)
class Refined:
    """What refinement did with every hypothesis.

    Attributes:
        xy_m_BM2: final places [m].
        energy_BM: their energy.
        path_m_SBM2: places from start to end [m]; the start is outside buildings.
        path_energy_SBM: their energies, never rising along S.
    """

    xy_m_BM2: Tensor
    energy_BM: Tensor
    path_m_SBM2: Tensor
    path_energy_SBM: Tensor


class RefineInfo(TypedDict):
    """Side results of `refine_position`: mean energies of the refined samples, the number of
    them, distance moved by each sample [m] [B], path [S, B, 2] and its energies [S, B]."""

    loss_initial: float
    loss_final: float
    num_refined: int
    distance_moved: Tensor
    path: Tensor
    path_energy: Tensor


def refine_hypotheses(
    start_m_BM2: Tensor, energy: Energy, config: RefineConfig, maps: MapTensors | None = None
) -> Refined:
    """Refine M hypotheses of B samples at once.

    Args:
        start_m_BM2: where to start [m].
        energy: what to lower.
        config: steps and radii.
        maps: gives the extent, and the buildings to stay out of: a start indoors first goes to
            the nearest outdoor pixel.
    """
    clip = _clipping(config, maps)
    xy_BM2 = clip(start_m_BM2.detach())
    if maps is not None:
        xy_BM2 = leave_buildings(xy_BM2, maps)
    batch, hypotheses, _ = xy_BM2.shape
    with torch.no_grad():
        energy_BM = energy(xy_BM2)
    path, energies = [xy_BM2], [energy_BM]
    turn_D = torch.arange(RING, device=xy_BM2.device) * (2.0 * math.pi / RING)
    ring_D2 = torch.stack([turn_D.cos(), turn_D.sin()], dim=-1)
    newton_BM2 = xy_BM2
    for radius_m in _radii(config):
        ring_BMD2 = xy_BM2[:, :, None, :] + radius_m * ring_D2
        candidate_BMD2 = clip(torch.cat([ring_BMD2, newton_BM2[:, :, None]], dim=2))
        with torch.no_grad():
            found_BMD = energy(candidate_BMD2.flatten(1, 2)).view(batch, hypotheses, RING + 1)
        step_BM2 = _newton_step(found_BMD[..., :RING] - energy_BM[..., None], turn_D, radius_m)
        newton_BM2 = xy_BM2 + step_BM2
        if maps is not None:
            row, column = maps.pixel_of(candidate_BMD2)
            found_BMD = torch.where(maps.outdoor_HW[row, column], found_BMD, torch.inf)
        lowest_BM, best_BM = found_BMD.min(-1)
        chosen_BM2 = candidate_BMD2.gather(2, best_BM[..., None, None].expand(-1, -1, 1, 2))[
            :, :, 0
        ]
        better_BM = lowest_BM < energy_BM
        xy_BM2 = torch.where(better_BM[..., None], chosen_BM2, xy_BM2)
        energy_BM = torch.where(better_BM, lowest_BM, energy_BM)
        path.append(xy_BM2)
        energies.append(energy_BM)
    return Refined(xy_BM2, energy_BM, torch.stack(path), torch.stack(energies))


def refine_position(
    initial_xy: Tensor,
    observed_features: Tensor | Observation,
    radio_maps: Tensor | MapTensors,
    config: RefineConfig | None = None,
    confidence: Tensor | None = None,
    loss: PhysicsLossConfig | None = None,
    noise: NoiseModel | None = None,
) -> tuple[Tensor, RefineInfo]:
    """Refine one position per sample.

    Args:
        initial_xy: positions [m], [B, 2].
        observed_features, radio_maps: as for `PhysicsLoss.energy`.
        config: steps, radii and threshold.
        confidence: of each position, [B]; those at or above the threshold stay as they are.
        loss: what the energy weighs (its default without).
        noise: with it, the energy is the negative log likelihood of an `Observation`.
    Returns:
        Positions [B, 2] and what happened.
    """
    config = config or RefineConfig()
    energy = make_energy(observed_features, radio_maps, config, loss, noise)
    maps = radio_maps if isinstance(radio_maps, MapTensors) else None
    refined = refine_hypotheses(initial_xy[:, None], energy, config, maps)
    if confidence is None:
        run_B = torch.ones_like(initial_xy[:, 0], dtype=torch.bool)
    else:
        run_B = confidence < config.min_confidence_threshold
    xy = torch.where(run_B[:, None], refined.xy_m_BM2[:, 0], initial_xy)
    still_SB = torch.where(
        run_B, refined.path_energy_SBM[..., 0], refined.path_energy_SBM[:1, :, 0]
    )
    count = int(run_B.sum())
    return xy, RefineInfo(
        loss_initial=float(still_SB[0][run_B].mean()) if count else 0.0,
        loss_final=float(still_SB[-1][run_B].mean()) if count else 0.0,
        num_refined=count,
        distance_moved=(xy - initial_xy).norm(dim=-1),
        path=torch.where(run_B[:, None], refined.path_m_SBM2[:, :, 0], initial_xy),
        path_energy=still_SB,
    )


def batch_refine_positions(
    initial_xy: Tensor,
    observed_features: Tensor | Observation,
    radio_maps: Tensor | MapTensors,
    config: RefineConfig | None = None,
    loss: PhysicsLossConfig | None = None,
    noise: NoiseModel | None = None,
) -> tuple[Tensor, Tensor]:
    """Refine M candidates per sample and keep the one of lowest energy.

    Args:
        initial_xy: candidates [m], [B, M, 2]; the rest as for `refine_position`.
    Returns:
        Best position [B, 2] and its energy [B].
    """
    config = config or RefineConfig()
    energy = make_energy(observed_features, radio_maps, config, loss, noise)
    maps = radio_maps if isinstance(radio_maps, MapTensors) else None
    refined = refine_hypotheses(initial_xy, energy, config, maps)
    lowest_B, best_B = refined.energy_BM.min(-1)
    best_xy = refined.xy_m_BM2.gather(1, best_B[:, None, None].expand(-1, 1, 2))
    return best_xy[:, 0], lowest_B


def make_energy(
    observed: Tensor | Observation,
    maps: Tensor | MapTensors,
    config: RefineConfig,
    loss: PhysicsLossConfig | None = None,
    noise: NoiseModel | None = None,
) -> Energy:
    """The negative log likelihood where there is a noise model, else the physics loss.

    Raises:
        InvalidInputError: a noise model without an `Observation` and `MapTensors`.
    """
    if noise is not None:
        if not isinstance(observed, Observation) or not isinstance(maps, MapTensors):
            raise InvalidInputError("noise", "needs an Observation and MapTensors")
        seen, where, model = observed, maps, noise
        return lambda xy: -log_likelihood(xy, seen, where, model)
    module = PhysicsLoss(loss).to(maps.device)
    extent: MapExtent | None = config.map_extent
    return lambda xy: module.energy(xy, observed, maps, extent)


def leave_buildings(xy_m: Tensor, maps: MapTensors) -> Tensor:
    """Points [..., 2] as they are outdoors; the nearest outdoor pixel centre for those indoors."""
    row, column = maps.pixel_of(xy_m)
    exit_m = maps.nearest_outdoor_m_HW2[row, column]
    return torch.where(maps.outdoor_HW[row, column][..., None], xy_m, exit_m)


def _radii(config: RefineConfig) -> list[float]:
    """Radius of every step [m]: geometric from the first to the last."""
    first = config.learning_rate * config.search_radius_m
    last = min(config.final_radius_m, first)
    return [float(r) for r in np.geomspace(first, last, config.num_steps)]


def _clipping(config: RefineConfig, maps: MapTensors | None) -> Callable[[Tensor], Tensor]:
    """What keeps points inside the map, or leaves them as they are."""
    extent: MapExtent | None = config.map_extent
    if maps is not None:
        extent = (maps.x_min_m, maps.y_min_m, maps.x_max_m, maps.y_max_m)
    if extent is None or not config.clip_to_extent:
        return lambda xy: xy
    x_min, y_min, x_max, y_max = extent_bounds(extent)

    def clip(xy: Tensor) -> Tensor:
        return torch.stack([xy[..., 0].clamp(x_min, x_max), xy[..., 1].clamp(y_min, y_max)], dim=-1)

    return clip


def _newton_step(rise_BMD: Tensor, turn_D: Tensor, radius_m: float) -> Tensor:
    """Newton step [m] of the quadratic through a ring of energies, [B, M, 2]; at most two radii.

    With f(r u) - f(0) = r g.u + r^2 u.H.u / 2 on the ring, the mean gives the trace of H, the
    first harmonic g, the second the rest of H. Where H is not positive definite, the step goes
    against the gradient by one radius.
    """
    cosine, sine = turn_D.cos(), turn_D.sin()
    share = 2.0 / len(turn_D)
    gx, gy = (rise_BMD @ cosine) * share / radius_m, (rise_BMD @ sine) * share / radius_m
    square = radius_m**2
    half_trace = 2.0 * rise_BMD.mean(-1) / square
    half_difference = 2.0 * (rise_BMD @ (2.0 * turn_D).cos()) * share / square
    hxy = 2.0 * (rise_BMD @ (2.0 * turn_D).sin()) * share / square
    hxx, hyy = half_trace + half_difference, half_trace - half_difference
    determinant = hxx * hyy - hxy.square()
    convex = (determinant > 1e-9) & (hxx > 0)
    divisor = torch.where(convex, determinant, 1.0)
    newton = torch.stack([hxy * gy - hyy * gx, hxy * gx - hxx * gy], dim=-1) / divisor[..., None]
    gradient = torch.stack([gx, gy], dim=-1)
    length = gradient.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    step = torch.where(convex[..., None], newton, -radius_m * gradient / length)
    limit = 2.0 * radius_m / step.norm(dim=-1, keepdim=True).clamp(min=1e-12)
    step_BM2: Tensor = step * limit.clamp(max=1.0)
    return step_BM2
