"""Munich as it might really be: cells that differ from the site list, materials redrawn.

Traced once per seed and kept in `data/calibration/` (git-ignored): exact paths at places for
calibration and for test, and the map that a perfect site list would give.

Shape letters: N places, C cells.
"""

from __future__ import annotations

import os
import pickle
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from rayfix.calibration.traced_model import TracedDrive, trace_drive
from rayfix.measurement.propagation import Propagation
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap
from rayfix.scene.cell import Cell, load_cells, save_cells
from rayfix.scene.scene import Scene

if TYPE_CHECKING:
    from rayfix.simulation.world import World

SCENE = Path("radio_maps/munich")
CACHE = Path("data/calibration")
CALIBRATION_PLACES = 300
TEST_PLACES = 400
PIXEL_M = 4.0
RAYS_PER_SITE = 1_000_000
"""Of every map here: the nominal, the true and the calibrated ones are equally coarse."""


@dataclass(frozen=True)
class HiddenWorld:
    """A world that the site list knows only roughly.

    Attributes:
        cells: as they really are.
        calibration, test: exact paths at the places of either.
        true_map: traced with these cells and materials.
    """

    seed: int
    cells: tuple[Cell, ...]
    calibration: Propagation
    test: Propagation
    true_map: RadioMap


def hidden_cells(cells: tuple[Cell, ...], seed: int) -> tuple[Cell, ...]:
    """Bearings 5 to 10 deg off to either side, tilts off by 2 deg, powers by 3 dB (standard
    deviations, per cell), heights by 2 m (per site)."""
    random = np.random.default_rng([seed, 7])
    lift = {site: 2.0 * random.standard_normal() for site in sorted({c.site_id for c in cells})}
    changed = []
    for cell in cells:
        turn = random.choice([-1.0, 1.0]) * random.uniform(5.0, 10.0)
        tilt, power = random.standard_normal(2)
        changed.append(
            cell.model_copy(
                update={
                    "bearing_deg": float((cell.bearing_deg + turn) % 360.0),
                    "downtilt_deg": float(cell.downtilt_deg + 2.0 * tilt),
                    "power_dbm": float(cell.power_dbm + 3.0 * power),
                    "z_m": float(cell.z_m + lift[cell.site_id]),
                }
            )
        )
    return tuple(changed)


def hidden_world(seed: int) -> HiddenWorld:
    """The world of a seed, traced unless it is in the cache (about two minutes)."""
    folder = CACHE / f"world-{seed}"
    if not (folder / "map.npz").exists():
        _trace(seed, folder)
    cells = load_cells(folder / "cells.yaml")
    with np.load(folder / "paths.npz") as stored:
        places = {
            kind: _propagation({name: stored[f"{kind}_{name}"] for name in PATHS})
            for kind in ("calibration", "test")
        }
    return HiddenWorld(seed, cells, **places, true_map=load_traced(folder / "map.npz", cells))


PATHS = ("xy_m", "path_gain_db", "toa_ns", "aoa_deg", "los")


def _trace(seed: int, folder: Path) -> None:
    from rayfix.simulation.world import MaterialRedraw, World

    scene = Scene.load(SCENE)
    cells = hidden_cells(load_cells(SCENE / "cells.yaml"), seed)
    world = World(scene, SCENE, carrier_hz=cells[0].carrier_hz, redraw=MaterialRedraw(seed))
    folder.mkdir(parents=True, exist_ok=True)
    save_cells(folder / "cells.yaml", cells)
    if not (folder / "paths.npz").exists():
        _trace_paths(world, cells, seed, folder)
    trace_map(scene, cells, world, folder / "map.npz")


