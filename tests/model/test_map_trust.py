from __future__ import annotations

import torch
from tests.model.town import SMALL, town_maps

from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.map_evidence import MapSurroundings, evidence_maps
from rayfix.model.map_trust import MapTrust


def test_blocks_have_the_moments_of_their_pixels() -> None:
    maps = town_maps()
    grid = CoarseGrid.over(maps, 8, 8)
    torch.manual_seed(0)
    pixels, blocks = evidence_maps(maps, MapSurroundings.of(maps), MapTrust(SMALL), grid, 4.0)
    # Coarse cell 0 (south-west), its first block = pixels (0,0), (0,1), (1,0), (1,1) of 8 x 8.
    four = [0, 1, 8, 9]
    for cell in range(3):
        if not pixels.own_CPn[cell, 0, four].all():
            continue
        for plane in (0, 1):
            mean = pixels.mean_CEPn[cell, plane, 0, four]
            within = pixels.variance_CEPn[cell, plane, 0, four].mean()
            torch.testing.assert_close(blocks.mean_CEG[cell, plane, 0], mean.mean())
            torch.testing.assert_close(
                blocks.variance_CEG[cell, plane, 0],
                mean.var(correction=0) + within,
                rtol=1e-3,
                atol=1e-3,
            )
    assert blocks.index_G[0] == 0


def test_indoor_blocks_are_left_out() -> None:
    maps = town_maps()
    grid = CoarseGrid.over(maps, 8, 8)
    pixels, blocks = evidence_maps(maps, MapSurroundings.of(maps), MapTrust(SMALL), grid, 4.0)
    everywhere = blocks.log_prior_Pk.numel()
    inner_blocks = 4 * 6
    assert everywhere - inner_blocks <= len(blocks.index_G) < everywhere
    assert pixels.log_prior_Pn.exp().amax() > 0.99


def test_grid_that_does_not_divide_is_padded() -> None:
    maps = town_maps()
    grid = CoarseGrid.over(maps, 7, 6)
    assert (grid.cell_rows, grid.cell_columns) == (10, 11)
    plane = grid.pad(maps.building_height_m_HW)
    assert plane.shape == (70, 66)
    grouped = grid.by_cell(plane)
    assert grouped.shape == (42, 110)
    centre, offset = grid.centres(maps.device), grid.offsets(maps.device)
    place = centre[:, None] + offset
    assert (grid.cell_of(place) == torch.arange(42)[:, None]).all()
    row, column = maps.pixel_of(place)
    inside = maps.contains(place)
    assert torch.equal(grouped[inside], maps.building_height_m_HW[row, column][inside])
