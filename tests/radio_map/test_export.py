from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.warp import transform

from rayfix.errors import InvalidInputError
from rayfix.radio_map.export import export_cog
from rayfix.radio_map.radio_map import FEATURE_NAMES, RadioMap


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
