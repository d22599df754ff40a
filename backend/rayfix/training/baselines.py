"""Peers of the locator: strongest-cell centroid and fingerprinting on the radio map.

Shape letters: B sequences, K heard cells, C cells, E evidence features, P outdoor places,
N nearest places.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rayfix.physics.likelihood import EVIDENCE_FEATURES, angle_difference_deg
from rayfix.physics.likelihood_grid import LikelihoodGrid, likelihood_grid
from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.observation import Observation
from rayfix.physics.posterior import CHUNK_ELEMENTS
from rayfix.physics.report_features import PATH_GAIN


@dataclass(frozen=True)
class Estimate:
    """Positions [m] [B, 2] and their covariance [m^2] [B, 2, 2]."""

    xy_m_B2: Tensor
    covariance_m2_B22: Tensor


def strongest_cell_centroid(
    observation: Observation, maps: MapTensors, grid: LikelihoodGrid | None = None
) -> Estimate:
    """Centre and spread of the outdoor places that the strongest heard cell serves.

    A cell serves a place where its RSRP in the map is the highest. (The position of the cell
    itself, and the mean of the heard cells' positions weighted by received power, are the other
    readings of the name; both are far worse with sectors on few sites.)

    Args:
        observation: B sequences; one without any RSRP is placed at the centre of its first cell.
        maps: the radio map.
        grid: `likelihood_grid(maps)`, to spare making it again.
    """
    grid = grid or likelihood_grid(maps)
    rsrp_CP = grid.mean_CEP[:, EVIDENCE_FEATURES.index(PATH_GAIN)] + maps.epre_dbm_C[:, None]
    server_P = torch.where(grid.path_CP, rsrp_CP, -torch.inf).argmax(0)
    centre_C2, covariance_C22 = [], []
    everywhere_P = torch.ones_like(server_P, dtype=torch.bool)
    for cell in range(maps.shape[0]):
        served_P = (server_P == cell) & grid.path_CP[cell]
        if not served_P.any():
            served_P = grid.path_CP[cell] if grid.path_CP[cell].any() else everywhere_P
        places = grid.xy_m_P2[served_P]
        centre_C2.append(places.mean(0))
        covariance_C22.append(places.T.cov(correction=0))
    rsrp_BK = observation.value_BKF[..., PATH_GAIN] + maps.epre_dbm_C[observation.cell_BK]
    known_BK = observation.valid_BKF[..., PATH_GAIN]
    best_B1 = torch.where(known_BK, rsrp_BK, -torch.inf).argmax(-1, keepdim=True)
    cell_B = observation.cell_BK.gather(1, best_B1)[:, 0]
    return Estimate(torch.stack(centre_C2)[cell_B], torch.stack(covariance_C22)[cell_B])


def normalised_difference(observation: Observation, grid: LikelihoodGrid, e: int) -> Tensor:
    """Observed minus map over the standard deviation of the observation, at every place, [B, K, P].

    Args:
        observation: B sequences of K heard cells.
        grid: P places.
        e: position in `EVIDENCE_FEATURES`. Without meaning where the feature was not measured or
            the cell has no path.
    """
    feature = EVIDENCE_FEATURES[e]
    value_BK1 = observation.value_BKF[:, :, feature, None]
    mean_BKP = grid.mean_CEP[:, e][observation.cell_BK]
    difference = value_BK1 - mean_BKP
    if feature == AOA:
        difference = angle_difference_deg(value_BK1, mean_BKP)
    return difference / observation.spread_BKF[:, :, feature, None]


@dataclass(frozen=True)
class Fingerprint:
    """k-nearest-neighbour search on the radio map.

    All three were chosen together on validation sequences: the smallest median and P90 in
    *standard* with ten reports, and near both in the other conditions.

    Attributes:
        neighbours: k, among 1 to 16.
        missing_distance: normalised distance of a heard cell where the map has no path, and of a
            value that lies further away than this; 2, 3, 5 and 8 were tried.
        silent_distance: distance of a cell that was not heard where the map has a path, among 0
            to 3. Without it RSRP alone has a P90 of 135 m instead of 69 m.
    """

    neighbours: int = 2
    missing_distance: float = 3.0
    silent_distance: float = 1.0

    def locate(
        self, observation: Observation, maps: MapTensors, grid: LikelihoodGrid | None = None
    ) -> Estimate:
        """Mean and spread of the k places whose fingerprint is nearest.

        The squared distance is the sum over heard cells and measured features of
        min(|observed - map| / sigma, missing_distance)^2, with the sigmas of the observation, plus
        silent_distance^2 for each cell that is not heard there.
        """
        grid = grid or likelihood_grid(maps)
        places = len(grid.xy_m_P2)
        chunk = max(1, CHUNK_ELEMENTS // (places * observation.cell_BK.shape[1]))
        means, covariances = [], []
        pixel_m = float(grid.x_m_W[1] - grid.x_m_W[0])
        floor = torch.eye(2, device=maps.device) * pixel_m**2 / 12.0
        for start in range(0, len(observation), chunk):
            distance_BP = self._distance(observation[start : start + chunk], grid)
            nearest_BN = distance_BP.topk(self.neighbours, largest=False).indices
            xy_BN2 = grid.xy_m_P2[nearest_BN]
            mean_B12 = xy_BN2.mean(1, keepdim=True)
            offset_BN2 = xy_BN2 - mean_B12
            means.append(mean_B12[:, 0])
            covariances.append(offset_BN2.mT @ offset_BN2 / self.neighbours + floor)
        return Estimate(torch.cat(means), torch.cat(covariances))

    def _distance(self, observation: Observation, grid: LikelihoodGrid) -> Tensor:
        """Squared normalised distance of every place, [B, P]."""
        silent_BC = (observation.listened_BC & ~observation.heard_BC).float()
        total_BP = self.silent_distance**2 * (silent_BC @ grid.path_CP.float())
        path_BKP = grid.path_CP[observation.cell_BK]
        for e, feature in enumerate(EVIDENCE_FEATURES):
            distance = normalised_difference(observation, grid, e).abs()
            distance = torch.where(path_BKP, distance, math.inf).clamp(max=self.missing_distance)
            measured = observation.valid_BKF[:, :, feature, None]
            total_BP += torch.where(measured, distance.square(), 0.0).sum(1)
        return total_BP
