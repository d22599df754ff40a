"""Maximum a posteriori fit of a site list to a drive test, by gradient.

The physics loss of path gain (Student-t, so that a wrong pair does not pull) plus priors on every
correction, so that ten fixes move little. The uncertainty is Laplace's approximation: the inverse
Hessian at the optimum (Bishop 2006, 4.4).

Shape letters: M pairs of fix and cell, C cells, P parameters.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor

from rayfix.calibration.corrections import Antennas, Corrections, Priors, prior_sigma
from rayfix.calibration.drive import Measured

FREEDOM = 5.0
"""Degrees of freedom of the residuals' Student-t."""
UNEXPLAINED_SILENCE = 0.03
"""Probability that a cell is missing in a report for reasons that no path gain explains."""
LOG_NOISE_SIGMA = 0.35
"""Standard deviation of the logarithm of the residuals' scale, around `Priors.noise_db`."""
TURN_STEP_DEG = 10.0


class GainModel(Protocol):
    """Predicts the measured path gains from corrections; differentiable."""

    @property
    def measured(self) -> Measured: ...
    @property
    def antennas(self) -> Antennas: ...
    def environment_sigma(self, priors: Priors) -> Tensor: ...
    def gain_db(self, corrections: Corrections) -> Tensor: ...


@dataclass(frozen=True)
class Fit:
    """Corrections with their uncertainty.

    Attributes:
        corrections: the optimum.
        covariance_PP: Laplace's, in the order of `Corrections.vector_P`.
        noise_db: scale of the residuals around the corrected map.
        antennas: what was corrected.
    """

    corrections: Corrections
    covariance_PP: Tensor
    noise_db: float
    antennas: Antennas

    @property
    def sigma(self) -> Corrections:
        """Standard deviation of every correction."""
        return Corrections.split(self.covariance_PP.diagonal().sqrt(), self.antennas)


def negative_log_posterior(
    vector_P: Tensor, log_noise: Tensor, model: GainModel, priors: Priors
) -> Tensor:
    """Minus log of priors times likelihood, up to a constant.

    A measured pair has a Student-t residual. A silent one was below its limit, with a logistic
    curve of the same spread.
    """
    corrections = Corrections.split(vector_P, model.antennas)
    measured = model.measured
    residual_M = (measured.gain_db_M - model.gain_db(corrections)) / log_noise.exp()
    heard_M = -0.5 * (FREEDOM + 1.0) * torch.log1p(residual_M.square() / FREEDOM) - log_noise
    below_M = torch.nn.functional.logsigmoid(math.pi / math.sqrt(3.0) * residual_M)
    share = UNEXPLAINED_SILENCE
    silent_M = torch.logaddexp(below_M + math.log(1.0 - share), below_M.new_tensor(math.log(share)))
    likelihood = torch.where(measured.silent_M, silent_M, heard_M).sum()
    sigma_P = prior_sigma(priors, model.antennas, model.environment_sigma(priors))
    weight = Corrections.split(vector_P / sigma_P, model.antennas)
    pointed_C = -0.5 * weight.bearing_deg_C.square() - math.log(
        priors.bearing_deg * math.sqrt(2.0 * math.pi)
    )
    wrong = priors.wrong_bearing_share
    bearing_C = torch.logaddexp(
        pointed_C + math.log(1.0 - wrong), pointed_C.new_tensor(math.log(wrong / 360.0))
    )
    gaussian = (weight.power_db_C, weight.downtilt_deg_C, weight.height_m_S, weight.environment_E)
    others = torch.cat(gaussian).square().sum()
    scale = ((log_noise - math.log(priors.noise_db)) / LOG_NOISE_SIGMA).square()
    loss: Tensor = 0.5 * others + 0.5 * scale - likelihood - bearing_C.sum()
    return loss


