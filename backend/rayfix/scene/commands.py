"""The commands `rayfix scene ...`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from rayfix.errors import InvalidInputError

app = typer.Typer(
    help="Scenes: list, import from OpenStreetMap, place sites.", no_args_is_help=True
)
RadioMapsDir = Annotated[Path, typer.Option(help="Folder of the radio maps.")]


class Layout(StrEnum):
    """How sites are laid out."""

    GRID = "grid"
    HEXAGONAL = "hexagonal"
    RANDOM = "random"


@app.command("list")
def scene_list(radio_maps_dir: RadioMapsDir = Path("radio_maps")) -> None:
    """List the scenes that maps can be built for."""
    from rayfix.scene.catalogue import describe_scenes

    typer.echo(describe_scenes(radio_maps_dir))


@app.command("import")
def scene_import(
    osm: Annotated[Path, typer.Option(help="Extract: .osm, .osm.pbf or .geojson footprints.")],
    name: Annotated[str, typer.Option(help="Name of the scene.")],
    bbox: Annotated[
        str, typer.Option(help="W,S,E,N in degrees; default: the extent of the file.")
    ] = "",
    title: Annotated[str, typer.Option(help="Title for people; default from the name.")] = "",
    output_dir: Annotated[Path, typer.Option(help="Scene goes to <output-dir>/<name>.")] = Path(
        "scenes"
    ),
    dem: Annotated[
        Path | None, typer.Option(help="GeoTIFF of ground heights in metres; default: flat.")
    ] = None,
    material_seed: Annotated[
        int | None, typer.Option(help="Draw materials around those of ITU-R P.2040.", min=0)
    ] = None,
    tile_size: Annotated[
        float | None, typer.Option(help="Also cut the scene into tiles of this side in metres.")
    ] = None,
    overlap: Annotated[float, typer.Option(help="Metres that neighbouring tiles share.")] = 50.0,
    reach: Annotated[
        float, typer.Option(help="Buildings and sites this far outside a tile belong to it.")
    ] = 300.0,
    overwrite: Annotated[bool, typer.Option(help="Replace an earlier import.")] = False,
) -> None:
    """Turn a piece of OpenStreetMap into a scene that maps can be built for."""
    from rayfix.scene.osm import import_scene
    from rayfix.scene.tiles import Tiling

    folder, summary = import_scene(
        osm, name, output_dir, box=_box(bbox), title=title, dem=dem, material_seed=material_seed,
        tiling=None if tile_size is None else Tiling(tile_size, overlap, reach),
        overwrite=overwrite,
    )  # fmt: skip
    typer.echo(summary.describe())
    typer.echo(f"Wrote {folder}")


@app.command("sites")
def scene_sites(
    scene: Annotated[str, typer.Option(help="Folder with scene.json, or name of a map.")],
    layout: Annotated[
        Layout | None, typer.Option(help="Lay sites out; or give a list by --from.")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--from", help="Site list, CSV or YAML, to convert.")
    ] = None,
    spacing: Annotated[
        float, typer.Option(help="Metres between sites; at random, the least distance.")
    ] = 250.0,
    count: Annotated[int, typer.Option(help="Number of random sites.", min=1)] = 6,
    seed: Annotated[int, typer.Option(help="Seed of random sites.", min=0)] = 0,
    mast_height: Annotated[
        float, typer.Option(help="Antenna above the roof in metres.", min=0, max=100)
    ] = 3.0,
    sectors: Annotated[int, typer.Option(help="Cells per site.", min=1, max=12)] = 3,
    first_bearing: Annotated[
        float, typer.Option(help="Bearing of the first sector in degrees.", min=0, max=359.999)
    ] = 0.0,
    downtilt: Annotated[float, typer.Option(help="Degrees below the horizon.")] = 8.0,
    power: Annotated[float, typer.Option(help="Power of a cell in dBm.")] = 44.0,
    carrier_mhz: Annotated[float, typer.Option(help="Carrier frequency.")] = 3500.0,
    bandwidth_mhz: Annotated[float, typer.Option(help="Bandwidth of a cell.")] = 100.0,
    output: Annotated[
        Path | None, typer.Option(help="Default: cells.yaml in the scene's folder.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace an existing file.")] = False,
    radio_maps_dir: RadioMapsDir = Path("radio_maps"),
) -> None:
    """Place sites on roofs, or convert a list of real sites, and write cells.yaml."""
    from rayfix.scene.catalogue import find_scene
    from rayfix.scene.cell import save_cells
    from rayfix.scene.roofs import roofs_of
    from rayfix.scene.site_list import read_sites
    from rayfix.scene.sites import (
        grid_layout,
        hexagonal_layout,
        place_sites,
        random_layout,
        site_options,
    )
    from rayfix.scene.tiles import tile_cells

    if (layout is None) == (source is None):
        raise InvalidInputError("layout", "give either --layout or --from")
    found = find_scene(scene, radio_maps_dir)
    folder = found.folder or radio_maps_dir / found.scene.name
    path = output or folder / "cells.yaml"
    if path.exists() and not overwrite:
        raise InvalidInputError("output", f"{path} exists; --overwrite replaces it")
    roofs = roofs_of(found)
    options = site_options(
        mast_height_m=mast_height, sectors=sectors, first_bearing_deg=first_bearing,
        downtilt_deg=downtilt, power_dbm=power, carrier_hz=1e6 * carrier_mhz,
        bandwidth_hz=1e6 * bandwidth_mhz,
    )  # fmt: skip
    extent = found.scene.extent
    if source is not None:
        placed = read_sites(found.scene, roofs, source, options)
    elif layout is Layout.RANDOM:
        places = random_layout(extent, count, seed, spacing)
        placed = place_sites(found.scene, roofs, places, options)
    else:
        lay_out = grid_layout if layout is Layout.GRID else hexagonal_layout
        placed = place_sites(found.scene, roofs, lay_out(extent, spacing), options)
    for warning in placed.warnings:
        typer.echo(f"warning: {warning}", err=True)
    save_cells(path, placed.cells)
    for tile in tile_cells(folder, placed.cells):
        typer.echo(f"Wrote {tile}")
    sites = len({cell.site_id for cell in placed.cells})
    typer.echo(f"Wrote {path}: {sites} sites, {len(placed.cells)} cells")


def _box(text: str) -> tuple[float, float, float, float] | None:
    if not text:
        return None
    try:
        west, south, east, north = (float(value) for value in text.split(","))
    except ValueError:
        raise InvalidInputError("bbox", f"W,S,E,N in degrees is expected, not {text!r}") from None
    return west, south, east, north
