"""Recording: disjoint uniform places, resumes after a kill, says which setting is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from rayfix.errors import InvalidInputError
from rayfix.measurement.dataset_file import load_dataset
from rayfix.measurement.motion import MotionMix
from rayfix.measurement.places import DatasetConfig, Places, SplitConfig, candidates
from rayfix.measurement.propagation import Float64
from rayfix.measurement.recording import (
    Progress,
    Recording,
    Traced,
    TracedWorld,
    record,
    trace_chunk,
)
from rayfix.scene.cell import Cell

from .free_space import CELLS, trace


def is_free(xy: Float64) -> np.ndarray:
    return (np.abs(xy) <= 200).all(axis=-1)


def draw(count: int, seed: int) -> Float64:
    return np.random.default_rng(seed).uniform(-200, 200, (count, 2))


PLACES = Places(is_free, draw)
CONFIG = DatasetConfig(
    seed=3,
    reports=4,
    separation_m=5.0,
    sequences_per_chunk=20,
    splits={
        "test": SplitConfig(sequences=100, worlds=("nominal",), single_file=True),
        "train": SplitConfig(
            sequences=300, worlds=("nominal",), motion=MotionMix(still=0.9, walking=0.1, driving=0)
        ),
    },
)


def recording(split: str, config: DatasetConfig = CONFIG) -> Recording:
    xy, motion = candidates(config, split, PLACES)
    return Recording(
        name=split, scene="plain", xy_m_ST2=xy, motion_S=motion, interval_s=config.interval_s,
        wanted=config.splits[split].sequences, settings={"split": split},
        sequences_per_chunk=config.sequences_per_chunk,
    )  # fmt: skip


def run(
    what: Recording, tracer: Callable[[Float64, Progress], Traced], path: Path,
    cells: tuple[Cell, ...] = CELLS,
) -> Path:  # fmt: skip
    return record(what, {"nominal": TracedWorld(cells, tracer)}, path, show_progress=False)


class CountingTracer:
    """Traces free space, counts receivers, and can be interrupted like a killed process."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.receivers = 0
        self.stop_after = stop_after

    def __call__(self, xy: Float64, progress: Progress) -> Traced:
        if self.stop_after is not None and self.receivers >= self.stop_after:
            raise KeyboardInterrupt
        self.receivers += len(xy)
        progress(1.0)
        traced = trace(xy)
        gain = np.where(xy[:, :1] > 150, np.float32(np.nan), traced.path_gain_db)
        return traced._replace(path_gain_db=gain)


def test_splits_keep_their_distance_and_the_draw_is_deterministic() -> None:
    test, _ = candidates(CONFIG, "test", PLACES)
    train, _ = candidates(CONFIG, "train", PLACES)
    assert cKDTree(test[:, -1]).query(train[:, -1])[0].min() >= 5.0
    np.testing.assert_array_equal(train, candidates(CONFIG, "train", PLACES)[0])
    other = CONFIG.model_copy(update={"seed": 4})
    assert not np.array_equal(test, candidates(other, "test", PLACES)[0])


def test_only_places_without_a_cell_are_left_out(tmp_path: Path) -> None:
    data = load_dataset(run(recording("test"), CountingTracer(), tmp_path / "a.zip"))
    assert len(data) == 100
    assert data.truth_xy_m_S2[:, 0].max() <= 150
    drawn = candidates(CONFIG, "test", PLACES)[0][:, -1]
    heard = drawn[drawn[:, 0] <= 150][:100]
    np.testing.assert_allclose(data.truth_xy_m_S2, heard, atol=2**-8)
    assert data.attributes["places_without_a_cell"] == int(
        np.flatnonzero(drawn[:, 0] <= 150)[99] - 99
    )


def test_who_stands_is_traced_once(tmp_path: Path) -> None:
    tracer = CountingTracer()
    still = CONFIG.splits["test"].model_copy(
        update={"motion": MotionMix(still=1, walking=0, driving=0)}
    )
    config = CONFIG.model_copy(update={"splits": {"test": still}})
    run(recording("test", config), tracer, tmp_path / "a.zarr")
    assert 100 <= tracer.receivers <= 160


