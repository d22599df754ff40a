"""Physical evidence: how well each place of the map explains what was measured.

The measured quantities of a sequence are averaged per cell, so that they speak of the middle of
its way (`motion` goes on from there), and compared with the map under Student's t. Its variance is
made of the map's at that place (`map_trust`), what a changed world adds there, an error common to
the sequence, and one that averages out over reports; a value may also look like the pixel's
surroundings, or like nothing. What is wrong with one site is wrong for all its sectors. Which cells
were heard, and which were not, counts too.

Shape letters: B sequences, N heard cells of a sequence, C cells, S sites, E evidence quantities,
R rows (one per sequence, cell and known quantity), P coarse cells, K hypotheses, n places of a
coarse cell, D width.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from rayfix.model.config import NetworkConfig
from rayfix.model.map_evidence import BlockEvidence, MapSurroundings, PixelEvidence
from rayfix.model.observed import (
    ADVANCE,
    ANGLE,
    GAIN,
    NOISE_LOG_PRIOR,
    NOISE_SCALES,
    QUANTITIES,
    Observed,
)
from rayfix.model.site_error import shared_site_error
from rayfix.model.student_t import boxed_student_t
from rayfix.physics.likelihood import EVIDENCE_FEATURES
from rayfix.physics.maps import MapTensors
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import TOA

COMMON_SIGMA = (1.5, 1.0, 0.5, 1.0)
SINGLE_SIGMA = (2.5, 10.0, 5.0, 10.0)
"""Where the learned errors of measurement start: path gain [dB], ToA [ns], AoA [deg], ToA from
timing advance beyond its interval [ns]; common to a sequence, and of a single report."""
SPAN = (60.0, 1000.0, 360.0, 1000.0)
"""Range that a value which the map does not explain is spread over, in the same units."""
OUTLIER_SHARE = (0.02, 0.05, 0.05, 0.05)
WINDOW_SHARE = 0.25
UNDETECTED_SHARE = 0.02
RANKING_DB = 2.0
LISTED_DB = 1.0
"""Where the learned shares start: of values that the map does not explain, of pixels that look like
their surroundings, of cells that are not heard where the map is sure of them; and the spread of
RSRP around a list's weakest entry, measured and by the map [dB]."""
SITE_SHARE = 0.5
"""Error that all sectors of a site share, over that of RSRP in a report. Not learned: the density
at the truth hardly depends on it, while 0.5 lowers the P90 of validation worlds that differ from
the map by up to a tenth, and costs nothing in the map's own."""


class Expected(NamedTuple):
    """What the map expects of every row at some places, [R, ...]; window None = not looked at."""

    mean: Tensor
    variance: Tensor
    world: Tensor
    own: Tensor
    window_mean: Tensor | None
    window_variance: Tensor | None
    reached: Tensor


