"""A cell: one sector of a site. Site lists are `cells.yaml` files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rayfix.errors import ConfigError
from rayfix.files import write_text_whole

RESOURCE_BLOCKS_BY_NUMEROLOGY: dict[tuple[int, int], int] = {
    (15, 5): 25, (15, 10): 52, (15, 15): 79, (15, 20): 106, (15, 40): 216, (15, 50): 270,
    (30, 5): 11, (30, 10): 24, (30, 15): 38, (30, 20): 51, (30, 40): 106, (30, 50): 133,
    (30, 60): 162, (30, 80): 217, (30, 90): 245, (30, 100): 273,
    (60, 10): 11, (60, 20): 24, (60, 40): 51, (60, 50): 65, (60, 60): 79, (60, 80): 107,
    (60, 100): 135,
}  # fmt: skip
"""Transmission bandwidth N_RB by (subcarrier spacing [kHz], channel bandwidth [MHz]),
TS 38.104, table 5.3.2-1."""


class CellIdentity(BaseModel):
    """How the network names a cell (TS 23.003, 19.6A); used by standard interfaces."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    radio_type: Literal["nr", "lte"] = "nr"
    mcc: str = Field(pattern=r"^\d{3}$")
    mnc: str = Field(pattern=r"^\d{2,3}$")
    tac: int = Field(ge=0, le=0xFFFFFF)
    cell_identity: int = Field(ge=0, lt=1 << 36, description="NCI (36 bit) or ECI (28 bit)")


class Cell(BaseModel):
    """One sector: place, pointing, power and carrier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    cell_id: str = Field(min_length=1, max_length=64)
    site_id: str = Field(min_length=1, max_length=64)
    x_m: float = Field(allow_inf_nan=False, description="east of the scene's origin")
    y_m: float = Field(allow_inf_nan=False, description="north of the scene's origin")
    z_m: float = Field(allow_inf_nan=False, description="antenna height in the scene's frame")
    bearing_deg: float = Field(ge=0, lt=360, description="boresight, clockwise from true north")
    downtilt_deg: float = Field(default=0.0, ge=-90, le=90, description="positive points down")
    power_dbm: float = Field(
        default=44.0, ge=-30, le=70, description="total transmit power over the carrier"
    )
    carrier_hz: float = Field(default=3.5e9, ge=4e8, le=1e11)
    bandwidth_hz: float = Field(default=100e6, ge=5e6, le=4e8)
    subcarrier_spacing_hz: float = Field(default=30e3, ge=15e3, le=120e3)
    load: float = Field(
        default=0.5, ge=0, le=1, description="share of resource blocks in use: interference weight"
    )
    pci: int | None = Field(default=None, ge=0, le=1007, description="TS 38.211, 7.4.2.1")
    identity: CellIdentity | None = None

    @property
    def resource_blocks(self) -> int:
        """N_RB of the carrier (TS 38.104, table 5.3.2-1; 95 % of the bandwidth if not listed)."""
        key = (round(self.subcarrier_spacing_hz / 1e3), round(self.bandwidth_hz / 1e6))
        listed = RESOURCE_BLOCKS_BY_NUMEROLOGY.get(key)
        return listed or int(0.95 * self.bandwidth_hz / (12 * self.subcarrier_spacing_hz))

    @property
    def energy_per_resource_element_dbm(self) -> float:
        """EPRE [dBm]: RSRP = EPRE + path gain (TS 38.214, 4.1; TS 38.215, 5.1.1)."""
        return self.power_dbm - 10.0 * math.log10(12 * self.resource_blocks)


def load_cells(path: Path) -> tuple[Cell, ...]:
    """Read a site list.

    Raises:
        ConfigError: the file is missing, not YAML, has no cells, repeats an id, or a value breaks
            a rule; the message names the cell, the field and the rule.
    """
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(path, "the site list is missing") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(path, f"not YAML ({error})") from None
    entries = document.get("cells") if isinstance(document, dict) else None
    if not isinstance(entries, list) or not entries:
        raise ConfigError(path, "a list `cells` with at least one cell is expected")
    cells: list[Cell] = []
    seen: set[str] = set()
    for number, entry in enumerate(entries):
        name = entry.get("cell_id", number) if isinstance(entry, dict) else number
        try:
            cell = Cell.model_validate(entry)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ConfigError(path, f"cell {name}: {field}: {first['msg']}") from None
        if cell.cell_id in seen:
            raise ConfigError(path, f"cell {cell.cell_id}: the id is used twice")
        seen.add(cell.cell_id)
        cells.append(cell)
    return tuple(cells)


def save_cells(path: Path, cells: Iterable[Cell]) -> Path:
    """Write a site list, whole or not at all."""
    entries: list[dict[str, Any]] = [cell.model_dump(exclude_none=True) for cell in cells]
    write_text_whole(path, yaml.safe_dump({"cells": entries}, sort_keys=False, allow_unicode=True))
    return path


def sites_of(cells: Sequence[Cell]) -> dict[tuple[float, float, float], list[int]]:
    """Indices of the cells that share one antenna position (x, y, z) [m], in first-seen order."""
    sites: dict[tuple[float, float, float], list[int]] = {}
    for index, cell in enumerate(cells):
        sites.setdefault((cell.x_m, cell.y_m, cell.z_m), []).append(index)
    return sites
