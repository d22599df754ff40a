"""Link features for other powers, loads and noise figures, from the path gain of a map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from rayfix.cli import app
from rayfix.errors import ConfigError, InvalidInputError
from rayfix.files import MANIFEST
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap
from rayfix.radio_map.relink import link_layers, relink, relink_stored
from rayfix.radio_map.relink_input import cells_from_options, changed_cells
from rayfix.radio_map.store import load_radio_map, save_radio_map
from rayfix.scene.detection import least_path_gain_db

PROPAGATION = ("path_gain", "toa", "aoa")


@pytest.fixture
def linked(radio_map: RadioMap) -> RadioMap:
    """The small map with link features that follow from its path gain, as a build writes them."""
    gain = radio_map.features["path_gain"] - 40.0  # towards the detection limit
    gain = (np.round(gain * 16) / 16).astype(np.float32)
    features = {**radio_map.features, "path_gain": gain}
    return replace(radio_map, features=features | link_layers(gain, radio_map.cells))


def test_nothing_changed_is_the_same_map(linked: RadioMap) -> None:
    found = relink(linked, linked.cells)
    assert found.blind_db == {}
    for name in FEATURE_NAMES:
        np.testing.assert_array_equal(found.radio_map.features[name], linked.features[name])


def test_power_moves_snr_and_load_moves_sinr_only(linked: RadioMap) -> None:
    louder = relink(linked, changed_cells(linked.cells, {"A-1": 41.0}, {})).radio_map
    snr = louder.features["snr"] - linked.features["snr"]
    assert np.nanmax(np.abs(snr[1] + 3.0)) < 1e-3
    assert np.nanmax(np.abs(snr[[0, 2]])) == 0.0
    np.testing.assert_array_equal(louder.features["toa"], linked.features["toa"])

    idle = relink(linked, changed_cells(linked.cells, {}, {"all": 0.0})).radio_map
    np.testing.assert_array_equal(idle.features["snr"], linked.features["snr"])
    np.testing.assert_allclose(idle.features["sinr"], idle.features["snr"], atol=1e-3)
    busy = relink(linked, changed_cells(linked.cells, {}, {"all": 1.0})).radio_map
    here = np.isfinite(busy.features["sinr"])
    assert (busy.features["sinr"] < idle.features["sinr"])[here].all()
    assert (busy.features["throughput"] <= idle.features["throughput"])[here].all()
    assert busy.cells[0].load == 1.0


def test_sinr_of_one_place_by_hand(linked: RadioMap) -> None:
    cells = changed_cells(linked.cells, {}, {"A-0": 0.9, "A-1": 0.2, "A-2": 0.7})
    found = relink(linked, cells, noise_figure_db=7.0).radio_map
    row, column = 5, 40
    received = [
        10 ** ((float(linked.features["path_gain"][i, row, column])
                + cell.energy_per_resource_element_dbm) / 10)
        for i, cell in enumerate(cells)
    ]  # fmt: skip
    noise = 10 ** ((-174.0 + 10 * np.log10(30e3) + 7.0) / 10)
    expected = 10 * np.log10(received[0] / (noise + 0.2 * received[1] + 0.7 * received[2]))
    assert found.features["sinr"][0, row, column] == pytest.approx(expected, abs=0.03)


def test_a_weaker_cell_loses_places_and_a_stronger_one_says_what_it_cannot_know(
    linked: RadioMap,
) -> None:
    quiet = relink(linked, changed_cells(linked.cells, {"A-0": 20.0}, {}))
    floor = least_path_gain_db(quiet.radio_map.cells)[0]
    gain = linked.features["path_gain"][0]
    lost = gain < floor - 0.05
    assert 0 < lost.sum() < np.isfinite(gain).sum()
    for name in FEATURE_NAMES:
        assert np.isnan(quiet.radio_map.features[name][0][lost]).all()
    assert np.isnan(quiet.radio_map.extra["los"][0][lost]).all()
    assert quiet.blind_db == {}
    back = relink(quiet.radio_map, linked.cells)
    assert back.blind_db == {"A-0": pytest.approx(24.0, abs=0.01)}
    again = relink(back.radio_map, linked.cells)  # still unknown, however often it is asked
    assert again.blind_db == back.blind_db
    loud = relink(linked, changed_cells(linked.cells, {"A-2": 47.0}, {}))
    assert loud.blind_db == {"A-2": pytest.approx(3.0, abs=0.01)}


def test_what_must_be_traced_again_is_refused(linked: RadioMap) -> None:
    turned = linked.cells[0].model_copy(update={"bearing_deg": 5.0})
    with pytest.raises(InvalidInputError, match="cell A-0: bearing_deg differs"):
        relink(linked, (turned, *linked.cells[1:]))
    with pytest.raises(InvalidInputError, match="exactly the cells of the map"):
        relink(linked, linked.cells[1:])
    with pytest.raises(InvalidInputError, match="noise_figure_db"):
        relink(linked, linked.cells, noise_figure_db=-1.0)


def test_a_measured_map_gets_no_features_that_it_did_not_have(linked: RadioMap) -> None:
    gain_only = replace(linked, features={"path_gain": linked.features["path_gain"]})
    assert set(relink(gain_only, linked.cells).radio_map.features) == {"path_gain"}


def test_options_of_the_command_line(tmp_path: Path, linked: RadioMap) -> None:
    save_radio_map(tmp_path / "square", linked)
    folder = tmp_path / "square"
    cells = cells_from_options(folder, None, ["all=40", "A-1=43.5"], ["A-2=0.1"])
    assert [cell.power_dbm for cell in cells] == [40.0, 43.5, 40.0]
    assert [cell.load for cell in cells] == [0.5, 0.5, 0.1]
    for powers, loads, said in (
        (["A-9=40"], [], "power: the map has no cell 'A-9'"),
        (["A-1"], [], "power: 'A-1': CELL=NUMBER is expected"),
        (["A-1=44W"], [], "CELL=NUMBER"),
        ([], ["A-1=30"], "cell A-1: load: Input should be less than or equal to 1"),
        (["all=400"], [], "cell A-0: power_dbm"),
    ):
        with pytest.raises(InvalidInputError, match=said):
            cells_from_options(folder, None, powers, loads)
    with pytest.raises(ConfigError, match="the site list is missing"):
        cells_from_options(folder, tmp_path / "none.yaml", [], [])


def test_the_command_writes_a_copy_or_replaces(tmp_path: Path, linked: RadioMap) -> None:
    folder = tmp_path / "square"
    save_radio_map(folder, linked)
    (folder / "buildings.geojson").write_text("{}")
    save_radio_map(folder, linked)
    before = (folder / MANIFEST).read_bytes()
    arguments = ["maps", "relink", "--scene", "square", "--radio-maps-dir", str(tmp_path)]
    run = CliRunner()
    with pytest.raises(InvalidInputError, match="either --output-dir or --replace"):
        run.invoke(app, [*arguments, "--power", "all=40"], catch_exceptions=False)
    copy = [*arguments, "--power", "all=47", "--output-dir", str(tmp_path / "copies")]
    output = run.invoke(app, copy, catch_exceptions=False).output
    assert "A-0 now reaches 3 dB below what was traced" in output
    assert (folder / MANIFEST).read_bytes() == before
    copied = load_radio_map(tmp_path / "copies" / "square")
    assert {cell.power_dbm for cell in copied.cells} == {47.0}
    assert copied.scene.geometry == "../../square/geometry.xml"
    assert (tmp_path / "copies" / "square" / "buildings.geojson").read_text() == "{}"
    for name in PROPAGATION:
        np.testing.assert_array_equal(copied.features[name], load_radio_map(folder).features[name])
    run.invoke(app, [*arguments, "--load", "all=0.1", "--replace"], catch_exceptions=False)
    assert {cell.load for cell in load_radio_map(folder).cells} == {0.1}


def test_a_refused_relink_leaves_the_map(tmp_path: Path, linked: RadioMap) -> None:
    folder = tmp_path / "square"
    save_radio_map(folder, linked)
    before = (folder / MANIFEST).read_bytes()
    with pytest.raises(InvalidInputError):
        relink_stored(folder, folder, linked.cells[:1])
    assert (folder / MANIFEST).read_bytes() == before
