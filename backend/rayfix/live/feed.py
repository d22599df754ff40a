"""Drives the live demo: phones that move along recorded routes and post what they measure.

A client of the public HTTP interface like any other. Exact paths along the routes were recorded
once (`rayfix dataset routes`); the errors of a condition are drawn anew in every lap.

Letters: U phones, S recorded routes, T places of a route.
"""

from __future__ import annotations

import asyncio
import random as pause_random
import sys
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from rayfix.errors import InvalidInputError, RayFixError
from rayfix.geo import GeoReference
from rayfix.measurement.conditions import Condition, load_conditions
from rayfix.measurement.dataset import Dataset
from rayfix.measurement.dataset_file import load_dataset
from rayfix.measurement.replay import Measured, Phone, phones_on, window
from rayfix.measurement.report import Report
from rayfix.scene.scene import Scene

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
"""Pause after the first refusal; it doubles with each further one up to the longest [s]."""
LONGEST_INTERVAL_S = 60.0
"""Longest time between two fixes of a phone [s]."""
BUSY = frozenset({408, 429, 500, 502, 503, 504})
"""Replies after which the same request may succeed later."""


class FeedRefusedError(RayFixError):
    """The service refuses what the feed posts, for a reason that waiting does not change."""

    code = "feed_refused"


@dataclass
class Tally:
    """What happened in the last seconds, for the status line."""

    fixes: deque[tuple[float, float, float]] = field(default_factory=lambda: deque(maxlen=2000))
    trouble: str = ""

    def line(self, now_s: float, url: str, count: int) -> str:
        """One line: fixes a second, median error and latency of the last ten seconds."""
        recent = [fix for fix in self.fixes if fix[0] > now_s - 10.0]
        if self.trouble:
            return f"{count} UEs -> {url}: {self.trouble}"
        if not recent:
            return f"{count} UEs -> {url}: waiting for the first fix"
        _, errors_m, latencies_ms = np.array(recent).T
        span_s = max(1.0, min(10.0, now_s - self.fixes[0][0]))
        return (
            f"{count} UEs -> {url}: {len(recent) / span_s:.1f} fixes/s, "
            f"median error {np.median(errors_m):.1f} m, {np.median(latencies_ms):.0f} ms a fix"
        )


async def run_feed(
    data: Dataset,
    condition: Condition,
    url: str,
    ues: int,
    *,
    post_interval_s: float = 1.0,
    seed: int = 0,
    duration_s: float | None = None,
    status: bool = True,
    georeference: GeoReference | None = None,
    key: str | None = None,
) -> Tally:
    """Move phones and post their reports until cancelled, or for `duration_s` seconds; with a
    georeference also where each phone really is.

    Raises:
        InvalidInputError: `ues` is not positive.
        FeedRefusedError: the service refuses a request for good.
    """
    phones = phones_on(data, ues)
    measured = Measured(data, condition, seed)
    tally = Tally()
    async with _client(url, key) as client:
        start_s = time.monotonic()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [
                    group.create_task(
                        _post_forever(
                            client, measured, phone, tally, georeference, post_interval_s,
                            start_s + post_interval_s * number / ues,
                        )
                    )
                    for number, phone in enumerate(phones)
                ]  # fmt: skip
                if status:
                    tasks.append(group.create_task(_show(tally, url, ues)))
                if duration_s is not None:
                    await asyncio.sleep(duration_s)
                    for task in tasks:
                        task.cancel()
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
    return tally


def _client(url: str, key: str | None) -> httpx.AsyncClient:
    parsed = httpx.URL(url)
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidInputError("url", "an http or https address is expected")
    # A proxy of the environment is for other machines.
    own_machine = parsed.host in ("localhost", "127.0.0.1", "::1")
    limits = httpx.Limits(max_connections=32)
    return httpx.AsyncClient(
        base_url=parsed, timeout=10.0, limits=limits, trust_env=not own_machine,
        headers={"x-api-key": key} if key else None,
    )  # fmt: skip


