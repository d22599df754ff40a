"""Asks the whole service nonsense, and almost sensible things, by its own OpenAPI document.

    python benchmarks/fuzz_api.py --json --cases 10000

Schemathesis makes requests for every operation: half as the document allows them, half that break
it. In half of each, names are replaced by those of the running service (scenes, cells, features, a
UE with fixes), so that the requests get past the first look. A real server answers over HTTP. What
counts as a failure:

    server_error            a status of 500 or more that no document explains (503 is documented)
    undocumented_status     a status that the operation does not list
    content_type, schema    an answer of another type or shape than documented
    not_finite              NaN or Infinity in a JSON answer
    no_answer               the connection broke
"""

from __future__ import annotations

import argparse
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.progress import Progress
from schemathesis import Case, GenerationMode
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi import checks

CHECKS: dict[str, Callable[..., Any]] = {
    "undocumented_status": checks.status_code_conformance,
    "content_type": checks.content_type_conformance,
    "schema": checks.response_schema_conformance,
}
ENDLESS = "/api/v1/live/events"
"""Its answer has no end: its first event is read."""
ROUND = 25
"""Cases of one kind for an operation before the next operation's turn."""
RELOAD = "/api/v1/admin/reload"
"""Takes nothing, and seconds, on a busy machine many: once a round is enough."""
TIMEOUT_S, RELOAD_TIMEOUT_S = 30.0, 180.0
READY_WITHIN_S = 120.0


@dataclass
class Outcome:
    """What the service answered."""

    cases: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    succeeded: set[str] = field(default_factory=set)
    failures: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    seen: set[tuple[str, int, int]] = field(default_factory=set)

    def answered(self, label: str, status: int) -> None:
        """Count an answer."""
        self.statuses[str(status)] += 1
        if 200 <= status < 300:
            self.succeeded.add(label)

    def fail(self, kind: str, label: str, what: str) -> None:
        """Count a failure; the first of each kind and operation is kept whole."""
        self.failures[kind] += 1
        self.examples.setdefault(f"{kind} {label}", what)


class Known:
    """Names that the running service knows, put in place of made-up ones."""

    def __init__(self, url: str) -> None:
        scenes = httpx.get(f"{url}/api/v1/scenes", timeout=TIMEOUT_S).json()["scenes"]
        scene = httpx.get(f"{url}/api/v1/scenes/{scenes[0]['name']}", timeout=TIMEOUT_S).json()
        cells = [{"cell_id": name, "rsrp_dbm": -80.0} for name in scene["cells"][:4]]
        request = {"ue_id": "fuzz", "reports": [{"time": time.time(), "cells": cells}]}
        fix = httpx.post(f"{url}/api/v1/locate", json=request, timeout=TIMEOUT_S).json()
        center = scene["center"]
        self.values: Mapping[str, list[Any]] = {
            "scene": [scene["name"]],
            "feature": [feature["name"] for feature in scene["features"]],
            "cell": [*scene["cells"], "best"],
            "cell_id": scene["cells"],
            "ue_id": ["fuzz"],
            "fix_id": [fix["fix_id"]],
            "model": [scene["model"]],
            "lat": [center["lat"], center["lat"] + 0.001],
            "lon": [center["lon"], center["lon"] - 0.001],
            "z": [0, 14, 16],
            "x": [0, 8718, 34873],
            "y": [0, 5686, 22744],
            "networkAccessIdentifier": ["fuzz"],
        }

    def put(self, value: Any, draw: random.Random) -> Any:
        """The same structure with known names."""
        if isinstance(value, dict):
            return {
                key: draw.choice(self.values[key])
                if key in self.values and not isinstance(item, dict | list)
                else self.put(item, draw)
                for key, item in value.items()
            }
        if isinstance(value, list):
            return [self.put(item, draw) for item in value]
        return value


