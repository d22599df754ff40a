"""The shipped conditions say what the benchmark claims, and wrong files are refused by key."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from rayfix.errors import ConfigError
from rayfix.measurement.conditions import WorldChange, load_conditions
from rayfix.scene.cell import Cell
from rayfix.units import wrap_deg

SHIPPED = Path(__file__).parents[2] / "configs/conditions.yaml"


def test_shipped_conditions_are_the_benchmark() -> None:
    shipped = load_conditions(SHIPPED)
    clean, standard, hard = (shipped.conditions[name] for name in ("clean", "standard", "hard"))
    assert (clean.rsrp_residual_db, clean.timing_error_ns, clean.missing_share) == (0, 0, 0)
    assert (standard.rsrp_residual_db, standard.timing_error_ns) == (3.0, 10.0)
    assert (standard.aoa_error_deg, standard.missing_share, standard.max_cells) == (5.0, 0.2, 8)
    assert (standard.correlated_share, standard.correlation_length_m) == (0.5, 10.0)
    assert (hard.rsrp_residual_db, hard.missing_share) == (6.0, 0.3)
    assert "timing_advance" in hard.quantities
    assert not {"toa_ns", "aoa_deg"} & set(hard.quantities)
    assert clean.world == standard.world == "nominal" != hard.world
    world = shipped.worlds[hard.world]
    assert (world.bearing_error_deg, world.downtilt_error_deg, world.power_error_db) == (5, 2, 2)
    assert world.redraw_materials


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rsrp_sigma": 3}, ["conditions.standard.rsrp_sigma", "no such key"]),
        ({"missing_share": 1.5}, ["conditions.standard.missing_share", "less than or equal to 1"]),
        ({"world": "mars"}, ["conditions.standard.world", "mars", "nominal"]),
        ({"quantities": ["rssi"]}, ["conditions.standard.quantities.0"]),
        ({"missing_share_of": {"toa": 0.1}}, ["conditions.standard.missing_share_of.toa"]),
        ({"timing_error_ns": float("nan")}, ["conditions.standard.timing_error_ns"]),
    ],
)
def test_a_wrong_value_is_refused_by_key(
    tmp_path: Path, change: dict[str, object], words: list[str]
) -> None:
    document = yaml.safe_load(SHIPPED.read_text())
    document["conditions"]["standard"].update(change)
    path = tmp_path / "conditions.yaml"
    path.write_text(yaml.safe_dump(document))
    with pytest.raises(ConfigError) as refused:
        load_conditions(path)
    assert str(path) in str(refused.value)
    for word in words:
        assert word in str(refused.value)


def test_missing_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="missing"):
        load_conditions(tmp_path / "none.yaml")
    (tmp_path / "broken.yaml").write_text("worlds: [")
    with pytest.raises(ConfigError, match="not YAML"):
        load_conditions(tmp_path / "broken.yaml")


def test_a_perturbed_world_moves_every_cell_by_its_standard_deviations() -> None:
    cells = [
        Cell(cell_id=str(i), site_id="s", x_m=0, y_m=0, z_m=20, bearing_deg=i % 360, downtilt_deg=8)
        for i in range(2000)
    ]
    change = WorldChange(bearing_error_deg=5, downtilt_error_deg=2, power_error_db=2, seed=3)
    there = change.apply(cells)
    turned = wrap_deg(
        np.array([b.bearing_deg - a.bearing_deg for a, b in zip(cells, there, strict=True)])
    )
    assert turned.std() == pytest.approx(5, rel=0.06)
    assert np.std([c.downtilt_deg for c in there]) == pytest.approx(2, rel=0.06)
    assert np.std([c.power_dbm for c in there]) == pytest.approx(2, rel=0.06)
    assert all(0 <= c.bearing_deg < 360 for c in there)
    assert there == change.apply(cells)
    assert WorldChange().apply(cells) == tuple(cells)
