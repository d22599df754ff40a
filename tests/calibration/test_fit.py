"""Corrections of antennas: what is hidden in a drive test is found, and no more."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.calibration.open_town import altered, cells, path_gain_db, places, reports, town

from rayfix.calibration.corrections import Antennas, Priors
from rayfix.calibration.drive import measured_pairs
from rayfix.calibration.fit import Fit, fit, turned_sectors
from rayfix.calibration.map_model import MapModel
from rayfix.calibration.sector import elevation_of_departure_deg, sector_field, sector_gain_db
from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import load_conditions
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.radio_map.radio_map import RadioMap
from rayfix.scene.cell import Cell

NOISE = NoiseModel.from_condition(load_conditions().conditions["standard"])
NOISE = NOISE.model_copy(update={"max_cells": 64})


@pytest.fixture(scope="module")
def radio_map() -> RadioMap:
    return town()


def fitted(radio_map: RadioMap, real: tuple[Cell, ...], fixes: int, noise_db: float = 1.0) -> Fit:
    xy = places(fixes, 3)
    maps = MapTensors.from_radio_map(radio_map)
    model = MapModel(
        radio_map, maps, measured_pairs(maps, xy, reports(real, xy, noise_db, 4), NOISE)
    )
    first = fit(model, Priors())
    return fit(model, Priors(), turned_sectors(model, Priors(), first))


def test_pattern_is_that_of_the_table() -> None:
    """Boresight 8 dBi, 3 dB down half a beamwidth aside, 30 dB down behind."""
    azimuth = torch.tensor([40.0, 72.5, 7.5, 220.0], dtype=torch.float64)
    down = torch.full_like(azimuth, -9.0)
    gain = sector_gain_db(torch.tensor(40.0), torch.tensor(9.0), azimuth, down)
    assert gain[0] == pytest.approx(8.0, abs=1e-6)
    assert gain[1:3].tolist() == pytest.approx([5.0, 5.0], abs=0.1)
    assert gain[3] == pytest.approx(-22.0, abs=1e-6)


def test_pattern_agrees_with_plain_formula() -> None:
    cell = altered(A_1={"bearing_deg": 13.0, "downtilt_deg": 3.0})[1]
    xy = places(30, 8)
    away = torch.from_numpy(xy - [cell.x_m, cell.y_m])
    length = (away.square().sum(-1) + 23.5**2).sqrt()
    unit = torch.cat([away, torch.full((30, 1), -23.5)], 1) / length[:, None]
    theta, phi = sector_field(
        torch.tensor(cell.bearing_deg), torch.tensor(cell.downtilt_deg), *unit.unbind(-1)
    )
    gain = 10 * torch.log10(theta.square() + phi.square())
    free = 20 * np.log10(299_792_458.0 / (4 * np.pi * 3.5e9 * length.numpy()))
    assert gain.numpy() + free == pytest.approx(path_gain_db(cell, xy), abs=1e-5)
    elevation = elevation_of_departure_deg(torch.tensor(23.5), length)
    azimuth = torch.rad2deg(torch.atan2(away[:, 0], away[:, 1]))
    again = sector_gain_db(
        torch.tensor(cell.bearing_deg), torch.tensor(cell.downtilt_deg), azimuth, elevation
    )
    torch.testing.assert_close(again, gain)


def test_power_and_bearing_are_found(radio_map: RadioMap) -> None:
    real = altered(A_0={"power_dbm": 4.0}, B_1={"bearing_deg": 9.0}, C_2={"power_dbm": -3.0})
    found = fitted(radio_map, real, 100)
    power, bearing = found.corrections.power_db_C, found.corrections.bearing_deg_C
    wanted_power, wanted_bearing = torch.zeros(9).double(), torch.zeros(9).double()
    wanted_power[0], wanted_power[8], wanted_bearing[4] = 4.0, -3.0, 9.0
    assert (power - wanted_power).abs().max() < 1.0
    assert (bearing - wanted_bearing).abs().max() < 2.5
    assert found.noise_db < 1.5
    assert ((power - wanted_power) / found.sigma.power_db_C).abs().max() < 4.0


def test_few_fixes_stay_within_the_prior(radio_map: RadioMap) -> None:
    """Three noisy fixes of a perfect site list: corrections are smaller than its own doubt."""
    found, priors = fitted(radio_map, cells(), 3, noise_db=3.0), Priors()
    assert found.corrections.power_db_C.square().mean().sqrt() < priors.power_db
    assert found.corrections.bearing_deg_C.square().mean().sqrt() < priors.bearing_deg
    assert (found.sigma.bearing_deg_C > 0.5 * priors.bearing_deg).all()


def test_swapped_sectors_are_found(radio_map: RadioMap) -> None:
    """Two feeders of a site are swapped: each sector points 120 deg away from the list."""
    real = altered(A_0={"bearing_deg": 120.0}, A_1={"bearing_deg": -120.0})
    found = fitted(radio_map, real, 80)
    bearing = found.corrections.bearing_deg_C
    assert bearing[:2].tolist() == pytest.approx([120.0, -120.0], abs=4.0)
    assert bearing[2:].abs().max() < 4.0


def test_one_wrong_fix_does_not_pull(radio_map: RadioMap) -> None:
    xy = places(40, 3)
    batch = reports(cells(), xy, 1.0, 4)
    batch.values_BTNQ[5] -= 40.0
    maps = MapTensors.from_radio_map(radio_map)
    model = MapModel(radio_map, maps, measured_pairs(maps, xy, batch, NOISE))
    assert fit(model, Priors()).corrections.power_db_C.abs().max() < 1.0


def test_sites_share_their_height() -> None:
    antennas = Antennas.of(cells(), 1.5)
    assert antennas.sites == ("A", "B", "C")
    assert antennas.site_C.tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]


def test_wrong_positions_are_refused(radio_map: RadioMap) -> None:
    maps = MapTensors.from_radio_map(radio_map)
    batch = reports(cells(), places(3, 1), 1.0, 1)
    with pytest.raises(InvalidInputError, match="positions"):
        measured_pairs(maps, places(2, 1), batch, NOISE)
    batch.values_BTNQ[:] = np.nan
    with pytest.raises(InvalidInputError, match="RSRP"):
        measured_pairs(maps, places(3, 1), batch, NOISE)
