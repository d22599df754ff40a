"""The posterior over pixels: what it sums to, where it lies, how it follows a moving phone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.model.test_positioning import ready  # noqa: F401
from tests.model.town import draw

from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.pixel_posterior import carried, displacement_kernel
from rayfix.model.positioning import ModelOnMap, locate


def _centres(ready: ModelOnMap) -> torch.Tensor:  # noqa: F811
    maps = ready.maps
    rows, columns = maps.shape[1:]
    x = maps.x_min_m + torch.arange(columns) * maps.resolution_m
    y = maps.y_min_m + torch.arange(rows) * maps.resolution_m
    return torch.stack(torch.meshgrid(x, y, indexing="xy"), -1)


@pytest.mark.parametrize("reports", [1, 6])
@pytest.mark.parametrize("refine_steps", [0, 5])
def test_sums_to_one_and_lies_at_the_fix(
    ready: ModelOnMap,  # noqa: F811
    reports: int,
    refine_steps: int,
) -> None:
    batch, _ = draw(32, reports, seed=11)
    found = locate(ready, batch, refine_steps, pixels=True)
    posterior = found.pixel_posterior_BYX
    assert posterior is not None and posterior.shape == (32, *ready.maps.shape[1:])
    assert (posterior >= 0).all()
    assert posterior.sum((1, 2)).numpy() == pytest.approx(np.ones(32), abs=1e-4)
    mean = torch.einsum("byx,yxi->bi", posterior, _centres(ready))
    assert (mean - found.fix.xy_m_B2).norm(dim=-1).median() < 3.0


def test_puts_more_on_the_truth_than_the_coarse_grid(ready: ModelOnMap) -> None:  # noqa: F811
    batch, truth = draw(128, 1, seed=12)
    found = locate(ready, batch, pixels=True)
    assert found.pixel_posterior_BYX is not None
    xy = torch.from_numpy(truth).float()
    row, column = ready.maps.pixel_of(xy)
    fine = found.pixel_posterior_BYX[torch.arange(len(xy)), row, column]
    coarse = found.posterior_BP.gather(1, ready.grid.cell_of(xy)[:, None])[:, 0]
    in_cell = ready.grid.cell_rows * ready.grid.cell_columns
    gain = torch.log2(fine.clamp_min(1e-9)) - torch.log2((coarse / in_cell).clamp_min(1e-9))
    assert gain.mean() > 1.0


def test_a_single_report_keeps_the_cells_probability(ready: ModelOnMap) -> None:  # noqa: F811
    batch, _ = draw(8, 1, seed=13)
    found = locate(ready, batch, refine_steps=0, pixels=True)
    assert found.pixel_posterior_BYX is not None
    by_cell = ready.grid.by_cell(ready.grid.pad(found.pixel_posterior_BYX)).sum(-1)
    chosen = ready.grid.cell_of(found.hypothesis_xy_m_BK2)
    # Shares among the hypotheses' cells are their weights (each lies in a cell of its own here).
    apart = torch.tensor([len(set(row.tolist())) == len(row) for row in chosen])
    assert apart.any()
    share = by_cell.gather(1, chosen)[apart]
    weight = found.hypothesis_weight_BK[apart]
    torch.testing.assert_close(share / share.sum(1, keepdim=True), weight, atol=2e-3, rtol=0)


def test_displacement_is_a_convolution() -> None:
    grid = CoarseGrid(3, 4, 2, 2, 2.0, 0.0, 0.0)
    mean = torch.tensor([[4.0, -2.0], [0.0, 0.0]])
    covariance = torch.tensor([[[4.0, 1.0], [1.0, 9.0]], [[0.0, 0.0], [0.0, 0.0]]])
    kernel = displacement_kernel(mean, covariance, grid.resolution_m)
    torch.manual_seed(3)
    weight, cell = torch.rand(2, 4), torch.tensor([5, 2])
    reach = kernel.shape[-1] // 2
    expected = torch.zeros(6, 8)
    for k in range(2):
        for n in range(4):
            row, column = int(cell[k]) // 4 * 2 + n // 2, int(cell[k]) % 4 * 2 + n % 2
            for dy in range(-reach, reach + 1):
                for dx in range(-reach, reach + 1):
                    if 0 <= row + dy < 6 and 0 <= column + dx < 8:
                        there = kernel[k, dy + reach, dx + reach]
                        expected[row + dy, column + dx] += weight[k, n] * there
    torch.testing.assert_close(carried(weight, kernel, cell, grid), expected)
    step = torch.arange(-reach, reach + 1) * grid.resolution_m
    assert float((kernel[0].sum(0) * step).sum()) == pytest.approx(4.0, abs=0.1)
    assert float((kernel[0].sum(1) * step).sum()) == pytest.approx(-2.0, abs=0.2)
    assert kernel[1, reach, reach] == pytest.approx(1.0, abs=0.02)
