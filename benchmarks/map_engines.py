"""Whether a radio map is the same whichever way it is built.

    python benchmarks/map_engines.py --json

Builds one map with `rayfix maps build` in processes of their own: `--parallel 1`, `--parallel 2`,
`--engine ray`, and once more killed (SIGKILL) when its first site is finished and then resumed.
Reports for each the seconds and whether every stored array is that of the first build, bit for bit
(`same`), with the greatest difference in rounding steps (`steps`) where it is not; `all_same` is
the verdict. Few rays and wide pixels by default: what is compared does not depend on them.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from provenance import command, machine

from rayfix.radio_map.jobs import find_jobs
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import load_radio_map
from rayfix.radio_map.write import OTHER_STEP, STEPS
from rayfix.scene.cell import load_cells, save_cells, sites_of

ROOT = Path(__file__).parents[1]
WAYS = {
    "parallel 1": ["--parallel", "1"],
    "parallel 2": ["--parallel", "2"],
    "ray": ["--engine", "ray", "--parallel", "2"],
    "killed and resumed": ["--parallel", "1"],
}


def build(options: argparse.Namespace, cells: Path, output: Path, way: str) -> float:
    """Run the command (twice where it is killed first); seconds of it all."""
    command = [
        sys.executable, "-m", "rayfix.cli", "maps", "build", "--scene", options.scene,
        "--cells", str(cells), "--resolution", str(options.resolution),
        "--rays", str(options.rays), "--output-dir", str(output), *WAYS[way],
    ]  # fmt: skip
    started = time.perf_counter()
    if way == "killed and resumed":
        _kill_after_first_site(command, options.scene, cells, output)
    subprocess.run(command, check=True, stdout=sys.stderr)
    return time.perf_counter() - started


def _kill_after_first_site(command: list[str], scene: str, cells: Path, output: Path) -> None:
    (job,) = find_jobs(scene, cells, None, output)
    process = subprocess.Popen(command, stdout=sys.stderr)
    while not job.part(0).exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    if process.wait() != -signal.SIGKILL or job.folder.exists():
        raise SystemExit("the build ended before it could be killed: take more sites or rays")


def difference(one: RadioMap, other: RadioMap) -> tuple[bool, float]:
    """Whether all arrays are equal, and the greatest difference in rounding steps."""
    worst = 0.0
    left, right = ({**m.features, **m.extra} for m in (one, other))
    for name, values in left.items():
        if name not in right or not np.array_equal(np.isnan(values), np.isnan(right[name])):
            return False, float("inf")
        apart = np.abs(values - right[name])
        if np.isfinite(apart).any():
            worst = max(worst, float(np.nanmax(apart)) / STEPS.get(name, OTHER_STEP))
    return worst == 0.0, worst


def measure(options: argparse.Namespace) -> dict[str, Any]:
    """Build every way and compare; the report as JSON values."""
    listed = load_cells(options.cells or options.radio_maps_dir / options.scene / "cells.yaml")
    chosen = [m for members in list(sites_of(listed).values())[: options.sites] for m in members]
    report: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        cells = save_cells(Path(temporary) / "cells.yaml", [listed[i] for i in sorted(chosen)])
        first: RadioMap | None = None
        for number, way in enumerate(WAYS):
            output = Path(temporary) / str(number)
            seconds = round(build(options, cells, output, way), 1)
            built = load_radio_map(output / options.scene)
            first = first or built
            same, steps = difference(first, built)
            report[way] = {"same": same, "steps": steps, "seconds": seconds}
    return {
        "all_same": all(found["same"] for found in report.values()),
        "within_one_step": all(found["steps"] <= 1.0 for found in report.values()),
        "ways": report,
        "scene": options.scene,
        "cells": len(chosen),
        "resolution_m": options.resolution,
        "rays_per_site": options.rays,
        "command": command(),
        "machine": machine(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--scene", default="munich", help="built-in scene")
    parser.add_argument("--cells", type=Path, help="site list; default: the map's cells.yaml")
    parser.add_argument("--sites", type=int, default=3, help="the first so many sites")
    parser.add_argument("--radio-maps-dir", type=Path, default=ROOT / "radio_maps")
    parser.add_argument("--resolution", type=float, default=4.0, help="side of a pixel [m]")
    parser.add_argument("--rays", type=int, default=400_000, help="rays per site")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    report = measure(options)
    print(json.dumps(report, indent=1) if options.json else report["all_same"])


if __name__ == "__main__":
    main()
