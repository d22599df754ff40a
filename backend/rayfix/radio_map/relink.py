"""Link features from path gain, when a map is built and again when powers, loads or the noise
figure change: nothing is traced for it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rayfix.errors import InvalidInputError
from rayfix.radio_map.jobs import moved_scene
from rayfix.radio_map.radio_map import Float32, Float64, RadioMap
from rayfix.radio_map.store import STEPS, load_radio_map, save_radio_map
from rayfix.scene.cell import Cell
from rayfix.scene.detection import least_path_gain_db
from rayfix.simulation.link import link_features
from rayfix.units import UE_NOISE_FIGURE_DB

LINK_FEATURES = {
    "snr": "snr_db",
    "sinr": "sinr_db",
    "throughput": "throughput_mbps",
    "bler": "bler",
}
"""What the link abstraction calls each of these features."""

CHANGEABLE = {
    "power_dbm",
    "load",
    "bandwidth_hz",
    "subcarrier_spacing_hz",
    "pci",
    "identity",
    "site_id",
}
"""Fields of a cell that path gain does not depend on."""


@dataclass(frozen=True)
class Relinked:
    """A map with new link features, and what it cannot know.

    Attributes:
        radio_map: the new map.
        blind_db: by cell, how much weaker [dB] than anything traced the cell could now be heard:
            such places stay without a path until the map is built again.
    """

    radio_map: RadioMap
    blind_db: Mapping[str, float]


def link_layers(
    path_gain_db: Float32, cells: Sequence[Cell], noise_figure_db: float = UE_NOISE_FIGURE_DB
) -> dict[str, Float32]:
    """SNR, SINR, throughput and BLER by their names in a map; see `link.link_features`."""
    found = link_features(path_gain_db, cells, noise_figure_db)
    return {name: found[key] for name, key in LINK_FEATURES.items()}


def relink(
    radio_map: RadioMap, cells: Sequence[Cell], noise_figure_db: float | None = None
) -> Relinked:
    """The map with link features for other powers, loads or another noise figure.

    A cell that falls below the detection limit at a place (`detection`) has no path there any
    more. Where a cell is now stronger than when it was traced, places just below the old limit
    are missing: see `Relinked.blind_db`.

    Args:
        cells: the map's cells in any order, each with the same antenna and carrier as before.
        noise_figure_db: of the UE; None keeps the map's.
    Raises:
        InvalidInputError: other cells, or one that would have to be traced again.
    """
    new = _matching(radio_map.cells, cells)
    made = radio_map.attributes
    before_db = _number(made.get("ue_noise_figure_db"), UE_NOISE_FIGURE_DB)
    figure_db = before_db if noise_figure_db is None else noise_figure_db
    if not 0.0 <= figure_db <= 30.0:
        raise InvalidInputError("noise_figure_db", "0 to 30 dB is expected")
    floor_db = least_path_gain_db(new, figure_db)
    traced_db = _traced_floor_db(radio_map, before_db)
    path_gain = radio_map.features["path_gain"]
    # stored path gain is rounded: what was heard at the limit is not dropped for that
    heard = path_gain >= floor_db[:, None, None] - STEPS["path_gain"] / 2

    def kept(values: Float32) -> Float32:
        return np.where(heard, values, np.float32(np.nan))

    features = {name: kept(values) for name, values in radio_map.features.items()}
    link = link_layers(features["path_gain"], new, figure_db)
    features |= {name: values for name, values in link.items() if name in features}
    complete_db = np.maximum(floor_db, traced_db)
    relinked = replace(
        radio_map,
        cells=new,
        features=features,
        extra={name: kept(values) for name, values in radio_map.extra.items()},
        attributes={
            **{key: value for key, value in made.items() if key != "fingerprint"},
            "ue_noise_figure_db": figure_db,
            "relinked_from": made.get("relinked_from") or made.get("fingerprint"),
            "path_gain_complete_above_db": {
                cell.cell_id: round(float(value), 3)
                for cell, value in zip(new, complete_db, strict=True)
            },
        },
    )
    blind = {
        cell.cell_id: round(float(limit - floor), 2)
        for cell, limit, floor in zip(new, traced_db, floor_db, strict=True)
        if limit - floor > 0.01
    }
    return Relinked(relinked, blind)


def relink_stored(
    folder: Path,
    output: Path,
    cells: Sequence[Cell],
    noise_figure_db: float | None = None,
) -> Relinked:
    """`relink` the map of a folder and write the whole new map to `output` (may be the same).

    Raises:
        ArtefactError: the map is missing or damaged.
        InvalidInputError: see `relink`.
        DiskFullError: there is no room; both folders stay as they were.
    """
    found = relink(load_radio_map(folder), cells, noise_figure_db)
    scene = moved_scene(found.radio_map.scene, folder, output)
    save_radio_map(output, replace(found.radio_map, scene=scene), channels=folder)
    return found


def _matching(before: Sequence[Cell], cells: Sequence[Cell]) -> tuple[Cell, ...]:
    by_id = {cell.cell_id: cell for cell in cells}
    if set(by_id) != {cell.cell_id for cell in before}:
        raise InvalidInputError("cells", "exactly the cells of the map are expected")
    for old in before:
        new = by_id[old.cell_id]
        fixed = set(Cell.model_fields) - CHANGEABLE
        moved = sorted(name for name in fixed if getattr(old, name) != getattr(new, name))
        if moved:
            raise InvalidInputError(
                f"cell {old.cell_id}",
                f"{moved[0]} differs from the map's: build the map again for that",
            )
    return tuple(by_id[old.cell_id] for old in before)


def _traced_floor_db(radio_map: RadioMap, noise_figure_db: float) -> Float64:
    """Path gain [dB] down to which the map is complete, per cell."""
    noted = radio_map.attributes.get("path_gain_complete_above_db")
    floor_db = least_path_gain_db(radio_map.cells, noise_figure_db)
    if isinstance(noted, Mapping):
        for index, cell in enumerate(radio_map.cells):
            floor_db[index] = float(noted.get(cell.cell_id, floor_db[index]))
    return floor_db


def _number(value: object, default: float) -> float:
    return float(value) if isinstance(value, int | float) else default
