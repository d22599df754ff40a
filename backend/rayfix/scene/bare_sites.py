"""Site lists of networks whose antennas are not known: a name and a place, little else."""

from __future__ import annotations

import csv
import math
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rayfix.errors import SourceFileError
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Scene
from rayfix.scene.site_list import ALIASES

NAMES = {"rx": "cell_id", "gateway": "cell_id", "id": "cell_id", "name": "cell_id"}
UNKNOWN_HEIGHT_M = 25.0
OWN = ("bearing_deg", "downtilt_deg", "power_dbm", "carrier_hz", "bandwidth_hz", "pci")


def read_bare_sites(scene: Scene, path: Path) -> tuple[Cell, ...]:
    """Cells of a CSV with `cell_id` (or `rx`, `gateway`, `id`, `name`), `lat` and `lon`.

    Optional columns: `site_id`, `height_m`, `bearing_deg`, `downtilt_deg`, `power_dbm`,
    `carrier_hz`, `bandwidth_hz`, `pci`. Without a bearing a cell is omnidirectional.

    Raises:
        SourceFileError: the file is missing or empty, an id is used twice, or a value breaks a
            rule; the message names the line.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise SourceFileError(path, "the site list is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SourceFileError(path, f"not text ({error})") from None
    delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    cells: dict[str, Cell] = {}
    for number, raw in enumerate(csv.DictReader(lines, delimiter=delimiter), start=2):
        row = {_name(key): (value or "").strip() for key, value in raw.items() if key}
        cell = _cell(path, number, row, scene)
        if cell.cell_id in cells:
            raise SourceFileError(path, f"line {number}: cell {cell.cell_id} is there twice")
        cells[cell.cell_id] = cell
    if not cells:
        raise SourceFileError(path, "at least one site is expected")
    return tuple(cells.values())


def _name(key: str) -> str:
    key = key.strip().lower()
    return ALIASES.get(key, NAMES.get(key, key))


def _cell(path: Path, number: int, row: dict[str, str], scene: Scene) -> Cell:
    try:
        lat, lon = float(row["lat"]), float(row["lon"])
        height = float(row["height_m"]) if row.get("height_m") else UNKNOWN_HEIGHT_M
        name = row.get("cell_id") or row["site_id"]
    except (KeyError, ValueError):
        raise SourceFileError(
            path, f"line {number}: cell_id, lat and lon are expected, the last two in degrees"
        ) from None
    if not (math.isfinite(lat) and abs(lat) <= 90 and math.isfinite(lon) and abs(lon) <= 180):
        raise SourceFileError(path, f"line {number}: lat {lat:g}, lon {lon:g} is no place")
    x, y = scene.georeference.to_local(lat, lon)
    values: dict[str, Any] = {key: row[key] for key in OWN if row.get(key)}
    values.setdefault("bearing_deg", 0.0)
    try:
        return Cell(
            cell_id=name, site_id=row.get("site_id") or name, x_m=float(x), y_m=float(y),
            z_m=height, **values,
        )  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        raise SourceFileError(path, f"line {number}: {first['loc'][0]}: {first['msg']}") from None
