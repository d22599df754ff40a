"""Sites of a built-in scene that nobody gave a site list for: the same every time."""

from __future__ import annotations

from rayfix.scene.catalogue import FoundScene
from rayfix.scene.cell import Cell
from rayfix.scene.roofs import roofs_of
from rayfix.scene.scene import Extent
from rayfix.scene.sites import SiteOptions, place_sites, random_layout

SITES = 6
SEED = 0
LEAST_DISTANCE_M = 150.0
"""Between two sites [m], before they move to the nearest roof."""
BORDER_M = 60.0
"""Sites are drawn this far inside the map [m]: the nearest roof is then on the map too."""
POWER_DBM = 46.0
FIRST_BEARING_DEG = 20.0


def default_cells(found: FoundScene) -> tuple[Cell, ...]:
    """Six sites of three sectors on roofs, 3.5 GHz and 100 MHz, drawn with a fixed seed."""
    extent = found.scene.extent
    inside = Extent(
        x_min_m=extent.x_min_m + BORDER_M,
        x_max_m=extent.x_max_m - BORDER_M,
        y_min_m=extent.y_min_m + BORDER_M,
        y_max_m=extent.y_max_m - BORDER_M,
    )
    places = random_layout(inside, SITES, SEED, LEAST_DISTANCE_M)
    options = SiteOptions(power_dbm=POWER_DBM, first_bearing_deg=FIRST_BEARING_DEG)
    return place_sites(found.scene, roofs_of(found), places, options).cells
