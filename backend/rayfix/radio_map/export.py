"""Radio maps for other programs: Cloud-Optimized GeoTIFF (one file per layer, one band per cell)
and pictures with a legend."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rayfix.errors import InvalidInputError, MissingExtraError
from rayfix.files import naming_full_disk
from rayfix.radio_map.conventions import EXTRA_UNITS, bounds_m
from rayfix.radio_map.image import BEST_SERVER
from rayfix.radio_map.picture import write_picture
from rayfix.radio_map.radio_map import FEATURES, RadioMap
from rayfix.radio_map.store import load_radio_map

FORMATS = ("cog", "png")


def export_map(
    map_folder: Path,
    folder: Path,
    format: str = "cog",
    features: Sequence[str] | None = None,
    cell_id: str = BEST_SERVER,
) -> list[Path]:
    """Load a stored map and write layers of it; returns the paths.

    Args:
        format: "cog" (`<feature>.tif`, all cells) or "png" (`<feature>-<cell>.png`).
        features: names of features, and for "cog" of the other arrays; None = all features.
        cell_id: of the pictures; "best" = the strongest cell of each pixel.
    Raises:
        InvalidInputError: no such format, feature or cell.
        ArtefactError: the map is missing or damaged.
        DiskFullError: there is no room.
    """
    if format not in FORMATS:
        raise InvalidInputError("format", f"one of {', '.join(FORMATS)} is expected")
    radio_map = load_radio_map(map_folder)
    names = features or list(radio_map.features)
    if format == "cog":
        return export_cog(radio_map, folder, names)
    with naming_full_disk(folder):
        return [
            write_picture(radio_map, folder / f"{name}-{cell_id}.png", name, cell_id)
            for name in names
        ]


def export_cog(
    radio_map: RadioMap, folder: Path, features: Sequence[str] | None = None
) -> list[Path]:
    """Write `<feature>.tif` for each feature or further array of the map; returns the paths.

    Rows run north to south, as GeoTIFF readers expect. The CRS is the scene's local transverse
    Mercator frame; bands are described by their cell id; NaN is the no-data value.

    Args:
        features: names; None = all features.
    Raises:
        InvalidInputError: the map has no such array.
        MissingExtraError: rasterio (extra `maps`) is not installed.
        DiskFullError: there is no room.
    """
    try:
        import rasterio
        import rasterio.shutil
        from rasterio.io import MemoryFile
    except ImportError:
        raise MissingExtraError("GeoTIFF needs rasterio: pip install 'rayfix[maps]'") from None
    layers = {**radio_map.features, **radio_map.extra}
    names = list(radio_map.features) if features is None else list(features)
    unknown = sorted(set(names) - set(layers))
    if unknown:
        raise InvalidInputError("features", f"unknown: {', '.join(unknown)}")
    known = {feature.name: (feature.unit, feature.label) for feature in FEATURES}
    west, _, _, north = bounds_m(radio_map.x_m, radio_map.y_m)
    step = radio_map.resolution_m
    paths: list[Path] = []
    with naming_full_disk(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name in names:
            values = layers[name]
            unit, label = known.get(name, (EXTRA_UNITS.get(name, "1"), name.replace("_", " ")))
            path = folder / f"{name}.tif"
            temporary = folder / f".{name}.{os.getpid()}.tif"
            profile = {
                "driver": "GTiff",
                "dtype": "float32",
                "count": values.shape[0],
                "height": values.shape[1],
                "width": values.shape[2],
                "nodata": np.nan,
                "crs": rasterio.CRS.from_wkt(radio_map.scene.georeference.crs.to_wkt("WKT2_2019")),
                "transform": rasterio.Affine(step, 0.0, west, 0.0, -step, north),
            }
            try:
                with MemoryFile() as memory:
                    with memory.open(**profile) as dataset:
                        dataset.write(values[:, ::-1])
                        dataset.descriptions = tuple(cell.cell_id for cell in radio_map.cells)
                        dataset.units = (unit,) * values.shape[0]
                        dataset.update_tags(feature=name, long_name=label, units=unit)
                    with memory.open() as dataset:
                        rasterio.shutil.copy(
                            dataset, temporary, driver="COG", compress="ZSTD", predictor="YES",
                            blocksize=256, overviews="AUTO", resampling="NEAREST",
                        )  # fmt: skip
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
            paths.append(path)
    return paths
