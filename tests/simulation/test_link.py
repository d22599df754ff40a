"""Link features: noise and interference budgets by hand, and Sionna SYS' own answers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell
from rayfix.scene.detection import least_path_gain_db
from rayfix.simulation.link import BLER_TARGET, SINR_GRID_DB, link_features, link_table


def cell(name: str, **changes: object) -> Cell:
    fields: dict[str, object] = {
        "cell_id": name, "site_id": "s", "x_m": 0, "y_m": 0, "z_m": 20, "bearing_deg": 0,
        "power_dbm": 46.0, "load": 0.5,
    }  # fmt: skip
    return Cell.model_validate(fields | changes)


def test_snr_is_the_link_budget() -> None:
    # 46 dBm over 273 x 12 subcarriers is 10.85 dBm each; k T 30 kHz and 9 dB make -120.2 dBm.
    found = link_features(np.array([-100.0]), [cell("a")])
    assert found["snr_db"][0] == pytest.approx(10.85 - 100.0 + 120.2, abs=0.02)
    assert found["sinr_db"][0] == pytest.approx(found["snr_db"][0], abs=1e-4)


def test_only_loaded_cells_of_the_same_carrier_interfere() -> None:
    cells = [cell("a"), cell("b"), cell("idle", load=0.0), cell("other", carrier_hz=2.6e9)]
    found = link_features(np.full((4, 1), -80.0), cells)
    assert found["sinr_db"][0, 0] == pytest.approx(3.0, abs=0.05)  # one equal cell at half load
    assert found["sinr_db"][2, 0] == pytest.approx(0.0, abs=0.05)  # two equal cells at half load
    assert found["sinr_db"][3, 0] == found["snr_db"][3, 0]


def test_no_path_stays_no_path_and_does_not_interfere() -> None:
    found = link_features(np.array([[-90.0, -90.0], [np.nan, -90.0]]), [cell("a"), cell("b")])
    for values in found.values():
        assert np.isnan(values[1, 0])
        assert np.isfinite(values[[0, 0, 1], [0, 1, 1]]).all()
    assert found["sinr_db"][0, 0] == found["snr_db"][0, 0]
    assert found["sinr_db"][0, 1] < found["snr_db"][0, 1]


def test_adapted_link_keeps_the_target_and_the_peak_rate() -> None:
    table = link_table(273, 30e3)
    usable = SINR_GRID_DB > 0.0
    assert (table.bler[usable] <= BLER_TARGET + 1e-6).all()
    assert table.bler[0] > 0.99
    assert table.throughput_mbps[0] < 1.0
    assert (np.diff(table.mcs) >= 0).all()
    assert table.mcs[-1] == 26  # 256QAM, rate 916.5/1024: the last that the tables resolve
    # 273 x 12 x 12 elements x 8 bit x 916.5/1024 in each of 2000 slots a second
    peak_mbps = 273 * 144 * 8 * 916.5 / 1024 * 2000e-6
    assert table.throughput_mbps[-1] == pytest.approx(peak_mbps * (1.0 - table.bler[-1]), rel=0.02)


def test_chosen_mcs_fits_the_simulated_error_rates() -> None:
    import sionna.sys

    file = Path(sionna.sys.__file__).parent / "bler_tables" / "PDSCH_table2.json"
    simulated = json.loads(file.read_text())["category"]["1"]["index"]["2"]["MCS"]
    table = link_table(273, 30e3)
    for number, sinr_db in enumerate(simulated["2"]["SNR_db"]):
        if not 0.0 < sinr_db < 22.0:
            continue
        chosen = int(table.mcs[np.argmin(np.abs(SINR_GRID_DB - sinr_db))])
        errors = [simulated[str(mcs)]["CBS"]["2000"]["BLER"] for mcs in (chosen, chosen + 3)]
        assert errors[0][number] < 2.0 * BLER_TARGET
        assert errors[1][number] > BLER_TARGET


def test_a_cell_at_its_floor_has_minus_six_db() -> None:
    cells = [cell("a"), cell("b", power_dbm=30.0, load=0.0)]
    floor_db = least_path_gain_db(cells)
    np.testing.assert_allclose(floor_db, [-137.0, -121.0], atol=0.1)
    found = link_features(floor_db[:, None], cells)
    np.testing.assert_allclose(found["snr_db"][:, 0], -6.0, atol=1e-3)


def test_shape_of_path_gain_is_checked() -> None:
    with pytest.raises(InvalidInputError, match="path_gain_db"):
        link_features(np.zeros((3, 4)), [cell("a")])
