from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.warp import transform

from rayfix.errors import InvalidInputError
from rayfix.radio_map.export import export_cog, export_map
from rayfix.radio_map.image import render_png
from rayfix.radio_map.picture import SIDE, TITLE_HEIGHT, write_picture
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap
from rayfix.radio_map.store import save_radio_map
from rayfix.scene.scene import Extent


def test_one_cloud_optimized_file_per_feature(tmp_path: Path, radio_map: RadioMap) -> None:
    paths = export_cog(radio_map, tmp_path / "cog")
    assert [path.stem for path in paths] == list(FEATURE_NAMES)
    assert sorted(path.name for path in (tmp_path / "cog").iterdir()) == sorted(
        path.name for path in paths
    )
    for path in paths:
        with rasterio.open(path) as dataset:
            assert dataset.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert dataset.descriptions == tuple(cell.cell_id for cell in radio_map.cells)
            assert np.isnan(dataset.nodata)
            np.testing.assert_array_equal(dataset.read()[:, ::-1], radio_map.features[path.stem])
    with rasterio.open(tmp_path / "cog" / "aoa.tif") as dataset:
        assert dataset.units == ("deg",) * 3


def test_it_lies_where_the_scene_lies(tmp_path: Path, radio_map: RadioMap) -> None:
    """The building's south-west corner, given by latitude and longitude, separates the pixels."""
    (path,) = export_cog(radio_map, tmp_path, ["path_gain"])
    lat, lon = radio_map.scene.georeference.to_lat_lon(10.0, 0.0)
    with rasterio.open(path) as dataset:
        (x,), (y,) = transform("EPSG:4326", dataset.crs, [float(lon)], [float(lat)])
        assert (x, y) == pytest.approx((10.0, 0.0), abs=0.01)
        values = [
            next(dataset.sample([(x + e, y + n)]))[0] for e in (-0.5, 0.5) for n in (-0.5, 0.5)
        ]
    assert [np.isnan(value) for value in values] == [False, False, False, True]


def test_unknown_features_are_refused(tmp_path: Path, radio_map: RadioMap) -> None:
    with pytest.raises(InvalidInputError, match="rain"):
        export_cog(radio_map, tmp_path / "cog", ["rain"])
    assert not (tmp_path / "cog").exists()


def test_an_extent_that_pixels_do_not_fill_keeps_its_south_west_corner(
    tmp_path: Path, radio_map: RadioMap
) -> None:
    """60.4 m x 40.4 m at 1 m: the north edge is that of the last pixel, not of the extent."""
    extent = Extent(x_min_m=-10, x_max_m=50.4, y_min_m=-20, y_max_m=20.4)
    wider = replace(radio_map, scene=radio_map.scene.model_copy(update={"extent": extent}))
    (path,) = export_cog(wider, tmp_path, ["toa"])
    with rasterio.open(path) as dataset:
        assert tuple(dataset.bounds) == (-10.0, -20.0, 50.0, 20.0)


def test_further_arrays_can_be_exported(tmp_path: Path, radio_map: RadioMap) -> None:
    (path,) = export_cog(radio_map, tmp_path, ["los"])
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read()[:, ::-1], radio_map.extra["los"])


def test_a_picture_shows_the_map_and_a_legend(tmp_path: Path, radio_map: RadioMap) -> None:
    path = write_picture(radio_map, tmp_path / "a.png", "path_gain", "A-1")
    with (
        Image.open(path) as picture,
        Image.open(io.BytesIO(render_png(radio_map, "path_gain", "A-1"))) as layer,
    ):
        scale = round(SIDE / max(layer.size))
        for x, y in ((3, 4), (40, 30), (59, 0)):
            at = (24 + x * scale + scale // 2, TITLE_HEIGHT + y * scale + scale // 2)
            assert picture.getpixel(at) == layer.getpixel((x, y))[:3]
        building = (24 + 25 * scale, TITLE_HEIGHT + (39 - 25) * scale)  # no path: white
        assert picture.getpixel(building) == (255, 255, 255)
        bar = [
            picture.getpixel((24 * 2 + layer.width * scale + 5, TITLE_HEIGHT + y))
            for y in range(5, layer.height * scale, 20)
        ]
        assert len(set(bar)) == 9  # every stop of the legend


def test_pictures_of_a_stored_map(tmp_path: Path, radio_map: RadioMap) -> None:
    save_radio_map(tmp_path / "square", radio_map)
    paths = export_map(tmp_path / "square", tmp_path / "png", "png", ["toa"], "best")
    assert [path.name for path in paths] == ["toa-best.png"]
    with pytest.raises(InvalidInputError, match="cell"):
        export_map(tmp_path / "square", tmp_path / "png", "png", ["toa"], "A-9")
