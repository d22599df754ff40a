"""Turns a drive-test log into a `DriveTest`, and says what was kept, what was dropped and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from rayfix.errors import ArtefactError, SourceFileError
from rayfix.measurement.drive_test import DriveTest, load_drive_test
from rayfix.measurement.log_mapping import OWN_COLUMNS, SENTINELS, LogMapping
from rayfix.measurement.log_rows import LogReading, LogRow, read_rows
from rayfix.measurement.log_summary import ImportSummary, SuspectValues
from rayfix.measurement.noise_floor import below_noise_floor
from rayfix.measurement.report import QUANTITIES, CellMeasurement
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Scene

LIMITS: dict[str, tuple[float, float]] = {
    name: (float(rules["ge"]), float(rules["le"]))
    for name in QUANTITIES
    for rules in [
        {
            key: getattr(rule, key)
            for rule in CellMeasurement.model_fields[name].metadata
            for key in ("ge", "le")
            if hasattr(rule, key)
        }
    ]
}
"""Least and greatest value of each quantity, those of a report that the service takes."""

NEAR_SCENE_M = 20_000.0
"""A place this close to the scene's origin may belong to it; one that is not, but would be with
latitude and longitude exchanged, was written the other way round."""


def read_log(path: Path) -> DriveTest:
    """A drive test from what `rayfix measurement import` wrote, or a table with RayFix's names.

    Raises:
        ArtefactError, SourceFileError: the file is missing, damaged, or nothing of it can be used.
    """
    if path.name.endswith(".zip"):
        return load_drive_test(path)
    if not path.exists():
        raise ArtefactError(path, "the drive test is missing")
    return import_log(path)[0]


def import_log(
    path: Path,
    mapping: LogMapping = OWN_COLUMNS,
    cells: Sequence[Cell] | None = None,
    scene: Scene | None = None,
) -> tuple[DriveTest, ImportSummary]:
    """Read a log.

    Args:
        path: the log.
        mapping: what its columns mean.
        cells: the site list; cells that it lacks are counted and dropped. None keeps every cell.
        scene: tells positions that cannot be right.
    Raises:
        SourceFileError: the file is damaged, lacks a column, has its coordinates exchanged, or
            leaves nothing.
    """
    summary = ImportSummary()
    names = None if cells is None else _Names(cells)
    moments: dict[tuple[object, ...], int] = {}
    found = _Found()
    rows = list(_placed(path, read_rows(path, mapping), mapping, scene, summary))
    suspects = SuspectValues()
    for number, row in enumerate(rows):
        # Without a time nothing says which rows are one moment, except rows of one place.
        key: tuple[object, ...] = (row.track, row.time, row.lat_deg, row.lon_deg)
        if math.isnan(row.time):
            key = (row.track, number if mapping.shape == "wide" else None, *key[2:])
        kept = list(_readings(row.readings, mapping, names, summary, suspects))
        moment = moments.setdefault(key, len(moments))
        if moment == len(found.place):
            found.place.append((row.time, row.lat_deg, row.lon_deg, row.track))
        for cell, heard, values in kept:
            found.add(moment, cell, heard, values, summary)
    drive_test = found.drive_test(mapping, path, cells)
    if mapping.noise_floor_margin_db is not None:
        drive_test = below_noise_floor(drive_test, mapping.noise_floor_margin_db)
    if not len(drive_test.moment_R):
        raise SourceFileError(path, f"nothing can be used of it\n{summary.describe()}")
    summary.moments, summary.readings = len(drive_test), len(drive_test.moment_R)
    summary.not_heard = int((~drive_test.heard_R).sum())
    summary.notes += suspects.notes()
    return drive_test, summary


def _placed(
    path: Path,
    rows: Iterable[LogRow],
    mapping: LogMapping,
    scene: Scene | None,
    summary: ImportSummary,
) -> Iterator[LogRow]:
    """Rows with a usable place and time; the others are counted.

    Raises:
        SourceFileError: half of the places, or more, are those of exchanged coordinates.
    """
    unzoned = swapped = 0
    kept: list[LogRow] = []
    for row in rows:
        summary.rows += 1
        lat, lon = row.lat_deg, row.lon_deg
        if mapping.swap_lat_lon:
            lat, lon = lon, lat
        if not (math.isfinite(lat) and math.isfinite(lon)) or _is_filler(lat, lon):
            summary.dropped_rows["no position"] += 1
        elif _exchanged(lat, lon, scene):
            swapped += 1
            summary.dropped_rows["latitude and longitude look exchanged"] += 1
        elif abs(lat) > 90 or abs(lon) > 180:
            summary.dropped_rows["position outside the Earth"] += 1
        elif math.isnan(row.time) and mapping.time is not None:
            summary.dropped_rows["time not readable"] += 1
        else:
            unzoned += not row.zoned
            kept.append(LogRow(row.time, row.zoned, lat, lon, row.track, row.readings))
    if swapped and swapped >= len(kept):
        raise SourceFileError(
            path,
            f"latitude and longitude look exchanged in {swapped} of {summary.rows} rows: check the "
            "columns, or set `swap_lat_lon: true` in the mapping file",
        )
    if unzoned:
        summary.notes.append(
            f"{unzoned} times carry no zone and were taken as UTC; `time_zone` in the mapping file "
            "says otherwise"
        )
    yield from kept


def _is_filler(lat: float, lon: float) -> bool:
    return lat in SENTINELS or lon in SENTINELS or (lat == lon and lat in (0.0, -1.0))


def _exchanged(lat: float, lon: float, scene: Scene | None) -> bool:
    if scene is None:
        return abs(lat) > 90 >= abs(lon) and abs(lat) <= 180
    if abs(lon) > 90:
        return False

    def distance_m(lat: float, lon: float) -> float:
        north = (lat - scene.origin_lat_deg) * 111_000.0
        east = (
            (lon - scene.origin_lon_deg) * 111_000.0 * math.cos(math.radians(scene.origin_lat_deg))
        )
        return math.hypot(east, north)

    return distance_m(lat, lon) > NEAR_SCENE_M >= distance_m(lon, lat)


class _Names:
    """Which cell of the site list a log means."""

    def __init__(self, cells: Sequence[Cell]) -> None:
        self._by_name: dict[str, str] = {}
        pci = Counter(cell.pci for cell in cells)
        for cell in cells:
            self._by_name[cell.cell_id] = cell.cell_id
            if cell.pci is not None and pci[cell.pci] == 1:
                self._by_name.setdefault(f"pci:{cell.pci}", cell.cell_id)
            if (i := cell.identity) is not None:
                for tac in (i.tac, None):
                    parts = (i.radio_type, int(i.mcc), int(i.mnc), tac, i.cell_identity)
                    self._by_name.setdefault("-".join(map(str, parts)), cell.cell_id)
                self._by_name.setdefault(str(i.cell_identity), cell.cell_id)

    def find(self, names: tuple[str, ...]) -> str | None:
        return next((self._by_name[name] for name in names if name in self._by_name), None)


def _readings(
    readings: Sequence[LogReading],
    mapping: LogMapping,
    names: _Names | None,
    summary: ImportSummary,
    suspects: SuspectValues,
) -> Iterator[tuple[str, bool, dict[str, float]]]:
    """Cell, whether it was heard, and its values within limits; what is left out is counted."""
    for reading in readings:
        if not reading.names or not reading.names[0]:
            summary.dropped_readings["no cell"] += 1
            continue
        cell = reading.names[0] if names is None else names.find(reading.names)
        if cell is None:
            summary.unknown_cells[reading.names[0]] += 1
            continue
        values: dict[str, float] = {}
        silent = False
        for quantity, value in reading.values.items():
            low, high = LIMITS[quantity]
            if value in SENTINELS or value in mapping.missing:
                summary.dropped_values[f"{quantity}: a number that means no value"] += 1
            elif value in mapping.not_heard:
                silent = True
            elif math.isfinite(value) and not low <= value <= high:
                summary.dropped_values[f"{quantity} outside {low:g} to {high:g}"] += 1
            elif math.isfinite(value):
                values[quantity] = value
                suspects.count(quantity, value)
        if silent and mapping.unlisted == "unknown":
            yield cell, False, {}
        elif values and not silent:
            yield cell, True, values
        elif not silent:
            summary.dropped_readings["no value"] += 1


class _Found:
    """Moments and readings as they are collected."""

    def __init__(self) -> None:
        self.place: list[tuple[float, float, float, str]] = []
        self._reading: dict[tuple[int, str], tuple[bool, dict[str, float]]] = {}

    def add(
        self, moment: int, cell: str, heard: bool, values: dict[str, float], summary: ImportSummary
    ) -> None:
        known = self._reading.setdefault((moment, cell), (heard, values))
        if known[1] is values and known[0] == heard:
            return
        same = known == (heard, values)
        summary.dropped_readings[
            "duplicate" if same else "cell twice at one moment with other values, the first counts"
        ] += 1

    def drive_test(
        self, mapping: LogMapping, path: Path, cells: Sequence[Cell] | None
    ) -> DriveTest:
        """In the order of time within each trajectory."""
        heard_of = {cell for _, cell in self._reading}
        ids = sorted(heard_of) if cells is None else [cell.cell_id for cell in cells]
        index = {cell: position for position, cell in enumerate(ids)}
        with_reading = sorted({moment for moment, _ in self._reading})
        order = sorted(
            with_reading,
            key=lambda m: (self.place[m][3], np.nan_to_num(self.place[m][0], nan=0.0), m),
        )
        position = {moment: place for place, moment in enumerate(order)}
        keys = sorted(self._reading, key=lambda key: (position[key[0]], index[key[1]]))
        values = np.full((len(keys), len(QUANTITIES)), np.nan, np.float32)
        for row, key in enumerate(keys):
            for quantity, value in self._reading[key][1].items():
                values[row, QUANTITIES.index(quantity)] = value
        places = [self.place[moment] for moment in order]
        tracks = tuple(sorted({place[3] for place in places}))
        return DriveTest(
            time_s_M=np.array([place[0] for place in places]),
            lat_deg_M=np.array([place[1] for place in places]),
            lon_deg_M=np.array([place[2] for place in places]),
            track_M=np.array([tracks.index(place[3]) for place in places], np.int64),
            tracks=tracks,
            cell_ids=tuple(ids),
            moment_R=np.array([position[key[0]] for key in keys], np.int64),
            cell_R=np.array([index[key[1]] for key in keys], np.int64),
            heard_R=np.array([self._reading[key][0] for key in keys], bool),
            values_RQ=values,
            unlisted=mapping.unlisted,
            attributes={"source": path.name, "format": mapping.format},
        )