def fuzz(url: str, cases: int, first_seed: int) -> Outcome:
    """Ask every operation its share of the cases."""
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    known, outcome, session = Known(url), Outcome(), requests.Session()
    with Progress(*Progress.get_default_columns(), console=Console(stderr=True)) as progress:
        task = progress.add_task("cases", total=cases)
        while outcome.cases < cases:  # operations without parameters have few different cases
            each = min(ROUND, max(1, (cases - outcome.cases) // (2 * len(operations))))
            _round(operations, known, outcome, session, url, each, first_seed + outcome.cases)
            progress.update(task, completed=outcome.cases)
    return outcome


def _round(
    operations: list[Any],
    known: Known,
    outcome: Outcome,
    session: requests.Session,
    url: str,
    each: int,
    round_seed: int,
) -> None:
    for operation in operations:
        count = 1 if operation.path == RELOAD else each
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            made = operation.as_strategy(generation_mode=mode)

            @seed(round_seed)
            @settings(
                max_examples=count,
                deadline=None,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=made, sensible=st.booleans(), draw=st.randoms(use_true_random=False))
            def ask(case: Case, sensible: bool, draw: random.Random) -> None:
                if sensible:
                    case.path_parameters = known.put(case.path_parameters, draw)
                    case.query = known.put(case.query, draw)
                    case.body = known.put(case.body, draw)
                _ask(session, url, case, outcome)

            try:
                ask()
            except Exception as error:  # nothing breaks this operation's document: one mode only
                if type(error).__name__ not in ("Unsatisfiable", "SkipTest"):
                    raise


def _ask(session: requests.Session, url: str, case: Case, outcome: Outcome) -> None:
    label = case.operation.label
    endless = case.operation.path == ENDLESS
    outcome.cases += 1
    outcome.operations[label] += 1
    fail = partial(_fail, outcome, case)
    try:
        if endless:
            reply = session.request(
                **case.as_transport_kwargs(base_url=url), stream=True, timeout=TIMEOUT_S
            )
            with reply:
                outcome.answered(label, reply.status_code)
                if reply.status_code == 200:
                    next(reply.iter_lines())
                    return
                response = schemathesis.Response.from_requests(reply, verify=False)
        else:
            timeout_s = RELOAD_TIMEOUT_S if case.operation.path == RELOAD else TIMEOUT_S
            response = case.call(base_url=url, session=session, timeout=timeout_s)
            outcome.answered(label, response.status_code)
    except requests.RequestException as error:
        fail("no_answer", str(error))
        return
    if response.status_code >= 500 and response.status_code != 503:
        fail("server_error", response.text[:500])
    if "json" in str(response.headers.get("content-type", "")):
        try:
            json.loads(response.content, parse_constant=_not_finite)
        except ValueError as error:
            fail("not_finite", str(error))
    seen = (label, response.status_code, hash(response.content))
    if seen in outcome.seen:  # the same answer as before, which is judged already
        return
    outcome.seen.add(seen)
    for kind, check in CHECKS.items():
        try:
            case.validate_response(response, checks=[check])
        except (Failure, FailureGroup) as failure:
            fail(kind, str(failure)[:800])


def _fail(outcome: Outcome, case: Case, kind: str, what: str) -> None:
    outcome.fail(kind, case.operation.label, f"{case.as_curl_command()[:2000]}: {what}")


def _not_finite(name: str) -> None:
    raise ValueError(f"{name} in an answer")


@contextmanager
def served() -> Iterator[str]:
    """The service in a process of its own, on Munich, with its optional routes."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as folder:
        environment = os.environ | {
            "RAYFIX_LIVE_LOG": f"{folder}/live.sqlite",
            "RAYFIX_KEYS_FILE": f"{folder}/keys.json",
            "RAYFIX_CAMARA": "true",
        }
        command = [str(Path(sys.executable).with_name("rayfix")), "serve", "--port", str(port)]
        with Path(folder, "log").open("wb") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
            try:
                deadline = time.monotonic() + READY_WITHIN_S
                while True:
                    try:
                        if httpx.get(f"{url}/readyz").status_code == 200:
                            break
                    except httpx.TransportError:
                        pass
                    if process.poll() is not None or time.monotonic() > deadline:
                        raise SystemExit(Path(folder, "log").read_text())
                    time.sleep(0.1)
                yield url
            finally:
                process.terminate()
                process.wait(20)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--url", help="a running service; default: one is started")
    options = parser.parse_args()
    started = time.monotonic()
    if options.url:
        outcome = fuzz(options.url, options.cases, options.seed)
    else:
        with served() as url:
            outcome = fuzz(url, options.cases, options.seed)
    report = {
        "cases": outcome.cases,
        "operations": len(outcome.operations),
        "never_2xx": sorted(set(outcome.operations) - outcome.succeeded),
        "failures": dict(outcome.failures),
        "statuses": dict(sorted(outcome.statuses.items())),
        "seconds": round(time.monotonic() - started, 1),
        "examples": outcome.examples,
    }
    if options.json:
        print(json.dumps(report, indent=1))
    else:
        print(f"{outcome.cases} cases on {len(outcome.operations)} operations")
        print(f"statuses: {report['statuses']}")
        print(f"failures: {report['failures'] or 'none'}")
        for name, what in outcome.examples.items():
            print(f"  {name}: {what}")
    return 1 if outcome.failures else 0


if __name__ == "__main__":
    sys.exit(main())
