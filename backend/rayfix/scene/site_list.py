"""Reads lists of real sites, CSV or YAML, and makes cells of them.

Columns (or keys): `site_id`; `lat` and `lon` [deg], or `x_m` and `y_m`; `height_m` (antenna above
ground) or `mast_height_m` (above the roof); optional `cell_id`, `bearing_deg` (without it a site
gets its sectors), `downtilt_deg`, `power_dbm` or `power_w`, `carrier_hz` or `carrier_mhz`,
`bandwidth_hz` or `bandwidth_mhz`, `pci`, `load`.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from rayfix.errors import SourceFileError
from rayfix.scene.cell import Cell
from rayfix.scene.roofs import Roofs
from rayfix.scene.scene import Scene
from rayfix.scene.sites import Placed, SiteOptions, check_places, sectors
from rayfix.units import watt_to_dbm

ALIASES = {
    "site": "site_id", "cell": "cell_id", "latitude": "lat", "longitude": "lon", "lng": "lon",
    "azimuth": "bearing_deg", "azimuth_deg": "bearing_deg", "bearing": "bearing_deg",
    "tilt_deg": "downtilt_deg", "downtilt": "downtilt_deg", "height": "height_m",
}  # fmt: skip

TEXT = {"site_id", "cell_id"}
NUMBERS = {
    "lat", "lon", "x_m", "y_m", "height_m", "mast_height_m", "bearing_deg", "downtilt_deg",
    "power_dbm", "power_w", "carrier_hz", "carrier_mhz", "bandwidth_hz", "bandwidth_mhz", "pci",
    "load",
}  # fmt: skip

STRONGEST_DBM = 55.0
"""No carrier of a cell is stronger (316 W): a larger number is in watts [dBm]."""

Row = dict[str, Any]


def read_sites(
    scene: Scene, roofs: Roofs, path: Path, options: SiteOptions | None = None
) -> Placed:
    """Cells of a site list; what a row leaves out comes from `options`.

    Raises:
        SourceFileError: the file is missing or damaged, an id is used twice, or a value breaks a
            rule; the message names the line or entry, the field and the rule.
    """
    options = options or SiteOptions()
    cells: list[Cell] = []
    seen: dict[str, str] = {}
    ignored: dict[str, None] = {}
    for place, raw in _rows(path):
        row = _numbers(path, place, raw, ignored)
        for cell in _cells(path, place, row, scene, roofs, options, len(cells)):
            if cell.cell_id in seen:
                first = seen[cell.cell_id]
                raise SourceFileError(
                    path, f"{place}: cell_id {cell.cell_id!r} is used twice, first in {first}"
                )
            seen[cell.cell_id] = place
            cells.append(cell)
    if not cells:
        raise SourceFileError(path, "at least one site is expected")
    notes = [f"column {name!r} is not used" for name in ignored]
    return Placed(tuple(cells), tuple(notes + check_places(scene, roofs, cells)))


def _rows(path: Path) -> Iterator[tuple[str, Row]]:
    """Each row with the words that name its place in the file."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() in (".yaml", ".yml"):
            document = yaml.safe_load(text)
            if isinstance(document, dict):
                document = document.get("sites", document.get("cells"))
            if not isinstance(document, list):
                raise SourceFileError(path, "a list `sites` is expected")
            for number, entry in enumerate(document):
                if not isinstance(entry, dict):
                    raise SourceFileError(path, f"entry {number}: names and values are expected")
                name = entry.get("cell_id", entry.get("site_id", number))
                yield f"entry {name}", entry
        else:
            lines = text.splitlines()
            delimiter = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
            reader = csv.DictReader(lines, delimiter=delimiter, strict=True)
            for row in reader:
                if None in row or None in row.values():
                    raise SourceFileError(
                        path, f"line {reader.line_num}: as many values as columns are expected"
                    )
                yield f"line {reader.line_num}", row
    except OSError:
        raise SourceFileError(path, "the site list cannot be read") from None
    except (yaml.YAMLError, csv.Error, UnicodeDecodeError) as error:
        raise SourceFileError(path, f"not a site list ({error})") from None


def _numbers(path: Path, place: str, raw: Row, ignored: dict[str, None]) -> Row:
    row: Row = {}
    for key, value in raw.items():
        name = str(key).strip().lower()
        name = ALIASES.get(name, name)
        text = "" if value is None else str(value).strip()
        if not text:
            continue
        if name in TEXT:
            row[name] = text
        elif name in NUMBERS:
            row[name] = _number(path, place, name, text)
        else:
            ignored[name] = None
    return row


