"""The independent count of `benchmarks/osm_import.py`, on a file with a bit of everything."""

from __future__ import annotations

from pathlib import Path

from benchmarks.osm_import import compare
from tests.scene.osm_file import OsmFile, rectangle


def test_import_and_independent_count_agree(tmp_path: Path) -> None:
    file = OsmFile()
    outer = file.way(rectangle(0, 0, 40, 30))
    inner = file.way(rectangle(10, 10, 20, 10))
    file.multipolygon([outer], [inner], building="apartments", building__levels="5")
    file.way(rectangle(-60, 0, 30, 30), building="office", height="20 m", roof__levels="1")
    file.way(
        rectangle(-60, 0, 10, 10), building__part="yes", building__levels="6", roof__height="4"
    )
    file.way(rectangle(50, -60, 1, 1), building="yes")
    file.way([(-100, -20), (100, -20)], highway="residential")
    square = file.way(rectangle(60, 0, 20, 20))
    fountain = file.way(rectangle(66, 6, 5, 5))
    file.multipolygon([square], [fountain], highway="pedestrian")
    report = compare(file.write(tmp_path / "town.osm"))
    assert (
        report["imported"]
        == report["counted"]
        == {
            "buildings": 3,
            "parts": 1,
            "multipolygons": 1,
            "courtyards": 1,
            "roads": 2,
            "areas without a solid": 1,
            "heights from tags": 3,
        }
    )
    assert report["agrees"]


def test_a_difference_is_seen(tmp_path: Path) -> None:
    file = OsmFile()
    # the counter knows no feet, and takes the storeys
    file.way(rectangle(0, 0, 40, 30), building="yes", height="40'", building__levels="9")
    report = compare(file.write(tmp_path / "town.osm"))
    assert list(report["wrong_heights"].values()) == [(12.2, 27.0)]
    assert not report["agrees"]