def test_an_interrupted_build_resumes_and_gives_the_same(tmp_path: Path) -> None:
    whole_tracer, killed_tracer, resumed_tracer = (
        CountingTracer(), CountingTracer(stop_after=100), CountingTracer(),
    )  # fmt: skip

    def build(name: str, tracer: CountingTracer) -> Path:
        return run(recording("train"), tracer, tmp_path / name)

    whole = build("whole.zarr", whole_tracer)
    with pytest.raises(KeyboardInterrupt):
        build("cut.zarr", killed_tracer)
    assert not (tmp_path / "cut.zarr").exists()
    resumed = build("cut.zarr", resumed_tracer)
    assert killed_tracer.receivers + resumed_tracer.receivers == whole_tracer.receivers
    first, second = (load_dataset(path).worlds["nominal"].propagation for path in (whole, resumed))
    np.testing.assert_array_equal(first.path_gain_db_BTC, second.path_gain_db_BTC)
    np.testing.assert_array_equal(first.xy_m_BT2, second.xy_m_BT2)
    assert {p.name for p in tmp_path.iterdir()} == {"whole.zarr", "cut.zarr"}

    again = CountingTracer()
    build("cut.zarr", again)
    assert again.receivers == 0


def test_chunks_of_other_settings_are_not_mixed_in(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    with pytest.raises(KeyboardInterrupt):
        run(recording("train"), CountingTracer(stop_after=100), path)
    stronger = tuple(cell.model_copy(update={"power_dbm": 50.0}) for cell in CELLS)
    tracer = CountingTracer()
    run(recording("train"), tracer, path, stronger)
    assert tracer.receivers >= 300
    assert load_dataset(path).worlds["nominal"].cells == stronger


def test_too_few_audible_places_are_refused_by_field(tmp_path: Path) -> None:
    def deaf(xy: Float64, progress: Progress) -> Traced:
        traced = trace(xy)
        return traced._replace(path_gain_db=np.full_like(traced.path_gain_db, np.nan))

    with pytest.raises(InvalidInputError, match=r"test: sequences.*only 0 of 150"):
        run(recording("test"), deaf, tmp_path / "a")


def test_splits_that_do_not_fit_are_refused_by_field() -> None:
    crowded = CONFIG.model_copy(update={"separation_m": 100.0})
    with pytest.raises(InvalidInputError, match=r"splits\.train\.sequences"):
        candidates(crowded, "train", PLACES)
    with pytest.raises(InvalidInputError, match=r"no 'tset'.*test, train"):
        candidates(CONFIG, "tset", PLACES)


def test_chunks_traced_elsewhere_in_any_order_give_the_same(tmp_path: Path) -> None:
    here, worlds = CountingTracer(), {"nominal": TracedWorld(CELLS, CountingTracer())}
    handed_out: list[int] = []

    def run_elsewhere(chunks: Sequence[tuple[int, Float64]]) -> Iterator[tuple[int, bytes]]:
        handed_out.extend(number for number, _ in chunks)
        for number, xy in reversed(chunks):
            yield number, trace_chunk(xy, worlds, lambda share: None)

    what = recording("train")
    never = {"nominal": TracedWorld(CELLS, CountingTracer(stop_after=0))}
    elsewhere = record(what, never, tmp_path / "b.zarr", show_progress=False, run=run_elsewhere)
    one = run(what, here, tmp_path / "a.zarr")
    first, second = (load_dataset(path) for path in (one, elsewhere))
    assert first.attributes == second.attributes
    np.testing.assert_array_equal(first.xy_m_ST2, second.xy_m_ST2)
    for name in ("path_gain_db_BTC", "toa_ns_BTC", "los_BTC"):
        np.testing.assert_array_equal(
            getattr(first.worlds["nominal"].propagation, name),
            getattr(second.worlds["nominal"].propagation, name),
        )
    assert len(handed_out) == len(set(handed_out))