def fit(
    model: GainModel, priors: Priors, start: Corrections | None = None, uncertainty: bool = True
) -> Fit:
    """The most probable corrections.

    Args:
        start: where the gradient starts; all zero unless given.
        uncertainty: False spares the covariance, which is then that of the priors.
    """
    antennas = model.antennas
    sigma_P = prior_sigma(priors, antennas, model.environment_sigma(priors))
    first_P = torch.zeros_like(sigma_P) if start is None else start.vector_P
    unit_P = (first_P / sigma_P).requires_grad_()
    log_noise = torch.tensor(math.log(priors.noise_db), dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS(
        [unit_P, log_noise], max_iter=80, history_size=20, tolerance_grad=1e-4,
        tolerance_change=1e-7, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = negative_log_posterior(unit_P * sigma_P, log_noise, model, priors)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    best, noise = (unit_P * sigma_P).detach(), log_noise.detach()
    return Fit(
        Corrections.split(best, antennas),
        _laplace(best, noise, model, priors, sigma_P)
        if uncertainty
        else torch.diag(sigma_P.square()),
        float(noise.exp()),
        antennas,
    )


def _laplace(
    best_P: Tensor, log_noise: Tensor, model: GainModel, priors: Priors, sigma_P: Tensor
) -> Tensor:
    """Covariance of the parameters by the Gauss-Newton Hessian at the optimum, [P, P].

    With the Fisher information of a Student-t, (nu + 1) / (nu + 3) / scale^2 a measured pair
    (Lange et al. 1989), and the prior's: always positive, and one pass forward a parameter.
    """

    def gain(unit_P: Tensor) -> Tensor:
        return model.gain_db(Corrections.split(unit_P * sigma_P, model.antennas))

    unit_P = best_P / sigma_P
    columns = [
        torch.func.jvp(gain, (unit_P,), (direction,))[1]
        for direction in torch.eye(len(unit_P), dtype=unit_P.dtype)
    ]
    slope_MP = torch.stack(columns, dim=-1)[~model.measured.silent_M]
    information = (FREEDOM + 1.0) / (FREEDOM + 3.0) / float(log_noise.exp()) ** 2
    hessian_PP = information * slope_MP.T @ slope_MP + torch.eye(len(unit_P), dtype=unit_P.dtype)
    covariance_PP: Tensor = sigma_P[:, None] * torch.linalg.inv(hessian_PP) * sigma_P
    return covariance_PP


def turned_sectors(model: GainModel, priors: Priors, first: Fit) -> Corrections:
    """A start with the bearings of sectors that point elsewhere altogether; the rest as fitted.

    Every cell alone, all around the compass, its power correction profiled out (a weighted mean):
    a turn is taken where it explains the cell far better than its prior costs.

    Args:
        first: a fit that started from zero; its scale of the residuals counts.
    """
    antennas, scale_db = model.antennas, first.noise_db
    size = len(prior_sigma(priors, antennas, model.environment_sigma(priors)))
    turns_deg = torch.arange(-180.0, 180.0, TURN_STEP_DEG, dtype=torch.float64)
    cells, heard_M = antennas.cells, ~model.measured.silent_M
    score_TC = torch.zeros(len(turns_deg), cells, dtype=torch.float64)
    for t, turn in enumerate(turns_deg):
        vector_P = torch.zeros(size, dtype=torch.float64)
        vector_P[cells : 2 * cells] = turn
        gain_M = model.gain_db(Corrections.split(vector_P, antennas))
        residual_M = (model.measured.gain_db_M - gain_M)[heard_M]
        cell_M = model.measured.cell_M[heard_M]
        for cell in range(cells):
            own = residual_M[cell_M == cell]
            precision = len(own) / scale_db**2
            power = own.sum() / max(len(own), 1) * precision / (precision + priors.power_db**-2)
            squared = ((own - power) / scale_db).square() / FREEDOM
            likelihood = -0.5 * (FREEDOM + 1.0) * torch.log1p(squared).sum()
            score_TC[t, cell] = likelihood - 0.5 * (power / priors.power_db).square()
    none = int((turns_deg == 0.0).nonzero())
    best_C = score_TC.argmax(0)
    gained_C = score_TC.amax(0) - score_TC[none]
    # What the prior asks for a bearing that may be anything, and something to spare.
    price = math.log(360.0 / priors.wrong_bearing_share / (2.5 * priors.bearing_deg)) + 5.0
    turned_C = (turns_deg[best_C].abs() > 3.0 * priors.bearing_deg) & (gained_C > price)
    start_C = torch.where(turned_C, turns_deg[best_C], first.corrections.bearing_deg_C)
    return replace(first.corrections, bearing_deg_C=start_C)
