"""Physical evidence: how well each place of the map explains what was measured.

The measured quantities of a sequence are averaged per cell (weights over time are learned, so
that a moving phone counts for where it is last), and compared with the map under Student's t
with a variance made of three parts: the map's at that place (`map_trust`), one common to the
sequence, and one that averages out over reports. Cells that were not heard count too.

Shape letters: B sequences, S tokens, C cells, E evidence quantities, R rows (one per sequence,
cell and known quantity), P coarse cells, K hypotheses, n places of a coarse cell, D width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rayfix.model.config import NetworkConfig
from rayfix.model.map_trust import EvidenceMap, log_student_t, wrap_deg
from rayfix.model.radio_encoder import RadioTokens
from rayfix.model.radio_inputs import EVIDENCE, RadioInputs

AOA = EVIDENCE.index("aoa")
COMMON_SIGMA = (1.5, 3.0, 1.5)
SINGLE_SIGMA = (2.5, 10.0, 5.0)
"""Where the learned errors of measurement start: path gain [dB], ToA [ns], AoA [deg]; common to
a sequence, and of a single report."""
NO_PATH_LOG_DENSITY = (-6.0, -9.0, -7.0)
"""Where the learned density of a measured quantity starts at places without a path in the map."""
DETECTION_PATH_GAIN_DB = -140.0
"""Where the learned level starts below which a cell is not heard even by a short list."""


@dataclass(frozen=True)
class Observed:
    """What the sequences say, one row per (sequence, cell, quantity), and how sure it is.

    Attributes:
        sequence_R, cell_R, quantity_R: indices of the rows, sorted by sequence.
        value_R: observed path gain [dB], ToA [ns] or bearing [deg].
        variance_R: variance of the measurement, in squared units.
        heard_BC: whether a report names the cell.
        threshold_B: path gain [dB] below which a cell may have gone unheard.
        temperature_B: factor on the log likelihood; below 1 where errors of cells agree.
    """

    sequence_R: Tensor
    cell_R: Tensor
    quantity_R: Tensor
    value_R: Tensor
    variance_R: Tensor
    heard_BC: Tensor
    threshold_B: Tensor
    temperature_B: Tensor


class Evidence(nn.Module):
    """Measurement errors learned from the radio summary, and the likelihood built on them."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        quantities = len(EVIDENCE)
        self.score = nn.Linear(config.width, quantities)
        last = nn.Linear(config.width, 2 * quantities + 2)
        for layer in (self.score, last):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.errors = nn.Sequential(nn.Linear(config.width, config.width), nn.GELU(), last)
        self.log_common_E = nn.Parameter(torch.tensor(COMMON_SIGMA).log())
        self.log_single_E = nn.Parameter(torch.tensor(SINGLE_SIGMA).log())
        self.no_path_E = nn.Parameter(torch.tensor(NO_PATH_LOG_DENSITY))
        self.log_freedom_E = nn.Parameter(torch.full((quantities,), math.log(3.0)))
        self.detection_db = nn.Parameter(torch.tensor(DETECTION_PATH_GAIN_DB))
        self.log_slope_db = nn.Parameter(torch.tensor(math.log(3.0)))
        self.miss_logit = nn.Parameter(torch.tensor(-3.0))

    def observe(self, inputs: RadioInputs, tokens: RadioTokens, cells: int) -> Observed:
        """Average each quantity of each cell over a sequence."""
        B = len(inputs.mask_BS)
        E = len(EVIDENCE)
        errors = self.errors(tokens.summary_BD)
        common_BE = torch.exp(self.log_common_E + errors[:, :E].clamp(-4.0, 4.0))
        single_BE = torch.exp(self.log_single_E + errors[:, E : 2 * E].clamp(-4.0, 4.0))

        score = 4.0 * torch.tanh(self.score(tokens.token_BSD) / 4.0)
        weight = score.exp() * inputs.observed_mask_BSE
        angle = torch.deg2rad(inputs.observed_BSE[..., AOA])
        moment = torch.cat(
            [
                weight,
                weight.square(),
                weight * inputs.observed_BSE,
                (weight[..., AOA] * angle.cos())[..., None],
                (weight[..., AOA] * angle.sin())[..., None],
            ],
            -1,
        )
        key = (torch.arange(B, device=weight.device)[:, None] * cells + inputs.cell_BS).flatten()
        moment = moment.new_zeros(B * cells, moment.shape[-1]).index_add(
            0, key, moment.flatten(0, 1)
        )
        row = (moment[:, :E] > 0).nonzero()
        pair, quantity = row[:, 0], row[:, 1]
        sequence = pair // cells
        picked = moment[pair]
        total = picked.gather(1, quantity[:, None])[:, 0]
        reports = total.square() / picked.gather(1, E + quantity[:, None])[:, 0]
        value = picked.gather(1, 2 * E + quantity[:, None])[:, 0] / total
        bearing = torch.rad2deg(torch.atan2(picked[:, 3 * E + 1], picked[:, 3 * E]))
        heard = torch.zeros(B * cells, dtype=torch.bool, device=key.device)
        heard[key[inputs.mask_BS.flatten()]] = True
        return Observed(
            sequence,
            pair % cells,
            quantity,
            torch.where(quantity == AOA, bearing, value),
            common_BE[sequence, quantity].square()
            + single_BE[sequence, quantity].square() / reports,
            heard.view(B, cells),
            self._threshold(inputs, errors[:, 2 * E]),
            1.2 * torch.sigmoid(errors[:, 2 * E + 1] + 1.0),
        )

    def _threshold(self, inputs: RadioInputs, gate_B: Tensor) -> Tensor:
        """Path gain below which a cell may be unheard: the detection level, or the weakest cell
        of the list where the list was cut off; the gate learns which."""
        weakest = inputs.observed_BSE[..., 0].masked_fill(
            ~inputs.observed_mask_BSE[..., 0], float("inf")
        )
        weakest_B = weakest.amin(1)
        weakest_B = torch.where(torch.isfinite(weakest_B), weakest_B, self.detection_db.detach())
        return torch.lerp(self.detection_db.expand_as(gate_B), weakest_B, torch.sigmoid(gate_B))

    def row_likelihood(
        self, observed: Observed, rows: Tensor, mean: Tensor, variance: Tensor, valid: Tensor
    ) -> Tensor:
        """Log likelihood of some rows at some places.

        Args:
            observed: the rows; `rows` selects among them.
            mean, variance, valid: the map's expectation, [rows, ...].
        """
        shape = (-1,) + (1,) * (mean.dim() - 1)
        quantity = observed.quantity_R[rows]
        residual = observed.value_R[rows].view(shape) - mean
        residual = torch.where((quantity == AOA).view(shape), wrap_deg(residual), residual)
        log_density = log_student_t(
            residual,
            variance + observed.variance_R[rows].view(shape),
            self._freedom()[quantity].view(shape),
        )
        return torch.where(valid > 0, log_density, self.no_path_E[quantity].view(shape))

    def _freedom(self) -> Tensor:
        return 1.5 + self.log_freedom_E.exp()

    def unheard(self, threshold: Tensor, path_gain_db: Tensor, valid: Tensor) -> Tensor:
        """Log probability that a cell with this expected path gain is in no report."""
        slope = self.log_slope_db.exp()
        miss = torch.sigmoid(self.miss_logit)
        hidden = torch.sigmoid((threshold - path_gain_db) / slope)
        return torch.log(miss + (1.0 - miss) * hidden) * valid

    def at_hypotheses(self, observed: Observed, pixels: EvidenceMap, cell_BK: Tensor) -> Tensor:
        """Log likelihood at every pixel of chosen coarse cells, [B, K, n]."""
        C, E, P, n = pixels.mean_CEPn.shape
        B, K = cell_BK.shape
        rows = torch.arange(len(observed.value_R), device=cell_BK.device)
        place = cell_BK[observed.sequence_R]
        plane = (observed.cell_R * E + observed.quantity_R)[:, None]
        mean = pixels.mean_CEPn.view(C * E, P, n)[plane, place]
        variance = pixels.variance_CEPn.view(C * E, P, n)[plane, place]
        valid = pixels.valid_CPn[observed.cell_R[:, None], place]
        rows_RKn = self.row_likelihood(observed, rows, mean, variance, valid)
        total = rows_RKn.new_zeros(B, K, n).index_add(0, observed.sequence_R, rows_RKn)
        sequence, cell = (~observed.heard_BC).nonzero(as_tuple=True)
        quiet = self.unheard(
            observed.threshold_B[sequence][:, None, None],
            pixels.mean_CEPn[:, 0][cell[:, None], cell_BK[sequence]],
            pixels.valid_CPn[cell[:, None], cell_BK[sequence]],
        )
        return total.index_add(0, sequence, quiet)

    @torch.no_grad()
    def on_blocks(self, observed: Observed, blocks: EvidenceMap) -> Tensor:
        """Log likelihood at every block of the map, [B, P, k]; no gradient (see `Fusion`).

        One sequence at a time: its few megabytes stay in the processor's cache.
        """
        C, E, P, k = blocks.mean_CEPn.shape
        mean = blocks.mean_CEPn.view(C * E, P * k)
        variance = blocks.variance_CEPn.view(C * E, P * k)
        valid = blocks.valid_CPn.view(C, P * k)
        counts = torch.bincount(observed.sequence_R, minlength=len(observed.heard_BC)).tolist()
        result = mean.new_empty(len(counts), P, k)
        start = 0
        for b, count in enumerate(counts):
            rows = torch.arange(start, start + count, device=mean.device)
            start += count
            cell = observed.cell_R[rows]
            plane = cell * E + observed.quantity_R[rows]
            likelihood = self.row_likelihood(
                observed, rows, mean[plane], variance[plane], valid[cell]
            ).sum(0)
            quiet = (~observed.heard_BC[b]).nonzero()[:, 0]
            likelihood += self.unheard(observed.threshold_B[b], mean[quiet * E], valid[quiet]).sum(
                0
            )
            result[b] = likelihood.view(P, k)
        return result


def window_moments(log_weight_BKn: Tensor, offset_n2: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log mass [B, K], mean offset [B, K, 2] and covariance [B, K, 2, 2] of a cell's places [m]."""
    mass = torch.logsumexp(log_weight_BKn, -1)
    share = F.softmax(log_weight_BKn, -1)
    mean = share @ offset_n2
    centred = offset_n2 - mean[..., None, :]
    covariance = torch.einsum("bkn,bkni,bknj->bkij", share, centred, centred)
    return mass, mean, covariance