async def _post_forever(
    client: httpx.AsyncClient,
    measured: Measured,
    phone: Phone,
    tally: Tally,
    georeference: GeoReference | None,
    post_interval_s: float,
    start_s: float,
) -> None:
    pause_s = 0.0
    stride = max(1, round(post_interval_s / measured.interval_s))
    step = 0
    while True:
        # Steps that were slept through are skipped: a phone moves on whether it is heard or not.
        due_s = start_s + step * measured.interval_s
        await asyncio.sleep(max(0.0, due_s - time.monotonic()))
        reports = window(measured, phone, step, time.time())
        if reports:
            refusal = await _post(client, measured, phone, step, reports, tally, georeference)
            if refusal is None:
                pause_s = 0.0
            else:
                pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, 2.0 * pause_s, refusal))
                await asyncio.sleep(pause_s * pause_random.uniform(0.75, 1.25))
        behind = (time.monotonic() - due_s) / measured.interval_s
        step += stride * max(1, int(np.ceil(behind / stride)))


async def _post(
    client: httpx.AsyncClient,
    measured: Measured,
    phone: Phone,
    step: int,
    reports: Sequence[Report],
    tally: Tally,
    georeference: GeoReference | None,
) -> float | None:
    """Post one sequence; the pause that the service asks for [s], or None after a fix."""
    x_m, y_m = measured.truth_xy_m(phone.route, phone.offset + step)
    body: dict[str, object] = {
        "ue_id": phone.ue_id,
        "scene": measured.data.scene,
        "reports": [report.model_dump(exclude_none=True) for report in reports],
    }
    if georeference is not None:
        lat, lon = georeference.to_lat_lon(x_m, y_m)
        body["truth"] = {"lat": round(float(lat), 8), "lon": round(float(lon), 8)}
    sent_s = time.monotonic()
    try:
        reply = await client.post("/api/v1/locate", json=body)
    except httpx.TransportError as error:
        tally.trouble = f"no answer ({type(error).__name__}), trying again"
        return 0.0
    if reply.status_code in BUSY:
        tally.trouble = f"{reply.status_code} {reply.reason_phrase}, trying again"
        return _retry_after_s(reply)
    if reply.is_error:
        raise FeedRefusedError(f"{reply.request.url}: {_problem(reply)}")
    tally.trouble = ""
    fix = reply.json()["fix"]
    error_m = float(np.hypot(fix["x_m"] - x_m, fix["y_m"] - y_m))
    now_s = time.monotonic()
    tally.fixes.append((now_s, error_m, (now_s - sent_s) * 1e3))
    return None


def _retry_after_s(reply: httpx.Response) -> float:
    try:
        return max(0.0, float(reply.headers.get("retry-after", 0)))
    except ValueError:
        return 0.0


def _problem(reply: httpx.Response) -> str:
    """The service's own words: title and detail of a problem document, else the status."""
    try:
        problem: dict[str, Any] = reply.json()
        return f"{reply.status_code} {problem.get('title', '')}: {problem.get('detail', '')}"
    except (ValueError, AttributeError):
        return f"{reply.status_code} {reply.reason_phrase}"


async def _show(tally: Tally, url: str, count: int) -> None:
    """One status line: rewritten every second on a terminal, else a line every ten seconds."""
    terminal = sys.stderr.isatty()
    while True:
        await asyncio.sleep(1.0 if terminal else 10.0)
        line = tally.line(time.monotonic(), url, count)
        sys.stderr.write(f"\r\033[K{line}" if terminal else f"{line}\n")
        sys.stderr.flush()


def feed(
    url: str,
    ues: int,
    *,
    routes: Path = Path("radio_maps/munich/feed.zarr.zip"),
    condition: str = "standard",
    conditions_path: Path = Path("configs/conditions.yaml"),
    post_interval_s: float = 1.0,
    key: str | None = None,
) -> None:
    """Run the feed until interrupted.

    Raises:
        ArtefactError: the recorded routes are missing or damaged.
        ConfigError: the conditions are missing or malformed.
        InvalidInputError: an option breaks a rule.
        FeedRefusedError: the service refuses a request for good.
    """
    conditions = load_conditions(conditions_path).conditions
    if condition not in conditions:
        raise InvalidInputError("condition", f"no '{condition}' (known: {', '.join(conditions)})")
    if not 0 < post_interval_s <= LONGEST_INTERVAL_S:
        raise InvalidInputError("interval", f"0 to {LONGEST_INTERVAL_S:.0f} seconds are expected")
    try:
        asyncio.run(
            run_feed(
                load_dataset(routes), conditions[condition], url, ues,
                post_interval_s=post_interval_s, seed=time.time_ns() % 2**32, key=key,
                georeference=Scene.load(routes.parent).georeference,
            )
        )  # fmt: skip
    except KeyboardInterrupt:
        sys.stderr.write("\n")
