"""Materials drawn by seed, and what the ray tracer makes of them."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from tests.scene.osm_file import OsmFile, rectangle

from rayfix.scene.materials import CARRIER_HZ, RANGES, VARIANTS, draw_materials, variant_of
from rayfix.scene.osm import import_scene
from rayfix.scene.osm_tags import MATERIALS
from rayfix.scene.scene import Scene
from rayfix.simulation.materials import materials_of
from rayfix.simulation.world import World


def test_draws_lie_in_their_ranges_and_repeat_for_a_seed() -> None:
    drawn = draw_materials(RANGES, seed=7)
    assert len(drawn) == VARIANTS * len(RANGES)
    for name, properties in drawn.items():
        span = RANGES[name.rsplit("-", 1)[0]]
        assert span.permittivity[0] <= properties.permittivity <= span.permittivity[1]
        low, high = span.conductivity
        assert 0.999 * low <= properties.conductivity <= 1.001 * high
        assert span.thickness_m[0] <= properties.thickness_m <= span.thickness_m[1]
    assert draw_materials(["brick"], 7) == {k: v for k, v in drawn.items() if "brick" in k}
    assert draw_materials(RANGES, 8)["brick-1"] != drawn["brick-1"]
    assert len({drawn[f"brick-{number}"] for number in range(1, VARIANTS + 1)}) == VARIANTS


def test_every_material_that_a_tag_can_name_has_a_range() -> None:
    assert set(MATERIALS.values()) == set(RANGES)


def test_buildings_share_the_variants_evenly() -> None:
    chosen = [variant_of("brick", f"way/{number}", 3) for number in range(400)]
    counts = [chosen.count(f"brick-{number}") for number in range(1, VARIANTS + 1)]
    assert sum(counts) == 400
    assert min(counts) > 60


def town(path: Path) -> Path:
    file = OsmFile()
    for number in range(12):
        material = "brick" if number % 2 else "glass"
        ring = rectangle(-90 + 15 * number, 0, 10, 10)
        file.way(ring, building="yes", height="10", building__material=material)
    return file.write(path / "town.osm")


def test_the_ray_tracer_loads_what_was_drawn(tmp_path: Path) -> None:
    source = town(tmp_path)
    folder, summary = import_scene(source, "drawn", tmp_path, material_seed=5)
    assert summary.material_seed == 5
    loaded = materials_of(World(Scene.load(folder), folder, carrier_hz=CARRIER_HZ))
    drawn = draw_materials(["brick", "glass"], 5)
    used = set(loaded) - {"concrete"}
    assert len(used) > 3
    for name in used:
        assert loaded[name] == pytest.approx(drawn[name], rel=1e-3)
    again, _ = import_scene(source, "again", tmp_path, material_seed=5)
    other, _ = import_scene(source, "other", tmp_path, material_seed=6)
    text, same, different = ((path / "geometry.xml").read_text() for path in (folder, again, other))
    assert text == same != different


def test_without_a_seed_materials_are_those_of_the_itu(tmp_path: Path) -> None:
    folder, _ = import_scene(town(tmp_path), "plain", tmp_path)
    root = ElementTree.parse(folder / "geometry.xml").getroot()
    kinds = {bsdf.get("id"): bsdf.get("type") for bsdf in root.iter("bsdf")}
    assert kinds == dict.fromkeys(("brick", "glass", "concrete"), "itu-radio-material")
    loaded = materials_of(World(Scene.load(folder), folder, carrier_hz=CARRIER_HZ))
    assert loaded["brick"].permittivity == pytest.approx(3.91)
    assert RANGES["glass"].permittivity[0] <= loaded["glass"].permittivity
