"""Datasets come back as they were written; damaged, foreign or mismatched ones are refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
import zarr

from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.measurement.conditions import Condition
from rayfix.measurement.dataset import Dataset, DatasetWorld, aligned_with
from rayfix.measurement.dataset_file import load_dataset, save_dataset
from rayfix.measurement.propagation import PATH_DETAIL

from .free_space import CELLS, propagation

STANDARD = Condition(
    world="nominal", quantities=("rsrp_dbm", "toa_ns", "aoa_deg"), rsrp_residual_db=3.0,
    timing_error_ns=10.0, aoa_error_deg=5.0, missing_share=0.2,
)  # fmt: skip


def small_dataset() -> Dataset:
    random = np.random.default_rng(0)
    way = random.uniform(-200, 200, (40, 1, 2)) + random.uniform(0, 1, (40, 5, 2)).cumsum(axis=1)
    paths = propagation(way)
    paths.path_gain_db_BTC[3, :, 2] = np.nan
    changed = tuple(cell.model_copy(update={"power_dbm": 40.0}) for cell in CELLS)
    worlds = {"nominal": DatasetWorld(CELLS, paths), "perturbed": DatasetWorld(changed, paths)}
    return Dataset("plain", random.integers(0, 3, 40), worlds, {"split": "test"})


@pytest.mark.parametrize("name", ["data.zarr", "data.zarr.zip"])
def test_round_trip(tmp_path: Path, name: str) -> None:
    before = small_dataset()
    path = save_dataset(before, tmp_path / name)
    assert [p.name for p in tmp_path.iterdir()] == [name]
    after = load_dataset(path)
    assert (after.scene, after.attributes["split"], len(after)) == ("plain", "test", 40)
    np.testing.assert_array_equal(after.motion_S, before.motion_S)
    np.testing.assert_allclose(after.truth_xy_m_S2, before.truth_xy_m_S2, atol=2**-8)
    for world in before.worlds:
        assert after.worlds[world].cells == before.worlds[world].cells
        old, new = before.worlds[world].propagation, after.worlds[world].propagation
        np.testing.assert_allclose(new.path_gain_db_BTC, old.path_gain_db_BTC, atol=0.01)
        np.testing.assert_allclose(new.toa_ns_BTC, old.toa_ns_BTC, atol=0.02)
        np.testing.assert_allclose(new.aoa_deg_BTC, old.aoa_deg_BTC, atol=0.02)
        np.testing.assert_array_equal(new.los_BTC, old.los_BTC)
        np.testing.assert_allclose(new.time_s_T, old.time_s_T)
    assert np.isnan(after.worlds["nominal"].propagation.path_gain_db_BTC[3, :, 2]).all()


def test_damage_is_named(tmp_path: Path) -> None:
    path = save_dataset(small_dataset(), tmp_path / "data.zarr")
    chunk = next(file for file in (path / "nominal/toa_ns/c").rglob("*") if file.is_file())
    content = bytearray(chunk.read_bytes())
    chunk.unlink()
    with pytest.raises(ArtefactError, match="nominal/toa_ns"):
        load_dataset(path)
    content[len(content) // 2] ^= 0xFF
    chunk.write_bytes(content)
    with pytest.raises(ArtefactError, match="nominal/toa_ns"):
        load_dataset(path)


def test_what_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="missing"):
        load_dataset(tmp_path / "none.zarr")
    (tmp_path / "text.zarr.zip").write_text("not a zip")
    with pytest.raises(ArtefactError, match=r"text\.zarr\.zip"):
        load_dataset(tmp_path / "text.zarr.zip")
    with zipfile.ZipFile(tmp_path / "empty.zarr.zip", "w"):
        pass
    with pytest.raises(ArtefactError, match=r"empty\.zarr\.zip"):
        load_dataset(tmp_path / "empty.zarr.zip")


def test_drawing_uses_the_last_reports_and_the_cells_of_the_world() -> None:
    data = small_dataset()
    one, all_five = data.draw(STANDARD, 1, reports=1), data.draw(STANDARD, 1)
    assert one.cell_BTN.shape[1] == 1
    assert all_five.cell_BTN.shape[1] == 5
    exact = STANDARD.model_copy(
        update={"missing_share": 0.0, "rsrp_residual_db": 0.0, "world": "perturbed"}
    )
    weaker = data.draw(exact, 1, reports=1).values_BTNQ[..., 0]
    stronger = data.draw(exact.model_copy(update={"world": "nominal"}), 1, reports=1)
    np.testing.assert_allclose(stronger.values_BTNQ[..., 0] - weaker, 4.0, atol=1e-3)
    with pytest.raises(InvalidInputError, match=r"world.*mars.*nominal, perturbed"):
        data.draw(STANDARD.model_copy(update={"world": "mars"}), 1)
    with pytest.raises(InvalidInputError, match="reports"):
        data.draw(STANDARD, 1, reports=6)


def test_cells_follow_the_order_of_the_map() -> None:
    data = small_dataset()
    extra = CELLS[0].model_copy(update={"cell_id": "Z-1"})
    on_map = (*reversed(CELLS), extra)
    aligned = aligned_with(data, on_map, "city")
    assert aligned.worlds["nominal"].cells == on_map
    assert aligned.worlds["perturbed"].cells[0].power_dbm == 40.0
    old, new = data.worlds["nominal"].propagation, aligned.worlds["nominal"].propagation
    np.testing.assert_array_equal(new.toa_ns_BTC[..., 0], old.toa_ns_BTC[..., -1])
    assert np.isnan(new.path_gain_db_BTC[..., -1]).all()
    assert not new.los_BTC[..., -1].any()
    heard = aligned.draw(STANDARD, 1).cell_BTN
    assert heard.max() < len(CELLS)


def test_cells_that_the_map_lacks_or_has_elsewhere_are_refused() -> None:
    data = small_dataset()
    with pytest.raises(InvalidInputError, match=r"C-2.*'plain'.*'city'"):
        aligned_with(data, CELLS[:-1], "city")
    moved = (CELLS[0].model_copy(update={"x_m": 1.0}), *CELLS[1:])
    with pytest.raises(InvalidInputError, match=r"A-0: x_m.*-150.*1.0.*'city'"):
        aligned_with(data, moved, "city")


def test_the_detail_of_paths_comes_back_where_it_was_recorded(tmp_path: Path) -> None:
    way = np.random.default_rng(2).uniform(-200, 200, (12, 3, 2))
    paths = propagation(way, with_detail=True)
    before = Dataset("plain", np.ones(12, int), {"nominal": DatasetWorld(CELLS, paths)})
    after = load_dataset(save_dataset(before, tmp_path / "data.zarr"))
    old, new = paths.detail, after.worlds["nominal"].propagation.detail
    assert old is not None and new is not None
    for name in PATH_DETAIL:
        np.testing.assert_allclose(getattr(new, name), getattr(old, name), atol=0.04, err_msg=name)
    assert (new.departure_azimuth_deg < 360).all()
    # Parts, reordered cells and cells that only the map knows keep detail and paths together.
    last = after[3:5].worlds["nominal"].propagation.last(2).with_cells(np.array([4, -1]))
    assert last.detail is not None
    np.testing.assert_array_equal(last.detail.beam_gain_db[:, :, 0], new.beam_gain_db[3:5, 1:, 4])
    assert np.isnan(last.detail.beam_gain_db[:, :, 1]).all()
    assert (
        load_dataset(save_dataset(small_dataset(), tmp_path / "less.zarr"))
        .worlds["nominal"]
        .propagation.detail
        is None
    )


def test_half_a_detail_is_refused(tmp_path: Path) -> None:
    paths = propagation(np.zeros((2, 1, 2)), with_detail=True)
    data = Dataset("plain", np.ones(2, int), {"nominal": DatasetWorld(CELLS, paths)})
    path = save_dataset(data, tmp_path / "data.zarr")
    group = zarr.open_group(path)
    sums = dict(group.attrs["sha256"])
    del sums["nominal/pmi_rank2"]
    group.attrs["sha256"] = sums
    with pytest.raises(ArtefactError, match="pmi_rank2"):
        load_dataset(path)


def test_chunks_lie_together_in_shards(tmp_path: Path) -> None:
    way = np.zeros((2600, 1, 2))
    data = Dataset("plain", np.ones(2600, int), {"nominal": DatasetWorld(CELLS, propagation(way))})
    path = save_dataset(data, tmp_path / "data.zarr")
    array = zarr.open_array(path / "nominal/path_gain_db")
    assert (array.chunks[0], array.shards[0]) == (250, 1000)
    assert len([f for f in (path / "nominal/path_gain_db/c").rglob("*") if f.is_file()]) == 3
    assert len(load_dataset(path)) == 2600
