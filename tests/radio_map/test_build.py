"""Builds of a small scene: what they write, that they resume, and that engines agree."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rayfix.errors import ConfigError, InvalidInputError, UnknownSceneError
from rayfix.radio_map import RadioMapConfig, RadioMapGenerator
from rayfix.radio_map.build import build_radio_maps
from rayfix.radio_map.jobs import MapJob, find_jobs
from rayfix.radio_map.parts import RAYS, is_whole
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap
from rayfix.radio_map.store import load_radio_map
from rayfix.scene.cell import Cell, save_cells
from rayfix.scene.scene import Extent, Scene
from rayfix.simulation.map_solver import SolverConfig

CONFIG = RadioMapConfig(resolution_m=2.0, seed=3, solver=SolverConfig(rays_per_site=20_000))


@pytest.fixture(scope="module")
def scene() -> Scene:
    return Scene(
        name="canyon",
        title="Street canyon",
        geometry="builtin:simple_street_canyon",
        origin_lat_deg=48.0,
        origin_lon_deg=11.0,
        extent=Extent(x_min_m=-40, x_max_m=40, y_min_m=-30, y_max_m=30),
    )


@pytest.fixture(scope="module")
def cells() -> tuple[Cell, ...]:
    one = Cell(cell_id="W-1", site_id="W", x_m=-33, y_m=0, z_m=25, bearing_deg=90, downtilt_deg=10)
    return (
        one,
        one.model_copy(update={"cell_id": "E-1", "site_id": "E", "x_m": 33.0, "bearing_deg": 270}),
        one.model_copy(update={"cell_id": "W-2", "bearing_deg": 0.0}),
    )


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory, scene: Scene, cells: tuple[Cell, ...]) -> MapJob:
    job = MapJob(scene, None, cells, tmp_path_factory.mktemp("maps"))
    assert build_radio_maps([job], CONFIG, show_progress=False) == [job.folder]
    return job


def _assert_same(one: RadioMap, other: RadioMap) -> None:
    for name in FEATURE_NAMES:
        np.testing.assert_array_equal(one.features[name], other.features[name])
    for name in one.extra:
        np.testing.assert_array_equal(one.extra[name], other.extra[name])


def test_everything_is_written(job: MapJob, scene: Scene, cells: tuple[Cell, ...]) -> None:
    assert sorted(path.name for path in job.folder.iterdir()) == [
        "buildings.geojson",
        "cells.yaml",
        "manifest.json",
        "maps.zarr",
        "scene.json",
    ]
    assert [path.name for path in job.output_dir.iterdir()] == ["canyon"]  # no parts are left
    built = load_radio_map(job.folder)
    assert (built.scene, built.cells) == (scene, cells)
    assert built.features["path_gain"].shape == (3, 30, 40)
    assert built.attributes["resolution_m"] == 2.0
    assert built.attributes["rays_by_site"] == [20_000, 20_000]
    assert {"path_gain_stderr", "toa_mean", "delay_spread", "aoa_spread", "los"} == set(built.extra)


def test_the_map_obeys_physics(job: MapJob) -> None:
    built = load_radio_map(job.folder)
    grid_x, grid_y = np.meshgrid(built.x_m, built.y_m)
    in_street = (np.abs(grid_y) < 5) & built.outdoor
    first = built.cells[0]
    distance = np.sqrt((grid_x - first.x_m) ** 2 + (grid_y - first.y_m) ** 2 + 23.5**2)
    toa = built.features["toa"][0]
    np.testing.assert_allclose(toa[in_street], distance[in_street] / 0.299792458, atol=0.1)
    bearing = np.rad2deg(np.arctan2(grid_x - first.x_m, grid_y - first.y_m)) % 360
    ahead = in_street & (grid_x > 0)
    # power-weighted: reflections from the walls pull it off the line of sight by some degrees
    off = np.abs(built.features["aoa"][0] - bearing)[ahead]
    assert np.median(off) < 8.0
    assert off.max() < 30.0
    assert np.isnan(built.features["path_gain"][:, ~built.outdoor]).all()
    heard = np.isfinite(built.features["path_gain"])
    for name in FEATURE_NAMES:
        np.testing.assert_array_equal(np.isfinite(built.features[name]), heard)
    assert (built.features["sinr"] <= built.features["snr"] + 0.07)[heard].all()
    assert ((built.features["bler"] >= 0) & (built.features["bler"] <= 1))[heard].all()
    # of the two sectors of one mast, the one that looks along the street is louder there
    assert (built.features["path_gain"][0] > built.features["path_gain"][2])[ahead].all()


def test_a_complete_map_is_skipped_and_a_changed_one_is_not(job: MapJob) -> None:
    before = (job.folder / "manifest.json").stat().st_mtime_ns
    assert build_radio_maps([job], CONFIG, show_progress=False) == []
    assert (job.folder / "manifest.json").stat().st_mtime_ns == before
    loaded = RadioMapGenerator(CONFIG).generate(job.scene, job.cells, job.output_dir)
    _assert_same(loaded, load_radio_map(job.folder))


@pytest.mark.parametrize("engine", ["local", "ray"])
def test_processes_and_order_do_not_change_the_map(
    tmp_path: Path, job: MapJob, engine: str
) -> None:
    other = replace(job, output_dir=tmp_path)
    build_radio_maps([other], CONFIG, engine=engine, parallel=2, show_progress=False)
    _assert_same(load_radio_map(other.folder), load_radio_map(job.folder))


def test_a_killed_build_resumes_to_the_same_map(tmp_path: Path, job: MapJob) -> None:
    job.scene.save(tmp_path / "in" / "canyon")
    save_cells(tmp_path / "in" / "canyon" / "cells.yaml", job.cells)
    program = (
        "import sys; from pathlib import Path; from rayfix.radio_map.build import *;"
        "from rayfix.radio_map.jobs import find_jobs; from rayfix.simulation.map_solver import *;"
        "jobs = find_jobs('', None, Path(sys.argv[1]), Path(sys.argv[2]));"
        f"build_radio_maps(jobs, {CONFIG!r})"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path / "in"), str(tmp_path / "out")]
    process = subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    (found,) = find_jobs("", None, tmp_path / "in", tmp_path / "out")
    deadline = time.monotonic() + 120
    while not found.part(0).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert found.part(0).exists()
    assert not found.folder.exists()
    build_radio_maps([found], CONFIG, show_progress=False)
    assert not found.parts.exists()
    _assert_same(load_radio_map(found.folder), load_radio_map(job.folder))


def test_a_site_whose_file_was_cut_short_is_traced_again(tmp_path: Path) -> None:
    part = tmp_path / "site-0000.npz"
    assert not is_whole(part)
    np.savez_compressed(part, **{"path_gain/0": np.ones((3, 50, 50)), RAYS: np.array(7)})
    assert is_whole(part)
    part.write_bytes(part.read_bytes()[:-40])
    assert not is_whole(part)


def test_a_disk_that_fills_during_the_build(tmp_path: Path, job: MapJob) -> None:
    """The earlier map stays whole; with room again the build goes on from the finished sites."""
    target = tmp_path / "maps"
    shutil.copytree(job.output_dir, target)
    other = replace(job, output_dir=target)
    before = load_radio_map(other.folder)
    program = (
        "import resource, signal, sys; from pathlib import Path;"
        "from rayfix.errors import DiskFullError; from rayfix.radio_map.build import *;"
        "from rayfix.radio_map.jobs import find_jobs; from rayfix.simulation.map_solver import *;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000));"
        "jobs = find_jobs('canyon', None, None, Path(sys.argv[1]));"
        f"build_radio_maps(jobs, {replace(CONFIG, seed=4)!r}, show_progress=False)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(target)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "DiskFullError" in done.stderr.splitlines()[-1]
    assert "what was there before is unchanged" in done.stderr.splitlines()[-1]
    _assert_same(load_radio_map(other.folder), before)


def test_jobs_of_a_command_line(tmp_path: Path, scene: Scene, cells: tuple[Cell, ...]) -> None:
    own = scene.model_copy(update={"name": "own", "geometry": "meshes/own.xml"})
    for one in (scene, own):
        one.save(tmp_path / "in" / one.name)
        save_cells(tmp_path / "in" / one.name / "cells.yaml", cells)
    jobs = find_jobs("", None, tmp_path / "in", tmp_path / "out")
    assert [job.scene.name for job in jobs] == ["canyon", "own"]
    assert jobs[0].written_scene == scene
    assert jobs[1].written_scene.geometry == "../../in/own/meshes/own.xml"
    (single,) = find_jobs(str(tmp_path / "in" / "own"), None, None, tmp_path / "out")
    assert single == jobs[1]
    with pytest.raises(InvalidInputError, match="either a scene or a folder"):
        find_jobs("", None, None, tmp_path)
    with pytest.raises(InvalidInputError, match="no folder"):
        find_jobs("", None, tmp_path / "out", tmp_path)
    with pytest.raises(UnknownSceneError):
        find_jobs("atlantis", None, None, tmp_path)
    with pytest.raises(ConfigError, match="the site list is missing"):
        find_jobs("munich", tmp_path / "nowhere.yaml", None, tmp_path)


def test_bad_settings_are_named(tmp_path: Path, job: MapJob) -> None:
    with pytest.raises(InvalidInputError, match="resolution_m"):
        RadioMapConfig(resolution_m=0.0)
    with pytest.raises(InvalidInputError, match="two scenes"):
        build_radio_maps([job, job], CONFIG)
    with pytest.raises(InvalidInputError, match="engine"):
        build_radio_maps([replace(job, output_dir=tmp_path)], CONFIG, engine="slurm")
