"""The radio map of one scene as tensors on one device.

Shape letters: C cells, F map features (order of `FEATURE_NAMES`), H rows (y, south to north),
W columns (x, west to east), S stored channels of a texel.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from rayfix.measurement.quantities import noise_dbm
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap

AOA = FEATURE_NAMES.index("aoa")
"""Position of the one feature that lives on a circle [deg]."""


@dataclass(frozen=True)
class MapTensors:
    """Radio map, buildings and cells of one scene.

    Attributes:
        scene: name of the scene.
        cell_ids: ids of the cells in the order of the C axis.
        features_CFHW: map features in their units, 0 where `valid_CHW` is false, float32.
        valid_CHW: whether a path reaches the pixel, bool.
        known_F: whether the map has each feature: measured maps have path gain alone.
        x_min_m, x_max_m, y_min_m, y_max_m: centres of the outermost pixels [m].
        resolution_m: side of a pixel [m].
        building_height_m_HW: height of buildings above ground [m], 0 outdoors.
        outdoor_HW: pixels without a building, bool.
        cell_xyz_m_C3: antenna positions [m].
        cell_bearing_deg_C: boresight, clockwise from north [deg].
        cell_downtilt_deg_C: downtilt [deg].
        epre_dbm_C: energy per resource element [dBm]: RSRP = EPRE + path gain.
        carrier_hz_C: carrier frequency [Hz].
        subcarrier_spacing_hz_C: subcarrier spacing [Hz], which sets the timing advance step.
        load_C: share of resource blocks in use.
        noise_dbm_C: thermal noise in one resource element at the phone [dBm].
        stderr_db_CHW: standard deviation of the map's path gain [dB], 0 where none is stated; None
            for a map that states none.
        detection_CHW: probability that the cell is heard, 0 where invalid; None likewise.
    """

    scene: str
    cell_ids: tuple[str, ...]
    features_CFHW: Tensor
    valid_CHW: Tensor
    x_min_m: float
    x_max_m: float
    y_min_m: float
    y_max_m: float
    resolution_m: float
    building_height_m_HW: Tensor
    outdoor_HW: Tensor
    cell_xyz_m_C3: Tensor
    cell_bearing_deg_C: Tensor
    cell_downtilt_deg_C: Tensor
    epre_dbm_C: Tensor
    carrier_hz_C: Tensor
    subcarrier_spacing_hz_C: Tensor
    load_C: Tensor
    noise_dbm_C: Tensor
    known_F: Tensor
    stderr_db_CHW: Tensor | None = None
    detection_CHW: Tensor | None = None

    @classmethod
    def from_radio_map(cls, radio_map: RadioMap, device: torch.device | str = "cpu") -> MapTensors:
        """Copy a radio map to a device; a pixel is valid where every feature is a number.

        Features that the map lacks are 0 everywhere and not `known_F`.
        """
        there = radio_map.features
        valid = np.asarray(np.isfinite(np.stack(list(there.values()), axis=1)).all(axis=1))
        features = np.zeros((len(valid), len(FEATURE_NAMES), *valid.shape[1:]), np.float32)
        for f, name in enumerate(FEATURE_NAMES):
            if name in there:
                features[:, f] = np.where(valid, there[name], 0.0)
        cells = radio_map.cells

        def column(values: list[float]) -> Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)

        def extra(name: str) -> Tensor | None:
            values = radio_map.extra.get(name)
            if values is None:
                return None
            return torch.from_numpy(np.where(valid, np.nan_to_num(values), 0.0)).float().to(device)

        return cls(
            scene=radio_map.scene.name,
            cell_ids=tuple(cell.cell_id for cell in cells),
            features_CFHW=torch.from_numpy(features).to(device),
            valid_CHW=torch.from_numpy(valid).to(device),
            x_min_m=float(radio_map.x_m[0]),
            x_max_m=float(radio_map.x_m[-1]),
            y_min_m=float(radio_map.y_m[0]),
            y_max_m=float(radio_map.y_m[-1]),
            resolution_m=radio_map.resolution_m,
            building_height_m_HW=torch.from_numpy(
                np.array(radio_map.building_height_m, np.float32)
            ).to(device),
            outdoor_HW=torch.from_numpy(np.array(radio_map.outdoor)).to(device),
            cell_xyz_m_C3=torch.tensor(
                [[c.x_m, c.y_m, c.z_m] for c in cells], dtype=torch.float32, device=device
            ),
            cell_bearing_deg_C=column([c.bearing_deg for c in cells]),
            cell_downtilt_deg_C=column([c.downtilt_deg for c in cells]),
            epre_dbm_C=column([c.energy_per_resource_element_dbm for c in cells]),
            carrier_hz_C=column([c.carrier_hz for c in cells]),
            load_C=column([c.load for c in cells]),
            noise_dbm_C=column(list(noise_dbm(cells))),
            subcarrier_spacing_hz_C=column([c.subcarrier_spacing_hz for c in cells]),
            known_F=torch.tensor([name in there for name in FEATURE_NAMES], device=device),
            stderr_db_CHW=extra("path_gain_stderr"),
            detection_CHW=extra("detection"),
        )

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        return self.features_CFHW.device

    @property
    def shape(self) -> tuple[int, int, int]:
        """Cells, rows, columns."""
        cells, rows, columns = self.valid_CHW.shape
        return cells, rows, columns

    def to(self, device: torch.device | str) -> MapTensors:
        """The same map on another device."""
        tensors: dict[str, Any] = {
            f.name: getattr(self, f.name).to(device)
            for f in fields(self)
            if isinstance(getattr(self, f.name), Tensor)
        }
        return replace(self, **tensors)

    @cached_property
    def cell_index(self) -> dict[str, int]:
        """Position of each cell id on the C axis."""
        return {cell_id: index for index, cell_id in enumerate(self.cell_ids)}

    @cached_property
    def x_m_W(self) -> Tensor:
        """East coordinate of the pixel centres [m]."""
        return torch.linspace(self.x_min_m, self.x_max_m, self.shape[2], device=self.device)

    @cached_property
    def y_m_H(self) -> Tensor:
        """North coordinate of the pixel centres [m]."""
        return torch.linspace(self.y_min_m, self.y_max_m, self.shape[1], device=self.device)

    @cached_property
    def texels_CHWS(self) -> Tensor:
        """What the lookup gathers: features with AoA as a unit vector, then validity."""
        return pack_texels(self.features_CFHW, self.valid_CHW)

    @cached_property
    def evidence_texels_CHWS(self) -> Tensor:
        """`texels_CHWS` of path gain, ToA and AoA alone, which is all that a likelihood reads."""
        return pack_texels(self.features_CFHW[:, : AOA + 1], self.valid_CHW)

    @cached_property
    def nearest_outdoor_m_HW2(self) -> Tensor:
        """Centre of the outdoor pixel nearest to each pixel [m], [H, W, 2]; needs one outdoors."""
        row, column = distance_transform_edt(
            ~self.outdoor_HW.cpu().numpy(), return_distances=False, return_indices=True
        )
        rows = torch.from_numpy(row.astype(np.int64)).to(self.device)
        columns = torch.from_numpy(column.astype(np.int64)).to(self.device)
        return torch.stack([self.x_m_W[columns], self.y_m_H[rows]], dim=-1)

    def pixel_of(self, xy_m: Tensor) -> tuple[Tensor, Tensor]:
        """Row and column (int64) of the pixel nearest to each point [..., 2]."""
        column = ((xy_m[..., 0] - self.x_min_m) / self.resolution_m).round().long()
        row = ((xy_m[..., 1] - self.y_min_m) / self.resolution_m).round().long()
        return row.clamp(0, self.shape[1] - 1), column.clamp(0, self.shape[2] - 1)

    def contains(self, xy_m: Tensor) -> Tensor:
        """Whether points [..., 2] lie between the outermost pixel centres, bool [...]."""
        x, y = xy_m[..., 0], xy_m[..., 1]
        return (x >= self.x_min_m) & (x <= self.x_max_m) & (y >= self.y_min_m) & (y <= self.y_max_m)


def wrap_360(angle_deg: Tensor) -> Tensor:
    """The same angle in [0, 360); `remainder` alone rounds -1e-6 up to 360."""
    turned = torch.remainder(angle_deg, 360.0)
    return torch.where(turned >= 360.0, turned - 360.0, turned)


def pack_texels(features_CFHW: Tensor, valid_CHW: Tensor) -> Tensor:
    """Interleave features for one gather per corner, [C, H, W, S].

    Angles become unit vectors, because the mean of 359 and 1 deg is 0 and not 180. The S axis is:
    features up to AoA, cos, sin, the features after it, validity (1 or 0). Maps with fewer
    features than an AoA position have no angle.
    """
    names = features_CFHW.shape[1]
    channels: list[Tensor] = []
    for f in range(names):
        plane = features_CFHW[:, f]
        if f == AOA:
            angle = torch.deg2rad(plane)
            channels += [torch.cos(angle), torch.sin(angle)]
        else:
            channels.append(plane)
    stacked = torch.stack([*channels, torch.ones_like(channels[0])], dim=-1)
    return torch.where(valid_CHW[..., None], stacked, stacked.new_zeros(())).contiguous()
