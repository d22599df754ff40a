"""Attributes by which other software understands `maps.zarr`.

Three readers are served side by side: xarray and rioxarray (CF `units`, `grid_mapping`), GDAL
(`_CRS`), and readers of the Zarr conventions `proj` and `spatial` (both v0.1).
"""

from __future__ import annotations

from typing import Any

from rayfix.radio_map.radio_map import FEATURES, RadioMap

GRID_MAPPING = "spatial_ref"

_UNITS = {feature.name: feature.unit for feature in FEATURES}
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


def group_attributes(radio_map: RadioMap) -> dict[str, Any]:
    """Attributes of the group: what it is, where it lies, how it was made."""
    return {
        "title": f"Radio map of {radio_map.scene.title}",
        "Conventions": "CF-1.11",
        "attribution": radio_map.scene.attribution,
        "ue_height_m": radio_map.scene.ue_height_m,
        "rayfix": dict(radio_map.attributes),
        **_georeference(radio_map),
    }


def array_attributes(name: str, radio_map: RadioMap, step: float | None) -> dict[str, Any]:
    """Attributes of one array; `step` is the rounding step of a raster, None for a coordinate."""
    if name == "cell":
        return {"long_name": "cell id"}
    if name in ("x", "y"):
        direction = {"x": "easting", "y": "northing"}[name]
        return {
            "units": "m",
            "long_name": f"{direction} from the scene's origin",
            "standard_name": f"projection_{name}_coordinate",
            "axis": name.upper(),
        }
    attributes: dict[str, Any] = {
        "units": _UNITS.get(name) or _unit_from_suffix(name),
        "long_name": _LABELS.get(name, name.replace("_", " ")),
        "missing": "NaN: no path",
        "grid_mapping": GRID_MAPPING,
        "_CRS": {
            "wkt": radio_map.scene.georeference.crs.to_wkt(),
            "projjson": radio_map.scene.georeference.crs.to_json_dict(),
        },
        **_georeference(radio_map),
    }
    if name in _DEFINITIONS:
        attributes["comment"] = _DEFINITIONS[name]
    if step is not None:
        attributes["rounding_step"] = step
        attributes["rounding_error_max"] = step / 2
    return attributes


def _georeference(radio_map: RadioMap) -> dict[str, Any]:
    extent, step = radio_map.scene.extent, radio_map.resolution_m
    return {
        "zarr_conventions": _CONVENTIONS,
        "proj:wkt2": radio_map.scene.georeference.crs.to_wkt(),
        "spatial:dimensions": ["y", "x"],
        "spatial:transform": [step, 0.0, extent.x_min_m, 0.0, step, extent.y_min_m],
        "spatial:shape": [len(radio_map.y_m), len(radio_map.x_m)],
        "spatial:bbox": [extent.x_min_m, extent.y_min_m, extent.x_max_m, extent.y_max_m],
        "spatial:registration": "pixel",
    }


def _unit_from_suffix(name: str) -> str:
    """Unit of an array whose name carries it (`toa_mean_ns`); "1" where there is none."""
    if name == "building_height":
        return "m"
    suffix = name.rpartition("_")[2]
    return suffix if suffix in ("db", "dbm", "ns", "deg", "m", "rad") else "1"
