"""Attributes by which other software understands `maps.zarr`.

Three readers are served side by side: xarray and rioxarray (CF `units`, `grid_mapping`), GDAL
(`_CRS`), and readers of the Zarr conventions `proj` and `spatial` (both v0.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.radio_map.radio_map import FEATURES
from rayfix.scene.scene import Scene

Float64 = npt.NDArray[np.float64]

GRID_MAPPING = "spatial_ref"

TOA_JUMP_PIXELS = 2.0
"""ToA of neighbouring pixels that differ by more than light takes across this many pixels belong to
different first paths. A lookup does not mix them: their mean would be the delay of neither."""

EXTRA_UNITS = {
    "path_gain_stderr": "dB",
    "toa_mean": "ns",
    "delay_spread": "ns",
    "aoa_spread": "deg",
    "los": "1",
    "detection": "1",
}
"""Units of the arrays that a map may have beside its features."""

_UNITS = {feature.name: feature.unit for feature in FEATURES} | EXTRA_UNITS
_UNITS["building_height"] = "m"
_LABELS = {feature.name: feature.label for feature in FEATURES}

_DEFINITIONS = {
    "path_gain": "received power over transmit power with the cell's antenna pattern and an "
    "isotropic UE antenna, averaged over the pixel",
    "toa": "one-way time of flight of the first detectable path",
    "aoa": "uplink angle of arrival, azimuth at the cell (TS 38.215, 5.2.4): a bearing, clockwise "
    "from true north, in [0, 360)",
    "snr": "follows from path gain, the cell's power and the UE's noise figure",
    "sinr": "follows from path gain, the cells' powers and loads and the UE's noise figure",
    "throughput": "follows from SINR through Sionna's PHY abstraction tables",
    "bler": "follows from SINR through Sionna's PHY abstraction tables",
    "path_gain_stderr": "standard error of path gain, from the spread of the traced rays",
    "toa_mean": "power-weighted mean of the paths' times of flight",
    "delay_spread": "power-weighted standard deviation of the delays (TR 38.901, 7.7.3)",
    "aoa_spread": "power-weighted circular spread of the azimuths at the cell (TR 38.901, annex A)",
    "los": "1 where the direct path to the pixel's centre is free, 0 where it is not",
    "detection": "probability that a UE there detects the cell",
    "building_height": "height of what covers the place above the ground, 0 outdoors",
}

_CONVENTIONS = [
    {
        "uuid": uuid,
        "schema_url": f"https://raw.githubusercontent.com/zarr-conventions/{name}/refs/tags/v0.1/"
        "schema.json",
        "spec_url": f"https://github.com/zarr-conventions/{name}/blob/v0.1/README.md",
        "name": name,
        "description": description,
    }
    for name, uuid, description in (
        (
            "proj",
            "f17cb550-5864-4468-aeb7-f3180cfb622f",
            "Coordinate reference system information for geospatial data",
        ),
        ("spatial", "689b58e2-cf7b-45e0-9fff-9cfc0883d6b4", "Spatial coordinate information"),
    )
]


def group_attributes(
    scene: Scene, x_m: Float64, y_m: Float64, made: Mapping[str, Any]
) -> dict[str, Any]:
    """Attributes of the group: what it is, where it lies, how it was `made`."""
    return {
        "title": f"Radio map of {scene.title}",
        "Conventions": "CF-1.11",
        "attribution": scene.attribution,
        "ue_height_m": scene.ue_height_m,
        "rayfix": dict(made),
        **_georeference(scene, x_m, y_m),
    }


def array_attributes(
    name: str, scene: Scene, x_m: Float64, y_m: Float64, step: float
) -> dict[str, Any]:
    """Attributes of a raster; `step` is its rounding step."""
    crs = scene.georeference.crs
    attributes: dict[str, Any] = {
        "units": _UNITS.get(name, "1"),
        "long_name": _LABELS.get(name, name.replace("_", " ")),
        "missing": "NaN: no path",
        "rounding_step": step,
        "rounding_error_max": step / 2,
        "grid_mapping": GRID_MAPPING,
        "_CRS": {"wkt": crs.to_wkt(), "projjson": crs.to_json_dict()},
        **_georeference(scene, x_m, y_m),
    }
    if name in _DEFINITIONS:
        attributes["comment"] = _DEFINITIONS[name]
    return attributes


def coordinate_attributes(name: str) -> dict[str, Any]:
    """Attributes of a coordinate: `cell`, `y` or `x`."""
    if name == "cell":
        return {"long_name": "cell id"}
    direction = {"x": "easting", "y": "northing"}[name]
    return {
        "units": "m",
        "long_name": f"{direction} from the scene's origin",
        "standard_name": f"projection_{name}_coordinate",
        "axis": name.upper(),
    }


def bounds_m(x_m: Float64, y_m: Float64) -> tuple[float, float, float, float]:
    """West, south, east and north edge of the pixels [m]."""
    half = float(x_m[1] - x_m[0]) / 2
    return (
        float(x_m[0]) - half,
        float(y_m[0]) - half,
        float(x_m[-1]) + half,
        float(y_m[-1]) + half,
    )


def _georeference(scene: Scene, x_m: Float64, y_m: Float64) -> dict[str, Any]:
    west, south, east, north = bounds_m(x_m, y_m)
    step = float(x_m[1] - x_m[0])
    return {
        "zarr_conventions": _CONVENTIONS,
        "proj:wkt2": scene.georeference.crs.to_wkt(),
        "spatial:dimensions": ["y", "x"],
        "spatial:transform": [step, 0.0, west, 0.0, step, south],
        "spatial:shape": [len(y_m), len(x_m)],
        "spatial:bbox": [west, south, east, north],
        "spatial:registration": "pixel",
    }
