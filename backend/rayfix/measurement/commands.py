"""The commands `rayfix measurement ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rayfix.errors import InvalidInputError

app = typer.Typer(
    help="Reports of phones: simulate from exact paths, import drive tests.", no_args_is_help=True
)


@app.command("simulate")
def simulate(
    at: Annotated[str, typer.Option(help="LAT,LON of the phone in degrees, outdoors.")],
    output: Annotated[Path, typer.Option(help="The file: a body of POST /api/v1/locate.")],
    scene: Annotated[str, typer.Option(help="Folder below radio-maps-dir.")] = "munich",
    condition: Annotated[
        str, typer.Option(help="Errors of the report, a name in the conditions file.")
    ] = "standard",
    reports: Annotated[int, typer.Option(help="Reports, 0.2 s apart.", min=1, max=100)] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the errors.", min=0)] = 0,
    rays: Annotated[
        int, typer.Option(help="Rays per site that search for reflections.", min=1)
    ] = 200_000,
    conditions: Annotated[Path, typer.Option(help="Where conditions are defined.")] = Path(
        "configs/conditions.yaml"
    ),
    radio_maps_dir: Annotated[Path, typer.Option(help="Folder of <scene>/cells.yaml.")] = Path(
        "radio_maps"
    ),
) -> None:
    """Trace exact paths to one place and write what a phone there would report."""
    from rayfix.measurement.simulate import simulate_reports

    lat_deg, lon_deg = _place(at)
    drawn = simulate_reports(
        scene, lat_deg, lon_deg, condition=condition, reports=reports, seed=seed, rays=rays,
        radio_maps_dir=radio_maps_dir, conditions_path=conditions,
    )  # fmt: skip
    heard = max(len(report.cells) for report in drawn.reports)
    typer.echo(f"Wrote {drawn.save(output)}: {len(drawn.reports)} reports of up to {heard} cells")


def _place(text: str) -> tuple[float, float]:
    try:
        lat, lon = (float(value) for value in text.split(","))
    except ValueError:
        raise InvalidInputError("at", f"LAT,LON in degrees is expected, not {text!r}") from None
    return lat, lon


@app.command("import")
def import_drive_test(
    log: Annotated[Path, typer.Argument(help="The log: CSV (also .gz), G-NetTrack, geosubmit.")],
    output: Annotated[Path, typer.Option(help="The drive test, a name ending in .zarr.zip.")],
    mapping: Annotated[
        Path | None,
        typer.Option(help="YAML that says what the columns mean; default: RayFix's own names."),
    ] = None,
    format: Annotated[
        str, typer.Option(help="csv, gnettrack or geosubmit, where no mapping file is given.")
    ] = "csv",
    scene: Annotated[
        Path | None,
        typer.Option(help="Folder with scene.json and cells.yaml: checks places and cells."),
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Read a drive-test log, say what was kept and what was dropped and why, and keep it."""
    import json

    from rayfix.measurement.drive_test import save_drive_test
    from rayfix.measurement.import_log import import_log
    from rayfix.measurement.log_mapping import mapping_for
    from rayfix.scene.cell import load_cells
    from rayfix.scene.scene import Scene

    drive_test, summary = import_log(
        log,
        mapping_for(mapping, format),
        None if scene is None else load_cells(scene / "cells.yaml"),
        None if scene is None else Scene.load(scene),
    )
    save_drive_test(drive_test, output)
    typer.echo(json.dumps(summary.document()) if json_output else summary.describe())
    typer.echo(f"Wrote {output}", err=json_output)
