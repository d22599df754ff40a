"""`rayfix maps`: build, check, relink, export and describe radio maps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from rayfix.errors import InvalidInputError
from rayfix.radio_map import version_commands

app = typer.Typer(help="Radio maps: build, check, relink, export, describe.", no_args_is_help=True)
version_commands.register(app)
RadioMapsDir = Annotated[Path, typer.Option(help="Folder of the radio maps.")]


@app.command("build")
def maps_build(
    scene: Annotated[str, typer.Option(help="Built-in scene, or folder with scene.json.")] = "",
    cells: Annotated[
        Path | None,
        typer.Option(help="Site list; default: cells.yaml of the scene's folder or its map."),
    ] = None,
    resolution: Annotated[float, typer.Option(help="Side of a pixel in metres.")] = 1.0,
    output_dir: Annotated[Path, typer.Option(help="Maps go to <output-dir>/<scene>.")] = Path(
        "radio_maps"
    ),
    scenes_dir: Annotated[
        Path | None,
        typer.Option(help="Build every folder of this one that has scene.json and cells.yaml."),
    ] = None,
    engine: Annotated[str, typer.Option(help="local or ray.")] = "local",
    parallel: Annotated[int, typer.Option(help="Sites traced at a time.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the ray directions.", min=0)] = 0,
    rays: Annotated[
        int | None, typer.Option(help="Rays per site; fewer are faster and noisier.", min=1)
    ] = None,
    target_db: Annotated[
        float | None,
        typer.Option(help="Add rays until the standard error of path gain is this [dB]."),
    ] = None,
    max_depth: Annotated[
        int | None, typer.Option(help="Reflections of a path at most.", min=0)
    ] = None,
    diffraction: Annotated[bool, typer.Option(help="Paths over one edge.")] = True,
    refraction: Annotated[bool, typer.Option(help="Paths through walls.")] = False,
    scattering_coefficient: Annotated[
        float, typer.Option(help="Diffuse scattering: share of the reflected amplitude, 0 to 1.")
    ] = 0.0,
    overwrite: Annotated[bool, typer.Option(help="Build complete maps again.")] = False,
) -> None:
    """Trace the seven features of every cell on a grid; resumes, and skips what is complete."""
    from rayfix.radio_map.build import RadioMapConfig, build_radio_maps
    from rayfix.radio_map.jobs import find_jobs
    from rayfix.simulation.map_solver import SolverConfig

    jobs = find_jobs(scene, cells, scenes_dir, output_dir)
    chosen = {"rays_per_site": rays, "target_db": target_db, "max_depth": max_depth}
    solver = SolverConfig(
        diffraction=diffraction,
        refraction=refraction,
        scattering_coefficient=scattering_coefficient,
        **{name: value for name, value in chosen.items() if value is not None},  # type: ignore[arg-type]
    )
    config = RadioMapConfig(resolution_m=resolution, seed=seed, solver=solver)
    written = build_radio_maps(jobs, config, engine=engine, parallel=parallel, overwrite=overwrite)
    for job in jobs:
        done = "Wrote" if job.folder in written else "Already complete:"
        typer.echo(f"{done} {job.folder}")


@app.command("check")
def maps_check(
    scene: Annotated[str, typer.Option(help="Folder below radio-maps-dir.")] = "munich",
    receivers: Annotated[int, typer.Option(help="Random outdoor places.", min=1)] = 300,
    seed: Annotated[int, typer.Option(help="Seed of the places.", min=0)] = 0,
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    radio_maps_dir: RadioMapsDir = Path("radio_maps"),
) -> None:
    """Compare a radio map with exact paths at random outdoor places."""
    from rayfix.radio_map.check import check_radio_map, describe_check

    report = check_radio_map(radio_maps_dir / scene, receivers, seed)
    typer.echo(json.dumps(report) if json_output else describe_check(report))


@app.command("export")
def maps_export(
    output: Annotated[Path, typer.Option(help="Folder of the files.")],
    scene: Annotated[str, typer.Option(help="Folder below radio-maps-dir.")] = "munich",
    format: Annotated[
        str, typer.Option(help="cog: Cloud-Optimized GeoTIFF; png: pictures with a legend.")
    ] = "cog",
    feature: Annotated[
        list[str] | None, typer.Option(help="Only this feature; may be repeated.")
    ] = None,
    cell: Annotated[
        str, typer.Option(help="png: a cell id, or best for the strongest cell of each pixel.")
    ] = "best",
    radio_maps_dir: RadioMapsDir = Path("radio_maps"),
) -> None:
    """Write one file per feature: all cells for GIS programs, or a picture of one layer."""
    from rayfix.radio_map.export import export_map

    for path in export_map(radio_maps_dir / scene, output, format, feature, cell):
        typer.echo(f"Wrote {path}")


@app.command("info")
def maps_info(
    scene: Annotated[str, typer.Option(help="Folder below radio-maps-dir.")] = "munich",
    json_output: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    radio_maps_dir: RadioMapsDir = Path("radio_maps"),
) -> None:
    """Print coverage, sizes, rounding errors and how a map was made."""
    from rayfix.radio_map.info import describe_info, map_info

    info = map_info(radio_maps_dir / scene)
    typer.echo(json.dumps(info) if json_output else describe_info(info))


@app.command("relink")
def maps_relink(
    scene: Annotated[str, typer.Option(help="Folder below radio-maps-dir.")] = "munich",
    cells: Annotated[
        Path | None, typer.Option(help="Site list with the new powers and loads.")
    ] = None,
    power: Annotated[
        list[str] | None,
        typer.Option(help="CELL=dBm, or all=dBm; may be repeated.", metavar="CELL=DBM"),
    ] = None,
    load: Annotated[
        list[str] | None,
        typer.Option(help="CELL=share, or all=share, 0 to 1.", metavar="CELL=SHARE"),
    ] = None,
    noise_figure: Annotated[
        float | None, typer.Option(help="Noise figure of the UE [dB]; default: the map's.")
    ] = None,
    output_dir: Annotated[
        Path | None, typer.Option(help="Write the new map to <output-dir>/<scene>.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the map itself.")] = False,
    radio_maps_dir: RadioMapsDir = Path("radio_maps"),
) -> None:
    """Recompute SNR, SINR, throughput and BLER for other powers, loads or noise: no tracing."""
    from rayfix.radio_map.relink import relink_stored
    from rayfix.radio_map.relink_input import cells_from_options

    if (output_dir is None) == (not replace):
        raise InvalidInputError("output_dir", "give either --output-dir or --replace")
    folder = radio_maps_dir / scene
    new = cells_from_options(folder, cells, power or (), load or ())
    output = folder if output_dir is None else output_dir / scene
    found = relink_stored(folder, output, new, noise_figure)
    typer.echo(f"Wrote {output}")
    for cell_id, decibels in found.blind_db.items():
        typer.echo(
            f"Note: {cell_id} now reaches {decibels:g} dB below what was traced; places in that "
            "range stay without a path until `rayfix maps build`",
            err=True,
        )


@app.command("stitch")
def maps_stitch(
    scene: Annotated[Path, typer.Option(help="Folder of a scene that was cut into tiles.")],
    tiles_dir: Annotated[
        Path, typer.Option(help="Maps of its tiles, as `maps build --scenes-dir` writes them.")
    ],
    output_dir: Annotated[Path, typer.Option(help="The map goes to <output-dir>/<scene>.")] = Path(
        "radio_maps"
    ),
) -> None:
    """Join the maps of overlapping tiles to the map of the whole scene."""
    from rayfix.radio_map.stitch import stitch_tiles

    typer.echo(f"Wrote {stitch_tiles(scene, tiles_dir, output_dir)}")
