"""What an import read, kept and left out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayfix.files import write_text_whole
from rayfix.scene.osm_buildings import BuildingCounts


@dataclass(frozen=True)
class ImportSummary:
    """What an import read, kept and left out; written as `import.json`.

    Attributes:
        multipolygons: buildings and parts of the file that are relations.
        repaired: invalid rings of the file that were repaired.
        solids, triangles: what the ray tracer gets.
        roads, water: features of the map channels.
        ground: how the ground came about.
        tiles: overlapping tiles that the scene was cut into as well; 0 = none.
        material_seed: of the drawn materials; None = those of ITU-R P.2040.
        counts: see `BuildingCounts`; its `dropped` includes what the file itself lacked.
    """

    source: str
    multipolygons: int
    repaired: int
    solids: int
    triangles: int
    roads: int
    water: int
    ground: str
    tiles: int
    material_seed: int | None
    counts: BuildingCounts

    def document(self) -> dict[str, Any]:
        """Plain values, `counts` among the others."""
        fields = {**vars(self), **vars(self.counts)}
        del fields["counts"]
        return fields

    def save(self, folder: Path) -> None:
        """Write `import.json`."""
        text = json.dumps(self.document(), indent=1, ensure_ascii=False) + "\n"
        write_text_whole(folder / "import.json", text)

    def describe(self) -> str:
        """A few lines for a person."""
        counts = self.counts
        lines = [
            f"{counts.buildings} buildings ({_listed(counts.heights['buildings'])})",
            f"{counts.parts} parts ({_listed(counts.heights['parts'])})",
            f"{self.multipolygons} multipolygons, {counts.courtyards} courtyards, "
            f"{self.repaired} invalid rings repaired",
            f"{self.solids} solids, {self.triangles} triangles; {_listed(counts.materials)}",
            f"{self.roads} roads, {self.water} water bodies and waterways; {self.ground}",
        ]
        if self.material_seed is not None:
            lines.append(f"materials drawn with seed {self.material_seed}")
        if self.tiles:
            lines.append(f"{self.tiles} tiles")
        if counts.dropped:
            lines.append(f"left out: {_listed(counts.dropped)}")
        return "\n".join(lines)


def _listed(counter: dict[str, int]) -> str:
    ordered = sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{name} {count}" for name, count in ordered) or "none"
