"""New powers and loads of cells, as a command line gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell, load_cells

EVERY_CELL = "all"


def cells_from_options(
    folder: Path, site_list: Path | None, powers: Sequence[str], loads: Sequence[str]
) -> tuple[Cell, ...]:
    """The cells of a map, or of a site list, with changes such as `MUC01-1=43` or `all=0.3`.

    Raises:
        ConfigError: a site list cannot be read.
        InvalidInputError: there is no such cell, or a value is not a number or breaks a rule.
    """
    cells = load_cells(site_list or folder / "cells.yaml")
    return changed_cells(cells, _values("power", powers), _values("load", loads))


def changed_cells(
    cells: Sequence[Cell], powers_dbm: Mapping[str, float], loads: Mapping[str, float]
) -> tuple[Cell, ...]:
    """Cells with other powers and loads, by cell id; the id `all` stands for every other cell.

    Raises:
        InvalidInputError: there is no such cell, or a value breaks a rule of site lists.
    """
    known = {cell.cell_id for cell in cells} | {EVERY_CELL}
    for field, values in (("power", powers_dbm), ("load", loads)):
        unknown = sorted(set(values) - known)
        if unknown:
            raise InvalidInputError(field, f"the map has no cell '{unknown[0]}'")
    changed = []
    for cell in cells:
        update = {
            name: values.get(cell.cell_id, values.get(EVERY_CELL))
            for name, values in (("power_dbm", powers_dbm), ("load", loads))
        }
        fields = cell.model_dump() | {k: v for k, v in update.items() if v is not None}
        try:
            changed.append(Cell.model_validate(fields))
        except ValidationError as error:
            first = error.errors()[0]
            raise InvalidInputError(
                f"cell {cell.cell_id}: {first['loc'][0]}", first["msg"]
            ) from None
    return tuple(changed)


def _values(field: str, texts: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for text in texts:
        name, _, number = text.rpartition("=")
        try:
            found[name] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise InvalidInputError(field, f"'{text}': CELL=NUMBER is expected")
    return found
