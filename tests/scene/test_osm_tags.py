"""Rules for heights, bases and materials, one by one."""

from __future__ import annotations

import pytest

from rayfix.scene.osm_tags import (
    base_height,
    default_height,
    is_underground,
    length_m,
    tagged_height,
    wall_material,
)


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("12", 12.0), ("12.5 m", 12.5), ("12,5", 12.5), ("40 ft", 12.192), ("40'6\"", 12.3444),
        ("about 12", None), ("", None), ("-3", None), ("1e999", None),
    ],
)  # fmt: skip
def test_lengths(text: str, metres: float | None) -> None:
    assert length_m(text) == (None if metres is None else pytest.approx(metres))


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"height": "21", "building:levels": "3"}, (21.0, "height")),
        ({"building:levels": "4"}, (12.0, "building:levels")),
        ({"building:levels": "4", "roof:levels": "1"}, (15.0, "building:levels")),
        ({"building:levels": "4", "roof:height": "2.5", "roof:levels": "1"},
         (14.5, "building:levels")),
        ({"height": "high", "building:levels": "2"}, (6.0, "building:levels")),
        ({"height": "250000"}, None),
        ({"building": "yes"}, None),
    ],
)  # fmt: skip
def test_height_follows_the_first_tag_that_tells(
    tags: dict[str, str], expected: tuple[float, str] | None
) -> None:
    assert tagged_height(tags) == expected


def test_default_height_depends_on_the_type() -> None:
    garage, church, unknown = (
        default_height({"building": kind}).metres for kind in ("garage", "church", "yes")
    )
    assert garage < unknown < church
    assert default_height({"building": "something_new"}).metres == unknown


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({"min_height": "4", "building:min_level": "2"}, (4.0, "min_height")),
        ({"building:min_level": "2"}, (6.0, "building:min_level")),
        ({"building": "roof"}, (9.5, "canopy")),
        ({"building": "yes"}, (0.0, "ground")),
    ],
)
def test_base(tags: dict[str, str], expected: tuple[float, str]) -> None:
    assert base_height(tags, top_m=10.0) == expected


def test_underground_is_not_in_the_way() -> None:
    assert is_underground({"building": "yes", "location": "underground"})
    assert is_underground({"building": "yes", "layer": "-1"})
    assert is_underground({"building:levels": "0", "building:levels:underground": "2"})
    assert not is_underground({"building:levels": "3", "building:levels:underground": "2"})


def test_materials_of_the_itu() -> None:
    assert wall_material({"building:material": "sandstone"}) == "marble"
    assert wall_material({"building:facade:material": "mirror"}) == "glass"
    assert wall_material({"building:material": "hope"}) is None
