"""`rayfix evaluate`: the benchmark table of a model, on a dataset of exact paths.

One row per condition x number of reports x method. All methods see the same reports, drawn with a
seed that training and validation never use.

Shape letters: B sequences.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.progress import track
from torch import Tensor

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.dataset import Dataset, aligned_with, load_dataset
from rayfix.measurement.report import ReportBatch
from rayfix.model.artefact import load_model
from rayfix.model.calibration import GAUSSIAN_68, GAUSSIAN_95
from rayfix.model.positioning import ModelOnMap, locate
from rayfix.physics.likelihood_grid import LikelihoodGrid, likelihood_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.motion import sequence_posterior
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.report_features import ReportTensors
from rayfix.radio_map.store import load_radio_map
from rayfix.training.baselines import Fingerprint, strongest_cell_centroid
from rayfix.training.evaluation_record import Sample, write_evaluation

TEST_SEED = 424_242_000
"""First seed of the test's draws."""
CONDITIONS = ("clean", "standard", "hard", "rsrp_only")
REPORTS = (1, 10)
BATCH = 64
"""Sequences answered at once; `ms_per_fix` is the time of a batch over its size."""


@dataclass(frozen=True)
class Answer:
    """What a method says: positions [m] [B, 2], covariances [m^2], and the Mahalanobis radii of
    the ellipses that should hold 68 % and 95 % of the truths, [B]."""

    xy_m_B2: Tensor
    covariance_m2_B22: Tensor
    ellipse_68_B: Tensor
    ellipse_95_B: Tensor


Method = Callable[[ReportBatch, NoiseModel], Answer]


@dataclass(frozen=True)
class Row:
    """One line of the table: errors [m], shares [0..1], time [ms]."""

    condition: str
    reports: int
    method: str
    n: int
    median_m: float
    p67_m: float
    p90_m: float
    p95_m: float
    rmse_m: float
    within_5m: float
    within_10m: float
    within_20m: float
    inside_68: float
    inside_95: float
    ms_per_fix: float


def evaluate(
    model: str,
    dataset: Path | None = None,
    scene: str | None = None,
    *,
    models_dir: Path = Path("models"),
    radio_maps_dir: Path = Path("radio_maps"),
    conditions_path: Path = Path("configs/conditions.yaml"),
    limit: int | None = None,
    show_progress: bool = True,
    record: bool = False,
) -> list[Row]:
    """Evaluate a model beside its peers.

    Args:
        model: name of the model.
        dataset: exact paths; None = `benchmarks/data/<scene>-test.zarr.zip`.
        scene: scene to evaluate in, which may be one that the model never saw; None = the one it
            was trained in.
        models_dir, radio_maps_dir, conditions_path: where things are.
        limit: only the first so many sequences.
        show_progress: draw a progress bar.
        record: write `models/<name>/evaluation.json` for the console.
    Returns:
        Rows by condition, number of reports and method.
    Raises:
        ArtefactError: model, map or dataset are missing or damaged.
        InvalidInputError: the dataset is of another scene or other sites than the map, or the
            model was trained in several scenes and none is named.
    """
    loaded = load_model(models_dir / model)
    trained = ", ".join(loaded.config.scenes)
    if scene is None:
        if len(loaded.config.scenes) > 1:
            raise InvalidInputError("scene", f"name one; the model was trained in {trained}")
        (scene,) = loaded.config.scenes
    radio_map = load_radio_map(radio_maps_dir / scene)
    path = dataset or Path("benchmarks/data") / f"{scene}-test.zarr.zip"
    test = load_dataset(path)
    if test.scene != scene:
        raise InvalidInputError(
            str(path),
            f"a dataset of scene '{test.scene}', the evaluation is in '{scene}' (the model was "
            f"trained in {trained}; name another scene to evaluate it there)",
        )
    test = aligned_with(test, radio_map.cells, scene)
    if limit is not None:
        test = test[slice(limit)]
    conditions = load_conditions(conditions_path).conditions
    maps = MapTensors.from_radio_map(radio_map)
    methods = _methods(ModelOnMap.prepare(loaded, maps), maps)
    recorded = test.xy_m_ST2.shape[1]
    work = [
        (name, reports, method)
        for name in CONDITIONS
        for reports in REPORTS
        if reports <= recorded
        for method in methods
    ]
    lines = []
    for name, reports, method in track(work, "evaluating", disable=not show_progress):
        seed = TEST_SEED + 100 * CONDITIONS.index(name) + reports
        batch = test.draw(conditions[name], seed, reports)
        noise = NoiseModel.from_condition(conditions[name])
        lines.append(_row(name, reports, method, methods[method], batch, noise, test))
    if record:
        write_evaluation(
            models_dir / model, model, scene, path.name, radio_map.scene.georeference, lines
        )
    return [row for row, _ in lines]


