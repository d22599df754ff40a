"""The posterior at the map's own resolution, for whoever looks into one fix.

How probable each coarse cell is says the network, refined where refinement looked; where in a cell,
the evidence of its pixels. For a phone that moves both speak of the middle of its way: every cell
is carried on by the phone's displacement from there, blurred by what is not known of it.

Shape letters: B sequences, K coarse cells looked into, P all coarse cells, n pixels of a coarse
cell, H rows and W columns of the map's pixels.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.fine_head import Hypotheses
from rayfix.model.network import LocatorNetwork, NetworkOutput
from rayfix.model.observed import Observed
from rayfix.model.scene_inputs import MapTokens, SceneInputs
from rayfix.physics.observation import Observation

COVERED = 0.999
"""Probability of the coarse cells that are looked into: a handful where the reports are clear."""
CARRIED = 64
"""Likeliest cells that follow the phone's displacement; where many more count, each of them counts
little, and nothing is known to within a displacement."""
REACH = 3.0
"""A displacement reaches this many standard deviations beyond its mean."""


@torch.no_grad()
def pixel_posterior(
    network: LocatorNetwork,
    scene: SceneInputs,
    tokens: MapTokens,
    observation: Observation,
    output: NetworkOutput,
    found: Hypotheses,
) -> Tensor:
    """Probability of every pixel of the map at the last report, [B, H, W]; sums to 1.

    Args:
        network, scene, tokens, observation, output: as for `model.refinement.refine`.
        found: the hypotheses of the answer, with their final weights.
    """
    weight_BP = _cell_weights(output.coarse_logit_BP, found)
    # One by one: how many cells count differs by orders of magnitude.
    return torch.stack(
        [
            _of_one(network, scene, tokens, observation[b : b + 1], one, weight_BP[b])
            for b, one in enumerate(output.observed.one_by_one())
        ]
    )


def _cell_weights(coarse_logit_BP: Tensor, found: Hypotheses) -> Tensor:
    """Probability of each coarse cell, shared anew among those of the hypotheses."""
    coarse_BP = coarse_logit_BP.softmax(-1)
    refined_BK = coarse_BP.gather(1, found.cell_BK).sum(1, keepdim=True) * found.log_weight_BK.exp()
    return coarse_BP.scatter(1, found.cell_BK, refined_BK)


def _of_one(
    network: LocatorNetwork,
    scene: SceneInputs,
    tokens: MapTokens,
    observation: Observation,
    observed: Observed,
    weight_P: Tensor,
) -> Tensor:
    """The posterior [H, W] of one sequence."""
    grid = scene.grid
    sorted_P, cell_P = weight_P.sort(descending=True)
    count = int((sorted_P.cumsum(-1) < COVERED).sum()) + 1
    cell_K, weight_K = cell_P[:count], sorted_P[:count]
    log_place_1Kn, at_noise, _ = network.on_pixels(observed, tokens, cell_K[None])
    share_Kn = log_place_1Kn[0].softmax(-1)
    pixel_Kn = share_Kn * weight_K[:, None]

    moving = cell_K[:CARRIED]
    middle_K2 = scene.centre_P2[moving] + share_Kn[:CARRIED] @ grid.offsets(cell_K.device)
    moved = network.displacement_at(observation, at_noise, scene.maps, middle_K2[None])
    kernel_Krr = displacement_kernel(
        moved.mean_m_BK2[0], moved.covariance_m2_BK22[0], grid.resolution_m
    )
    height, width = scene.maps.shape[1:]
    posterior = carried(pixel_Kn[:CARRIED], kernel_Krr, moving, grid)
    if kernel_Krr.shape[-1] > 1:  # the way may not lead into a wall
        posterior = posterior * grid.from_cells(tokens.pixels.log_prior_Pn.exp())
    still_Pn = torch.zeros_like(tokens.pixels.log_prior_Pn)
    still_Pn[cell_K[CARRIED:]] = pixel_Kn[CARRIED:]
    posterior = (posterior + grid.from_cells(still_Pn))[:height, :width]
    return posterior / posterior.sum().clamp_min(1e-30)


def displacement_kernel(
    mean_m_K2: Tensor, covariance_m2_K22: Tensor, resolution_m: float
) -> Tensor:
    """Probability of displacements by whole pixels, [K, r, r] (north, east); r is odd, and 1 where
    nobody moves."""
    spread_K2 = covariance_m2_K22.diagonal(dim1=-2, dim2=-1).sqrt()
    reach = math.ceil(float((mean_m_K2.abs() + REACH * spread_K2).max()) / resolution_m)
    if reach == 0:
        return mean_m_K2.new_ones(len(mean_m_K2), 1, 1)
    step = torch.arange(-reach, reach + 1, device=mean_m_K2.device) * resolution_m
    apart = torch.stack(torch.meshgrid(step, step, indexing="xy"), -1) - mean_m_K2[:, None, None]
    # A pixel is a square, not a point: its own variance keeps a sure displacement from vanishing
    # between two of them.
    eye = torch.eye(2, device=mean_m_K2.device)
    precision = torch.linalg.inv(covariance_m2_K22 + resolution_m**2 / 12.0 * eye)
    distance = torch.einsum("krsi,kij,krsj->krs", apart, precision, apart)
    return (-0.5 * distance).flatten(1).softmax(-1).view_as(distance)


def carried(weight_Kn: Tensor, kernel_Krr: Tensor, cell_K: Tensor, grid: CoarseGrid) -> Tensor:
    """Pixels of cells, convolved with each cell's kernel, added up over the whole grid."""
    cells, size, _ = kernel_Krr.shape
    reach = size // 2
    patch = weight_Kn.reshape(1, cells, grid.cell_rows, grid.cell_columns)
    spread_Kyx = F.conv_transpose2d(patch, kernel_Krr[:, None], groups=cells)[0]
    rows, columns = grid.rows * grid.cell_rows, grid.columns * grid.cell_columns
    # A cell's convolution begins `reach` before the cell, as far as the margin of `whole` is wide.
    whole = spread_Kyx.new_zeros(rows + 2 * reach, columns + 2 * reach)
    down = torch.arange(spread_Kyx.shape[1], device=cell_K.device)
    right = torch.arange(spread_Kyx.shape[2], device=cell_K.device)
    row_Ky = (cell_K // grid.columns * grid.cell_rows)[:, None] + down
    column_Kx = (cell_K % grid.columns * grid.cell_columns)[:, None] + right
    index = row_Ky[:, :, None] * whole.shape[1] + column_Kx[:, None]
    whole.view(-1).index_add_(0, index.flatten(), spread_Kyx.flatten())
    return whole[reach : reach + rows, reach : reach + columns]
