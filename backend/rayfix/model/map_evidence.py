"""What a map says to the evidence: expected quantities and their variances, at pixels and blocks.

Two components per pixel, as in the exact grid posterior (`physics.likelihood_grid`): its own value,
and that of its window, one pixel wider on every side. Blocks of pixels have the moments of their
pixels, so that a peak narrower than a block is not missed between samples.

Shape letters: C cells, E evidence quantities (path gain, ToA, AoA), H rows, W columns, P coarse
cells, n pixels or k blocks of a coarse cell, G blocks, S sites.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.map_trust import MapTrust, trust_inputs, wrap_deg
from rayfix.model.observed import ANGLE
from rayfix.physics.detection import list_limit_dbm
from rayfix.physics.likelihood import EVIDENCE_FEATURES
from rayfix.physics.likelihood_grid import likelihood_grid
from rayfix.physics.maps import MapTensors, pack_texels
from rayfix.units import SPEED_OF_LIGHT_M_S

INDOOR_PRIOR = 2e-3
"""Prior density of a pixel with no outdoor neighbour, relative to an outdoor one. Not zero: the
edge of a building falls inside a pixel."""
INDOOR_HEARD = 0.5
"""Probability that a cell is heard at the edge of a building, where the map has a path indoors."""
LIST_LENGTH = 8
"""Cells that a report holds where the network says nothing else (TS 38.331, maxNrofCellReport)."""
SURE_DB = 60.0
"""Margin of a cell at a place where every cell fits in the list [dB]."""


@dataclass(frozen=True)
class MapSurroundings:
    """What evidence reads of a map before any weight touches it.

    Attributes:
        trust_CHWG: inputs of `MapTrust`.
        own_variance_CEHW: variance within a pixel, and what the map states of its own error.
        window_mean_CEHW, window_variance_CEHW: moments of the window.
        reached_CHW: whether the window holds a path.
        heard_CHW: probability that the cell is heard, as far as the map is sure of it.
        margin_db_CHW: RSRP above the weakest that fits in a list there [dB].
        prior_HW: density of the place before any measurement, 1 outdoors.
        site_C: site of each cell: cells at one place share what is wrong with it.
        sites: number of sites.
    """

    trust_CHWG: Tensor
    own_variance_CEHW: Tensor
    window_mean_CEHW: Tensor
    window_variance_CEHW: Tensor
    reached_CHW: Tensor
    heard_CHW: Tensor
    margin_db_CHW: Tensor
    prior_HW: Tensor
    site_C: Tensor
    sites: int

    @classmethod
    def of(cls, maps: MapTensors) -> MapSurroundings:
        """Once per map."""
        rows, columns = maps.shape[1:]
        grid = likelihood_grid(maps)

        def on_map(values: Tensor, elsewhere: Tensor) -> Tensor:
            """Outdoor places [..., P] into the map [..., H, W], other pixels from `elsewhere`."""
            flat = elsewhere.flatten(-2).clone()
            flat[..., grid.index_P] = values
            return flat.view(*flat.shape[:-1], rows, columns)

        own = maps.features_CFHW[:, list(EVIDENCE_FEATURES)]
        valid = maps.valid_CHW.float()
        # A pixel's own extent: a uniform place within it moves the delay by up to c * resolution.
        step_ns = maps.resolution_m * 1e9 / SPEED_OF_LIGHT_M_S
        within = own.new_tensor([0.0, step_ns**2 / 12.0, 0.0])[:, None, None].expand_as(own)
        if maps.stderr_db_CHW is not None:  # the error that a calibrated or measured map states
            within = within.clone()
            within[:, 0] += maps.stderr_db_CHW.square()
        near_outdoor = F.avg_pool2d(
            maps.outdoor_HW.float()[None, None], 3, stride=1, padding=1, count_include_pad=False
        )[0, 0]
        place_S2, site_C = torch.unique(
            maps.cell_xyz_m_C3[:, :2].round(), dim=0, return_inverse=True
        )
        window_mean = on_map(grid.window_mean_CEP, own)
        reached = on_map((grid.heard_share_CP > 0).float(), valid) > 0
        gain = torch.where(maps.valid_CHW, own[:, 0], window_mean[:, 0])
        rsrp = torch.where(reached, gain + maps.epre_dbm_C[:, None, None], -torch.inf)
        margin = torch.full_like(gain, SURE_DB)
        if len(rsrp) > LIST_LENGTH:
            margin = (
                (rsrp - list_limit_dbm(rsrp, LIST_LENGTH))
                .nan_to_num(SURE_DB)
                .clamp(-SURE_DB, SURE_DB)
            )
        return cls(
            trust_CHWG=trust_inputs(maps),
            own_variance_CEHW=on_map(grid.variance_CEP, within),
            window_mean_CEHW=window_mean,
            window_variance_CEHW=on_map(grid.window_variance_CEP, within),
            reached_CHW=reached,
            heard_CHW=on_map(grid.heard_share_CP, INDOOR_HEARD * valid),
            margin_db_CHW=margin,
            prior_HW=torch.where(maps.outdoor_HW, 1.0, 0.2 * near_outdoor) + INDOOR_PRIOR,
            site_C=site_C,
            sites=len(place_S2),
        )


@dataclass(frozen=True)
class PixelEvidence:
    """What is expected of each cell at each pixel, grouped by coarse cell.

    Attributes:
        mean_CEPn: expected path gain [dB], ToA [ns], bearing [deg], bias included; that of the
            window where no path arrives at the pixel.
        variance_CEPn: variance of the map there, in squared units.
        world_CEPn: what a world that is not the map's adds to it.
        window_mean_CEPn, window_variance_CEPn: of the window.
        own_CPn, reached_CPn: whether a path arrives at the pixel, and in its window.
        heard_CPn: probability that the cell is heard.
        margin_db_CPn: RSRP above the weakest that fits in a list there [dB].
        log_prior_Pn: log density of the place before any measurement: outdoors or not.
        texels_CHWS: expected quantities for interpolation between pixels (`physics.lookup`).
    """

    mean_CEPn: Tensor
    variance_CEPn: Tensor
    world_CEPn: Tensor
    window_mean_CEPn: Tensor
    window_variance_CEPn: Tensor
    own_CPn: Tensor
    reached_CPn: Tensor
    heard_CPn: Tensor
    margin_db_CPn: Tensor
    log_prior_Pn: Tensor
    texels_CHWS: Tensor


@dataclass(frozen=True)
class BlockEvidence:
    """The same for blocks of pixels, G of them: those with an outdoor pixel in or beside them.

    Attributes:
        mean_CEG, variance_CEG, world_CEG, reached_CG, heard_CG, margin_db_CG: as in
            `PixelEvidence`, the spread within a block being part of its variance.
        index_G: place of each block among all, which are grouped by coarse cell [P * k].
        log_prior_Pk: log of the mean prior density of every block.
    """

    mean_CEG: Tensor
    variance_CEG: Tensor
    world_CEG: Tensor
    reached_CG: Tensor
    heard_CG: Tensor
    margin_db_CG: Tensor
    index_G: Tensor
    log_prior_Pk: Tensor


@torch.no_grad()
def evidence_maps(
    maps: MapTensors, around: MapSurroundings, trust: MapTrust, grid: CoarseGrid, block_m: float
) -> tuple[PixelEvidence, BlockEvidence]:
    """The evidence of every pixel, and of every block of pixels."""
    errors = trust(around.trust_CHWG)
    bias_CEHW, variance_CEHW, world_CEHW = (part.permute(0, 3, 1, 2) for part in errors)
    own_CEHW = maps.features_CFHW[:, list(EVIDENCE_FEATURES)]
    own_CEHW = torch.where(maps.valid_CHW[:, None], own_CEHW, around.window_mean_CEHW)
    mean_CEHW = grid.pad(own_CEHW + bias_CEHW)
    window_mean_CEHW = grid.pad(around.window_mean_CEHW + bias_CEHW)
    window_variance_CEHW = grid.pad(around.window_variance_CEHW + variance_CEHW)
    variance_CEHW = grid.pad(around.own_variance_CEHW + variance_CEHW)
    world_CEHW = grid.pad(world_CEHW)
    valid_CHW = grid.pad(maps.valid_CHW.float())
    heard_CHW, prior_HW = grid.pad(around.heard_CHW), grid.pad(around.prior_HW)
    margin_CHW = grid.pad(around.margin_db_CHW)
    pixels = PixelEvidence(
        mean_CEPn=grid.by_cell(mean_CEHW),
        variance_CEPn=grid.by_cell(variance_CEHW),
        world_CEPn=grid.by_cell(world_CEHW),
        window_mean_CEPn=grid.by_cell(window_mean_CEHW),
        window_variance_CEPn=grid.by_cell(window_variance_CEHW),
        own_CPn=grid.by_cell(valid_CHW > 0),
        reached_CPn=grid.by_cell(grid.pad(around.reached_CHW.float()) > 0),
        heard_CPn=grid.by_cell(heard_CHW),
        margin_db_CPn=grid.by_cell(margin_CHW),
        log_prior_Pn=grid.by_cell(prior_HW).clamp_min(1e-9).log(),
        texels_CHWS=pack_texels(own_CEHW + bias_CEHW, maps.valid_CHW),
    )
    side = grid.block_side(block_m)

    def pool(plane: Tensor) -> Tensor:
        flat = plane.reshape(-1, 1, *plane.shape[-2:])
        pooled = F.avg_pool2d(flat, side)
        return pooled.view(*plane.shape[:-2], *pooled.shape[-2:])

    share = pool(valid_CHW)
    weight = valid_CHW[:, None]
    total = share[:, None].clamp_min(1e-6)
    # Angles are averaged around the angle of a unit vector, the rest around the plain mean.
    angle = torch.deg2rad(mean_CEHW[:, ANGLE:])
    centre = torch.cat(
        [
            pool(mean_CEHW[:, :ANGLE] * weight) / total,
            torch.rad2deg(torch.atan2(pool(angle.sin() * weight), pool(angle.cos() * weight))),
        ],
        1,
    )
    spread = mean_CEHW - centre.repeat_interleave(side, -2).repeat_interleave(side, -1)
    spread = torch.cat([spread[:, :ANGLE], wrap_deg(spread[:, ANGLE:])], 1)
    block_variance = pool((spread.square() + variance_CEHW) * weight) / total
    prior_Pk = grid.by_cell(pool(prior_HW), side)
    index_G = (prior_Pk.flatten() > 1.5 * INDOOR_PRIOR).nonzero()[:, 0]

    def outdoors(plane: Tensor) -> Tensor:
        return grid.by_cell(plane, side).flatten(-2)[..., index_G].contiguous()

    blocks = BlockEvidence(
        outdoors(centre),
        outdoors(block_variance.clamp_min(1e-3)),
        outdoors(pool(world_CEHW * weight) / total),
        outdoors(share > 0),
        outdoors(pool(heard_CHW * prior_HW) / pool(prior_HW)),
        outdoors(pool(margin_CHW * prior_HW) / pool(prior_HW)),
        index_G,
        prior_Pk.clamp_min(1e-9).log(),
    )
    return pixels, blocks
