from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from rayfix.errors import InvalidInputError
from rayfix.radio_map.image import (
    BEST_SERVER,
    COLORMAPS,
    describe_image,
    layer,
    render_png,
    value_range,
)
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap


def _pixels(png: bytes) -> np.ndarray:
    image = Image.open(io.BytesIO(png))
    assert (image.format, image.mode) == ("PNG", "RGBA")
    return np.asarray(image)


def test_top_row_is_north_and_no_path_is_transparent(radio_map: RadioMap) -> None:
    pixels = _pixels(render_png(radio_map, "path_gain", "A-2"))
    assert pixels.shape == (40, 60, 4)
    has_path = np.isfinite(radio_map.features["path_gain"][2])
    np.testing.assert_array_equal(pixels[::-1, :, 3] == 255, has_path)
    np.testing.assert_array_equal(pixels[::-1, :, 3] == 0, ~has_path)
    assert not np.array_equal(has_path, has_path[::-1])  # the orientation does matter here


@pytest.mark.parametrize("feature", FEATURE_NAMES)
def test_colours_can_be_read_back_through_the_legend(radio_map: RadioMap, feature: str) -> None:
    pixels = _pixels(render_png(radio_map, feature, "A-0"))
    legend = describe_image(radio_map, feature, "A-0")["legend"]
    stops = legend["stops"]
    assert stops[0]["value"] == legend["min"]
    assert stops[-1]["value"] == legend["max"]
    values = radio_map.features[feature][0]
    spread = legend["max"] - legend["min"]
    for stop in stops[1:-1]:
        off = np.abs(values - stop["value"])
        if np.nanmin(off) > spread / 1000:
            continue  # this cell does not reach that value
        row, column = np.unravel_index(np.nanargmin(off), values.shape)
        shown = pixels[39 - row, column, :3].astype(int)
        assert np.abs(shown - list(bytes.fromhex(stop["color"][1:]))).max() <= 3


def test_the_ramp_of_angles_is_closed_and_the_other_rises_in_brightness() -> None:
    assert COLORMAPS["twilight"][0] == COLORMAPS["twilight"][-1]
    weights = np.array([0.2126, 0.7152, 0.0722])
    brightness = [weights @ list(bytes.fromhex(c[1:])) for c in COLORMAPS["viridis"]]
    assert (np.diff(brightness) > 0).all()


def test_best_server_shows_the_strongest_cell(radio_map: RadioMap) -> None:
    best = layer(radio_map, "aoa")
    for row, column in ((5, 3), (20, 30), (35, 55)):
        strongest = np.nanargmax(radio_map.rsrp_dbm[:, row, column])
        assert best[row, column] == radio_map.features["aoa"][strongest, row, column]
    assert np.isnan(best[25, 25])


def test_description(radio_map: RadioMap) -> None:
    info = describe_image(radio_map, "toa", "A-1")
    assert (info["unit"], info["label"], info["cell"]) == ("ns", "Time of arrival", "A-1")
    assert (info["width"], info["height"]) == (60, 40)
    (west, north), (east, _), (_, south), _ = info["corners"]
    lat, lon = radio_map.scene.georeference.to_lat_lon([-10, 50], [-20, 20])
    assert (west, east) == pytest.approx(tuple(lon), abs=1e-6)
    assert (south, north) == pytest.approx(tuple(lat), abs=1e-6)
    assert value_range(radio_map, "bler") == (0.0, 1.0)
    low, high = value_range(radio_map, "path_gain")
    assert low <= np.nanpercentile(radio_map.features["path_gain"], 1) < high


def test_the_best_server_picture_uses_the_whole_ramp(radio_map: RadioMap) -> None:
    least, greatest = np.nanpercentile(layer(radio_map, "path_gain"), [1, 99])
    low, high = value_range(radio_map, "path_gain", BEST_SERVER)
    assert low <= least < low + 5 and high - 5 < greatest <= high


def test_bad_names_are_refused(radio_map: RadioMap) -> None:
    for feature, cell, field in (("rain", "A-1", "feature"), ("toa", "B-1", "cell")):
        with pytest.raises(InvalidInputError) as caught:
            render_png(radio_map, feature, cell)
        assert caught.value.field == field
