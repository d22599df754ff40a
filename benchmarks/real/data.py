"""The public POWDER outdoor RSS data as a drive test: one transmitter, heard by fixed receivers.

The benchmark takes the data's path; the project does not contain the data. A receiver is a cell
here: the uplink mirror of a phone that hears cell sites.
"""

from __future__ import annotations

import csv
import gzip
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rayfix.errors import SourceFileError
from rayfix.measurement.drive_test import DriveTest
from rayfix.measurement.import_log import import_log
from rayfix.measurement.log_mapping import LogMapping
from rayfix.scene.cell import Cell
from rayfix.scene.scene import Scene

SAMPLES = ("samples_fixed_rx.csv.gz", "samples_fixed_rx.csv")
NOISE_MARGIN_DB = 1.5
"""Readings at most this far over a receiver's noise floor say that it heard nothing."""


def outdoor_on_campus(receivers: tuple[str, ...]) -> LogMapping:
    """How the table of samples reads; a track is a day, over which receivers keep their gain."""
    return LogMapping(
        shape="wide",
        time="timestamp",
        time_zone="America/Denver",
        latitude="tx_lat",
        longitude="tx_lon",
        cells={name: name for name in receivers},
        unlisted="unknown",
        where={"indoor": "0", "off_campus": "0"},
    )


def read_receivers(path: Path) -> dict[str, tuple[float, float]]:
    """Latitude and longitude [deg] of each receiver.

    Raises:
        SourceFileError: the file is missing or not of this shape.
    """
    try:
        with path.open(newline="") as file:
            return {
                row["rx"]: (float(row["lat"]), float(row["lon"])) for row in csv.DictReader(file)
            }
    except FileNotFoundError:
        raise SourceFileError(path, "receivers.csv is expected beside the samples") from None
    except (KeyError, ValueError) as error:
        raise SourceFileError(path, f"columns rx, lat, lon are expected ({error})") from None


@dataclass(frozen=True)
class Powder:
    """Samples and the file's folder."""

    drive_test: DriveTest
    receivers: dict[str, tuple[float, float]]

    def cells(self, scene: Scene) -> tuple[Cell, ...]:
        """Receivers as omnidirectional cells of a scene; heights are not known."""
        x_m, y_m = scene.georeference.to_local(*np.array(list(self.receivers.values())).T)
        return tuple(
            Cell(
                cell_id=name, site_id=name, x_m=float(x), y_m=float(y), z_m=10.0, bearing_deg=0.0,
                carrier_hz=462.7e6,
            )
            for name, x, y in zip(self.receivers, x_m, y_m, strict=True)
        )  # fmt: skip


def load(path: Path) -> Powder:
    """Read a folder, or a table of samples with receivers.csv beside it.

    Raises:
        SourceFileError: a file is missing or not of this shape.
    """
    table = path
    if path.is_dir():
        table = next((path / name for name in SAMPLES if (path / name).exists()), path / SAMPLES[0])
    receivers = read_receivers(table.parent / "receivers.csv")
    header = _header(table)
    mapping = outdoor_on_campus(tuple(name for name in receivers if name in header))
    drive_test, _ = import_log(table, mapping)
    return Powder(by_day(drive_test).with_cells(list(receivers)), receivers)


def by_day(drive_test: DriveTest) -> DriveTest:
    """The drive test with a track per day (UTC)."""
    day = np.floor(drive_test.time_s_M / 86_400).astype(np.int64)
    days, track = np.unique(day, return_inverse=True)
    names = tuple(str(np.datetime64(int(d), "D")) for d in days)
    return replace(drive_test, track_M=track.astype(np.int64), tracks=names)


def _header(table: Path) -> list[str]:
    try:
        with gzip.open(table, "rt") if table.suffix == ".gz" else table.open() as file:
            return file.readline().strip().split(",")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise SourceFileError(table, f"cannot be read ({error})") from None
