"""Puts a fit and its residual field into a radio map.

Shape letters: M pairs, C cells, H rows, W columns, G pixels that a cell reaches, P parameters.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from rayfix.calibration.corrections import Corrections
from rayfix.calibration.drive import Measured
from rayfix.calibration.fit import Fit
from rayfix.calibration.map_model import Departures, departures
from rayfix.calibration.residual import Covariance, Residuals, krige
from rayfix.physics.lookup import lookup_evidence
from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.report_features import PATH_GAIN
from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.cell import Cell
from rayfix.scene.detection import least_path_gain_db

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]

STDERR = "path_gain_stderr"
LINK = {"snr_db": "snr", "sinr_db": "sinr", "throughput_mbps": "throughput", "bler": "bler"}


def corrected_cells(cells: tuple[Cell, ...], fit: Fit) -> tuple[Cell, ...]:
    """The site list with the fitted power, bearing, downtilt and height."""
    found = fit.corrections
    height_C = found.height_m_S[fit.antennas.site_C]

    def corrected(index: int, cell: Cell) -> Cell:
        bearing = cell.bearing_deg + float(found.bearing_deg_C[index])
        return cell.model_copy(
            update={
                "power_dbm": round(cell.power_dbm + float(found.power_db_C[index]), 2),
                "bearing_deg": round(bearing % 360.0, 2) % 360.0,
                "downtilt_deg": round(cell.downtilt_deg + float(found.downtilt_deg_C[index]), 2),
                "z_m": round(cell.z_m + float(height_C[index]), 2),
            }
        )

    return tuple(corrected(index, cell) for index, cell in enumerate(cells))


class _Reached(NamedTuple):
    """Pixels that a cell reaches: the mask [H, W], their centres [G, 2] and departures [G]."""

    cell: int
    mask: npt.NDArray[np.bool_]
    xy_m_G2: Float64
    departures: Departures


def _reached(radio_map: RadioMap) -> Iterator[_Reached]:
    maps = MapTensors.from_radio_map(radio_map)
    y_m, x_m = np.meshgrid(radio_map.y_m, radio_map.x_m, indexing="ij")
    for index in range(len(radio_map.cells)):
        mask = maps.valid_CHW[index].numpy()
        xy_m_G2 = np.column_stack([x_m[mask], y_m[mask]])
        which = torch.full((len(xy_m_G2),), index)
        evidence = maps.features_CFHW[index][:, torch.from_numpy(mask)].T[:, : AOA + 1]
        found = departures(radio_map, maps, which, torch.from_numpy(xy_m_G2), evidence)
        yield _Reached(index, mask, xy_m_G2, found)


def repointed_map(radio_map: RadioMap, fit: Fit) -> RadioMap:
    """The map with path gains corrected by the directions of departure that it holds itself.

    Power goes into the site list, since path gain does not depend on it. Times and angles of
    arrival stay: they depend on where the antennas are, and hardly on how they point.
    """
    gain = radio_map.features["path_gain"].copy()
    without_power = replace(
        fit.corrections, power_db_C=torch.zeros_like(fit.corrections.power_db_C)
    )
    for part in _reached(radio_map):
        change = part.departures.gain_change_db(without_power, fit.antennas).numpy()
        gain[part.cell][part.mask] += change.astype(np.float32)
    return replace(
        radio_map,
        cells=corrected_cells(radio_map.cells, fit),
        features={**radio_map.features, "path_gain": gain},
    )


def residuals_of(radio_map: RadioMap, measured: Measured, fit: Fit) -> dict[int, Residuals]:
    """What the drive test measured above a corrected map [dB], by index of the site."""
    maps = MapTensors.from_radio_map(radio_map)
    heard = measured.heard
    xy_m_M2 = heard.xy_m_N2[heard.fix_M]
    evidence_ME, valid_M = lookup_evidence(maps, xy_m_M2.float(), heard.cell_M)
    level_M = evidence_ME[:, PATH_GAIN].double() + fit.corrections.power_db_C[heard.cell_M]
    value_M = (heard.gain_db_M - level_M).numpy()
    site_M = fit.antennas.site_C[heard.cell_M]
    found = {}
    for site in range(len(fit.antennas.sites)):
        own = (valid_M & (site_M == site)).numpy()
        found[site] = Residuals(xy_m_M2.numpy()[own], heard.cell_M.numpy()[own], value_M[own])
    return found


def with_residual_field(
    radio_map: RadioMap,
    fit: Fit,
    residuals: Mapping[int, Residuals],
    covariance: Covariance | None,
) -> RadioMap:
    """A corrected map with the kriged residual, its uncertainty, and link features anew.

    Args:
        radio_map: corrected by the fit, or traced anew with the corrected cells.
        residuals: by index of the site.
        covariance: of the residual field; None leaves the field out.
    Returns:
        Map with `path_gain_stderr` [dB] among its extra arrays: of the fit and of the field, and
        what the map had before. Pixels that are no longer detectable have no path.
    """
    from rayfix.simulation.link import link_features

    gain = radio_map.features["path_gain"].copy()
    stderr = np.full_like(gain, np.nan)
    before = radio_map.extra.get(STDERR)
    for part in _reached(radio_map):
        variance = _pointing_variance(fit, part.departures)
        if covariance is not None:
            site = int(fit.antennas.site_C[part.cell])
            field, spread = krige(residuals[site], covariance, part.xy_m_G2, part.cell)
            gain[part.cell][part.mask] += field.astype(np.float32)
            variance = variance + spread**2
        if before is not None:
            variance = variance + np.nan_to_num(before[part.cell][part.mask]) ** 2
        stderr[part.cell][part.mask] = np.sqrt(variance)
    lost = ~(gain >= least_path_gain_db(radio_map.cells)[:, None, None])
    gain[lost], stderr[lost] = np.nan, np.nan
    link = link_features(gain, radio_map.cells)
    features = {name: np.where(lost, np.nan, v) for name, v in radio_map.features.items()}
    features |= {"path_gain": gain} | {name: link[key] for key, name in LINK.items()}
    return replace(radio_map, features=features, extra={**radio_map.extra, STDERR: stderr})


def _pointing_variance(fit: Fit, paths: Departures) -> Float64:
    """Variance of path gain [dB^2] by what the fit does not know of one cell's antenna, [G].

    The parameters of the antenna alone: those of the surroundings are for the residual field.
    """
    index = int(paths.cell[0]) if len(paths.cell) else 0
    cells, site = fit.antennas.cells, int(fit.antennas.site_C[index])
    own = torch.tensor([index, cells + index, 2 * cells + index, 3 * cells + site])
    covariance = fit.covariance_PP[own][:, own]
    nothing = torch.zeros(3 * cells + len(fit.antennas.sites) + paths.clutter.shape[-1]).double()

    def change(own_4: torch.Tensor) -> torch.Tensor:
        vector_P = nothing.index_put((own,), own_4)
        return paths.gain_change_db(Corrections.split(vector_P, fit.antennas), fit.antennas)

    slopes = [
        torch.func.jvp(change, (nothing[own],), (direction,))[1]
        for direction in torch.eye(4, dtype=torch.float64)
    ]
    slope_G4 = torch.stack(slopes, dim=-1)
    return np.asarray(((slope_G4 @ covariance) * slope_G4).sum(-1).numpy())
