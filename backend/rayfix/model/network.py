"""The locator's network: reports and radio map in, a distribution over positions out.

Shape letters: B sequences, P coarse cells, K hypotheses, L layers, H heads, S radio tokens,
k blocks of a coarse cell.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn

from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.config import NetworkConfig
from rayfix.model.evidence import (
    NOISE_LOG_PRIOR,
    NOISE_SCALES,
    QUANTITIES,
    Evidence,
    Observed,
    map_plane,
)
from rayfix.model.fine_head import FineHead, Hypotheses
from rayfix.model.fusion import Fusion, reduce_evidence
from rayfix.model.map_encoder import MapEncoder, map_channels
from rayfix.model.map_trust import (
    BlockEvidence,
    MapTrust,
    PixelEvidence,
    evidence_maps,
    trust_inputs,
)
from rayfix.model.motion import Displacement, displacement
from rayfix.model.radio_encoder import RadioEncoder
from rayfix.model.radio_inputs import radio_inputs
from rayfix.physics.likelihood import EVIDENCE_FEATURES
from rayfix.physics.lookup import lookup_cells
from rayfix.physics.maps import MapTensors
from rayfix.physics.observation import Observation


@dataclass(frozen=True)
class SceneInputs:
    """What the network reads of a map before any weight touches it; never changes for a map.

    Attributes:
        maps: the radio map.
        grid: the coarse cells over it.
        channels_MHW: inputs of the map encoder.
        trust_CHWG: inputs of `MapTrust`.
        centre_P2: centres of the coarse cells [m].
    """

    maps: MapTensors
    grid: CoarseGrid
    channels_MHW: Tensor
    trust_CHWG: Tensor
    centre_P2: Tensor


class MapTokens(NamedTuple):
    """A map as the network's weights see it; compute once per map (`encode_map`).

    Attributes:
        token_PD: tokens of the coarse cells.
        pixels, blocks: what is expected at every pixel and at every block of pixels.
    """

    token_PD: Tensor
    pixels: PixelEvidence
    blocks: BlockEvidence


class NetworkOutput(NamedTuple):
    """A distribution over positions.

    Attributes:
        coarse_logit_BP: unnormalised log probability of the coarse cells; for a phone that moves,
            of the middle of its way.
        hypotheses: the top coarse cells, with offsets and covariances.
        observed: what was compared with the map.
        noise_scale_B: likeliest of `NOISE_SCALES` for each sequence.
        map_attention_LBHP: attention from the radio queries to the map (averaged over queries).
        token_attention_LBHS: attention from CLS to the measurement tokens (S = T * K).
    """

    coarse_logit_BP: Tensor
    hypotheses: Hypotheses
    observed: Observed
    noise_scale_B: Tensor
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

    def scene_inputs(self, maps: MapTensors) -> SceneInputs:
        """Prepare a map; independent of the weights."""
        grid = CoarseGrid.over(maps, self.config.rows, self.config.columns)
        return SceneInputs(
            maps, grid, grid.pad(map_channels(maps)), trust_inputs(maps), grid.centres(maps.device)
        )

    def encode_map(self, scene: SceneInputs, evidence: MapTokens | None = None) -> MapTokens:
        """Encode a map; again after every change of the weights.

        Args:
            scene: from `scene_inputs`.
            evidence: training only: takes the map's evidence from an encoding a few steps old,
                because it is most of the work and changes slowly.
        """
        token_PD = self.map(scene.channels_MHW)
        if evidence is not None:
            return evidence._replace(token_PD=token_PD)
        pixels, blocks = evidence_maps(
            scene.maps, scene.trust_CHWG, self.trust, scene.grid, self.config.evidence_block_m
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
        observed = self.evidence.observe(observation, radio.summary_BD, scene.maps)

        side = grid.block_side(self.config.evidence_block_m)
        likelihood_BPk = self.evidence.on_blocks(observed, tokens.blocks)
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
        temperature = observed.temperature_B[:, None, None]
        likelihood_SBKn, noise_SB = self.evidence.over_noise(observed, tokens.pixels, cell_BK)
        log_noise = likelihood_SBKn.new_tensor(NOISE_LOG_PRIOR)[:, None, None, None]
        log_place_BKn = (
            torch.logsumexp(likelihood_SBKn * temperature + log_noise, 0)
            + tokens.pixels.log_prior_Pn[cell_BK]
        )
        scale_B = noise_SB.new_tensor(NOISE_SCALES)[noise_SB.argmax(0)]
        # Same measure on both levels: a block stands for the pixels it is made of.
        block_mass = torch.logsumexp(
            likelihood_BPk * temperature.detach() + tokens.blocks.log_prior_Pk, -1
        ) + 2.0 * math.log(side)
        hypotheses = self.fine(
            cell_BK,
            logit_BP.gather(1, cell_BK),
            block_mass.gather(1, cell_BK),
            log_place_BKn,
            grid.offsets(device),
            scene.centre_P2,
            tokens.token_PD,
            context_BD,
            grid.resolution_m**2 / 12.0,
            partial(self._displacement, observation, observed.at_noise(scale_B), scene.maps),
            noise_SB[-1],
        )
        return NetworkOutput(
            logit_BP, hypotheses, observed, scale_B, map_attention, radio.attention_LBHS
        )

    def _displacement(
        self, observation: Observation, observed: Observed, maps: MapTensors, xy_m_BK2: Tensor
    ) -> Displacement:
        sigma_BE = observed.single_sigma_BE.detach()
        toa, aoa = sigma_BE[:, QUANTITIES.index("toa")], sigma_BE[:, QUANTITIES.index("aoa")]
        return displacement(observation, maps, xy_m_BK2.detach(), toa, aoa)

    def row_evidence(self, observed: Observed, scene: SceneInputs, xy_m_BM2: Tensor) -> Tensor:
        """Log likelihood of every observed row at M places of its sequence, [R, M].

        The map is interpolated between pixels; differentiable in the places.
        """
        place = xy_m_BM2[observed.sequence_R]
        cell = observed.cell_R[:, None]
        feature, valid = lookup_cells(scene.maps, place, cell)
        pick = map_plane(observed.quantity_R)[:, None, None].expand(*valid.shape, 1)
        index = pick.new_tensor(EVIDENCE_FEATURES)[pick]
        row, column = scene.maps.pixel_of(place)
        bias, variance = self.trust(scene.trust_CHWG[cell, row, column])
        return self.evidence.row_likelihood(
            observed,
            slice(0, len(place)),
            feature.gather(-1, index)[..., 0] + bias.gather(-1, pick)[..., 0],
            variance.gather(-1, pick)[..., 0],
            valid,
        )

    def log_evidence(self, observed: Observed, scene: SceneInputs, xy_m_BM2: Tensor) -> Tensor:
        """Tempered log likelihood of the heard cells at M places, [B, M]: refinement's energy,
        negated."""
        rows_RM = self.row_evidence(observed, scene, xy_m_BM2)
        total_BM = rows_RM.new_zeros(xy_m_BM2.shape[:2])
        total_BM = total_BM.index_add(0, observed.sequence_R, rows_RM)
        return total_BM * observed.temperature_B[:, None]

    def log_silence(self, observed: Observed, scene: SceneInputs, xy_m_B2: Tensor) -> Tensor:
        """Log probability at one place each that the unheard cells stay unheard, [B]."""
        cells = torch.arange(observed.heard_BC.shape[1], device=xy_m_B2.device)
        feature_BCF, valid_BC = lookup_cells(scene.maps, xy_m_B2[:, None], cells)
        silence_BC = self.evidence.unheard(
            observed.threshold_db_BC, feature_BCF[..., EVIDENCE_FEATURES[0]], valid_BC
        )
        return (silence_BC * ~observed.heard_BC).sum(1)
