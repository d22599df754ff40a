"""From a place to a file of reports by exact paths, and from the file back to the place."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rayfix.cli import app
from rayfix.errors import ConfigError, InvalidInputError, NoKnownCellsError, SourceFileError
from rayfix.locator.offline import locate_file
from rayfix.measurement.report_file import load_report_file

MARIENPLATZ = (48.1371, 11.5754)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.json"
    at = ",".join(str(value) for value in MARIENPLATZ)
    result = CliRunner().invoke(
        app, ["measurement", "simulate", "--at", at, "--reports", "2", "--output", str(path)]
    )
    assert result.exit_code == 0, result.output
    assert "2 reports" in result.output
    return path


def test_the_file_is_a_request_that_tells_the_truth(report: Path) -> None:
    drawn = load_report_file(report)
    assert drawn.scene == "munich"
    assert drawn.truth is not None
    assert (drawn.truth.lat, drawn.truth.lon) == MARIENPLATZ
    first, second = drawn.reports
    assert second.time - first.time == pytest.approx(0.2)
    assert first.cells != second.cells  # errors are drawn for each report
    assert {cell.cell_id[:3] for cell in first.cells} == {"MUC"}


@pytest.mark.parametrize("method", ["grid", "model"])
def test_the_place_is_found_again(report: Path, method: str) -> None:
    arguments = ["locate", "--report", str(report), "--method", method, "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["scene"] == "munich"
    assert found["located_by"] == {"grid": "grid posterior", "model": "munich"}[method]
    assert found["error_m"] < 12.0
    assert 0.3 < found["fix"]["accuracy_m"] < found["fix"]["accuracy_95_m"] < 40.0
    assert found["fix"]["lat"] == pytest.approx(MARIENPLATZ[0], abs=2e-4)


@pytest.mark.parametrize(
    ("at", "rule"),
    [
        ("48.1371", "LAT,LON in degrees"),
        ("48.2,11.5754", "outside the map"),
        ("48.13842,11.57303", "inside a building"),  # the Frauenkirche
    ],
)
def test_places_without_a_phone_are_named(tmp_path: Path, at: str, rule: str) -> None:
    output = tmp_path / "report.json"
    result = CliRunner().invoke(
        app, ["measurement", "simulate", "--at", at, "--output", str(output)]
    )
    assert isinstance(result.exception, InvalidInputError)
    assert result.exception.field == "at"
    assert rule in str(result.exception)
    assert not output.exists()


@pytest.mark.parametrize(
    ("document", "rule"),
    [
        ("{", "JSON"),
        ('{"reports": []}', "reports: .*at least 1"),
        ('{"reports": [{"time": 0, "cells": [{"cell_id": "a", "rsrp_dbm": 44}]}]}', "rsrp_dbm"),
    ],
)
def test_damaged_reports_are_named(tmp_path: Path, document: str, rule: str) -> None:
    path = tmp_path / "report.json"
    path.write_text(document)
    with pytest.raises(SourceFileError, match=rf"report\.json: .*{rule}"):
        locate_file(path, "munich", "grid")


def test_unknown_names_are_told(report: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="cannot be read"):
        locate_file(tmp_path / "nowhere.json")
    with pytest.raises(ConfigError, match="no condition 'rosy'"):
        locate_file(report, method="grid", condition="rosy")
    elsewhere = tmp_path / "other.json"
    elsewhere.write_text('{"reports": [{"time": 0, "cells": [{"cell_id": "a"}]}]}')
    with pytest.raises(InvalidInputError, match="scene: the file names none"):
        locate_file(elsewhere)
    with pytest.raises(NoKnownCellsError):
        locate_file(elsewhere, "munich", "grid")
