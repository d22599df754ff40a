"""What a training step sees: reports drawn anew, from exact paths and from the radio map.

Every draw follows from the run's seed and the step alone, so that a resumed run goes on exactly.

Shape letters: S sequences, T reports, C cells, N points.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from rayfix.measurement.conditions import NOMINAL, Condition, Conditions, WorldChange
from rayfix.measurement.dataset import Dataset, DatasetWorld
from rayfix.measurement.impairments import draw_reports
from rayfix.measurement.motion import MotionMix, draw_sequences
from rayfix.measurement.propagation import Float64, Propagation
from rayfix.measurement.report import ReportBatch
from rayfix.physics.lookup import lookup_cells
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.radio_map import FEATURE_NAMES
from rayfix.scene.cell import Cell
from rayfix.training.config import DataConfig
from rayfix.units import SPEED_OF_LIGHT_M_S

MAP_ERROR = {"path_gain": 1.5, "toa": 3.0, "aoa": 0.6}
"""Spread of the map around exact paths [dB, ns, deg], added to what is sampled from it."""
STRAY_SHARE = 0.06
"""Share of sampled paths that stray much further, as exact paths behind corners do."""
GROUPS = 8
"""Conditions and worlds in one batch."""
STRAY = {"path_gain": 6.0, "toa": 80.0, "aoa": 12.0}


@dataclass(frozen=True)
class Drawn:
    """A batch of reports.

    Attributes:
        batch: the reports.
        truth_xy_m_B2: place at the last report [m].
        middle_xy_m_B2: mean of the places of all reports [m], which averaged reports speak of.
        exact_B: whether the sequence comes from exact paths.
    """

    batch: ReportBatch
    truth_xy_m_B2: torch.Tensor
    middle_xy_m_B2: torch.Tensor
    exact_B: torch.Tensor

    def to(self, device: torch.device | str) -> Drawn:
        """The same with the truth on a device."""
        truth = (self.truth_xy_m_B2, self.middle_xy_m_B2, self.exact_B)
        return Drawn(self.batch, *(tensor.to(device) for tensor in truth))


def map_sequences(
    maps: MapTensors, cells: Sequence[Cell], count: int, reports: int, interval_s: float, seed: int
) -> Dataset:
    """Sequences whose propagation is looked up in the radio map, at uniform outdoor places.

    They move as test sequences do (`MotionMix`). The dataset has the one world "nominal".
    """
    random = np.random.default_rng(seed)
    outdoor = (maps.outdoor_HW & maps.valid_CHW.any(0)).cpu().numpy()
    row, column = np.nonzero(outdoor)
    pick = random.integers(len(row), size=count)
    jitter = (random.random((count, 2)) - 0.5) * maps.resolution_m
    corner = np.array([maps.x_min_m, maps.y_min_m])
    last = corner + np.stack([column[pick], row[pick]], 1) * maps.resolution_m + jitter

    def is_free(xy_N2: Float64) -> np.ndarray:
        at = np.rint((xy_N2 - corner) / maps.resolution_m).astype(int)
        inside = ((at >= 0) & (at < outdoor.shape[::-1])).all(1)
        at = np.where(inside[:, None], at, 0)
        free: np.ndarray = inside & outdoor[at[:, 1], at[:, 0]]
        return free

    xy_ST2, motion = draw_sequences(last, reports, interval_s, MotionMix(), is_free, seed + 1)
    values = [_look_up(maps, chunk) for chunk in np.array_split(xy_ST2, max(1, count // 500))]
    gain, toa, aoa = (np.concatenate(parts) for parts in zip(*values, strict=True))
    world = DatasetWorld(
        tuple(cells),
        Propagation(
            xy_ST2,
            interval_s * np.arange(reports, dtype=np.float64),
            gain,
            toa,
            aoa,
            np.zeros(gain.shape, bool),
        ),
    )
    return Dataset(maps.scene, motion, {"nominal": world}, {"source": "radio map"})


def _look_up(maps: MapTensors, xy_ST2: Float64) -> list[np.ndarray]:
    """Path gain, ToA and AoA [S, T, C] at places; NaN = no path."""
    points = torch.as_tensor(xy_ST2, dtype=torch.float32, device=maps.device)[:, :, None]
    cells = torch.arange(maps.shape[0], device=maps.device)
    value, valid = lookup_cells(maps, points, cells)
    value = torch.where(valid[..., None], value, torch.nan).cpu()
    return [value[..., FEATURE_NAMES.index(name)].numpy() for name in ("path_gain", "toa", "aoa")]


NLOS_EXCESS_NS = 20.0
"""Delay beyond the straight way from which a first path counts as bent or reflected [ns]."""
REDRAWN_DB = (1.5, 5.0)
"""Spread of path gain that other materials make, in line of sight and without it [dB]; half of its
variance is common to the sectors of a site. Measured between traced worlds."""
REDRAWN_JUMP_SHARE, REDRAWN_JUMP_NS = 0.05, 100.0
"""Share of first paths without line of sight that vanish or appear with other materials, and the
spread of the ToA that follows [ns]."""


def changed_worlds(dataset: Dataset, change: WorldChange) -> list[str]:
    """The recorded worlds that a condition in this world draws from: others than nominal for a
    changed one, where there are any."""
    changed = [name for name in dataset.worlds if name != NOMINAL]
    return changed if changed and change != WorldChange(seed=change.seed) else [NOMINAL]


def perturbed(
    propagation: Propagation, cells: Sequence[Cell], change: WorldChange
) -> tuple[Propagation, tuple[Cell, ...]]:
    """Propagation and cells in a world whose sites differ from the map's, without tracing it.

    Power follows from the changed cells. Pointing changes the path gain by the antenna's pattern
    (TR 38.901, table 7.3-1) toward where the strongest path leaves: its bearing is the AoA, its
    elevation is taken from the straight line. Redrawn materials move path gains by `REDRAWN_DB` and
    some first paths.
    """
    there = change.apply(cells)
    random = np.random.default_rng(change.seed + 1)
    distance_m = np.stack(
        [
            np.hypot(
                propagation.xy_m_BT2[..., 0] - cell.x_m, propagation.xy_m_BT2[..., 1] - cell.y_m
            )
            for cell in cells
        ],
        -1,
    )
    height_m = np.array([cell.z_m for cell in cells]) - 1.5
    down_deg = np.degrees(np.arctan2(height_m, np.maximum(distance_m, 1.0)))

    def pattern_db(of: Sequence[Cell]) -> Float64:
        bearing = np.array([cell.bearing_deg for cell in of])
        tilt = np.array([cell.downtilt_deg for cell in of])
        off = (propagation.aoa_deg_BTC - bearing + 180.0) % 360.0 - 180.0
        loss = 12.0 * ((off / 65.0) ** 2 + ((down_deg - tilt) / 65.0) ** 2)
        return np.asarray(-np.minimum(loss, 30.0), np.float64)

    shift = pattern_db(there) - pattern_db(cells)
    toa_BTC = propagation.toa_ns_BTC
    if change.redraw_materials:
        straight_ns = np.hypot(distance_m, height_m) * (1e9 / SPEED_OF_LIGHT_M_S)
        bent = toa_BTC - straight_ns > NLOS_EXCESS_NS
        site = np.unique([(c.x_m, c.y_m) for c in cells], axis=0, return_inverse=True)[1].ravel()
        shape = (len(propagation), 1, len(cells))
        common = random.standard_normal((*shape[:2], int(site.max()) + 1))[..., site]
        error = (common + random.standard_normal(shape)) / math.sqrt(2.0)
        shift = shift + np.where(bent, REDRAWN_DB[1], REDRAWN_DB[0]) * error
        jump = bent & (random.random(shape) < REDRAWN_JUMP_SHARE)
        moved = REDRAWN_JUMP_NS * random.standard_normal(shape)
        toa_BTC = np.where(jump, np.maximum(toa_BTC + moved, straight_ns), toa_BTC)
    gain = (propagation.path_gain_db_BTC + shift).astype(np.float32)
    return replace(propagation, path_gain_db_BTC=gain, toa_ns_BTC=toa_BTC.astype(np.float32)), there


def _strayed(propagation: Propagation, random: np.random.Generator) -> Propagation:
    """Map values moved to where exact paths might lie; one error per sequence and cell."""
    shape = (len(propagation), 1, propagation.path_gain_db_BTC.shape[-1])
    stray = random.random(shape) < STRAY_SHARE

    def error(name: str) -> np.ndarray:
        sigma = np.where(stray, STRAY[name], MAP_ERROR[name])
        return (sigma * random.standard_normal(shape)).astype(np.float32)

    return replace(
        propagation,
        path_gain_db_BTC=propagation.path_gain_db_BTC + error("path_gain"),
        toa_ns_BTC=np.maximum(propagation.toa_ns_BTC + error("toa"), 0.0),
        aoa_deg_BTC=(propagation.aoa_deg_BTC + error("aoa")) % 360.0,
    )


class Sampler:
    """Draws the batch of a step.

    Args:
        exact: sequences from exact paths, aligned with the map's cells.
        from_map: sequences from `map_sequences`.
        conditions: conditions and worlds.
        config: how to mix.
        batch_size: sequences per batch.
        seed: of the run.
    """

    def __init__(
        self,
        exact: Dataset,
        from_map: Dataset,
        conditions: Conditions,
        config: DataConfig,
        batch_size: int,
        seed: int,
    ) -> None:
        self.exact, self.from_map = exact, from_map
        self.conditions, self.config = conditions, config
        self.batch_size, self.seed = batch_size, seed

    def draw(self, step: int) -> Drawn:
        """The batch of one step: `GROUPS` groups, each under a condition and in a world of its own.

        A batch of one condition would teach each step what the next one unlearns, and never what
        tells the conditions apart.
        """
        random = np.random.default_rng([self.seed, step])
        longest = self.exact.xy_m_ST2.shape[1]
        one = longest == 1 or random.random() < self.config.one_report_share
        reports = 1 if one else int(random.integers(2, longest + 1))
        parts = []
        for count in np.diff(np.linspace(0, self.batch_size, GROUPS + 1).astype(int)):
            condition = self._condition(random)
            change = self.conditions.worlds[condition.world].model_copy(
                update={"seed": int(random.integers(1 << 31, 1 << 32))}
            )
            from_map = round(self.config.map_share * count)
            for source, size in ((self.exact, count - from_map), (self.from_map, from_map)):
                parts.append(self._part(source, size, reports, condition, change, random))
        batches, places, exact = zip(*parts, strict=True)
        xy = np.concatenate(places)
        return Drawn(
            concatenate(batches),
            torch.from_numpy(xy[:, -1]).float(),
            torch.from_numpy(xy.mean(1)).float(),
            torch.from_numpy(np.concatenate(exact)),
        )

    def _condition(self, random: np.random.Generator) -> Condition:
        """One of the conditions, sometimes varied."""
        weights = np.array(list(self.config.condition_weights.values()))
        name = random.choice(list(self.config.condition_weights), p=weights / weights.sum())
        condition = self.conditions.conditions[str(name)]
        return varied(condition, random) if random.random() < self.config.variation else condition

    def _part(
        self,
        source: Dataset,
        count: int,
        reports: int,
        condition: Condition,
        change: WorldChange,
        random: np.random.Generator,
    ) -> tuple[ReportBatch, Float64, np.ndarray]:
        """Reports, places [B, T, 2] and whether they are from exact paths [B]."""
        chosen = source[random.integers(len(source), size=count)]
        name = str(random.choice(changed_worlds(source, change)))
        world = chosen.world(name)
        propagation, cells = world.propagation.last(reports), world.cells
        if source is self.from_map:
            propagation = _strayed(propagation, random)
        if name == NOMINAL:
            propagation, cells = perturbed(propagation, cells, change)
        batch = draw_reports(propagation, cells, condition, int(random.integers(1 << 62)))
        return batch, propagation.xy_m_BT2, np.full(count, source is self.exact)


def varied(condition: Condition, random: np.random.Generator) -> Condition:
    """A condition with shorter lists, quantities left out, or more values missing."""
    update: Mapping[str, object] = {
        "max_cells": int(random.integers(3, condition.max_cells + 1)),
        "missing_share": float(random.uniform(0.0, 0.4)),
    }
    dropped = {
        name
        for name, share in (("aoa_deg", 0.5), ("toa_ns", 0.5), ("sinr_db", 0.3), ("rsrq_db", 0.3))
        if random.random() < share
    }
    kept = tuple(name for name in condition.quantities if name not in dropped)
    return condition.model_copy(update={**update, "quantities": kept})


def concatenate(batches: Sequence[ReportBatch]) -> ReportBatch:
    """Batches as one, along the sequences; shorter lists of cells are padded."""
    widest = max(batch.cell_BTN.shape[2] for batch in batches)

    def pad(values: np.ndarray, fill: float) -> np.ndarray:
        room = [(0, 0), (0, 0), (0, widest - values.shape[2])] + [(0, 0)] * (values.ndim - 3)
        return np.pad(values, room, constant_values=fill)

    return ReportBatch(
        np.concatenate([pad(b.cell_BTN, -1) for b in batches]),
        np.concatenate([pad(b.values_BTNQ, np.nan) for b in batches]),
        np.concatenate([b.time_s_BT for b in batches]),
    )
