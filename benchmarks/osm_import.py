"""Is an OpenStreetMap extract imported completely? Counts its tags independently and compares.

    python benchmarks/osm_import.py FILE [--json] [--output FILE]

The other side of the comparison shares no code with the importer: libosmium assembles the rings
(the importer does it itself), and heights are read from the tags by the few lines below. Exit code
1 when anything differs.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import osmium

from rayfix.scene.osm import import_scene

LEVEL_M = 3.0


def metres(text: str | None) -> float | None:
    """`12`, `12.5 m`; feet and inches do not occur in what this program counts."""
    match = re.fullmatch(r"\s*(\d+(?:[.,]\d+)?)\s*m?\s*", text or "")
    return float(match[1].replace(",", ".")) if match else None


def tagged_height(tags: dict[str, str]) -> float | None:
    """Total height that the tags alone give; None where a default has to decide."""
    height = metres(tags.get("height"))
    if height:
        return height
    levels = metres(tags.get("building:levels"))
    if levels is None:
        return None
    roof = metres(tags.get("roof:height"))
    roof = LEVEL_M * (metres(tags.get("roof:levels")) or 0) if roof is None else roof
    return LEVEL_M * levels + roof or None


def count(path: Path) -> dict[str, Any]:
    """Everything by libosmium: areas with their courtyards, ways and relations of roads."""
    found: Counter[str] = Counter()
    heights: dict[str, float] = {}
    roads: set[str] = set()
    areas: set[str] = set()
    for item in osmium.FileProcessor(str(path)).with_areas():
        tags = {tag.k: tag.v for tag in item.tags}
        if item.is_way() and "highway" in tags:
            found["ways with highway"] += 1
            if sum(node.location.valid() for node in item.nodes) >= 2:
                roads.add(f"way/{item.id}")
        if not item.is_area():
            continue
        kind = "way" if item.from_way() else "relation"
        identifier = f"{kind}/{item.orig_id()}"
        if kind == "relation" and "highway" in tags:
            roads.add(identifier)
        is_building = tags.get("building", "no") != "no"
        is_part = tags.get("building:part", "no") != "no"
        if not (is_building or is_part):
            continue
        areas.add(identifier)
        found["buildings"] += is_building
        found["parts"] += is_part
        found["multipolygons"] += kind == "relation"
        found["courtyards"] += sum(len(list(item.inner_rings(o))) for o in item.outer_rings())
        found["buildings with height"] += is_building and "height" in tags
        found["buildings with building:levels"] += is_building and "building:levels" in tags
        height = tagged_height(tags)
        if height is not None:
            heights[identifier] = height
    return {"counts": dict(found), "heights": heights, "roads": roads, "areas": areas}


def compare(path: Path) -> dict[str, Any]:
    """Import a file and compare it with `count`."""
    expected = count(path)
    with tempfile.TemporaryDirectory() as temporary:
        started = time.perf_counter()
        folder, summary = import_scene(path, "extract", Path(temporary))
        seconds = time.perf_counter() - started
        features = json.loads((folder / "buildings.geojson").read_text())["features"]
    imported: dict[str, float] = {}
    for feature in features:
        imported[feature["properties"]["osm_id"]] = feature["properties"]["height_m"]
    without = expected["areas"] - set(imported)
    reasons = summary.counts.dropped
    # Areas that are read but make no solid, each with a stated reason. Roads: ways with at least
    # two nodes in the file (an extract cuts ways off), and relations whose rings close.
    stated = sum(
        count
        for reason, count in reasons.items()
        if reason.startswith(
            ("smaller than", "filled by", "its base is not", "underground", "repeats the outline")
        )
    )
    tagged = {key: value for key, value in expected["heights"].items() if key in imported}
    wrong = {k: (imported[k], v) for k, v in tagged.items() if abs(imported[k] - v) > 0.051}
    rules = summary.counts.heights
    ours = {
        "buildings": summary.counts.buildings,
        "parts": summary.counts.parts,
        "multipolygons": summary.multipolygons,
        "courtyards": summary.counts.courtyards,
        "roads": summary.roads,
        "areas without a solid": stated,
        "heights from tags": len(tagged) - len(wrong),
    }
    theirs = {
        **{k: expected["counts"].get(k, 0) for k in list(ours)[:4]},
        "roads": len(expected["roads"]),
        "areas without a solid": len(without),
        "heights from tags": len(tagged),
    }
    return {
        "command": f"python benchmarks/osm_import.py {path.name} --json",
        "machine": f"{os.cpu_count()} CPU cores",
        "file": path.name,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "agrees": ours == theirs and set(imported) <= expected["areas"],
        "imported": ours,
        "counted": theirs,
        "tags": {
            key: expected["counts"].get(key, 0)
            for key in (
                "buildings with height",
                "buildings with building:levels",
                "ways with highway",
            )
        },
        "height_rules": {kind: dict(rules[kind]) for kind in rules},
        "left_out": dict(reasons),
        "wrong_heights": wrong,
        "seconds": round(seconds, 2),
    }


def main() -> None:
    """Compare one file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--output", type=Path, help="also write the JSON there")
    options = parser.parse_args()
    report = compare(options.file)
    text = json.dumps(report, indent=1, ensure_ascii=False)
    if options.output:
        options.output.write_text(text + "\n")
    if options.json:
        print(text)
    else:
        for name, value in report["imported"].items():
            print(f"{name:24} imported {value:6}   counted {report['counted'][name]:6}")
        print("agrees" if report["agrees"] else "DIFFERS")
    sys.exit(0 if report["agrees"] else 1)


if __name__ == "__main__":
    main()
