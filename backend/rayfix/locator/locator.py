"""`locate(queries) -> results`: owns the device, one model, and the radio maps it answers for.

Shape letters: B sequences, K hypotheses, L layers, H heads, P cells of the coarse grid, T reports,
N heard cells of a report.
"""

from __future__ import annotations

import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch

from rayfix.calibration.measured_map import noise_of
from rayfix.config import Settings
from rayfix.errors import ConfigError, NoKnownCellsError, UnknownSceneError
from rayfix.locator.answer import OnMap, answers, grid_of, residuals_of_query
from rayfix.locator.fix import Grid, LocateQuery, LocateResult, Residual
from rayfix.locator.loaded_scene import LoadedScene, load_scene
from rayfix.locator.measured import NAME, MeasuredOnMap, locate_measured
from rayfix.measurement.report import CellMeasurement, Report, to_batch
from rayfix.model.artefact import Model, load_model
from rayfix.model.positioning import ModelOnMap, locate
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


class _Loaded(NamedTuple):
    """A model's name and the scenes that it is ready for; exchanged as one by `reload`."""

    model: str
    scenes: Mapping[str, _ReadyScene]


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
        self._loaded = _Loaded(model.config.name, ready)

    @property
    def model(self) -> str:
        """Name of the model."""
        return self._loaded.model

    @classmethod
    def load(cls, settings: Settings) -> Locator:
        """Load the model and every scene of the settings.

        Raises:
            ArtefactError: a file is missing or damaged; the message names it.
            ConfigError: the device is not there.
        """
        torch.set_num_threads(settings.threads or max(1, len(os.sched_getaffinity(0)) - 1))
        device = _device(settings.device)
        model = load_model(settings.models_dir / settings.model, device)
        scenes = [load_scene(settings.radio_maps_dir / name) for name in settings.scenes]
        locator = cls(model, scenes, device)
        locator.warm_up()
        return locator

    def reload(self, settings: Settings) -> None:
        """Load model and scenes anew and answer from them from the next batch on.

        Blocking for seconds; meanwhile, and when it fails, the present ones answer.

        Raises:
            ArtefactError: a file is missing or damaged; the message names it.
        """
        self._loaded = Locator.load(settings)._loaded

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

    def check(self, query: LocateQuery) -> None:
        """Refuse what cannot be located, before it waits in a queue.

        Raises:
            UnknownSceneError: the scene is not loaded.
            NoKnownCellsError: no report names a cell of the scene.
        """
        known = self._ready_scene(query.scene).loaded.radio_map.cell_index
        heard = (cell.cell_id for report in query.reports for cell in report.cells)
        if not any(cell_id in known for cell_id in heard):
            names = sorted({c.cell_id for report in query.reports for c in report.cells})
            raise NoKnownCellsError(
                f"no report names a cell of scene '{query.scene}' (heard: {', '.join(names[:5])})"
            )

    def kind(self, query: LocateQuery) -> Kind:
        """What decides which queries go through the network together."""
        options = query.options
        return Kind(query.scene, options.refine_steps, "attention" in options.include)

    def locate(self, queries: Sequence[LocateQuery]) -> list[LocateResult]:
        """Locate every query; those of one kind go through the network together.

        Raises:
            UnknownSceneError, NoKnownCellsError: of the first query that `check` would refuse.
        """
        groups: dict[Kind, list[int]] = defaultdict(list)
        for index, query in enumerate(queries):
            groups[self.kind(query)].append(index)
        results: dict[int, LocateResult] = {}
        for kind, indices in groups.items():
            located = self._locate_together(kind, [queries[i] for i in indices])
            results.update(zip(indices, located, strict=True))
        return [results[index] for index in range(len(queries))]

    def residuals(self, query: LocateQuery, lat_deg: float, lon_deg: float) -> tuple[Residual, ...]:
        """What the reports of a query would differ by if the phone were at a place.

        Raises:
            UnknownSceneError, NoKnownCellsError: as `check`.
            OutsideMapError: the place lies outside the radio map.
        """
        self.check(query)
        ready = self._ready_scene(query.scene)
        radio_map = ready.loaded.radio_map
        east, north = radio_map.scene.georeference.to_local(lat_deg, lon_deg)
        x_m, y_m = float(east), float(north)
        nearest_pixel(radio_map, x_m, y_m)
        return residuals_of_query(query, ready.on_map, x_m, y_m)

    def _locate_together(self, kind: Kind, queries: Sequence[LocateQuery]) -> list[LocateResult]:
        ready = self._ready_scene(kind.scene)
        model = NAME if isinstance(ready.on_map, MeasuredOnMap) else self.model
        started = time.perf_counter()
        batch, unknown = to_batch([q.reports for q in queries], ready.on_map.maps.cell_index)
        packed = time.perf_counter()
        if isinstance(ready.on_map, MeasuredOnMap):
            positions = locate_measured(ready.on_map, batch)
        else:
            positions = locate(ready.on_map, batch, kind.refine_steps, kind.attention)
        results = answers(model, ready.loaded, ready.on_map, ready.grid, queries, batch, positions)
        finished = time.perf_counter()
        timing = {"pack": 1e3 * (packed - started), "locate": 1e3 * (finished - packed)}
        return [
            replace(result, unknown_cells=tuple(sorted(names)), timing_ms=dict(timing))
            for result, names in zip(results, unknown, strict=True)
        ]


def _ready(model: Model, loaded: LoadedScene, device: torch.device) -> _ReadyScene:
    maps = MapTensors.from_radio_map(loaded.radio_map, device)
    noise = noise_of(loaded.radio_map)
    on_map: OnMap = (
        ModelOnMap.prepare(model, maps) if noise is None else MeasuredOnMap.prepare(maps, noise)
    )
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
