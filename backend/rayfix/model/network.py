"""The locator's network: reports and radio map in, a distribution over positions out.

Shape letters: B sequences, P coarse cells, K hypotheses, L layers, H heads, S radio tokens,
k blocks of a coarse cell.
"""

from __future__ import annotations

import math
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.config import NetworkConfig
from rayfix.model.evidence import Evidence, Expected
from rayfix.model.fine_head import FineHead, Hypotheses
from rayfix.model.fusion import Fusion, reduce_evidence
from rayfix.model.map_encoder import MapEncoder, map_channels
from rayfix.model.map_evidence import MapSurroundings, PixelEvidence, evidence_maps
from rayfix.model.map_trust import MapTrust
from rayfix.model.motion import Displacement, displacement
from rayfix.model.observed import (
    GAIN,
    NOISE_LOG_PRIOR,
    NOISE_SCALES,
    QUANTITIES,
    Observed,
)
from rayfix.model.radio_encoder import RadioEncoder
from rayfix.model.radio_inputs import radio_inputs
from rayfix.model.scene_inputs import MapTokens, SceneInputs
from rayfix.physics.likelihood import EVIDENCE_FEATURES
from rayfix.physics.lookup import lookup_evidence, lookup_texels
from rayfix.physics.maps import MapTensors
from rayfix.physics.observation import Observation


class NetworkOutput(NamedTuple):
    """A distribution over positions.

    Attributes:
        coarse_logit_BP: unnormalised log probability of the coarse cells; for a phone that moves,
            of the middle of its way.
        hypotheses: the top coarse cells, with offsets and covariances.
        observed: what was compared with the map.
        context_BD: what the queries took from the map.
        map_attention_LBHP: attention from the radio queries to the map (averaged over queries).
        token_attention_LBHS: attention from CLS to the measurement tokens (S = T * K).
    """

    coarse_logit_BP: Tensor
    hypotheses: Hypotheses
    observed: Observed
    context_BD: Tensor
    map_attention_LBHP: Tensor | None
    token_attention_LBHS: Tensor | None


