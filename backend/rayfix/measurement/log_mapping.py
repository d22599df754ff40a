"""What the columns of a drive-test log mean: a mapping file, one YAML per kind of log."""

from __future__ import annotations

from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import load_config
from rayfix.measurement.drive_test import Unlisted
from rayfix.measurement.report import QUANTITIES

SENTINELS = (2147483647.0, -2147483648.0, 9223372036854775807.0, -999.0, -9999.0, 99999.0)
"""Numbers that loggers write for "no value": Java's and C's integer limits, and repeated nines."""


class Column(BaseModel):
    """A column with its unit: value = scale x number + offset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    scale: float = 1.0
    offset: float = 0.0


class LogMapping(BaseModel):
    """How to read a log.

    Attributes:
        format: `csv` (any table with a header), `gnettrack`, or `geosubmit` (JSON of Google and
            ichnaea); the last two need no further field.
        shape: `long`, a row per time and cell, or `wide`, a column per cell.
        delimiter: of the table; empty = found from the header.
        time, latitude, longitude, track: columns; without a time, every place is a moment.
        time_format: `s` or `ms` since 1970, a strptime pattern, or empty for ISO 8601.
        time_zone: IANA name of the zone of times that carry none; empty = UTC, and said.
        cell: long: columns whose values, joined by "-", name the cell.
        cells: wide: cell id by column; empty = every column that nothing else uses, under its name.
        cell_prefix: wide, without `cells`: only columns that start so.
        quantity: wide: what the values are.
        scale, offset: wide: value = scale x number + offset.
        quantities: long: column of each measured quantity.
        not_heard: values that mean "listened for, not heard".
        missing: values that mean "no value", beside `SENTINELS` (-101 for a receiver that is off).
        noise_floor_margin_db: values at most this far over the weakest twentieth of a cell's values
            of the same track mean "not heard"; None = all are heard.
        unlisted: what a cell without a reading at a moment means, see `DriveTest`.
        swap_lat_lon: the columns are the other way round.
        where: rows to keep: the value, or one of the values, that a column must have.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["csv", "gnettrack", "geosubmit"] = "csv"
    shape: Literal["long", "wide"] = "long"
    delimiter: str = Field(default="", max_length=1)
    time: str | None = "time"
    time_format: str = ""
    time_zone: str = ""
    latitude: str = "lat"
    longitude: str = "lon"
    track: str | None = None
    cell: tuple[str, ...] = ("cell_id",)
    cells: dict[str, str] = Field(default_factory=dict)
    cell_prefix: str = ""
    quantity: str = "rsrp_dbm"
    scale: float = 1.0
    offset: float = 0.0
    quantities: dict[str, Column] = Field(default_factory=dict)
    not_heard: tuple[float, ...] = ()
    missing: tuple[float, ...] = ()
    noise_floor_margin_db: float | None = Field(default=None, ge=0, le=30)
    unlisted: Unlisted = "silent"
    swap_lat_lon: bool = False
    where: dict[str, str | tuple[str, ...]] = Field(default_factory=dict)

    @field_validator("cell", mode="before")
    @classmethod
    def _one_or_more(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else value

    @field_validator("where", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        """A YAML number or a list of them is compared as the text that the table holds."""
        if not isinstance(value, dict):
            return value
        return {
            key: tuple(str(v) for v in wanted) if isinstance(wanted, list) else str(wanted)
            for key, wanted in value.items()
        }

    @field_validator("quantities", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        if not isinstance(value, dict):
            return value
        return {k: {"column": v} if isinstance(v, str) else v for k, v in value.items()}

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value or "UTC")
        except (KeyError, ValueError, OSError):
            raise ValueError(f"no time zone '{value}' (an IANA name, as Europe/Vienna)") from None
        return value

    @model_validator(mode="after")
    def _known_quantities(self) -> LogMapping:
        for name in (*self.quantities, self.quantity):
            if name not in QUANTITIES:
                raise ValueError(f"no quantity '{name}' (known: {', '.join(QUANTITIES)})")
        return self


OWN_COLUMNS = LogMapping(
    quantities={name: Column(column=name) for name in QUANTITIES},
)
"""Tables with RayFix's own column names need no mapping file; absent columns are missing values."""


def load_mapping(path: Path) -> LogMapping:
    """Read a mapping file.

    Raises:
        ConfigError: it is missing, not YAML, or a field breaks a rule.
    """
    return load_config(path, LogMapping)


def mapping_for(path: Path | None, log_format: str = "csv") -> LogMapping:
    """The mapping of a file, or the default one of a format.

    Raises:
        ConfigError: the mapping file breaks a rule.
        InvalidInputError: no such format.
    """
    if path is not None:
        return load_mapping(path)
    if log_format == "csv":
        return OWN_COLUMNS
    try:
        return LogMapping.model_validate({"format": log_format})
    except ValidationError:
        raise InvalidInputError("format", "csv, gnettrack or geosubmit is expected") from None
