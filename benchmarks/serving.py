"""How much of the model's own speed the service gives to its clients.

    python benchmarks/serving.py --json

Starts `rayfix serve` in a process of its own and asks it over HTTP with real reports (10 reports a
request) of the test file; the same model, map and number of torch threads are timed in this process
without a service. Ratios:

    served_over_raw             fixes/s at 64 connections over that of bare batches of 32, unrefined
    served_over_raw_refined     the same with the model's refinement
    p50_over_bare, p99_over_bare    latency at one connection over one bare locate (both medians)
    over_litserve               fixes/s at 64 connections over those of the same model, request
                                schema and batch size behind LitServe (benchmarks/litserve_app.py)

and, for a reader, rates and latencies at 1, 16 and 64 connections.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from load import (
    TEST_FILE,
    free_port,
    give_way,
    load,
    load_sequences,
    requests_of,
    running,
    service,
)
from provenance import machine

from rayfix.config import Settings
from rayfix.locator.fix import LocateOptions, LocateQuery
from rayfix.locator.locator import Locator
from rayfix.measurement.report import Report

BATCH = 32


def raw_rate(
    locator: Locator, queries: Sequence[LocateQuery], batch: int, seconds: float
) -> tuple[float, float]:
    """Fixes per second and median milliseconds per call, without a service."""
    times: list[float] = []
    place = 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        chunk = [queries[(place + i) % len(queries)] for i in range(batch)]
        place += batch
        started = time.perf_counter()
        locator.locate(chunk)
        times.append(time.perf_counter() - started)
    return batch * len(times) / sum(times), 1e3 * statistics.median(times)


def measure(settings: Settings, reports: Path, seconds: float) -> dict[str, Any]:
    """Run everything; see the module's docstring for the keys."""
    sequences = load_sequences(reports, settings, 300)
    locator = Locator.load(settings)
    results: dict[str, Any] = {
        "machine": machine(), "threads": settings.threads, "sequences": len(sequences)
    }  # fmt: skip
    scene = settings.scenes[0]

    def queries(steps: int | None) -> list[LocateQuery]:
        return [LocateQuery(scene, r, LocateOptions(refine_steps=steps)) for r in sequences]

    plain, refined = queries(0), queries(None)
    raw_rate(locator, plain, BATCH, 1.0)
    raw, _ = raw_rate(locator, plain, BATCH, seconds)
    raw_refined, _ = raw_rate(locator, refined, BATCH, seconds)
    _, bare_ms = raw_rate(locator, plain, 1, seconds)
    results |= {"raw_per_s": raw, "raw_refined_per_s": raw_refined, "bare_ms": bare_ms}

    give_way()
    with service(settings) as served:
        port = served.port
        requests = requests_of(sequences, port, refine=False)
        load(port, requests, 16, 2.0)
        one = load(port, requests, 1, seconds)
        sixteen = load(port, requests, 16, seconds)
        full = load(port, requests, 64, seconds)
        refined_load = load(port, requests_of(sequences, port, refine=True), 64, seconds)
        results |= {
            "served_over_raw": full.rate / raw,
            "served_over_raw_refined": refined_load.rate / raw_refined,
            "p50_over_bare": one.quantile(0.5) / bare_ms,
            "p99_over_bare": one.quantile(0.99) / bare_ms,
            "served_per_s": full.rate,
            "served_refined_per_s": refined_load.rate,
        }
        for name, outcome in (("1", one), ("16", sixteen), ("64", full)):
            results[f"connections_{name}"] = {
                "per_s": outcome.rate,
                "p50_ms": outcome.quantile(0.5),
                "p99_ms": outcome.quantile(0.99),
                "not_answered": outcome.other + len(outcome.refused_ms),
            }
    lit = litserve_rate(settings, sequences, seconds)
    results |= {"litserve_per_s": lit, "over_litserve": full.rate / lit}
    return results


def litserve_rate(
    settings: Settings, sequences: Sequence[tuple[Report, ...]], seconds: float
) -> float:
    """Fixes per second at 64 connections of the same model behind LitServe."""
    port = free_port()
    environment = {
        "RAYFIX_MODEL": settings.model,
        "RAYFIX_SCENES": ",".join(settings.scenes),
        "RAYFIX_THREADS": str(settings.threads),
        "OMP_NUM_THREADS": str(settings.threads),
    }
    command = [sys.executable, str(Path(__file__).with_name("litserve_app.py")), str(port)]
    with running(command, environment, port, "/health"):
        requests = requests_of(sequences, port, refine=False)
        load(port, requests, 16, 2.0)
        outcome = load(port, requests, 64, seconds)
    if outcome.other or outcome.refused_ms:
        raise SystemExit("LitServe refused requests: no comparison")
    return outcome.rate


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each load")
    parser.add_argument("--threads", type=int, default=1, help="torch threads on both sides")
    parser.add_argument("--reports", type=Path, default=TEST_FILE)
    arguments = parser.parse_args()
    settings = Settings(threads=arguments.threads)
    results = measure(settings, arguments.reports, arguments.seconds)
    if arguments.json:
        print(json.dumps(results, indent=1, allow_nan=False))
        return
    for name, value in results.items():
        print(f"{name:26}{value:.3f}" if isinstance(value, float) else f"{name:26}{value}")


if __name__ == "__main__":
    main()
