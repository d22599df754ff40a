from __future__ import annotations

import torch
from tests.model.town import SMALL, town_maps

from rayfix.model.coarse_grid import CoarseGrid
from rayfix.model.map_trust import MapTrust, evidence_maps, log_boxed_student_t, trust_inputs


def test_boxed_student_t_is_a_density() -> None:
    r = torch.linspace(-4000.0, 4000.0, 800_001, dtype=torch.float64)
    for width in (0.0, 130.0):
        log_density = log_boxed_student_t(
            r, torch.tensor(49.0), torch.tensor(4.0, dtype=torch.float64), torch.tensor(width)
        )
        assert abs(float(torch.trapezoid(log_density.exp(), r)) - 1.0) < 2e-3


def test_boxed_student_t_without_a_box_is_student_t() -> None:
    r = torch.linspace(-30.0, 30.0, 61)
    expected = torch.distributions.StudentT(5.0, 0.0, 3.0).log_prob(r)
    found = log_boxed_student_t(r, torch.tensor(9.0), torch.tensor(5.0), torch.tensor(0.0))
    torch.testing.assert_close(found, expected)


def test_blocks_have_the_moments_of_their_pixels() -> None:
    maps = town_maps()
    grid = CoarseGrid.over(maps, 8, 8)
    torch.manual_seed(0)
    pixels, blocks = evidence_maps(maps, trust_inputs(maps), MapTrust(SMALL), grid, 4.0)
    # Coarse cell 0 (south-west), its first block = pixels (0,0), (0,1), (1,0), (1,1) of 8 x 8.
    four = [0, 1, 8, 9]
    for cell in range(3):
        if not pixels.valid_CPn[cell, 0, four].all():
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
    pixels, blocks = evidence_maps(maps, trust_inputs(maps), MapTrust(SMALL), grid, 4.0)
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
