"""A small run of benchmarks/fuzz_api.py: every operation of the OpenAPI document, hundreds of
requests that it allows or forbids; no undocumented answer, none of 500, no number that is not
finite. The full run has ten thousand."""

from __future__ import annotations

import pytest
from benchmarks.fuzz_api import fuzz
from tests.api.server import served
from tests.conftest import Town, settings_of

CASES = 200


def test_nothing_asked_brings_the_service_down(
    town: Town, tmp_path_factory: pytest.TempPathFactory
) -> None:
    settings = settings_of(town, tmp_path_factory.mktemp("fuzz"))
    with served(settings.model_copy(update={"camara": True})) as url:
        outcome = fuzz(url, CASES, first_seed=11)
    assert outcome.cases >= CASES
    assert not outcome.failures, outcome.examples
    assert {"200", "404", "422"} <= set(outcome.statuses)
    for label in ("POST /api/v1/locate", "POST /v1/geolocate", "GET /api/v1/live/events"):
        assert outcome.operations[label] > 0
