"""`rayfix maps versions | activate | compare`: stored versions of a scene's map."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from rayfix.radio_map.versions import (
    Version,
    activate_version,
    compare_versions,
    list_versions,
)

SceneName = Annotated[str, typer.Option(help="Folder below radio-maps-dir.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
RadioMapsDir = Annotated[Path, typer.Option(help="Folder of the radio maps.")]


def versions(
    scene: SceneName = "munich",
    json_output: Json = False,
    radio_maps_dir: RadioMapsDir = Path("radio_maps"),
) -> None:
    """List the stored versions of a map; the current one has a star."""
    found = list_versions(radio_maps_dir / scene)
    if json_output:
        rows = [{"version": v.number, "current": v.current, **v.provenance} for v in found]
        typer.echo(json.dumps(rows))
        return
    for version in found:
        typer.echo(_line(version))
    if not any(version.current for version in found):
        typer.echo("The current map is no stored version.")


def activate(
    number: Annotated[int, typer.Option("--version", help="Number from `rayfix maps versions`.")],
    scene: SceneName = "munich",
    radio_maps_dir: RadioMapsDir = Path("radio_maps"),
) -> None:
    """Make a stored version the current map: roll back, or forward again."""
    activate_version(radio_maps_dir / scene, number)
    typer.echo(f"{radio_maps_dir / scene} is version {number} now; a service reads it at its start")


def compare(
    first: Annotated[int, typer.Option(help="Older version.")],
    second: Annotated[int, typer.Option(help="Newer version.")],
    scene: SceneName = "munich",
    json_output: Json = False,
    radio_maps_dir: RadioMapsDir = Path("radio_maps"),
) -> None:
    """What changed per cell from one stored version to another."""
    rows = compare_versions(radio_maps_dir / scene, first, second)
    typer.echo(json.dumps(rows) if json_output else _table(rows))


def register(app: typer.Typer) -> None:
    """Add the three commands to `rayfix maps`."""
    for command in (versions, activate, compare):
        app.command(command.__name__)(command)


def _line(version: Version) -> str:
    provenance = version.provenance
    text = f"{'*' if version.current else ' '} {version.number}  {provenance.get('kind', '')}"
    if provenance.get("kind") == "calibrated":
        text += (
            f" from {provenance['log']} ({provenance['fixes']} fixes, residuals "
            f"{provenance['rms_before_db']} -> {provenance['rms_after_db']} dB rms) "
            f"on {provenance['time']}"
        )
    return text


def _table(rows: list[dict[str, Any]]) -> str:
    columns = list(rows[0])
    lines = ["".join(f"{column:>16}" for column in columns)]
    for row in rows:
        values = ("-" if row[column] is None else row[column] for column in columns)
        lines.append("".join(f"{value:>16}" for value in values))
    return "\n".join(lines)
