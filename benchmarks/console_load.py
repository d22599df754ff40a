"""The console in a browser with 20 and with 2,000 moving UEs.

    python benchmarks/console_load.py --json

For each number of UEs: starts the application with that many UEs in its live feed, one fix a second
each (`console_publisher.py`), opens the built console in headless Chromium, and measures with
`frontend/scripts/measure-console.mjs`. The scene is the same but for the number: every UE is drawn
by itself (grouping is switched off), with heading, trail and ellipses, in the view that the console
opens with. Keys:

    main_ms_per_frame_20, main_ms_per_frame_2000
                         time that the page's main thread was busy (`TaskDuration` of the DevTools
                         protocol; messages, lists and layout included) over the number of frames
                         in which the UEs were drawn anew
    ratio                of the two (<= 3)
    fps_20, fps_2000     those frames a second
    main_ms_per_frame_2000_grouped, fps_2000_grouped
                         2,000 UEs as the console draws them unasked, with groups
    first_marker_s, first_marker_2000_s
                         from navigation until the graphics of the first marker are done, with 20
                         and with 2,000 UEs, on a warm server, with an empty browser cache: median
                         of `--loads` (<= 3)
    initial_js_gzip_kb   scripts that the page names itself (the map engine comes after them), as
                         gzip level 9 packs them (<= 450)

Without a graphics card the browser draws in software, on the processor that the service and the
console run on: frames a second then say what that machine does, and the ratio says what the console
costs.
"""

from __future__ import annotations

import argparse
import gzip
import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from load import free_port
from provenance import command, machine

ROOT = Path(__file__).parents[1]
FRONTEND = ROOT / "frontend"
FEW, MANY = 20, 2000
INTERVAL_S = 1.0
APART = "?map=none&hide=groups"
GROUPED = "?map=none"
KB = 1000


@contextmanager
def service(ues: int) -> Iterator[str]:
    """The application with so many UEs in its feed; its address."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        program = ROOT / "benchmarks" / "console_publisher.py"
        arguments = [str(port), str(ues), str(INTERVAL_S), folder]
        process = subprocess.Popen(
            [sys.executable, str(program), *arguments],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        try:
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError("the service did not start")
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait()


def measure(url: str, ues: int, seconds: float, loads: int) -> dict[str, Any]:
    """What the browser says of one address."""
    program = FRONTEND / "scripts" / "measure-console.mjs"
    done = subprocess.run(
        ["node", str(program), url, str(ues), str(seconds), str(loads)],
        cwd=FRONTEND,
        check=True,
        stdout=subprocess.PIPE,
    )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def initial_js_gzip_kb() -> float:
    """Scripts named in the built page, packed [kB]."""
    dist = FRONTEND / "dist"
    page = (dist / "index.html").read_text()
    names = set(re.findall(r'(?:src|href)="/(assets/[^"]+\.js)"', page))
    return sum(len(gzip.compress((dist / name).read_bytes(), 9)) for name in names) / KB


def report(options: argparse.Namespace) -> dict[str, Any]:
    with service(FEW) as url:
        few = measure(url + APART, FEW, options.seconds, options.loads)
    with service(MANY) as url:
        many = measure(url + APART, MANY, options.seconds, options.loads)
        grouped = measure(url + GROUPED, MANY, options.seconds, 1)
    return {
        "command": command(),
        "machine": machine(),
        "renderer": few["renderer"],
        "main_ms_per_frame_20": round(few["main_ms_per_frame"], 2),
        "main_ms_per_frame_2000": round(many["main_ms_per_frame"], 2),
        "ratio": round(many["main_ms_per_frame"] / few["main_ms_per_frame"], 2),
        "fps_20": round(few["fps"], 1),
        "fps_2000": round(many["fps"], 1),
        "main_ms_per_frame_2000_grouped": round(grouped["main_ms_per_frame"], 2),
        "fps_2000_grouped": round(grouped["fps"], 1),
        "first_marker_s": round(statistics.median(few["first_marker_s"]), 2),
        "first_marker_2000_s": round(statistics.median(many["first_marker_s"]), 2),
        "initial_js_gzip_kb": round(initial_js_gzip_kb(), 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--seconds", type=float, default=20.0, help="measured for each number")
    parser.add_argument("--loads", type=int, default=5, help="page loads for the first marker")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    result = report(options)
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for key, value in result.items():
        print(f"{key:32} {value}")


if __name__ == "__main__":
    main()