class Evidence(nn.Module):
    """Measurement errors learned from the radio summary, and the likelihood built on them."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        count = len(QUANTITIES)
        last = nn.Linear(config.width, 2 * count + 3)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.errors = nn.Sequential(nn.Linear(config.width, config.width), nn.GELU(), last)
        self.log_common_E = nn.Parameter(torch.tensor(COMMON_SIGMA).log())
        self.log_single_E = nn.Parameter(torch.tensor(SINGLE_SIGMA).log())
        self.outlier_logit_E = nn.Parameter(torch.tensor(OUTLIER_SHARE).logit())
        self.window_logit_E = nn.Parameter(torch.full((count,), WINDOW_SHARE).logit())
        self.undetected_logit = nn.Parameter(torch.tensor(UNDETECTED_SHARE).logit())
        self.log_ranking_db = nn.Parameter(torch.tensor(RANKING_DB).log())
        self.log_listed_db = nn.Parameter(torch.tensor(LISTED_DB).log())
        self.register_buffer("flat_E", 1.0 / torch.tensor(SPAN), persistent=False)
        self.flat_E: Tensor

    def observe(
        self,
        observation: Observation,
        summary_BD: Tensor,
        maps: MapTensors,
        around: MapSurroundings,
    ) -> Observed:
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
        temperature, world, missed = errors[:, 2 * E :].unbind(-1)
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
            1.2 * torch.sigmoid(temperature + 1.0),
            torch.sigmoid(world - 1.0),
            (SITE_SHARE * single_BE[:, GAIN]).square(),
            torch.sigmoid(self.undetected_logit + missed.clamp(-4.0, 4.0)),
            # Angles wrap; the period of everything else is beyond reach.
            torch.where(quantity == ANGLE, 360.0, 1e9),
            self.flat_E[quantity],
            self.outlier_logit_E.sigmoid()[quantity],
            self.window_logit_E.sigmoid()[quantity],
            around.site_C[observation.cell_BK[sequence, slot]],
            around.sites,
        )

    def likelihood(self, observed: Observed, expected: Expected) -> Tensor:
        """Log likelihood of the measured values of each sequence at its places.

        A value has the density (1 - f) ((1 - w) t(own) + w t(window)) + f / span, with the learned
        shares f of outliers and w of pixels that look like their surroundings; the flat density
        alone where no path arrives.

        Args:
            observed: B sequences.
            expected: of the map, [R, ...].
        Returns:
            [B, ...].
        """
        shape = (-1,) + (1,) * (expected.mean.dim() - 1)
        value, width = observed.value_R.view(shape), observed.width_R.view(shape)
        period, noise = observed.period_R.view(shape), observed.variance_R.view(shape)
        world = observed.world_B[observed.sequence_R].view(shape) * expected.world

        def component(mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            residual = value - mean
            residual = residual - period * torch.round(residual / period)
            total = variance + noise + world
            return boxed_student_t(residual, total, width), residual, total

        density, residual, variance = component(expected.mean, expected.variance)
        reached = expected.reached
        if expected.window_mean is not None and expected.window_variance is not None:
            window = component(expected.window_mean, expected.window_variance)
            share = torch.where(expected.own, observed.window_R.view(shape), 1.0)
            density = density + share * (window[0] - density)
            residual = torch.where(expected.own, residual, window[1])
            variance = torch.where(expected.own, variance, window[2])
        outlier, flat = observed.outlier_R.view(shape), observed.flat_R.view(shape)
        density = torch.where(reached, density + outlier * (flat - density), flat)
        B = len(observed.heard_BC)
        total = density.new_zeros(B, *density.shape[1:])
        total = total.index_add(0, observed.sequence_R, density.log())
        gain = (observed.quantity_R == GAIN).nonzero()[:, 0]
        return total + shared_site_error(
            observed, gain, residual[gain], variance[gain], reached[gain]
        )

    def detection(
        self, observed: Observed, path_gain_db: Tensor, heard_share: Tensor, margin_db: Tensor
    ) -> Tensor:
        """Log probability of which cells are in the reports, and which in none, [B, ...].

        A cell is listed where it is detected, among the strongest of the place and not missed; one
        that is in no report was also below the weakest of a full list.

        Args:
            observed: B sequences.
            path_gain_db: of the map at some places [dB], [B or 1, C, ...].
            heard_share: how sure the map is that cells are heard there.
            margin_db: RSRP above the weakest that fits in a list there [dB].
        """
        wide = [1] * (path_gain_db.dim() - 2)
        missed = observed.missed_B.view(-1, 1, *wide)
        slope = (-self.log_ranking_db).exp()
        likely = 0.25 * missed + (1.0 - 1.25 * missed) * heard_share * torch.sigmoid(
            margin_db * (-self.log_listed_db).exp()
        )
        threshold_db = observed.threshold_db_BC.view(*observed.threshold_db_BC.shape, *wide)
        above = torch.sigmoid((path_gain_db - threshold_db) * slope)
        heard = observed.heard_BC.view(*observed.heard_BC.shape, *wide)
        return torch.where(heard, likely, 1.0 - likely * above).log().sum(1)

    def _expected(self, observed: Observed, pixels: PixelEvidence, cell_BK: Tensor) -> Expected:
        C, E, P, n = pixels.mean_CEPn.shape
        place = cell_BK[observed.sequence_R]
        cell = observed.cell_R[:, None]
        plane = cell * E + observed.plane_R[:, None]
        mean, variance, world, window_mean, window_variance = (
            values.view(C * E, P, n)[plane, place]
            for values in (
                pixels.mean_CEPn, pixels.variance_CEPn, pixels.world_CEPn,
                pixels.window_mean_CEPn, pixels.window_variance_CEPn,
            )
        )  # fmt: skip
        return Expected(
            mean, variance, world, pixels.own_CPn[cell, place], window_mean, window_variance,
            pixels.reached_CPn[cell, place],
        )  # fmt: skip

    def _detected(self, observed: Observed, pixels: PixelEvidence, cell_BK: Tensor) -> Tensor:
        cells = torch.arange(observed.heard_BC.shape[1], device=cell_BK.device)[:, None]
        place = cell_BK[:, None]
        return self.detection(
            observed,
            pixels.mean_CEPn[:, GAIN][cells, place],
            pixels.heard_CPn[cells, place],
            pixels.margin_db_CPn[cells, place],
        )

    @torch.no_grad()
    def over_noise(
        self, observed: Observed, pixels: PixelEvidence, cell_BK: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Log likelihood at every pixel of chosen coarse cells at each of `NOISE_SCALES`,
        [S, B, K, n], and the posterior of those scales [S, B].

        No gradient, as on the blocks: what the errors are is learned at the truth alone (evidence
        loss). Were they also free to sharpen the answer, the errors of the reports would shrink
        and those of the map take their place, and ten reports would seem no better than one.
        """
        detected = self._detected(observed, pixels, cell_BK)
        expected = self._expected(observed, pixels, cell_BK)
        likelihood = detected + torch.stack(
            [self.likelihood(observed.at_noise(scale), expected) for scale in NOISE_SCALES]
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
        mean, variance, world = (
            values.view(C * E, G)
            for values in (blocks.mean_CEG, blocks.variance_CEG, blocks.world_CEG)
        )
        P, k = blocks.log_prior_Pk.shape
        result = mean.new_empty(len(observed.heard_BC), P * k)
        for b, one in enumerate(observed.one_by_one()):
            plane = one.cell_R * E + one.plane_R
            reached = blocks.reached_CG[one.cell_R]
            likelihood = self.likelihood(
                one,
                Expected(mean[plane], variance[plane], world[plane], reached, None, None, reached),
            )[0]
            likelihood += self.detection(
                one,
                blocks.mean_CEG[None, :, GAIN],
                blocks.heard_CG[None],
                blocks.margin_db_CG[None],
            )[0]
            result[b] = likelihood.min()
            result[b, blocks.index_G] = likelihood
        return result.view(-1, P, k)
