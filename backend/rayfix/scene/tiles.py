"""Cuts an imported scene into overlapping tiles, each a scene of its own in the same frame.

All tiles keep the frame of the whole: a transverse Mercator projection as UTM is, but with the
area's own central meridian and scale 1, so that grid north is true north (bearings of antennas stay
right) and that pixels of neighbouring tiles coincide.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import shapely

from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.files import write_text_whole
from rayfix.scene.cell import Cell, save_cells
from rayfix.scene.imported import ImportedScene, features_touching, write_scene
from rayfix.scene.scene import Extent, Scene

TILES = "tiles"
TILES_FILE = "tiles.json"
STEP_M = 16.0
"""Tiles begin and end at multiples of this [m], so that grids of 1, 2, 4 and 8 m fit."""


@dataclass(frozen=True)
class Tiling:
    """How a scene is cut.

    Attributes:
        size_m: side of a tile.
        overlap_m: neighbours share at least this much; rounded up to whole steps of 16 m.
        reach_m: buildings, and later sites, up to this far outside a tile belong to it too.
    """

    size_m: float = 512.0
    overlap_m: float = 50.0
    reach_m: float = 300.0

    def __post_init__(self) -> None:
        if self.size_m % STEP_M or not STEP_M < self.size_m <= 4096:
            raise InvalidInputError("tile-size", f"a multiple of {STEP_M:g} m to 4096 m")
        if not 0 <= self.overlap_m <= self.size_m - STEP_M:
            raise InvalidInputError("overlap", "0 m to the side of a tile without 16 m")
        if not 0 <= self.reach_m <= 5000:
            raise InvalidInputError("reach", "0 m to 5000 m")

    def extents(self, whole: Extent) -> list[list[Extent]]:
        """Tiles by row and column, from the south-west corner on; the last ones reach beyond."""
        step = self.size_m - STEP_M * math.ceil(self.overlap_m / STEP_M)

        def starts(low: float, high: float) -> list[float]:
            count = max(1, math.ceil((high - low - self.size_m) / step) + 1)
            return [low + number * step for number in range(count)]

        return [
            [
                Extent(x_min_m=x, x_max_m=x + self.size_m, y_min_m=y, y_max_m=y + self.size_m)
                for x in starts(whole.x_min_m, whole.x_max_m)
            ]
            for y in starts(whole.y_min_m, whole.y_max_m)
        ]


def write_tiles(folder: Path, imported: ImportedScene, tiling: Tiling) -> int:
    """Write `tiles/<name>-r00c00/` and so on, and `tiles.json`; returns how many there are."""
    whole = imported.scene
    footprints = shapely.STRtree([part.footprint for part, _ in imported.solids])
    names = []
    for row, extents in enumerate(tiling.extents(whole.extent)):
        for column, extent in enumerate(extents):
            name = f"{whole.name}-r{row:02d}c{column:02d}"
            window = _around(extent, tiling.reach_m)
            inside = sorted(footprints.query(window, predicate="intersects").tolist())
            tile = replace(
                imported,
                scene=whole.model_copy(
                    update={
                        "name": name,
                        "title": f"{whole.title}, tile {row}/{column}",
                        "extent": extent,
                    }
                ),
                solids=tuple(imported.solids[index] for index in inside),
                roads=features_touching(imported.roads, whole.georeference, window),
                water=features_touching(imported.water, whole.georeference, window),
            )
            path = folder / TILES / name
            path.mkdir(parents=True)
            write_scene(path, tile)
            names.append(name)
    document = {"size_m": tiling.size_m, "reach_m": tiling.reach_m, "tiles": names}
    write_text_whole(folder / TILES_FILE, json.dumps(document, indent=1) + "\n")
    return len(names)


def read_tiles(folder: Path) -> tuple[float, tuple[Path, ...]]:
    """Reach [m] and folders of the tiles of a scene; none where it was not cut.

    Raises:
        ArtefactError: tiles.json is damaged.
    """
    path = folder / TILES_FILE
    if not path.is_file():
        return 0.0, ()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        reach_m = float(document["reach_m"])
        return reach_m, tuple(folder / TILES / str(name) for name in document["tiles"])
    except (ValueError, KeyError, TypeError) as error:
        raise ArtefactError(path, f"not the tiles of a scene ({error})") from None


def _around(extent: Extent, reach_m: float) -> shapely.Polygon:
    return shapely.box(
        extent.x_min_m - reach_m,
        extent.y_min_m - reach_m,
        extent.x_max_m + reach_m,
        extent.y_max_m + reach_m,
    )


def tile_cells(folder: Path, cells: Sequence[Cell]) -> list[Path]:
    """Write the site list of every tile of a scene: its cells within reach, else the nearest site.

    Raises:
        ArtefactError: tiles.json or a tile is damaged.
    """
    reach_m, tiles = read_tiles(folder)
    written = []
    for tile in tiles:
        window = _around(Scene.load(tile).extent, reach_m)
        distance = shapely.distance(window, shapely.points([(c.x_m, c.y_m) for c in cells]))
        least = distance.min()
        inside = [cell for cell, d in zip(cells, distance, strict=True) if d <= least]
        written.append(save_cells(tile / "cells.yaml", inside))
    return written
