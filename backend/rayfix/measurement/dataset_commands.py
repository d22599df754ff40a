"""`rayfix dataset`: build datasets of exact paths, say what they hold, record a feed's ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Measurement datasets from exact paths.", no_args_is_help=True)


@app.command("build")
def dataset_build(
    scene: Annotated[
        list[str] | None, typer.Option(help="A scene, default munich; may be repeated.")
    ] = None,
    config: Annotated[Path, typer.Option(help="What to record.")] = Path("configs/dataset.yaml"),
    output: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the files (of several scenes: <output>/<scene>); default data/<scene>."
        ),
    ] = None,
    split: Annotated[
        list[str] | None, typer.Option(help="Only this split; may be repeated.")
    ] = None,
    conditions: Annotated[Path, typer.Option(help="Where the worlds are defined.")] = Path(
        "configs/conditions.yaml"
    ),
    radio_maps_dir: Annotated[Path, typer.Option(help="Folder of <scene>/cells.yaml.")] = Path(
        "radio_maps"
    ),
    engine: Annotated[
        str, typer.Option(help="local, or ray: chunks are traced on a Ray cluster.")
    ] = "local",
    parallel: Annotated[int, typer.Option(help="Chunks traced at a time.", min=1)] = 1,
) -> None:
    """Trace exact paths at outdoor places and write one dataset per split; resumes."""
    from rayfix.measurement.build import build_datasets

    files = build_datasets(
        scene or ["munich"], config, output, radio_maps_dir=radio_maps_dir,
        conditions_path=conditions, splits=split or (), engine=engine, parallel=parallel,
    )  # fmt: skip
    for file in files:
        typer.echo(f"Wrote {file}")


@app.command("card")
def dataset_card(
    path: Annotated[Path, typer.Argument(help="The dataset, .zarr or .zarr.zip.")],
    condition: Annotated[
        str, typer.Option(help="Whose draws are shown, a name in the conditions file.")
    ] = "standard",
    output: Annotated[
        Path | None, typer.Option(help="Folder of the card; default <dataset>-card beside it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as JSON.")] = False,
    conditions: Annotated[Path, typer.Option(help="Where conditions are defined.")] = Path(
        "configs/conditions.yaml"
    ),
    radio_maps_dir: Annotated[Path, typer.Option(help="Folder of <scene>/scene.json.")] = Path(
        "radio_maps"
    ),
) -> None:
    """Check a dataset and write its card with histograms; exit code 1 if a check fails."""
    from rayfix.measurement.card import write_card

    card = write_card(
        path, condition=condition, conditions_path=conditions, radio_maps_dir=radio_maps_dir,
        output=output,
    )  # fmt: skip
    if as_json:
        typer.echo(json.dumps(card.document()))
    else:
        for check in card.checks:
            typer.echo(f"{'pass' if check.passed else 'FAIL'}  {check.name}: {check.found}")
        typer.echo(f"Wrote {card.folder / 'card.md'}")
    if not card.passed:
        raise typer.Exit(1)


@app.command("routes")
def dataset_routes(
    scene: Annotated[str, typer.Option(help="Name of the scene.")] = "munich",
    config: Annotated[Path, typer.Option(help="What to record.")] = Path("configs/feed.yaml"),
    output: Annotated[
        Path | None,
        typer.Option(help="The file; default <radio-maps-dir>/<scene>/feed.zarr.zip."),
    ] = None,
    radio_maps_dir: Annotated[Path, typer.Option(help="Folder of <scene>/cells.yaml.")] = Path(
        "radio_maps"
    ),
) -> None:
    """Trace exact paths along closed loops of streets, for `rayfix feed`; resumes."""
    from rayfix.measurement.build import build_routes

    file = output or radio_maps_dir / scene / "feed.zarr.zip"
    typer.echo(f"Wrote {build_routes(scene, config, file, radio_maps_dir=radio_maps_dir)}")
