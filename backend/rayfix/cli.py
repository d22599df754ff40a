"""The `rayfix` command: each command parses its options and calls one ordinary function."""

from __future__ import annotations

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rayfix.api.commands import app as keys_app
from rayfix.errors import RayFixError
from rayfix.measurement.commands import app as measurement_app
from rayfix.measurement.dataset_commands import app as dataset_app
from rayfix.radio_map.commands import app as maps_app
from rayfix.scene.commands import app as scene_app

app = typer.Typer(name="rayfix", help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False)
RadioMapsDir = Annotated[Path, typer.Option(help="Folder of the radio maps.")]
app.add_typer(scene_app, name="scene")
app.add_typer(keys_app, name="keys")
app.add_typer(maps_app, name="maps")
app.add_typer(dataset_app, name="dataset")
app.add_typer(measurement_app, name="measurement")


@maps_app.command("measure")
def maps_measure(
    log: Annotated[
        Path, typer.Option(help="Drive test: from `rayfix measurement import`, or a CSV.")
    ],
    sites: Annotated[
        Path, typer.Option(help="CSV with cell_id, lat, lon; bearings where they are known.")
    ],
    name: Annotated[str, typer.Option(help="Name of the scene: small letters, digits, - and _.")],
    title: Annotated[str, typer.Option(help="Title for people; default the name.")] = "",
    resolution: Annotated[float, typer.Option(help="Side of a pixel in metres.", min=1)] = 20.0,
    output_dir: Annotated[Path, typer.Option(help="The map goes to <output-dir>/<name>.")] = Path(
        "radio_maps"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the blocks left out.", min=0)] = 0,
) -> None:
    """Make a radio map from measurements alone, with its own uncertainty and detection map."""
    from rayfix.calibration.measured_map import measure

    folder = measure(log, sites, name, output_dir, title, resolution, seed)
    typer.echo(f"Wrote {folder}")


@app.command("feed")
def feed(
    ues: Annotated[int, typer.Option(help="Number of phones.")] = 20,
    url: Annotated[str, typer.Option(help="Address of the service.")] = "http://127.0.0.1:8000",
    scene: Annotated[str, typer.Option(help="Name of the scene.")] = "munich",
    condition: Annotated[
        str, typer.Option(help="Errors of the reports, a name in the conditions file.")
    ] = "standard",
    interval: Annotated[float, typer.Option(help="Seconds between two fixes of a phone.")] = 1.0,
    key: Annotated[
        str | None, typer.Option(help="API key.", envvar="RAYFIX_API_KEY", show_default=False)
    ] = None,
    conditions: Annotated[Path, typer.Option(help="Where conditions are defined.")] = Path(
        "configs/conditions.yaml"
    ),
    radio_maps_dir: Annotated[Path, typer.Option(help="Folder of <scene>/feed.zarr.zip.")] = Path(
        "radio_maps"
    ),
) -> None:
    """Drive the live demo: phones move along streets and post what they measure."""
    from rayfix.live.feed import feed as run

    run(
        url, ues, routes=radio_maps_dir / scene / "feed.zarr.zip", condition=condition,
        conditions_path=conditions, post_interval_s=interval, key=key,
    )  # fmt: skip


@app.command("calibrate")
def calibrate(
    log: Annotated[
        Path, typer.Option(help="Drive test: of `rayfix measurement import`, or a table.")
    ],
    scene: Annotated[str, typer.Option(help="Folder below radio-maps-dir.")] = "munich",
    retrace: Annotated[
        bool,
        typer.Option(help="Fit heights and materials by traced paths too; trace the map anew."),
    ] = False,
    max_cells: Annotated[
        int | None, typer.Option(help="Cells that a report of the log can hold.", min=1)
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write no new version.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    radio_maps_dir: RadioMapsDir = Path("radio_maps"),
    conditions: Annotated[Path, typer.Option(help="Where conditions are defined.")] = Path(
        "configs/conditions.yaml"
    ),
) -> None:
    """Let a radio map learn from a drive test; writes a new version of it."""
    from rayfix.calibration.commands import calibrate_files
    from rayfix.calibration.progress import show_progress
    from rayfix.calibration.report import describe

    with show_progress(not json_output) as progress:
        found = calibrate_files(
            scene, log, radio_maps_dir=radio_maps_dir, conditions_path=conditions,
            retrace=retrace, max_cells=max_cells, dry_run=dry_run, progress=progress,
        )  # fmt: skip
    typer.echo(json.dumps(found) if json_output else describe(found))
    if found["version"] is not None and not json_output:
        typer.echo(f"Wrote version {found['version']} of {radio_maps_dir / scene}, now current")


@app.command("train")
def train(
    config: Annotated[Path, typer.Option(help="The run, one YAML.")] = Path("configs/model.yaml"),
) -> None:
    """Train a locator network; an interrupted run goes on from its checkpoint."""
    from rayfix.training.train import train as run

    typer.echo(f"Wrote {run(config)}")


@app.command("ablate")
def ablate(
    config: Annotated[Path, typer.Option(help="Variants to compare, one YAML.")] = Path(
        "configs/ablation.yaml"
    ),
) -> None:
    """Train, test and compare variants of a run; finished variants are not run again."""
    from rayfix.training.ablate import ablate as run

    typer.echo(f"Wrote {run(config)}")


@app.command("evaluate")
def evaluate(
    model: Annotated[str, typer.Option(help="Name of the model.")] = "munich",
    dataset: Annotated[
        Path | None,
        typer.Option(help="Exact paths; default benchmarks/data/<scene>-test.zarr.zip."),
    ] = None,
    scene: Annotated[
        str | None,
        typer.Option(help="Where, also one it never saw; default the scene it was trained in."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON on stdout.")] = False,
    output: Annotated[
        Path | None, typer.Option(help="Also write the table there, as Markdown.")
    ] = None,
    models_dir: Annotated[Path, typer.Option(help="Folder of <model>/.")] = Path("models"),
    radio_maps_dir: Annotated[Path, typer.Option(help="Folder of <scene>/.")] = Path("radio_maps"),
    conditions: Annotated[Path, typer.Option(help="Where conditions are defined.")] = Path(
        "configs/conditions.yaml"
    ),
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many sequences.", min=1)
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Keep the figures beside the model, for the console.")
    ] = False,
) -> None:
    """Errors, calibration and speed of a model beside its peers, on exact paths."""
    from dataclasses import asdict

    from rayfix.files import write_text_whole
    from rayfix.training.evaluate import evaluate as run
    from rayfix.training.evaluate import markdown_table

    rows = run(
        model, dataset, scene, models_dir=models_dir, radio_maps_dir=radio_maps_dir,
        conditions_path=conditions, limit=limit, show_progress=not as_json, record=record,
    )  # fmt: skip
    table = markdown_table(rows)
    if output is not None:
        write_text_whole(output, table)
    typer.echo(json.dumps([asdict(row) for row in rows], indent=1) if as_json else table)


class Method(StrEnum):
    """What locates the reports of a file."""

    MODEL = "model"
    GRID = "grid"


@app.command("locate")
def locate(
    report: Annotated[Path, typer.Option(help="A body of POST /api/v1/locate, JSON.")],
    scene: Annotated[
        str | None, typer.Option(help="Folder below radio-maps-dir; default: the file's scene.")
    ] = None,
    method: Annotated[
        Method,
        typer.Option(help="A trained model, or the exact posterior on the grid of the map."),
    ] = Method.MODEL,
    model: Annotated[str, typer.Option(help="Name of the model.")] = "munich",
    condition: Annotated[
        str, typer.Option(help="Whose errors the grid posterior assumes.")
    ] = "standard",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    models_dir: Annotated[Path, typer.Option(help="Folder of <model>/.")] = Path("models"),
    radio_maps_dir: RadioMapsDir = Path("radio_maps"),
    conditions: Annotated[Path, typer.Option(help="Where conditions are defined.")] = Path(
        "configs/conditions.yaml"
    ),
) -> None:
    """Locate the reports of a file, without a service."""
    from rayfix.locator.offline import locate_file

    found = locate_file(
        report, scene, method.value, model=model, condition=condition, models_dir=models_dir,
        radio_maps_dir=radio_maps_dir, conditions_path=conditions,
    )  # fmt: skip
    typer.echo(json.dumps(found.document()) if as_json else found.describe())


@app.command("serve")
def serve(
    host: Annotated[
        str | None, typer.Option(help="Address to listen at; default RAYFIX_HOST or 127.0.0.1.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(help="Port; default RAYFIX_PORT or 8000.", min=1, max=65535)
    ] = None,
    insecure: Annotated[
        bool | None,
        typer.Option("--insecure", help="Ask nobody for a key, even where others can reach it."),
    ] = None,
) -> None:
    """Serve fixes, maps and the console over HTTP; every other setting is RAYFIX_* (config.py)."""
    from rayfix.api.server import serve as run
    from rayfix.config import load_settings

    run(load_settings(host=host, port=port, insecure=insecure))


def main() -> None:
    """Run the command line; an expected error is one line on stderr and exit code 2."""
    try:
        app()
    except RayFixError as error:
        print(f"rayfix: {error}", file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
