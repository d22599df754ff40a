"""Conditions that reports are drawn under, and the worlds that they are drawn in."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar, get_args

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rayfix.errors import ConfigError
from rayfix.measurement.protocol import A3Event
from rayfix.scene.cell import Cell

DEFAULT_PATH = Path("configs/conditions.yaml")

DrawnQuantity = Literal[
    "rsrp_dbm",
    "rsrq_db",
    "sinr_db",
    "cqi",
    "ri",
    "pmi",
    "timing_advance",
    "toa_ns",
    "aoa_deg",
    "throughput_mbps",
    "bler",
    "beam_id",
]
DRAWN_QUANTITIES: tuple[str, ...] = get_args(DrawnQuantity)
"""Quantities that `draw_reports` can fill, names of `CellMeasurement`; ri, pmi and beam_id need a
dataset with the detail of its paths, throughput and block error rate the extra `maps`."""

Share = Annotated[float, Field(ge=0, le=1)]

NOMINAL = "nominal"
"""Name of the world that the radio map was traced in."""


class WorldChange(BaseModel):
    """How a world differs from the one that the radio map was traced in; all zero = nominal."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bearing_error_deg: float = Field(default=0.0, ge=0, le=90, description="standard deviation")
    downtilt_error_deg: float = Field(default=0.0, ge=0, le=45, description="standard deviation")
    power_error_db: float = Field(default=0.0, ge=0, le=20, description="standard deviation")
    redraw_materials: bool = False
    seed: int = Field(default=0, ge=0)

    def apply(self, cells: Sequence[Cell]) -> tuple[Cell, ...]:
        """The cells as they are in this world; deterministic for a seed and an order of cells."""
        errors = np.random.default_rng(self.seed).standard_normal((len(cells), 3))
        return tuple(
            cell.model_copy(
                update={
                    "bearing_deg": float((cell.bearing_deg + b * self.bearing_error_deg) % 360.0),
                    "downtilt_deg": float(cell.downtilt_deg + t * self.downtilt_error_deg),
                    "power_dbm": float(cell.power_dbm + p * self.power_error_db),
                }
            )
            for cell, (b, t, p) in zip(cells, errors, strict=True)
        )


class Condition(BaseModel):
    """Errors of a report, and the world that it is measured in.

    Attributes:
        world: name of a world of the same file.
        quantities: what is measured, names of `CellMeasurement`. CQI, RI, PMI, throughput and
            block error rate are those of the serving cell.
        rsrp_residual_db: standard deviation of RSRP around its ray-traced value [dB]: shadowing
            and fading that ray tracing does not model. RSRQ, SINR and CQI follow from these RSRP.
        correlated_share: share of the residual's variance that is correlated in space along a
            sequence, per cell; the rest is independent from report to report.
        correlation_length_m: distance at which that correlation falls to 1/e [m].
        timing_error_ns: rms error of the time of arrival before quantisation [ns].
        clock_offset_ns: standard deviation of the offset of the phone's clock, which all one-way
            times of arrival of a report share [ns]; drawn anew for every sequence. A timing
            advance is half a round trip, so that it has none.
        clock_drift_ns_s: standard deviation of that clock's drift within a sequence [ns/s];
            100 ns/s are the 0.1 ppm that TS 38.101-1 (6.4.1) allows.
        aoa_error_deg: rms error of UL-AoA [deg].
        missing_share: share of each measured quantity that is missing, independently.
        missing_share_of: shares of single quantities that differ from it.
        beam_error_db: standard deviation of L1-RSRP between the beams of a cell [dB].
        handover: which cell serves, by event A3; none: always the strongest.
        timing_advance_of: whose timing advance is known: every cell's, or the serving one's only.
        max_cells: a report holds this many cells, the strongest by measured RSRP.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    world: str
    quantities: tuple[DrawnQuantity, ...] = Field(min_length=1)
    rsrp_residual_db: float = Field(ge=0, le=40)
    correlated_share: Share = 0.5
    correlation_length_m: float = Field(default=10.0, gt=0, le=1e4)
    timing_error_ns: float = Field(default=0.0, ge=0, le=1e5)
    clock_offset_ns: float = Field(default=0.0, ge=0, le=1e5)
    clock_drift_ns_s: float = Field(default=0.0, ge=0, le=1e5)
    aoa_error_deg: float = Field(default=0.0, ge=0, le=180)
    missing_share: Share = 0.0
    missing_share_of: dict[DrawnQuantity, Share] = Field(default_factory=dict)
    beam_error_db: float = Field(default=0.0, ge=0, le=40)
    handover: A3Event | None = None
    timing_advance_of: Literal["all", "serving"] = "all"
    max_cells: int = Field(default=8, ge=1, le=64)

    @property
    def missing_cell_share(self) -> float:
        """Probability that all quantities of a cell are missing (CQI aside, which only the serving
        cell has)."""
        return math.prod(
            self.missing_share_of.get(name, self.missing_share)
            for name in self.quantities
            if name != "cqi"
        )


class Conditions(BaseModel):
    """The file `configs/conditions.yaml`: worlds and conditions by name."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    worlds: dict[str, WorldChange]
    conditions: dict[str, Condition] = Field(min_length=1)

    @model_validator(mode="after")
    def _worlds_exist(self) -> Conditions:
        for name, condition in self.conditions.items():
            if condition.world not in self.worlds:
                known = ", ".join(sorted(self.worlds))
                raise ValueError(
                    f"conditions.{name}.world: no world '{condition.world}' (known: {known})"
                )
        return self


def load_conditions(path: Path = DEFAULT_PATH) -> Conditions:
    """Read worlds and conditions.

    Raises:
        ConfigError: the file is missing, not YAML, or a value breaks a rule; the message names
            the key and the rule.
    """
    return load_config(path, Conditions)


Config = TypeVar("Config", bound=BaseModel)


def load_config(path: Path, kind: type[Config]) -> Config:
    """Read a YAML file into a typed configuration that refuses unknown keys.

    Raises:
        ConfigError: as for `load_conditions`.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(path, "the file is missing") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(path, f"not YAML ({error})") from None
    try:
        return kind.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        if first["type"] == "extra_forbidden":
            raise ConfigError(path, f"{field}: no such key") from None
        rule = first["msg"].removeprefix("Value error, ")
        raise ConfigError(path, f"{field}: {rule}" if field else rule) from None