class LocatorNetwork(nn.Module):
    """Map-conditioned transformer; see the modules it is made of."""

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.radio = RadioEncoder(config)
        self.map = MapEncoder(config)
        self.trust = MapTrust(config)
        self.evidence = Evidence(config)
        self.fusion = Fusion(config)
        self.fine = FineHead(config)
        self.sharp = FineHead(config)

    def scene_inputs(self, maps: MapTensors) -> SceneInputs:
        """Prepare a map; independent of the weights."""
        grid = CoarseGrid.over(maps, self.config.rows, self.config.columns)
        return SceneInputs(
            maps,
            grid,
            grid.pad(map_channels(maps)),
            MapSurroundings.of(maps),
            grid.centres(maps.device),
        )

    def encode_map(self, scene: SceneInputs, evidence: MapTokens | None = None) -> MapTokens:
        """Encode a map; again after every change of the weights.

        Args:
            scene: from `scene_inputs`.
            evidence: training only: takes the map's evidence from an encoding a few steps old,
                because it is most of the work and changes slowly.
        """
        channels = scene.channels_MHW
        token_PD = self.map(channels if self.config.use_map else torch.zeros_like(channels))
        if evidence is not None:
            return evidence._replace(token_PD=token_PD)
        pixels, blocks = evidence_maps(
            scene.maps, scene.around, self.trust, scene.grid, self.config.evidence_block_m
        )
        return MapTokens(token_PD, pixels, blocks)

    def forward(
        self,
        observation: Observation,
        scene: SceneInputs,
        tokens: MapTokens,
        attention: bool = False,
        middle_xy_m_B2: Tensor | None = None,
    ) -> NetworkOutput:
        """Locate sequences of reports.

        Args:
            observation: the reports as map features per heard cell (`physics.observe`).
            scene, tokens: from `scene_inputs` and `encode_map`.
            attention: also return attention weights.
            middle_xy_m_B2: training only, true middle of each way: its coarse cell takes the place
                of the last hypothesis where it is not among them, so that the fine head sees it.
        """
        grid, device = scene.grid, tokens.token_PD.device
        radio = self.radio(radio_inputs(observation, scene.maps), attention)
        observed = self.evidence.observe(observation, radio.summary_BD, scene.maps, scene.around)

        side = grid.block_side(self.config.evidence_block_m)
        if self.config.use_evidence:
            likelihood_BPk = self.evidence.on_blocks(observed, tokens.blocks)
        else:
            prior_Pk = tokens.blocks.log_prior_Pk
            likelihood_BPk = prior_Pk.new_zeros(len(observation), *prior_Pk.shape)
        reduced = reduce_evidence(
            likelihood_BPk,
            tokens.blocks.log_prior_Pk,
            grid.offsets(device, side),
            observed.temperature_B,
            (grid.rows, grid.columns),
        )
        logit_BP, context_BD, map_attention = self.fusion(
            radio.summary_BD, tokens.token_PD, reduced, attention
        )

        cell_BK = logit_BP.detach().topk(self.config.top_k, dim=-1).indices
        if middle_xy_m_B2 is not None:
            truth = grid.cell_of(middle_xy_m_B2)
            absent = (cell_BK != truth[:, None]).all(1)
            cell_BK[:, -1] = torch.where(absent, truth, cell_BK[:, -1])
        batch = torch.arange(len(cell_BK), device=device)[:, None]
        log_place_BKk = (
            likelihood_BPk[batch, cell_BK] * observed.temperature_B[:, None, None].detach()
            + tokens.blocks.log_prior_Pk[cell_BK]
        )
        hypotheses = self.fine(
            cell_BK,
            logit_BP.gather(1, cell_BK),
            # Same measure on both levels: a block stands for the pixels it is made of.
            log_place_BKk + 2.0 * math.log(side),
            None,
            grid.offsets(device, side),
            scene.centre_P2,
            tokens.token_PD,
            context_BD,
            (side * grid.resolution_m) ** 2 / 12.0,
            partial(self.displacement_at, observation, observed, scene.maps),
            torch.zeros_like(observed.temperature_B),
        )
        return NetworkOutput(
            logit_BP, hypotheses, observed, context_BD, map_attention, radio.attention_LBHS
        )

    def sharpen(
        self, output: NetworkOutput, observation: Observation, scene: SceneInputs, tokens: MapTokens
    ) -> tuple[Hypotheses, Observed]:
        """Look at the hypotheses' coarse cells again, at the resolution of the map.

        Returns:
            The same cells with new weights, places and covariances; and what was observed, at the
            likeliest noise of each sequence.
        """
        grid, coarse = scene.grid, output.hypotheses
        cell_BK = coarse.cell_BK
        log_place_BKn, observed, precise_B = self.on_pixels(output.observed, tokens, cell_BK)
        hypotheses = self.sharp(
            cell_BK,
            output.coarse_logit_BP.gather(1, cell_BK),
            log_place_BKn,
            coarse.log_mass_BK,
            grid.offsets(cell_BK.device),
            scene.centre_P2,
            tokens.token_PD,
            output.context_BD,
            grid.resolution_m**2 / 12.0,
            partial(self.displacement_at, observation, observed, scene.maps),
            precise_B,
        )
        return hypotheses, observed

    def on_pixels(
        self, observed: Observed, tokens: MapTokens, cell_BK: Tensor
    ) -> tuple[Tensor, Observed, Tensor]:
        """Tempered log evidence plus log prior of every pixel of coarse cells [B, K, n], what was
        observed at the likeliest noise of each sequence, and the probability [B] that its reports
        hold little more than quantisation errors."""
        likelihood_SBKn, noise_SB = self.evidence.over_noise(observed, tokens.pixels, cell_BK)
        log_noise = likelihood_SBKn.new_tensor(NOISE_LOG_PRIOR)[:, None, None, None]
        log_place_BKn = (
            torch.logsumexp(likelihood_SBKn * observed.temperature_B[:, None, None] + log_noise, 0)
            + tokens.pixels.log_prior_Pn[cell_BK]
        )
        likeliest_B = noise_SB.new_tensor(NOISE_SCALES)[noise_SB.argmax(0)]
        return log_place_BKn, observed.at_noise(likeliest_B), noise_SB[-1]

    def displacement_at(
        self, observation: Observation, observed: Observed, maps: MapTensors, xy_m_BK2: Tensor
    ) -> Displacement:
        """How far a moving phone has come since the middle of its way, at places of it."""
        sigma_BE = observed.single_sigma_BE.detach()
        toa, aoa = sigma_BE[:, QUANTITIES.index("toa")], sigma_BE[:, QUANTITIES.index("aoa")]
        return displacement(observation, maps, xy_m_BK2.detach(), toa, aoa)

    def log_evidence(
        self,
        observed: Observed,
        scene: SceneInputs,
        xy_m_BM2: Tensor,
        pixels: PixelEvidence | None = None,
    ) -> Tensor:
        """Log likelihood of what was measured, at M places of each sequence, [B, M].

        The map is interpolated between pixels; differentiable in the places. The errors of the map
        are computed anew, with gradient, or taken from `pixels`.
        """
        cell = observed.cell_R[:, None]
        plane = observed.plane_R[:, None]
        row, column = (index[observed.sequence_R] for index in scene.maps.pixel_of(xy_m_BM2))
        pick = plane[..., None].expand(*row.shape, 1)
        sequence_U, cell_U, row_R = observed.lookups
        place, cell_U1 = xy_m_BM2[sequence_U], cell_U[:, None]
        if pixels is not None:
            feature, own = lookup_texels(
                scene.maps, pixels.texels_CHWS, len(EVIDENCE_FEATURES), place, cell_U1
            )
            pixel = scene.grid.pixel_index(row, column)
            variance, world, window_mean, window_variance = (
                values.flatten(-2)[cell, plane, pixel]
                for values in (
                    pixels.variance_CEPn, pixels.world_CEPn,
                    pixels.window_mean_CEPn, pixels.window_variance_CEPn,
                )
            )  # fmt: skip
            mean, own = feature[row_R].gather(-1, pick)[..., 0], own[row_R]
            reached = pixels.reached_CPn.flatten(-2)[cell, pixel]
        else:
            around = scene.around
            feature, own = lookup_evidence(scene.maps, place, cell_U1)
            bias, variance, world = (
                part.gather(-1, pick)[..., 0]
                for part in self.trust(around.trust_CHWG[cell, row, column])
            )
            mean, own = feature[row_R].gather(-1, pick)[..., 0] + bias, own[row_R]
            window_mean = around.window_mean_CEHW[cell, plane, row, column] + bias
            window_variance = around.window_variance_CEHW[cell, plane, row, column] + variance
            reached = around.reached_CHW[cell, row, column]
        expected = Expected(mean, variance, world, own, window_mean, window_variance, reached | own)
        return self.evidence.likelihood(observed, expected)

    def log_detection(self, observed: Observed, scene: SceneInputs, xy_m_B2: Tensor) -> Tensor:
        """Log probability at one place each of which cells are heard and which are not, [B]."""
        cells = torch.arange(observed.heard_BC.shape[1], device=xy_m_B2.device)
        feature_BCE, _ = lookup_evidence(scene.maps, xy_m_B2[:, None], cells)
        row, column = scene.maps.pixel_of(xy_m_B2)
        around = scene.around
        gain = torch.where(
            scene.maps.valid_CHW[:, row, column].T,
            feature_BCE[..., GAIN],
            around.window_mean_CEHW[:, GAIN, row, column].T,
        )
        return self.evidence.detection(
            observed,
            gain,
            around.heard_CHW[:, row, column].T,
            around.margin_db_CHW[:, row, column].T,
        )
