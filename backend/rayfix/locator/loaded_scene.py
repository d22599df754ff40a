"""A scene as the service holds it: radio map, pictures, what is on the ground, who is who."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import Any

from rayfix.calibration.measured_map import DRIVE_TEST, cell_priors
from rayfix.errors import ArtefactError
from rayfix.locator.drive_points import drive_points
from rayfix.measurement.drive_test import DriveTest, load_drive_test
from rayfix.radio_map.image import describe_image, render_png
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import BUILDINGS, ROADS, WATER, load_radio_map
from rayfix.radio_map.tiles import render_ground_tile, render_tile
from rayfix.scene.ground_grid import GROUND_FILE, GroundGrid, load_ground_grid

NOTHING = b'{"type": "FeatureCollection", "features": []}'
"""GeoJSON of a scene that has none of something."""

PICTURES_KEPT = 256
TILES_KEPT = 2048

NetworkName = tuple[str, int, int, int]
"""Radio type, MCC, MNC, cell identity: standard interfaces carry the codes as numbers."""


@dataclass(frozen=True)
class LoadedScene:
    """Everything of a scene that does not need the model.

    Attributes:
        radio_map: the map, checked against its manifest.
        buildings: buildings.geojson as it is on disk.
        roads, water: the same of roads.geojson and water.geojson; `NOTHING` where there is none.
        ground: heights of a ground that is not flat.
        cell_by_network_name: cell id of each cell that has an identity in the network.
        drive_test: the measurements that a measured map was made from.
    """

    radio_map: RadioMap
    buildings: bytes
    roads: bytes
    water: bytes
    cell_by_network_name: dict[NetworkName, str]
    ground: GroundGrid | None = None
    drive_test: DriveTest | None = None

    @property
    def name(self) -> str:
        """The scene's name."""
        return self.radio_map.scene.name

    @cached_property
    def corners(self) -> list[tuple[float, float]]:
        """(lon, lat) [deg] of the extent's corners: TL, TR, BR, BL."""
        return self.radio_map.scene.corners_lon_lat()

    @cached_property
    def bearings_deg(self) -> tuple[float | None, ...]:
        """Bearing of each cell [deg]; None where a measured map was made without knowing it."""
        cells = self.radio_map.cells
        if self.drive_test is None:
            return tuple(cell.bearing_deg for cell in cells)
        return tuple(prior.bearing_deg for prior in cell_priors(cells))

    @cached_property
    def picture(self) -> Callable[[str, str, tuple[float, float] | None], bytes]:
        """PNG of a feature, cell and range (see `render_png`); the last ones are kept."""
        return lru_cache(PICTURES_KEPT)(partial(render_png, self.radio_map))

    @cached_property
    def describe(self) -> Callable[[str, str], dict[str, Any]]:
        """Legend of a picture (see `describe_image`); percentiles of the map take a while."""
        return lru_cache(PICTURES_KEPT)(partial(describe_image, self.radio_map))

    @cached_property
    def drive_points(self) -> Callable[[str], bytes]:
        """GeoJSON of the drive test for a cell (see `drive_points`); the last ones are kept."""

        def render(cell_id: str) -> bytes:
            if self.drive_test is None:
                return NOTHING
            return drive_points(self.radio_map, self.drive_test, cell_id)

        return lru_cache(PICTURES_KEPT)(render)

    @cached_property
    def tile(self) -> Callable[[str, str, int, int, int], bytes]:
        """PNG of a map tile: feature, cell, zoom, x, y (see `render_tile`); the last are kept."""

        def render(feature: str, cell_id: str, zoom: int, x: int, y: int) -> bytes:
            legend = self.describe(feature, cell_id)["legend"]
            value_range = (legend["min"], legend["max"])
            return render_tile(self.radio_map, feature, cell_id, zoom, x, y, value_range)

        return lru_cache(TILES_KEPT)(render)

    @cached_property
    def ground_tile(self) -> Callable[[int, int, int], bytes]:
        """PNG of the ground's height: zoom, x, y (see `render_ground_tile`); the last are kept."""
        grid, georeference = self.ground, self.radio_map.scene.georeference
        if grid is None:
            raise ValueError(f"the ground of {self.name} is flat")
        return lru_cache(TILES_KEPT)(partial(render_ground_tile, grid, georeference))


def load_scene(folder: Path) -> LoadedScene:
    """Read `radio_maps/<scene>/`.

    Raises:
        ArtefactError: a file is missing or damaged; the message names it.
    """
    radio_map = load_radio_map(folder)
    if radio_map.scene.name != folder.name:
        raise ArtefactError(folder / "scene.json", f"is of scene '{radio_map.scene.name}'")
    return LoadedScene(
        radio_map=radio_map,
        buildings=_read_features(folder / BUILDINGS),
        roads=_read_features(folder / ROADS) if (folder / ROADS).exists() else NOTHING,
        water=_read_features(folder / WATER) if (folder / WATER).exists() else NOTHING,
        cell_by_network_name={
            (i.radio_type, int(i.mcc), int(i.mnc), i.cell_identity): cell.cell_id
            for cell in radio_map.cells
            if (i := cell.identity) is not None
        },
        ground=_read_ground(folder, radio_map),
        drive_test=load_drive_test(folder / DRIVE_TEST) if (folder / DRIVE_TEST).exists() else None,
    )


def _read_ground(folder: Path, radio_map: RadioMap) -> GroundGrid | None:
    """Maps built before have no heights; a flat scene may lie where there were hills."""
    path = folder / GROUND_FILE
    return load_ground_grid(path) if radio_map.scene.ground_mesh and path.exists() else None


def _read_features(path: Path) -> bytes:
    try:
        content = path.read_bytes()
        document: Any = json.loads(content)
    except FileNotFoundError:
        raise ArtefactError(path, "the file is missing") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ArtefactError(path, f"not JSON ({error})") from None
    if not isinstance(document, dict) or document.get("type") != "FeatureCollection":
        raise ArtefactError(path, "a GeoJSON FeatureCollection is expected")
    return content
