"""`rayfix evaluate`: the benchmark table of a model, on a dataset of exact paths.

One row per condition x number of reports x method. All methods see the same reports, drawn with a
seed that training and validation never use.

Shape letters: B sequences.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import torch
from rich.progress import track
from torch import Tensor

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import Condition, load_conditions
from rayfix.measurement.dataset import Dataset, aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.measurement.report import ReportBatch
from rayfix.model.artefact import load_model
from rayfix.model.positioning import ModelOnMap
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.store import load_radio_map
from rayfix.training.evaluation_record import Sample, write_evaluation
from rayfix.training.methods import Answer, Method, model_methods, peers

TEST_SEED = 424_242_000
"""First seed of the test's draws."""
CONDITIONS = ("clean", "standard", "hard", "rsrp_only")
REPORTS = (1, 10)
BATCH = 64
"""Sequences answered at once; `ms_per_fix` is the time of a batch over its size."""


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
    methods = {**peers(maps), **model_methods(ModelOnMap.prepare(loaded, maps))}
    recorded = test.xy_m_ST2.shape[1]
    work = [
        (name, reports, names)
        for name in CONDITIONS
        for reports in REPORTS
        if reports <= recorded
        for names in methods
    ]
    lines = []
    for name, reports, names in track(work, "evaluating", disable=not show_progress):
        batch = draw_test(test, conditions[name], name, reports)
        lines += ask(name, reports, names, methods[names], batch, conditions[name], test)
    if record:
        write_evaluation(
            models_dir / model, model, scene, path.name, radio_map.scene.georeference, lines
        )
    return [row for row, _ in lines]


def draw_test(test: Dataset, condition: Condition, name: str, reports: int) -> ReportBatch:
    """The test's reports: the same for every method, drawn by seeds that nothing else uses."""
    seed = TEST_SEED + 100 * CONDITIONS.index(name) + reports
    return test.draw(condition, seed, reports)


def ask(
    name: str,
    reports: int,
    methods: tuple[str, ...],
    method: Method,
    batch: ReportBatch,
    condition: Condition,
    test: Dataset,
) -> list[tuple[Row, Sample]]:
    """Lines of the table of one method, which may have several answers; the time is that of all.

    Args:
        name, reports: of the condition, and number of reports.
        methods, method: names of the answers, and what gives them.
        batch: reports of all sequences of the test.
        condition: what the reports were drawn under.
        test: the truth.
    """
    method(batch[slice(0, 2)], condition)  # warm up: caches and lazy allocations are not timed
    started = time.perf_counter()
    parts = [
        method(batch[slice(start, start + BATCH)], condition)
        for start in range(0, len(batch), BATCH)
    ]
    ms_per_fix = 1e3 * (time.perf_counter() - started) / len(batch)
    truth_B2 = torch.from_numpy(test.truth_xy_m_S2)
    lines = []
    for label, answers in zip(methods, zip(*parts, strict=True), strict=True):
        answer = Answer(*(torch.cat([getattr(a, f.name) for a in answers]) for f in fields(Answer)))
        sample = _sample(answer, truth_B2)
        lines.append((_row(name, reports, label, sample, ms_per_fix), sample))
    return lines


def _sample(answer: Answer, truth_B2: Tensor) -> Sample:
    error_B2 = answer.xy_m_B2.double() - truth_B2
    solved_B2 = torch.linalg.solve(answer.covariance_m2_B22.double(), error_B2)
    mahalanobis_B = (solved_B2 * error_B2).sum(-1).clamp_min(0.0).sqrt()
    return Sample(
        error_B2.norm(dim=-1), mahalanobis_B, answer.ellipse_68_B, answer.ellipse_95_B, truth_B2
    )


def _row(condition: str, reports: int, method: str, sample: Sample, ms_per_fix: float) -> Row:
    distance = sample.error_m_B

    def share(inside: Tensor) -> float:
        return round(float(inside.double().mean()), 4)

    def quantile(q: float) -> float:
        return round(float(distance.quantile(q)), 3)

    return Row(
        condition=condition,
        reports=reports,
        method=method,
        n=len(distance),
        median_m=quantile(0.5),
        p67_m=quantile(0.67),
        p90_m=quantile(0.9),
        p95_m=quantile(0.95),
        rmse_m=round(float(distance.square().mean().sqrt()), 3),
        within_5m=share(distance <= 5.0),
        within_10m=share(distance <= 10.0),
        within_20m=share(distance <= 20.0),
        inside_68=share(sample.mahalanobis_B <= sample.ellipse_68_B),
        inside_95=share(sample.mahalanobis_B <= sample.ellipse_95_B),
        ms_per_fix=round(ms_per_fix, 3),
    )


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
