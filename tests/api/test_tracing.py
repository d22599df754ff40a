"""OpenTelemetry: nothing by default, a span of each request's locating once it is set up."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.conftest import Town

from rayfix.api import services


def test_locating_is_a_span_once_tracing_is_set_up(
    client: TestClient, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"reports": [town.report(0, 0)]}
    with services.tracer.start_as_current_span("probe") as span:
        assert not span.is_recording()
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(services, "tracer", trace.get_tracer("rayfix", tracer_provider=provider))
    assert client.post("/api/v1/locate", json=body).status_code == 200
    (span,) = exporter.get_finished_spans()
    assert span.name == "locate"
    assert dict(span.attributes or {}) == {"rayfix.sequences": 1}
