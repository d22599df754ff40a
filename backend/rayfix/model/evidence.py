"""Physical evidence: how well each place of the map explains what was measured.

The measured quantities of a sequence are averaged per cell, so that they speak of the middle of
its way (`motion` goes on from there), and compared with the map under Student's t
with a variance made of three parts: the map's at that place (`map_trust`), one common to the
sequence, and one that averages out over reports. Cells that were not heard count too.

Shape letters: B sequences, N heard cells of a sequence, C cells, E evidence quantities,
R rows (one per sequence, cell and known quantity), P coarse cells, K hypotheses, n places of a
coarse cell, D width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rayfix.model.config import NetworkConfig
from rayfix.model.map_trust import BlockEvidence, PixelEvidence, log_boxed_student_t
from rayfix.physics.likelihood import EVIDENCE_FEATURES
from rayfix.physics.maps import MapTensors
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import TOA

QUANTITIES = ("path_gain", "toa", "aoa", "timing_advance")
"""What is compared with the map: its evidence features, and ToA once more where it comes from a
timing advance, which has errors of its own."""
ANGLE, ADVANCE = QUANTITIES.index("aoa"), QUANTITIES.index("timing_advance")
MAP_PLANE = (0, 1, 2, 1)
"""Evidence feature of the map that each quantity is compared with."""
COMMON_SIGMA = (1.5, 3.0, 1.5, 5.0)
SINGLE_SIGMA = (2.5, 10.0, 5.0, 10.0)
"""Where the learned errors of measurement start: path gain [dB], ToA [ns], AoA [deg], ToA from
timing advance beyond its interval [ns]; common to a sequence, and of a single report."""
NO_PATH_LOG_DENSITY = (-6.0, -9.0, -7.0, -9.0)
"""Where the learned density of a measured quantity starts at places without a path in the map."""


NOISE_SCALES = (1.0, 0.2)
NOISE_LOG_PRIOR = (math.log(0.8), math.log(0.2))
"""Phones differ in how well they measure. How well does not show in one report alone, but in
whether its quantities agree on a place of the map: every answer is weighed over these scales of
the learned errors (the second is that of reports with little more than quantisation)."""


@dataclass(frozen=True)
class Observed:
    """What the sequences say, one row per (sequence, cell, quantity), and how sure it is.

    Attributes:
        sequence_R, cell_R, quantity_R: indices of the rows, sorted by sequence.
        value_R: observed path gain [dB], ToA [ns] or bearing [deg].
        variance_R: variance of the measurement, in squared units.
        width_R: width of the interval whose middle the value is (timing advance) [ns], else 0.
        single_sigma_BE: standard deviation of each quantity in a single report.
        heard_BC: whether a report names the cell.
        threshold_db_BC: path gain [dB] that an unheard cell stayed below.
        temperature_B: factor on the log likelihood; below 1 where errors of cells agree.
    """

    sequence_R: Tensor
    cell_R: Tensor
    quantity_R: Tensor
    value_R: Tensor
    variance_R: Tensor
    width_R: Tensor
    single_sigma_BE: Tensor
    heard_BC: Tensor
    threshold_db_BC: Tensor
    temperature_B: Tensor

    def at_noise(self, scale_B: Tensor | float) -> Observed:
        """The same with the errors of measurement multiplied by a factor (see `NOISE_SCALES`)."""
        by_row = scale_B[self.sequence_R] if isinstance(scale_B, Tensor) else scale_B
        by_sequence = scale_B[:, None] if isinstance(scale_B, Tensor) else scale_B
        return replace(
            self,
            variance_R=self.variance_R * by_row**2,
            single_sigma_BE=self.single_sigma_BE * by_sequence,
        )


class Evidence(nn.Module):
    """Measurement errors learned from the radio summary, and the likelihood built on them."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        count = len(QUANTITIES)
        last = nn.Linear(config.width, 2 * count + 1)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.errors = nn.Sequential(nn.Linear(config.width, config.width), nn.GELU(), last)
        self.log_common_E = nn.Parameter(torch.tensor(COMMON_SIGMA).log())
        self.log_single_E = nn.Parameter(torch.tensor(SINGLE_SIGMA).log())
        self.no_path_E = nn.Parameter(torch.tensor(NO_PATH_LOG_DENSITY))
        self.log_freedom_E = nn.Parameter(torch.full((count,), math.log(3.0)))
        self.log_slope_db = nn.Parameter(torch.tensor(math.log(2.0)))
        self.miss_logit = nn.Parameter(torch.tensor(-3.0))

    def observe(self, observation: Observation, summary_BD: Tensor, maps: MapTensors) -> Observed:
        """The mean of each quantity of each cell over a sequence, with learned errors."""
        E = len(QUANTITIES)
        features = [*EVIDENCE_FEATURES, TOA]
        known_BNE = observation.valid_BKF[..., features].clone()
        coarse_BN = observation.from_timing_advance_BK
        known_BNE[..., features.index(TOA)] &= ~coarse_BN
        known_BNE[..., ADVANCE] &= coarse_BN
        sequence, slot, quantity = known_BNE.nonzero().unbind(1)
        reports_BNE = observation.valid_BTKF[..., features].sum(1)
        errors = self.errors(summary_BD)
        log_common = self.log_common_E + errors[:, :E].clamp(-2.5, 2.5)
        log_single = self.log_single_E + errors[:, E : 2 * E].clamp(-2.5, 2.5)
        single_BE = log_single.exp()
        width = observation.interval_ns_BK[sequence, slot]
        return Observed(
            sequence,
            observation.cell_BK[sequence, slot],
            quantity,
            observation.value_BKF[..., features][sequence, slot, quantity],
            log_common.exp()[sequence, quantity].square()
            + single_BE[sequence, quantity].square() / reports_BNE[sequence, slot, quantity],
            torch.where(quantity == ADVANCE, width, 0.0),
            single_BE,
            observation.heard_BC,
            observation.threshold_dbm_BC - maps.epre_dbm_C,
            1.2 * torch.sigmoid(errors[:, 2 * E] + 1.0),
        )

    def row_likelihood(
        self, observed: Observed, rows: slice, mean: Tensor, variance: Tensor, valid: Tensor
    ) -> Tensor:
        """Log likelihood of some rows at some places.

        Args:
            observed: the rows; `rows` selects among them.
            mean, variance, valid: the map's expectation, [rows, ...].
        """
        shape = (-1,) + (1,) * (mean.dim() - 1)
        quantity = observed.quantity_R[rows]
        residual = observed.value_R[rows].view(shape) - mean
        # Angles wrap; the period of everything else is beyond reach.
        period = torch.where(quantity == ANGLE, 360.0, 1e9).view(shape)
        residual = residual - period * torch.round(residual / period)
        log_density = log_boxed_student_t(
            residual,
            variance + observed.variance_R[rows].view(shape),
            (1.5 + self.log_freedom_E.exp())[quantity].view(shape),
            observed.width_R[rows].view(shape),
        )
        return torch.where(valid, log_density, self.no_path_E[quantity].view(shape))

    def unheard(self, threshold: Tensor, path_gain_db: Tensor, valid: Tensor) -> Tensor:
        """Log probability that a cell with this expected path gain is in no report."""
        slope = self.log_slope_db.exp()
        miss = torch.sigmoid(self.miss_logit)
        hidden = torch.sigmoid((threshold - path_gain_db) / slope)
        return torch.where(valid, torch.log(miss + (1.0 - miss) * hidden), 0.0)

    @torch.no_grad()
    def at_hypotheses(self, observed: Observed, pixels: PixelEvidence, cell_BK: Tensor) -> Tensor:
        """Log likelihood at every pixel of chosen coarse cells, [B, K, n].

        No gradient, as on the blocks: what the errors are is learned at the truth alone (evidence
        loss). Were they also free to sharpen the answer, the errors of the reports would shrink
        and those of the map take their place, and ten reports would seem no better than one.
        """
        C, E, P, n = pixels.mean_CEPn.shape
        B, K = cell_BK.shape
        rows = slice(0, len(observed.value_R))
        place = cell_BK[observed.sequence_R]
        plane = (observed.cell_R * E + map_plane(observed.quantity_R))[:, None]
        mean = pixels.mean_CEPn.view(C * E, P, n)[plane, place]
        variance = pixels.variance_CEPn.view(C * E, P, n)[plane, place]
        valid = pixels.valid_CPn[observed.cell_R[:, None], place]
        rows_RKn = self.row_likelihood(observed, rows, mean, variance, valid)
        total = rows_RKn.new_zeros(B, K, n).index_add(0, observed.sequence_R, rows_RKn)
        sequence, cell = (~observed.heard_BC).nonzero(as_tuple=True)
        quiet = self.unheard(
            observed.threshold_db_BC[sequence, cell][:, None, None],
            pixels.mean_CEPn[:, 0][cell[:, None], cell_BK[sequence]],
            pixels.valid_CPn[cell[:, None], cell_BK[sequence]],
        )
        return total.index_add(0, sequence, quiet)

    @torch.no_grad()
    def over_noise(
        self, observed: Observed, pixels: PixelEvidence, cell_BK: Tensor
    ) -> tuple[Tensor, Tensor]:
        """`at_hypotheses` at each of `NOISE_SCALES`, [S, B, K, n], and the posterior of those
        scales [S, B]."""
        likelihood = torch.stack(
            [
                self.at_hypotheses(observed.at_noise(scale), pixels, cell_BK)
                for scale in NOISE_SCALES
            ]
        )
        joint = likelihood * observed.temperature_B[:, None, None] + pixels.log_prior_Pn[cell_BK]
        evidence_SB = torch.logsumexp(joint.flatten(2), -1)
        log_prior = evidence_SB.new_tensor(NOISE_LOG_PRIOR)[:, None]
        return likelihood, (evidence_SB + log_prior).softmax(0)

    @torch.no_grad()
    def on_blocks(self, observed: Observed, blocks: BlockEvidence) -> Tensor:
        """Log likelihood at every block of the map, [B, P, k]; no gradient (see `fusion`).

        Only blocks that touch outdoor places are computed; the others get the lowest value of
        those. One sequence at a time: its few megabytes stay in the processor's cache.
        """
        C, E, G = blocks.mean_CEG.shape
        mean, variance = blocks.mean_CEG.view(C * E, G), blocks.variance_CEG.view(C * E, G)
        counts = torch.bincount(observed.sequence_R, minlength=len(observed.heard_BC)).tolist()
        P, k = blocks.log_prior_Pk.shape
        result = mean.new_empty(len(counts), P * k)
        start = 0
        for b, count in enumerate(counts):
            rows = slice(start, start + count)
            start += count
            cell = observed.cell_R[rows]
            plane = cell * E + map_plane(observed.quantity_R[rows])
            likelihood = self.row_likelihood(
                observed, rows, mean[plane], variance[plane], blocks.valid_CG[cell]
            ).sum(0)
            quiet = (~observed.heard_BC[b]).nonzero()[:, 0]
            likelihood += self.unheard(
                observed.threshold_db_BC[b, quiet, None], mean[quiet * E], blocks.valid_CG[quiet]
            ).sum(0)
            result[b] = likelihood.min()
            result[b, blocks.index_G] = likelihood
        return result.view(-1, P, k)


def map_plane(quantity_R: Tensor) -> Tensor:
    """Evidence feature of the map that each row is compared with."""
    return quantity_R.new_tensor(MAP_PLANE)[quantity_R]


def window_moments(log_weight_BKn: Tensor, offset_n2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log mass [B, K], mean offset [B, K, 2] and covariance [B, K, 2, 2] of a cell's places [m]."""
    mass = torch.logsumexp(log_weight_BKn, -1)
    share = F.softmax(log_weight_BKn, -1)
    mean = share @ offset_n2
    centred = offset_n2 - mean[..., None, :]
    covariance = torch.einsum("bkn,bkni,bknj->bkij", share, centred, centred)
    return mass, mean, covariance
