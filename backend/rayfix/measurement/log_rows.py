"""Readers of drive-test logs: each turns one kind of file into the same rows."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rayfix.errors import SourceFileError
from rayfix.measurement.log_mapping import SENTINELS, Column, LogMapping
from rayfix.measurement.report import QUANTITIES

GNETTRACK_TIME = "%Y.%m.%d_%H.%M.%S"
GNETTRACK_NEIGHBOURS = 18
GNETTRACK_LTE = ("LTE", "4G", "NR", "5G")
EMPTY = ("", "-", "nan", "NaN", "null", "None", "N/A")


@dataclass(frozen=True)
class LogReading:
    """One cell in a row: its names, the best one first, and its values as numbers of the log."""

    names: tuple[str, ...]
    values: dict[str, float]


@dataclass(frozen=True)
class LogRow:
    """One row of a log, before anything is checked.

    Attributes:
        time: seconds since 1970; NaN = none or not readable.
        zoned: whether the time carried a zone, or none was needed.
        lat_deg, lon_deg: as written; NaN = none.
        track: name of the trajectory.
        readings: cells of the row.
    """

    time: float
    zoned: bool
    lat_deg: float
    lon_deg: float
    track: str
    readings: tuple[LogReading, ...]


def read_rows(path: Path, mapping: LogMapping) -> Iterator[LogRow]:
    """Rows of a log.

    Raises:
        SourceFileError: the file is missing, not of the format, or lacks a column of the mapping.
    """
    if mapping.format == "geosubmit":
        yield from _geosubmit(path)
        return
    header, rows = _table(path, mapping.delimiter)
    if mapping.format == "gnettrack":
        yield from _gnettrack(path, header, rows, mapping)
    elif mapping.shape == "wide":
        yield from _wide(path, header, rows, mapping)
    else:
        yield from _long(path, header, rows, mapping)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
        return content.decode("utf-8-sig")
    except FileNotFoundError:
        raise SourceFileError(path, "the log is missing") from None
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise SourceFileError(path, f"not text, or damaged ({error})") from None


def _table(path: Path, delimiter: str) -> tuple[list[str], Iterator[dict[str, str]]]:
    text = _text(path)
    first = text.partition("\n")[0]
    delimiter = delimiter or max(",;\t|", key=first.count)
    reader = csv.DictReader(io.StringIO(text), delimiter=delimiter)
    if not reader.fieldnames:
        raise SourceFileError(path, "a table with a header is expected")
    header = [name.strip() for name in reader.fieldnames]
    reader.fieldnames = header

    def rows() -> Iterator[dict[str, str]]:
        try:
            for row in reader:
                yield {key: value or "" for key, value in row.items() if isinstance(key, str)}
        except csv.Error as error:
            raise SourceFileError(path, f"line {reader.line_num}: {error}") from None

    return header, rows()


def _require(path: Path, header: Sequence[str], columns: Sequence[str | None]) -> None:
    for column in columns:
        if column is not None and column not in header:
            raise SourceFileError(
                path, f"column '{column}' is missing (there are: {', '.join(header[:20])})"
            )


def number(text: str) -> float:
    """A number of a table, NaN where there is none."""
    text = text.strip()
    if text in EMPTY:
        return math.nan
    try:
        return float(text)
    except ValueError:
        return math.nan


def read_time(text: str, pattern: str, zone: str) -> tuple[float, bool]:
    """Seconds since 1970 (NaN = not readable), and whether the text needed no zone from outside."""
    text = text.strip()
    if pattern in ("s", "ms"):
        return number(text) / (1000.0 if pattern == "ms" else 1.0), True
    try:
        moment = datetime.strptime(text, pattern) if pattern else datetime.fromisoformat(text)
    except ValueError:
        value = number(text)
        return (math.nan, True) if pattern else (value, True)
    zoned = moment.tzinfo is not None or bool(zone)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(zone or "UTC"))
    return moment.timestamp(), zoned


def _kept(row: dict[str, str], mapping: LogMapping) -> bool:
    return all(
        row[column] in ((wanted,) if isinstance(wanted, str) else wanted)
        for column, wanted in mapping.where.items()
    )


def _row(row: dict[str, str], mapping: LogMapping, readings: tuple[LogReading, ...]) -> LogRow:
    time, zoned = (
        (math.nan, True)
        if mapping.time is None
        else read_time(row[mapping.time], mapping.time_format, mapping.time_zone)
    )
    track = row[mapping.track] if mapping.track else ""
    lat, lon = number(row[mapping.latitude]), number(row[mapping.longitude])
    return LogRow(time, zoned, lat, lon, track, readings)


def _long(
    path: Path, header: list[str], rows: Iterator[dict[str, str]], mapping: LogMapping
) -> Iterator[LogRow]:
    columns = {q: c for q, c in mapping.quantities.items() if c.column in header}
    named = [mapping.latitude, mapping.longitude, mapping.time, mapping.track, *mapping.where]
    _require(path, header, [*named, *mapping.cell])
    if not columns:
        wanted = ", ".join(c.column for c in mapping.quantities.values()) or "none is mapped"
        raise SourceFileError(path, f"no column with a measured quantity (looked for: {wanted})")
    for row in rows:
        if _kept(row, mapping):
            parts = [row[column].strip() for column in mapping.cell]
            name = "-".join(parts) if all(parts) else ""
            values = {q: _scaled(row[c.column], c) for q, c in columns.items()}
            yield _row(row, mapping, (LogReading((name,), values),))


def _wide(
    path: Path, header: list[str], rows: Iterator[dict[str, str]], mapping: LogMapping
) -> Iterator[LogRow]:
    named = [mapping.latitude, mapping.longitude, mapping.time, mapping.track, *mapping.where]
    _require(path, header, [*named, *mapping.cells])
    cells = mapping.cells or {
        name: name for name in header if name not in named and name.startswith(mapping.cell_prefix)
    }
    if not cells:
        raise SourceFileError(path, "no column of a cell")
    unit = Column(column="", scale=mapping.scale, offset=mapping.offset)
    quantity = mapping.quantity
    for row in rows:
        if _kept(row, mapping):
            readings = tuple(
                LogReading((cell_id,), {quantity: _scaled(row[column], unit)})
                for column, cell_id in cells.items()
                if row[column].strip() not in EMPTY
            )
            yield _row(row, mapping, readings)


def _scaled(text: str, column: Column) -> float:
    value = number(text)
    # Sentinels are numbers of the log: no conversion may hide them.
    return value if value in SENTINELS else column.scale * value + column.offset


def _gnettrack(
    path: Path, header: list[str], rows: Iterator[dict[str, str]], mapping: LogMapping
) -> Iterator[LogRow]:
    """G-NetTrack (Lite and Pro): the serving cell and up to 18 neighbours per row.

    `Level`, `Qual` and `SNR` are RSRP, RSRQ and SINR of LTE and NR; of older networks they are
    something else, so that such rows have no readings. A neighbour is named by its PCI alone.
    """
    _require(path, header, ["Timestamp", "Longitude", "Latitude", "CellID", "Level"])
    pci_of = {name: name in header for name in ("PSC", "PCI")}
    for row in rows:
        time, zoned = read_time(row["Timestamp"], GNETTRACK_TIME, mapping.time_zone)
        readings: list[LogReading] = []
        if row.get("NetworkTech", "LTE").strip().upper().startswith(GNETTRACK_LTE):
            pci = next((row[name] for name, there in pci_of.items() if there), "")
            names = [row["CellID"], row.get("Cellname", ""), row.get("CGI", "")]
            readings.append(
                LogReading(
                    (*_known(names), *_pci(pci)),
                    {
                        "rsrp_dbm": number(row["Level"]),
                        "rsrq_db": number(row.get("Qual", "")),
                        "sinr_db": number(row.get("SNR", "")),
                        "cqi": number(row.get("CQI", "")),
                    },
                )
            )
            for n in range(1, GNETTRACK_NEIGHBOURS + 1):
                name = row.get(f"NCell{n}", row.get(f"NCellid{n}", "")).strip()
                level = number(row.get(f"NRxLev{n}", ""))
                if name not in EMPTY and not math.isnan(level):
                    quality = number(row.get(f"NQual{n}", ""))
                    readings.append(LogReading(_pci(name), {"rsrp_dbm": level, "rsrq_db": quality}))
        lat, lon = number(row["Latitude"]), number(row["Longitude"])
        yield LogRow(time, zoned, lat, lon, "", tuple(readings))


def _known(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.strip() for name in names if name.strip() not in EMPTY)


def _pci(text: str) -> tuple[str, ...]:
    value = number(text)
    return () if math.isnan(value) else (f"pci:{int(value)}",)


def _geosubmit(path: Path) -> Iterator[LogRow]:
    """ichnaea geosubmit version 2: `{"items": [{timestamp, position, cellTowers}]}`."""
    try:
        document: Any = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise SourceFileError(path, f"not JSON ({error})") from None
    items = document.get("items") if isinstance(document, dict) else None
    if not isinstance(items, list):
        raise SourceFileError(path, "a list `items` is expected (geosubmit version 2)")
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise SourceFileError(path, f"items[{index}]: an object is expected")
        position = item.get("position")
        position = position if isinstance(position, dict) else {}
        towers = item.get("cellTowers")
        readings = (
            tuple(_tower(tower) for tower in towers or () if isinstance(tower, dict))
            if isinstance(towers, list)
            else ()
        )
        yield LogRow(
            _plain(item.get("timestamp")) / 1000.0, True, _plain(position.get("latitude")),
            _plain(position.get("longitude")), "", readings,
        )  # fmt: skip


def _tower(tower: dict[str, Any]) -> LogReading:
    radio = str(tower.get("radioType", "")).lower()
    cell = tower.get("newRadioCellId", tower.get("cellId"))
    network = [tower.get(k) for k in ("mobileCountryCode", "mobileNetworkCode")]
    parts = [radio, *network, tower.get("locationAreaCode"), cell]
    names = ("-".join(str(p) for p in parts),) if cell is not None else ()
    pci = tower.get("primaryScramblingCode", tower.get("psc"))
    values = {
        "rsrp_dbm": _plain(tower.get("rsrp", tower.get("signalStrength"))),
        "rsrq_db": _plain(tower.get("rsrq")),
        "sinr_db": _plain(tower.get("sinr")),
        "timing_advance": _plain(tower.get("timingAdvance")),
    }
    return LogReading(
        (*names, *_pci("" if pci is None else str(pci))),
        {name: value for name, value in values.items() if name in QUANTITIES},
    )


def _plain(value: object) -> float:
    return (
        float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    )
