"""What OpenStreetMap's tags say about a building: heights, base and radio material.

Heights follow the wiki's "Simple 3D Buildings": `height` is the total height with the roof,
`building:levels` counts storeys without those in the roof, `min_height` is where a part begins.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

Tags = Mapping[str, str]

LEVEL_HEIGHT_M = 3.0
"""Height of one storey [m], also of one in the roof: what the wiki's key `building:levels` and
most renderers take."""

HIGHEST_M = 1000.0
"""Taller than any building: such a height is a mistake and the next rule decides."""

CANOPY_THICKNESS_M = 0.5
"""A `building=roof` is open below: a slab of this thickness at its height [m]."""

DEFAULT_HEIGHT_M = {
    **dict.fromkeys(("garage", "garages", "carport", "shed", "hut", "kiosk", "service", "toilets",
                     "greenhouse", "bunker", "transformer_tower", "static_caravan",
                     "container", "roof", "allotment_house"), 3.0),
    **dict.fromkeys(("house", "detached", "semidetached_house", "terrace", "bungalow", "cabin",
                     "farm", "farm_auxiliary", "barn", "stable", "kindergarten", "pavilion",
                     "houseboat"), 6.0),
    **dict.fromkeys(("industrial", "warehouse", "retail", "supermarket", "hangar", "manufacture",
                     "sports_hall", "train_station", "school", "stadium", "grandstand",
                     "transportation", "parking"), 9.0),
    **dict.fromkeys(("apartments", "dormitory", "hotel", "office", "commercial",
                     "hospital", "university", "college", "public", "civic", "government",
                     "block"), 15.0),
    **dict.fromkeys(("church", "cathedral", "mosque", "temple", "synagogue", "monastery"), 20.0),
    **dict.fromkeys(("tower", "water_tower", "silo"), 25.0),
}  # fmt: skip
"""Height [m] by value of `building` where no tag gives one."""

OTHER_HEIGHT_M = 9.0
"""Height [m] of every other type, of `residential` and of `yes`: three storeys."""

MATERIAL_TAGS = ("building:material", "building:facade:material", "building:wall:material")

DEFAULT_MATERIAL = "concrete"

MATERIALS = {
    **dict.fromkeys(("concrete", "reinforced_concrete", "cement_block", "cement", "plaster",
                     "stucco", "panel"), "concrete"),
    **dict.fromkeys(("brick", "bricks", "masonry", "clay", "adobe", "tile", "tiles"), "brick"),
    **dict.fromkeys(("stone", "granite", "marble", "sandstone", "limestone", "slate"), "marble"),
    **dict.fromkeys(("glass", "mirror"), "glass"),
    **dict.fromkeys(("metal", "metal_plates", "steel", "copper", "aluminium", "zinc", "tin",
                     "gold", "iron"), "metal"),
    **dict.fromkeys(("wood", "timber_framing", "timber", "bamboo"), "wood"),
}  # fmt: skip
"""Material of ITU-R P.2040-3, table 3, by value of a material tag; stone counts as marble."""


class Height(NamedTuple):
    """A height and the rule that gave it."""

    metres: float
    rule: str


def is_area_of(tags: Tags, key: str) -> bool:
    """Whether an object is a `building` or a `building:part`."""
    return tags.get(key, "no") != "no"


def is_underground(tags: Tags) -> bool:
    """Whether nothing of a building rises above the ground."""
    levels = _number(tags.get("building:levels", ""))
    below = _number(tags.get("building:levels:underground", ""))
    return (
        tags.get("location") == "underground"
        or (levels == 0 and bool(below) and "height" not in tags)
        or (_number(tags.get("layer", "")) or 0) < 0
    )


def length_m(text: str) -> float | None:
    """A length as OpenStreetMap writes it (`12`, `12.5 m`, `12,5`, `40 ft`, `40'6"`), in metres."""
    text = text.strip().lower()
    feet = re.fullmatch(r"(\d+)'\s*(?:(\d+(?:\.\d+)?)\")?", text)
    if feet:
        return 0.3048 * (int(feet[1]) + float(feet[2] or 0) / 12)
    match = re.fullmatch(r"(\d+(?:[.,]\d+)?)\s*(m|metres?|meters?|ft|feet)?", text)
    if match is None:
        return None
    value = float(match[1].replace(",", "."))
    return 0.3048 * value if match[2] in ("ft", "feet") else value


def tagged_height(tags: Tags) -> Height | None:
    """Height of the highest point by the tags alone; None where they do not tell.

    `height`, else (`building:levels` + `roof:levels`) x `LEVEL_HEIGHT_M`, where `roof:height`
    takes the place of `roof:levels`.
    """
    for key in ("height", "height_m"):
        height = length_m(tags.get(key, ""))
        if height is not None and 0 < height <= HIGHEST_M:
            return Height(height, "height")
    levels = _number(tags.get("building:levels", ""))
    if levels is None:
        return None
    roof = length_m(tags.get("roof:height", ""))
    if roof is None:
        roof = LEVEL_HEIGHT_M * (_number(tags.get("roof:levels", "")) or 0.0)
    height = LEVEL_HEIGHT_M * levels + roof
    return Height(height, "building:levels") if 0 < height <= HIGHEST_M else None


def default_height(tags: Tags) -> Height:
    """Height by the type of the building."""
    kind = tags.get("building", tags.get("building:part", ""))
    return Height(DEFAULT_HEIGHT_M.get(kind, OTHER_HEIGHT_M), "default")


def base_height(tags: Tags, top_m: float) -> Height:
    """Where a building begins: `min_height`, `building:min_level`, a canopy's slab, the ground."""
    for key in ("min_height", "base_m"):
        base = length_m(tags.get(key, ""))
        if base:
            return Height(base, "min_height")
    level = _number(tags.get("building:min_level", ""))
    if level and level > 0:
        return Height(LEVEL_HEIGHT_M * level, "building:min_level")
    if "roof" in (tags.get("building"), tags.get("building:part")):
        return Height(max(0.0, top_m - CANOPY_THICKNESS_M), "canopy")
    return Height(0.0, "ground")


def wall_material(tags: Tags) -> str | None:
    """Material of ITU-R P.2040; None where no tag tells or its value is not in `MATERIALS`."""
    for key in MATERIAL_TAGS:
        if tags.get(key) in MATERIALS:
            return MATERIALS[tags[key]]
    return None


def _number(text: str) -> float | None:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