def _methods(ready: ModelOnMap, maps: MapTensors) -> dict[str, Method]:
    """Every method of the table by name."""
    grid = likelihood_grid(maps)
    fingerprint = Fingerprint()

    def strongest(batch: ReportBatch, noise: NoiseModel) -> Answer:
        found = strongest_cell_centroid(
            observe(ReportTensors.from_batch(batch), maps, noise), maps, grid
        )
        return _gaussian(found.xy_m_B2, found.covariance_m2_B22)

    def knn(batch: ReportBatch, noise: NoiseModel) -> Answer:
        observation = observe(ReportTensors.from_batch(batch), maps, noise)
        found = fingerprint.locate(observation, maps, noise, grid)
        return _gaussian(found.xy_m_B2, found.covariance_m2_B22)

    def network(batch: ReportBatch, steps: int | None) -> Answer:
        fix = locate(ready, batch, steps).fix
        return Answer(fix.xy_m_B2, fix.covariance_m2_B22, fix.ellipse_68_B, fix.ellipse_95_B)

    return {
        "strongest_cell": strongest,
        "knn": knn,
        "grid_posterior": lambda batch, noise: _grid_posterior(batch, noise, maps, grid),
        "transformer": lambda batch, noise: network(batch, 0),
        "transformer_refined": lambda batch, noise: network(batch, None),
    }


def _grid_posterior(
    batch: ReportBatch, noise: NoiseModel, maps: MapTensors, grid: LikelihoodGrid
) -> Answer:
    """The exact posterior with the condition's true noise figures: mean around its mode."""
    observation = observe(ReportTensors.from_batch(batch), maps, noise)
    posterior = sequence_posterior(observation, maps, noise, grid=grid)
    xy_m_B2, _ = posterior.local_mean()
    covariance_B22 = posterior.covariance(xy_m_B2)
    return Answer(
        xy_m_B2,
        covariance_B22,
        *(posterior.ellipse_radius(xy_m_B2, covariance_B22, p) for p in (0.68, 0.95)),
    )


def _gaussian(xy_m_B2: Tensor, covariance_m2_B22: Tensor) -> Answer:
    one = torch.ones(len(xy_m_B2))
    return Answer(xy_m_B2, covariance_m2_B22, GAUSSIAN_68 * one, GAUSSIAN_95 * one)


def _row(
    condition: str,
    reports: int,
    name: str,
    method: Method,
    batch: ReportBatch,
    noise: NoiseModel,
    test: Dataset,
) -> tuple[Row, Sample]:
    method(batch[slice(0, 2)], noise)  # warm up: caches and lazy allocations are not timed
    started = time.perf_counter()
    answers = [
        method(batch[slice(start, start + BATCH)], noise) for start in range(0, len(batch), BATCH)
    ]
    elapsed_ms = 1e3 * (time.perf_counter() - started)
    answer = Answer(
        *(
            torch.cat([getattr(a, field) for a in answers])
            for field in ("xy_m_B2", "covariance_m2_B22", "ellipse_68_B", "ellipse_95_B")
        )
    )
    error_B2 = answer.xy_m_B2.double() - torch.from_numpy(test.truth_xy_m_S2)
    distance = error_B2.norm(dim=-1)
    solved = torch.linalg.solve(answer.covariance_m2_B22.double(), error_B2)
    mahalanobis = (solved * error_B2).sum(-1).clamp_min(0.0).sqrt()

    def share(inside: Tensor) -> float:
        return round(float(inside.double().mean()), 4)

    def quantile(q: float) -> float:
        return round(float(distance.quantile(q)), 3)

    row = Row(
        condition=condition,
        reports=reports,
        method=name,
        n=len(batch),
        median_m=quantile(0.5),
        p67_m=quantile(0.67),
        p90_m=quantile(0.9),
        p95_m=quantile(0.95),
        rmse_m=round(float(distance.square().mean().sqrt()), 3),
        within_5m=share(distance <= 5.0),
        within_10m=share(distance <= 10.0),
        within_20m=share(distance <= 20.0),
        inside_68=share(mahalanobis <= answer.ellipse_68_B),
        inside_95=share(mahalanobis <= answer.ellipse_95_B),
        ms_per_fix=round(elapsed_ms / len(batch), 3),
    )
    sample = Sample(
        distance, mahalanobis, answer.ellipse_68_B, answer.ellipse_95_B,
        torch.from_numpy(test.truth_xy_m_S2),
    )  # fmt: skip
    return row, sample


def markdown_table(rows: Iterable[Row]) -> str:
    """The table for people: Markdown, one line per row."""
    head = (
        "| condition | reports | method | median m | P67 m | P90 m | P95 m | RMSE m | < 5 m "
        "| < 10 m | < 20 m | in 68 % | in 95 % | ms/fix | n |"
    )
    rule = "|---|--:|---|" + "--:|" * 12
    lines = [head, rule]
    for row in rows:
        cells = asdict(row)
        metres = " | ".join(
            f"{cells[key]:.2f}" for key in ("median_m", "p67_m", "p90_m", "p95_m", "rmse_m")
        )
        shares = " | ".join(
            f"{100 * cells[key]:.1f} %"
            for key in ("within_5m", "within_10m", "within_20m", "inside_68", "inside_95")
        )
        lines.append(
            f"| {row.condition} | {row.reports} | {row.method} | {metres} | {shares} "
            f"| {row.ms_per_fix:.2f} | {row.n} |"
        )
    return "\n".join(lines) + "\n"