def _number(path: Path, place: str, name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        unit = text.lstrip("+-0123456789. ").lower()
        if name == "power_dbm" and unit in ("w", "watt", "watts"):
            watts = float(text.lower().rstrip("wats "))
            raise SourceFileError(path, f"{place}: {_in_watts(watts)}") from None
        raise SourceFileError(path, f"{place}: {name}: {text!r} is not a number") from None
    if not math.isfinite(value):
        raise SourceFileError(path, f"{place}: {name}: a finite number is expected")
    return value


def _in_watts(watts: float) -> str:
    dbm = watt_to_dbm(watts) if watts > 0 else -math.inf
    return (
        f"power_dbm: at most {STRONGEST_DBM:g} dBm is expected, {watts:g} looks like watts "
        f"({watts:g} W = {dbm:.1f} dBm; a column power_w is understood)"
    )


def _cells(
    path: Path, place: str, row: Row, scene: Scene, roofs: Roofs, options: SiteOptions, count: int
) -> list[Cell]:
    site_id = row.get("site_id", row.get("cell_id"))
    if site_id is None:
        raise SourceFileError(path, f"{place}: site_id is missing")
    x_m, y_m = (round(value, 2) for value in _position(path, place, row, scene))
    if "height_m" in row:
        z_m = roofs.ground_at(x_m, y_m) + row["height_m"]
    else:
        z_m = roofs.top_at(x_m, y_m) + row.get("mast_height_m", options.mast_height_m)
    power_dbm = row.get("power_dbm", options.power_dbm)
    if "power_w" in row:
        if row["power_w"] <= 0:
            raise SourceFileError(path, f"{place}: power_w: more than 0 W is expected")
        power_dbm = round(watt_to_dbm(row["power_w"]), 2)
    if power_dbm > STRONGEST_DBM:
        raise SourceFileError(path, f"{place}: {_in_watts(power_dbm)}")
    values: dict[str, Any] = {
        "power_dbm": power_dbm,
        "downtilt_deg": row.get("downtilt_deg", options.downtilt_deg),
        "carrier_hz": row.get("carrier_hz", 1e6 * row.get("carrier_mhz", options.carrier_hz / 1e6)),
        "bandwidth_hz": row.get(
            "bandwidth_hz", 1e6 * row.get("bandwidth_mhz", options.bandwidth_hz / 1e6)
        ),
    }
    values |= {key: row[key] for key in ("load", "pci") if key in row}
    base = sectors(site_id, x_m, y_m, round(z_m, 2), count, options)
    if "bearing_deg" in row:
        cell_id = row.get("cell_id", f"{site_id}-{row['bearing_deg']:g}")
        values |= {"cell_id": cell_id, "bearing_deg": row["bearing_deg"]}
        base = base[:1]
    try:
        return [Cell.model_validate(cell.model_dump() | values) for cell in base]
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SourceFileError(
            path, f"{place} ({site_id}): {field}: {first['msg']}, not {first['input']}"
        ) from None


def _position(path: Path, place: str, row: Row, scene: Scene) -> tuple[float, float]:
    if "x_m" in row and "y_m" in row:
        return row["x_m"], row["y_m"]
    if "lat" not in row or "lon" not in row:
        raise SourceFileError(path, f"{place}: lat and lon, or x_m and y_m, are expected")
    lat, lon = row["lat"], row["lon"]
    x_m, y_m = _local(scene, lat, lon)
    if not scene.extent.contains(x_m, y_m) and scene.extent.contains(*_local(scene, lon, lat)):
        raise SourceFileError(
            path, f"{place}: lat and lon are swapped ({lat:g}, {lon:g}): the other way round the "
            "site lies on the map"
        )  # fmt: skip
    if not (-90 <= lat <= 90 and -180 <= lon <= 180):
        raise SourceFileError(
            path, f"{place}: lat in [-90, 90] and lon in [-180, 180] are expected, "
            f"not {lat:g}, {lon:g}"
        )  # fmt: skip
    if not math.isfinite(x_m + y_m):
        raise SourceFileError(path, f"{place}: {lat:g}, {lon:g} is on the other side of the Earth")
    return x_m, y_m


def _local(scene: Scene, lat: float, lon: float) -> tuple[float, float]:
    if abs(lat) > 90 or abs(lon) > 180:
        return math.inf, math.inf
    x_m, y_m = scene.georeference.to_local(lat, lon)
    return float(x_m), float(y_m)
