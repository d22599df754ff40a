"""Prometheus metrics of one service process."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.process_collector import ProcessCollector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0,
)  # fmt: skip
_METRES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)


class Metrics:
    """Each has its own registry, so that several applications can live in one process."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        GCCollector(registry=registry)
        self.requests = Histogram(
            "rayfix_http_request_seconds", "time to answer a request, by route and status",
            ("method", "route", "status"), buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.in_flight = Gauge(
            "rayfix_http_requests_in_flight", "requests that are being answered", registry=registry
        )
        self.stages = Histogram(
            "rayfix_locate_stage_seconds", "time of each stage of a locate request",
            ("stage",), buckets=_SECONDS, registry=registry,
        )  # fmt: skip
        self.batch_size = Histogram(
            "rayfix_batch_size", "sequences located together",
            buckets=(1, 2, 4, 8, 16, 32, 64), registry=registry,
        )  # fmt: skip
        self.fixes = Counter("rayfix_fixes", "fixes answered", ("scene",), registry=registry)
        self.accuracy = Histogram(
            "rayfix_accuracy_metres", "radius that holds 68 %, of each fix",
            buckets=_METRES, registry=registry,
        )  # fmt: skip
        self.unknown_cells = Counter(
            "rayfix_unknown_cells", "reported cells that the radio map does not know",
            registry=registry,
        )  # fmt: skip
        self.problems = Counter(
            "rayfix_problems", "requests refused or failed, by code", ("code",), registry=registry
        )
        self.reloads = Counter(
            "rayfix_reloads", "times that model and maps were loaded anew", registry=registry
        )
        self.feed_lag = Histogram(
            "rayfix_feed_lag_seconds", "from a fix to its fan-out", buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip

    def watch(self, name: str, description: str, read: Callable[[], float]) -> None:
        """A gauge that is read when metrics are asked for."""
        Gauge(name, description, registry=self.registry).set_function(read)

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