def _trace_paths(world: World, cells: tuple[Cell, ...], seed: int, folder: Path) -> None:
    from rayfix.simulation.exact_paths import PathsConfig, exact_paths

    xy_m_N2 = world.outdoor_positions(CALIBRATION_PLACES + TEST_PLACES, 9000 + seed)
    started = time.perf_counter()
    found = exact_paths(world, cells, xy_m_N2, seed=seed, config=PathsConfig(rays_per_site=500_000))
    print(f"world {seed}: exact paths {time.perf_counter() - started:.0f} s", flush=True)
    arrays: dict[str, Any] = {}
    for kind, part in (
        ("calibration", slice(CALIBRATION_PLACES)),
        ("test", slice(CALIBRATION_PLACES, None)),
    ):
        arrays[f"{kind}_xy_m"] = xy_m_N2[part]
        for name in PATHS[1:]:
            arrays[f"{kind}_{name}"] = getattr(found, name)[part]
    np.savez_compressed(folder / "paths.npz", **arrays)


def nominal_map() -> RadioMap:
    """The map of the site list, traced like the others."""
    from rayfix.simulation.world import World

    scene, cells = Scene.load(SCENE), load_cells(SCENE / "cells.yaml")
    path = CACHE / "nominal.npz"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        trace_map(scene, cells, World(scene, SCENE, carrier_hz=cells[0].carrier_hz), path)
    return load_traced(path, cells)


def trace_map(scene: Scene, cells: tuple[Cell, ...], world: World, path: Path) -> None:
    """Trace the map of these cells in a loaded world."""
    from rayfix.simulation.link import link_features
    from rayfix.simulation.map_solver import SolverConfig, solve_map

    started = time.perf_counter()
    traced = solve_map(
        scene,
        cells,
        *scene.extent.pixel_centres(PIXEL_M),
        world=world,
        config=SolverConfig(rays_per_site=RAYS_PER_SITE),
    )
    link = link_features(traced.path_gain_db, cells)
    arrays = {"path_gain": traced.path_gain_db, "toa": traced.toa_ns, "aoa": traced.aoa_deg}
    arrays |= {name.partition("_")[0]: values for name, values in link.items()}
    arrays |= {"los": traced.los, "building_height": traced.building_height_m}
    temporary = path.with_name(f".{os.getpid()}.npz")
    np.savez_compressed(temporary, **arrays)  # type: ignore[arg-type]
    temporary.replace(path)
    print(f"{path}: map {time.perf_counter() - started:.0f} s", flush=True)


def load_traced(path: Path, cells: tuple[Cell, ...]) -> RadioMap:
    """A map that `trace_map` wrote."""
    scene = Scene.load(SCENE)
    x_m, y_m = scene.extent.pixel_centres(PIXEL_M)
    with np.load(path) as stored:
        features = {name: stored[name] for name in FEATURE_NAMES}
        height, extra = stored["building_height"], {"los": stored["los"]}
    return RadioMap(scene, cells, x_m, y_m, features, height, extra)


def traced_drive(world: HiddenWorld) -> TracedDrive:
    """Paths by the site list to all calibration places of a world, from the cache if there."""
    path = CACHE / f"world-{world.seed}" / "drive.pickle"
    if not path.exists():
        scene, cells = Scene.load(SCENE), load_cells(SCENE / "cells.yaml")
        started = time.perf_counter()
        traced = trace_drive(scene, SCENE, cells, world.calibration.xy_m_BT2[:, 0])
        path.write_bytes(pickle.dumps(traced))
        print(f"{path}: paths {time.perf_counter() - started:.0f} s", flush=True)
    found: TracedDrive = pickle.loads(path.read_bytes())
    return found


def _propagation(arrays: dict[str, npt.NDArray[Any]]) -> Propagation:
    return Propagation(
        xy_m_BT2=arrays["xy_m"][:, None],
        time_s_T=np.zeros(1),
        path_gain_db_BTC=arrays["path_gain_db"][:, None],
        toa_ns_BTC=arrays["toa_ns"][:, None],
        aoa_deg_BTC=arrays["aoa_deg"][:, None],
        los_BTC=arrays["los"][:, None],
    )


if __name__ == "__main__":
    import sys

    nominal_map()
    for number in sys.argv[1:]:
        traced_drive(hidden_world(int(number)))
