"""Pictures of a radio map: RGBA PNG with a legend, transparent where no path arrives."""

from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from rayfix.errors import InvalidInputError
from rayfix.radio_map.radio_map import Float32, RadioMap

BEST_SERVER = "best"
"""Stands for the strongest cell of each pixel where a cell id is expected."""

COLORMAPS: dict[str, tuple[str, ...]] = {
    # Perceptually uniform, dark to bright: equal steps of value look equally far apart.
    "viridis": (
        "#440154", "#48186a", "#472d7b", "#424086", "#3b528b", "#33638d", "#2c728e", "#26828e",
        "#21918c", "#1fa088", "#28ae80", "#3fbc73", "#5ec962", "#84d44b", "#addc30", "#d8e219",
        "#fde725",
    ),
    # Its two ends meet: for angles.
    "twilight": (
        "#e2d9e2", "#c4ced4", "#95b5c7", "#7297c1", "#6276ba", "#5e51ad", "#592a8f", "#45135c",
        "#2f1436", "#4a1342", "#741e4f", "#983550", "#b25652", "#c27c63", "#cca389", "#d8c7be",
        "#e2d9e2",
    ),
}  # fmt: skip
"""Colours at equal distances (colormaps of Matplotlib by those names, CC0)."""

_FIXED_RANGE = {"aoa": (0.0, 360.0), "bler": (0.0, 1.0), "detection": (0.0, 1.0)}
_NICE_STEP = {
    "path_gain": 5.0,
    "toa": 100.0,
    "snr": 5.0,
    "sinr": 5.0,
    "throughput": 50.0,
    "path_gain_stderr": 1.0,
}
_LEGEND_STOPS = 9


def colormap_of(feature: str) -> str:
    """Name of the colormap of a feature: a cyclic one for angles."""
    return "twilight" if feature == "aoa" else "viridis"


def value_range(
    radio_map: RadioMap, feature: str, cell_id: str | None = None
) -> tuple[float, float]:
    """Range of the legend: 1st to 99th percentile over all cells, rounded outward.

    The same for every cell of the map, so that pictures of cells compare. The strongest cells take
    the upper end of it only, so their picture has a range of its own.
    """
    if feature in _FIXED_RANGE:
        return _FIXED_RANGE[feature]
    step = _NICE_STEP[feature]
    best = cell_id == BEST_SERVER
    values = layer(radio_map, feature) if best else radio_map.layer_values(feature)
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, step
    low, high = np.percentile(finite, [1, 99])
    low, high = math.floor(low / step) * step, math.ceil(high / step) * step
    return low, high if high > low else low + step


def layer(radio_map: RadioMap, feature: str, cell_id: str = BEST_SERVER) -> Float32:
    """Values [H, W] of one feature: of a cell, or of the strongest cell of each pixel.

    Raises:
        InvalidInputError: no such feature or cell.
    """
    values = radio_map.layer_values(feature)
    if cell_id != BEST_SERVER:
        index = radio_map.cell_index.get(cell_id)
        if index is None:
            raise InvalidInputError("cell", f"the radio map has no cell '{cell_id}'")
        return np.asarray(values[index])
    strongest = np.nan_to_num(radio_map.rsrp_dbm, nan=-np.inf).argmax(axis=0)
    return np.asarray(np.take_along_axis(values, strongest[None], axis=0)[0])


def render_png(
    radio_map: RadioMap,
    feature: str,
    cell_id: str = BEST_SERVER,
    shown: tuple[float, float] | None = None,
) -> bytes:
    """RGBA PNG, one pixel per pixel of the map, top row in the north.

    Args:
        radio_map: the map.
        feature, cell_id: the layer.
        shown: values at the two ends of the colormap; None = those of the legend.

    Raises:
        InvalidInputError: no such feature or cell.
    """
    values = layer(radio_map, feature, cell_id)[::-1]
    pixels = colour(values, feature, shown or value_range(radio_map, feature, cell_id))
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def colour(
    values: Float32, feature: str, value_range: tuple[float, float]
) -> npt.NDArray[np.uint8]:
    """RGBA [H, W, 4] of values [H, W] on the feature's colormap; NaN is transparent."""
    low, high = value_range
    here = np.isfinite(values)
    share = np.clip((np.where(here, values, low) - low) / (high - low), 0.0, 1.0)
    pixels = np.zeros((*values.shape, 4), np.uint8)
    pixels[here, :3] = _palette(colormap_of(feature))[np.round(share[here] * 255).astype(int)]
    pixels[here, 3] = 255
    return pixels


def describe_image(radio_map: RadioMap, feature: str, cell_id: str = BEST_SERVER) -> dict[str, Any]:
    """What the picture shows: unit, label, corners [lon, lat] TL, TR, BR, BL, size, legend.

    Raises:
        InvalidInputError: no such feature or cell.
    """
    rows, columns = layer(radio_map, feature, cell_id).shape
    info = next(layer for layer in radio_map.layers if layer.name == feature)
    low, high = value_range(radio_map, feature, cell_id)
    colormap = colormap_of(feature)
    shares = np.linspace(0.0, 1.0, _LEGEND_STOPS)
    colours = _palette(colormap)[np.round(shares * 255).astype(int)]
    return {
        "feature": feature,
        "cell": cell_id,
        "unit": info.unit,
        "label": info.label,
        "corners": [list(corner) for corner in radio_map.scene.corners_lon_lat()],
        "width": columns,
        "height": rows,
        "legend": {
            "min": low,
            "max": high,
            "colormap": colormap,
            "stops": [
                {"value": float(low + share * (high - low)), "color": "#" + bytes(colour).hex()}
                for share, colour in zip(shares, colours, strict=True)
            ],
        },
    }


def _palette(colormap: str) -> npt.NDArray[np.uint8]:
    """256 colours [256, 3] interpolated between the stops of a colormap."""
    stops = np.array([list(bytes.fromhex(colour[1:])) for colour in COLORMAPS[colormap]], float)
    at = np.linspace(0, len(stops) - 1, 256)
    channels = [np.interp(at, np.arange(len(stops)), stops[:, c]) for c in range(3)]
    return np.round(np.stack(channels, axis=-1)).astype(np.uint8)
