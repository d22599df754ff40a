"""`locate(queries) -> results`: owns the device, one model, and the radio maps it answers for.

Shape letters: B sequences, K hypotheses, L layers, H heads, P cells of the coarse grid, T reports,
N heard cells of a report.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch

from rayfix.calibration.measured_map import noise_of
from rayfix.config import Settings
from rayfix.errors import ConfigError, UnknownSceneError
from rayfix.locator.answer import OnMap, answers, grid_of, residuals_of_query
from rayfix.locator.fix import Grid, LocateQuery, LocateResult, Residual
from rayfix.locator.inference_process import InferenceProcess, InferenceProcessError
from rayfix.locator.loaded_scene import LoadedScene, load_scene
from rayfix.locator.measured import NAME, MeasuredOnMap, locate_measured
from rayfix.measurement.report import CellMeasurement, Report, ReportBatch, to_batch, together
from rayfix.model.artefact import Model, load_model
from rayfix.model.positioning import ModelOnMap, Positions, locate
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.lookup import nearest_pixel


@dataclass(frozen=True)
class _ReadyScene:
    """A scene on the device, its map encoded once."""

    loaded: LoadedScene
    on_map: OnMap
    grid: Grid


class Kind(NamedTuple):
    """What queries of one forward pass have in common."""

    scene: str
    refine_steps: int | None
    attention: bool
    pixels: bool


@dataclass(frozen=True)
class Prepared:
    """A query that can be located, packed for the network.

    Attributes:
        query: what was asked.
        kind: which queries go through the network together with it.
        batch: a batch of this one sequence.
        unknown: cell ids that the map does not know.
        cell_ids: the map's cells, which the batch counts in.
    """

    query: LocateQuery
    kind: Kind
    batch: ReportBatch
    unknown: frozenset[str]
    cell_ids: Sequence[str]


class _Loaded(NamedTuple):
    """What `reload` exchanges as one: a model's name, the scenes that it is ready for, and what
    locates a batch on them, here or in a process of its own."""

    model: str
    scenes: Mapping[str, _ReadyScene]
    infer: Callable[[Kind, ReportBatch], Positions]
    process: InferenceProcess | None = None


class Locator:
    """Answers batches of queries. `locate` is called from one thread at a time; the rest from any.

    Attributes:
        device: where model and maps live.
    """

    def __init__(
        self, model: Model, scenes: Sequence[LoadedScene], device: torch.device | str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        ready = {loaded.name: _ready(model, loaded, self.device) for loaded in scenes}
        self._loaded = _Loaded(model.config.name, ready, partial(_infer, ready))
        self._in_use = threading.Lock()

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._loaded.model

    @classmethod
    def load(cls, settings: Settings) -> Locator:
        """Load the model and every scene of the settings, and locate once in each.

        Raises:
            ArtefactError: a file is missing or damaged; the message names it.
            ConfigError: the device is not there.
        """
        locator = cls._unprepared(settings)
        locator.warm_up()
        return locator

    @classmethod
    def _unprepared(cls, settings: Settings) -> Locator:
        torch.set_num_threads(settings.threads or max(1, len(os.sched_getaffinity(0)) - 1))
        device = _device(settings.device)
        model = load_model(settings.models_dir / settings.model, device)
        scenes = [load_scene(settings.radio_maps_dir / name) for name in settings.scenes]
        return cls(model, scenes, device)

    @classmethod
    def load_apart(cls, settings: Settings) -> Locator:
        """As `load`, with the forward passes in a process of their own, on the settings' device;
        here, one thread of the CPU does what is left. End it with `close`.

        Raises:
            RayFixError: as `load`, there or here.
            InferenceProcessError: the other process ended, or has loaded other files.
        """
        process = InferenceProcess(settings)
        try:
            locator = cls._unprepared(settings.model_copy(update={"device": "cpu", "threads": 1}))
            if process.wait_until_ready() != locator.identity:
                raise InferenceProcessError("model or maps were exchanged while they were loaded")
        except BaseException:
            process.stop()
            raise
        locator._loaded = locator._loaded._replace(infer=process.infer, process=process)
        return locator

    @property
    def identity(self) -> tuple[str, dict[str, tuple[str, ...]]]:
        """The model's name, and the cells of every scene in the order of their indices."""
        loaded = self._loaded
        return loaded.model, {
            name: tuple(ready.on_map.maps.cell_ids) for name, ready in loaded.scenes.items()
        }

    def reload(self, settings: Settings) -> None:
        """Load model and scenes anew and answer from them from the next batch on.

        Blocking for seconds; meanwhile, and when it fails, the present ones answer.

        Raises:
            ArtefactError: a file is missing or damaged; the message names it.
        """
        load = self.load if self._loaded.process is None else self.load_apart
        fresh = load(settings)._loaded
        with self._in_use:
            before, self._loaded = self._loaded, fresh
        if before.process is not None:
            before.process.stop()

    def close(self) -> None:
        """End the process of `load_apart`."""
        if self._loaded.process is not None:
            self._loaded.process.stop()

    def warm_up(self) -> None:
        """Locate once in every scene: the first pass builds kernels that later ones reuse."""
        for name, ready in self._loaded.scenes.items():
            cells = (
                CellMeasurement(cell_id=ready.loaded.radio_map.cells[0].cell_id, rsrp_dbm=-80),
            )
            self.locate([LocateQuery(name, (Report(time=0.0, cells=cells),))])

    def scene(self, name: str) -> LoadedScene:
        """A loaded scene.

        Raises:
            UnknownSceneError: it is not loaded; the message lists those that are.
        """
        return self._ready_scene(name).loaded

    def _ready_scene(self, name: str) -> _ReadyScene:
        scenes = self._loaded.scenes
        try:
            return scenes[name]
        except KeyError:
            known = ", ".join(sorted(scenes))
            raise UnknownSceneError(f"no scene '{name}' here (there are: {known})") from None

    def prepare(self, query: LocateQuery) -> Prepared:
        """Check and pack a query, before it waits in a queue.

        Raises:
            UnknownSceneError: the scene is not loaded.
            NoKnownCellsError: no report names a cell of the scene.
        """
        maps = self._ready_scene(query.scene).on_map.maps
        batch, (unknown,) = to_batch([query.reports], maps.cell_index)
        options = query.options
        kind = Kind(
            query.scene,
            options.refine_steps,
            "attention" in options.include,
            "pixel_posterior" in options.include,
        )
        return Prepared(query, kind, batch, frozenset(unknown), maps.cell_ids)

    def locate(self, queries: Sequence[LocateQuery]) -> list[LocateResult]:
        """Locate every query; those of one kind go through the network together.

        Raises:
            UnknownSceneError, NoKnownCellsError: of the first query that `prepare` refuses.
        """
        groups: dict[Kind, list[int]] = defaultdict(list)
        prepared = [self.prepare(query) for query in queries]
        for index, one in enumerate(prepared):
            groups[one.kind].append(index)
        results: dict[int, LocateResult] = {}
        for indices in groups.values():
            located = self.locate_together([prepared[i] for i in indices])
            results.update(zip(indices, located, strict=True))
        return [results[index] for index in range(len(queries))]

    def residuals(self, query: LocateQuery, lat_deg: float, lon_deg: float) -> tuple[Residual, ...]:
        """What the reports of a query would differ by if the phone were at a place.

        Raises:
            UnknownSceneError, NoKnownCellsError: as `prepare`.
            OutsideMapError: the place lies outside the radio map.
        """
        ready = self._ready_scene(query.scene)
        radio_map = ready.loaded.radio_map
        east, north = radio_map.scene.georeference.to_local(lat_deg, lon_deg)
        x_m, y_m = float(east), float(north)
        nearest_pixel(radio_map, x_m, y_m)
        return residuals_of_query(query, ready.on_map, x_m, y_m)

    def infer(self, kind: Kind, batch: ReportBatch) -> Positions:
        """Positions of a batch whose cells index those of the kind's scene."""
        return self._loaded.infer(kind, batch)

    def locate_together(self, prepared: Sequence[Prepared]) -> list[LocateResult]:
        """Locate queries of one kind in one pass."""
        kind = prepared[0].kind
        with self._in_use:
            loaded = self._loaded
            ready = self._ready_scene(kind.scene)
            started = time.perf_counter()
            cell_ids = ready.on_map.maps.cell_ids
            # A map that came into service since has other cells.
            current = [
                one if one.cell_ids == cell_ids else self.prepare(one.query) for one in prepared
            ]
            batch = together([one.batch for one in current])
            packed = time.perf_counter()
            positions = loaded.infer(kind, batch)
        model = NAME if isinstance(ready.on_map, MeasuredOnMap) else loaded.model
        queries = [one.query for one in current]
        results = answers(model, ready.loaded, ready.on_map, ready.grid, queries, batch, positions)
        finished = time.perf_counter()
        timing = {"pack": 1e3 * (packed - started), "locate": 1e3 * (finished - packed)}
        return [
            replace(result, unknown_cells=tuple(sorted(one.unknown)), timing_ms=dict(timing))
            for result, one in zip(results, current, strict=True)
        ]


def _infer(scenes: Mapping[str, _ReadyScene], kind: Kind, batch: ReportBatch) -> Positions:
    on_map = scenes[kind.scene].on_map
    if isinstance(on_map, MeasuredOnMap):
        return locate_measured(on_map, batch, kind.pixels)
    return locate(on_map, batch, kind.refine_steps, kind.attention, kind.pixels)


def _ready(model: Model, loaded: LoadedScene, device: torch.device) -> _ReadyScene:
    maps = MapTensors.from_radio_map(loaded.radio_map, device)
    noise = noise_of(loaded.radio_map)
    on_map: OnMap = ModelOnMap(model, maps) if noise is None else MeasuredOnMap.prepare(maps, noise)
    return _ReadyScene(loaded, on_map, grid_of(on_map.grid, loaded.radio_map.scene))


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise ConfigError("RAYFIX_DEVICE", f"'{name}' cannot be used ({reason})") from None
    return device
