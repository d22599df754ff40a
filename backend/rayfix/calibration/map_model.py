"""Path gain by a radio map alone: one direction of departure a pixel, and global clutter losses.

No ray tracing: the map's own azimuth and time of arrival say where a path left the antenna.

Shape letters: M pairs of fix and cell, C cells, H W rows and columns, E clutter terms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rayfix.calibration.corrections import Antennas, Corrections, Priors
from rayfix.calibration.drive import Measured
from rayfix.calibration.sector import elevation_of_departure_deg, sector_gain_db
from rayfix.errors import InvalidInputError
from rayfix.physics.lookup import lookup_evidence
from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.report_features import PATH_GAIN, TOA
from rayfix.radio_map.radio_map import RadioMap
from rayfix.units import SPEED_OF_LIGHT_M_S

CLUTTER_TERMS = ("nlos_db", "detour_db")
"""Global losses: of every path that is not free, and per doubling of 10 m of detour."""
DETOUR_M = 10.0
METRES_PER_NS = SPEED_OF_LIGHT_M_S * 1e-9


@dataclass(frozen=True)
class Departures:
    """Where paths leave their antenna, any shape [...], float64.

    Attributes:
        cell: index of the cell, int64.
        azimuth_deg: bearing of departure [deg].
        length_m: length of the first path [m].
        clutter: share of each of `CLUTTER_TERMS`, [..., E].
    """

    cell: Tensor
    azimuth_deg: Tensor
    length_m: Tensor
    clutter: Tensor

    def gain_change_db(self, corrections: Corrections, antennas: Antennas) -> Tensor:
        """Change of path gain by all corrections, power included [dB], [...]."""
        bearing, tilt = antennas.bearing_deg_C[self.cell], antennas.downtilt_deg_C[self.cell]
        fall = antennas.fall_m_C[self.cell]
        lift = corrections.height_m_S[antennas.site_C][self.cell]
        before = sector_gain_db(
            bearing, tilt, self.azimuth_deg, elevation_of_departure_deg(fall, self.length_m)
        )
        after = sector_gain_db(
            bearing + corrections.bearing_deg_C[self.cell],
            tilt + corrections.downtilt_deg_C[self.cell],
            self.azimuth_deg,
            elevation_of_departure_deg(fall + lift, self.length_m),
        )
        loss = self.clutter @ corrections.environment_E
        return after - before + corrections.power_db_C[self.cell] - loss


def departures(
    radio_map: RadioMap, maps: MapTensors, cell: Tensor, xy_m: Tensor, evidence: Tensor
) -> Departures:
    """Departures at points [..., 2] from the map's features there, [..., 3] (`lookup_evidence`)."""
    length_m = evidence[..., TOA].double() * METRES_PER_NS
    xyz = maps.cell_xyz_m_C3[cell].double()
    across = (xyz[..., :2] - xy_m.double()).square().sum(-1)
    straight_m = (across + (xyz[..., 2] - radio_map.scene.ue_height_m).square()).sqrt()
    detour_m = (length_m - straight_m).clamp(min=0.0)
    if "los" in radio_map.extra:
        row, column = maps.pixel_of(xy_m.float())
        los_CHW = torch.from_numpy(np.nan_to_num(radio_map.extra["los"]))
        blocked = 1.0 - los_CHW[cell, row, column].double()
    else:
        blocked = (detour_m > 1.0).double()
    clutter = torch.stack([blocked, torch.log2(1.0 + detour_m / DETOUR_M)], dim=-1)
    return Departures(cell, evidence[..., AOA].double(), length_m, clutter)


class MapModel:
    """Path gain of the pairs that a map reaches, as a function of the corrections.

    Args:
        radio_map, maps: the map that is corrected, and the same as tensors.
        measured: what was measured; pairs that the map does not reach are left out.
    Raises:
        InvalidInputError: the map reaches none of the measured pairs.
    """

    def __init__(self, radio_map: RadioMap, maps: MapTensors, measured: Measured) -> None:
        xy_m_M2 = measured.xy_m_N2[measured.fix_M]
        evidence_ME, valid_M = lookup_evidence(maps, xy_m_M2.float(), measured.cell_M)
        self.measured = measured[valid_M]
        if not len(self.measured.heard):
            raise InvalidInputError("log", "the map reaches no measured cell at its place")
        self.antennas = Antennas.of(radio_map.cells, radio_map.scene.ue_height_m)
        self.mapped_db_M = evidence_ME[valid_M, PATH_GAIN].double()
        self.departures = departures(
            radio_map, maps, self.measured.cell_M, xy_m_M2[valid_M], evidence_ME[valid_M]
        )

    @staticmethod
    def environment_sigma(priors: Priors) -> Tensor:
        """Prior standard deviations of the clutter terms [dB], [E]."""
        return torch.full((len(CLUTTER_TERMS),), priors.clutter_db, dtype=torch.float64)

    def gain_db(self, corrections: Corrections) -> Tensor:
        """Path gain at the site list's power [dB], [M]."""
        return self.mapped_db_M + self.departures.gain_change_db(corrections, self.antennas)
