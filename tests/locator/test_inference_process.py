"""The network in a process of its own: the same answers, and what happens when it ends."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import Town, settings_of

from rayfix.config import Settings
from rayfix.errors import ArtefactError, ConfigError
from rayfix.locator.fix import LocateOptions, LocateQuery
from rayfix.locator.inference_process import InferenceProcess, InferenceProcessError
from rayfix.locator.locator import Locator
from rayfix.measurement.report import Report


@pytest.fixture(scope="module")
def settings(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return settings_of(town, tmp_path_factory.mktemp("apart"))


@pytest.fixture(scope="module")
def apart(settings: Settings) -> Iterator[Locator]:
    locator = Locator.load_apart(settings)
    yield locator
    locator.close()


def query(town: Town, x_m: float, **options: object) -> LocateQuery:
    reports = (Report.model_validate(town.report(x_m, 10.0, 0.0)),)
    return LocateQuery("town", reports, LocateOptions(**options))  # type: ignore[arg-type]


def test_it_answers_as_the_same_process_does(
    apart: Locator, settings: Settings, town: Town
) -> None:
    everything = frozenset({"posterior", "attention", "residuals"})
    queries = [query(town, 5.0), query(town, 9.0), query(town, 0.0, refine_steps=3)]
    queries.append(query(town, -20.0, include=everything))
    here = Locator.load(settings).locate(queries)
    for one, other in zip(apart.locate(queries), here, strict=True):
        assert one.fix.x_m == pytest.approx(other.fix.x_m, abs=1e-2)
        assert one.fix.accuracy_m == pytest.approx(other.fix.accuracy_m, rel=1e-2)
        assert (one.refinement is None) == (other.refinement is None)
        assert (one.attention is None) == (other.attention is None)


def test_a_process_that_is_killed_is_replaced(apart: Locator, town: Town) -> None:
    process = apart._loaded.process
    assert process is not None
    before = process.pid
    os.kill(before, signal.SIGKILL)
    (answer,) = apart.locate([query(town, 5.0)])
    assert answer.scene == "town"
    assert process.pid != before


def test_a_signal_that_means_the_service_does_not_end_it(apart: Locator, town: Town) -> None:
    process = apart._loaded.process
    assert process is not None
    before = process.pid
    for meant in (signal.SIGINT, signal.SIGTERM):
        os.kill(before, meant)
    (answer,) = apart.locate([query(town, 5.0)])
    assert answer.scene == "town"
    assert process.pid == before


def test_a_failure_inside_is_told_and_the_next_batch_is_answered(
    apart: Locator, town: Town
) -> None:
    prepared = apart.prepare(query(town, 5.0))
    with pytest.raises(InferenceProcessError, match="KeyError"):
        apart.infer(prepared.kind._replace(scene="nowhere"), prepared.batch)
    assert apart.locate([query(town, 5.0)])[0].model == apart.model


def test_reload_changes_processes_and_ends_the_old_one(
    apart: Locator, settings: Settings, town: Town
) -> None:
    before = apart._loaded.process
    assert before is not None
    apart.reload(settings)
    after = apart._loaded.process
    assert after is not None
    assert after.pid != before.pid
    assert before._process.poll() == 0
    assert apart.locate([query(town, 5.0)])[0].scene == "town"


def test_what_cannot_be_loaded_is_refused_with_its_name(settings: Settings, tmp_path: Path) -> None:
    shutil.copytree(settings.models_dir, tmp_path / "models")
    damaged = settings.model_copy(update={"models_dir": tmp_path / "models"})
    (tmp_path / "models" / settings.model / "weights.safetensors").write_bytes(b"")
    with pytest.raises(ArtefactError, match="weights"):
        Locator.load_apart(damaged)
    elsewhere = InferenceProcess(settings.model_copy(update={"device": "nowhere"}))
    with pytest.raises(ConfigError, match="RAYFIX_DEVICE"):
        elsewhere.wait_until_ready()
    elsewhere.stop()
