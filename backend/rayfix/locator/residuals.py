"""Observed against expected, for the person who asks why a fix is where it is.

Shape letters: T reports in time, K heard cells of a sequence, F map features.
"""

from __future__ import annotations

import torch

from rayfix.locator.fix import Residual
from rayfix.measurement.report import ReportBatch
from rayfix.physics.lookup import lookup_cells
from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import feature_sigma, observe
from rayfix.physics.report_features import TOA, ReportTensors
from rayfix.radio_map.radio_map import FEATURES
from rayfix.units import wrap_deg


@torch.no_grad()
def residuals_at(
    sequence: ReportBatch, maps: MapTensors, noise: NoiseModel, x_m: float, y_m: float
) -> tuple[Residual, ...]:
    """Residuals of every measured map feature at a place.

    Args:
        sequence: a batch of one sequence.
        maps: the radio map.
        noise: gives the standard deviation of one report; the interval of a timing advance counts
            as a uniform error.
        x_m, y_m: the place.
    Returns:
        In the order of reports in time, cells and features; `report` counts in that order.
        `expected` and `difference` are None where the map has no path; angles differ by at most
        180 deg.
    """
    observation = observe(ReportTensors.from_batch(sequence, maps.device), maps, noise)
    here = torch.tensor([[x_m, y_m]], dtype=torch.float32, device=maps.device)
    expected_KF, reached_K = lookup_cells(maps, here, observation.cell_BK[0])
    one_report = torch.ones_like(observation.sigma_BKF)
    sigma_KF = feature_sigma(noise, one_report, observation.from_timing_advance_BK)[0]
    sigma_KF[:, TOA] = torch.hypot(sigma_KF[:, TOA], observation.interval_ns_BK[0] / 12**0.5)
    value_TKF = observation.value_BTKF[0].tolist()
    expected, reached, sigma = expected_KF.tolist(), reached_K.tolist(), sigma_KF.tolist()
    cells = [maps.cell_ids[index] for index in observation.cell_BK[0].tolist()]
    residuals = []
    for t, k, f in observation.valid_BTKF[0].nonzero().tolist():
        observed = value_TKF[t][k][f]
        difference = observed - expected[k][f]
        residuals.append(
            Residual(
                report=t,
                cell_id=cells[k],
                feature=FEATURES[f].name,
                unit=FEATURES[f].unit,
                observed=observed,
                expected=expected[k][f] if reached[k] else None,
                difference=(wrap_deg(difference) if f == AOA else difference)
                if reached[k]
                else None,
                sigma=sigma[k][f],
            )
        )
    return tuple(residuals)
