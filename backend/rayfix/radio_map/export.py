"""Radio maps as Cloud-Optimized GeoTIFF: one file per feature, one band per cell."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rayfix.errors import InvalidInputError, MissingExtraError
from rayfix.radio_map.radio_map import FEATURE_NAMES, FEATURES, RadioMap
from rayfix.radio_map.store import load_radio_map


def export_map(
    map_folder: Path, folder: Path, format: str = "cog", features: Sequence[str] | None = None
) -> list[Path]:
    """Load a stored map and write it in a format of GIS programs; returns the paths.

    Raises:
        InvalidInputError: no such format or feature.
        ArtefactError: the map is missing or damaged.
    """
    if format != "cog":
        raise InvalidInputError("format", "'cog' is expected")
    return export_cog(load_radio_map(map_folder), folder, features or FEATURE_NAMES)


def export_cog(
    radio_map: RadioMap, folder: Path, features: Sequence[str] = FEATURE_NAMES
) -> list[Path]:
    """Write `<feature>.tif` for each feature; returns the paths.

    Rows run north to south, as GeoTIFF readers expect. The CRS is the scene's local transverse
    Mercator frame; bands are described by their cell id; NaN is the no-data value.

    Raises:
        InvalidInputError: no such feature.
        MissingExtraError: rasterio (extra `maps`) is not installed.
    """
    try:
        import rasterio
        import rasterio.shutil
        from rasterio.io import MemoryFile
    except ImportError:
        raise MissingExtraError("GeoTIFF needs rasterio: pip install 'rayfix[maps]'") from None
    unknown = set(features) - set(FEATURE_NAMES)
    if unknown:
        raise InvalidInputError("features", f"unknown: {', '.join(sorted(unknown))}")
    extent, step = radio_map.scene.extent, radio_map.resolution_m
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[Path] = []
    for feature in FEATURES:
        if feature.name not in features:
            continue
        values = radio_map.features[feature.name]
        path = folder / f"{feature.name}.tif"
        temporary = folder / f".{feature.name}.{os.getpid()}.tif"
        profile = {
            "driver": "GTiff",
            "dtype": "float32",
            "count": values.shape[0],
            "height": values.shape[1],
            "width": values.shape[2],
            "nodata": np.nan,
            "crs": rasterio.CRS.from_wkt(radio_map.scene.georeference.crs.to_wkt("WKT2_2019")),
            "transform": rasterio.Affine(step, 0.0, extent.x_min_m, 0.0, -step, extent.y_max_m),
        }
        try:
            with MemoryFile() as memory:
                with memory.open(**profile) as dataset:
                    dataset.write(values[:, ::-1])
                    dataset.descriptions = tuple(cell.cell_id for cell in radio_map.cells)
                    dataset.units = (feature.unit,) * values.shape[0]
                    dataset.update_tags(
                        feature=feature.name, long_name=feature.label, units=feature.unit
                    )
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
