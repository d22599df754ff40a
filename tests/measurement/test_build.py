"""The whole way on the real city: a configuration in, datasets from exact paths out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import yaml

from rayfix.errors import ConfigError, InvalidInputError
from rayfix.measurement.build import build_dataset, build_datasets
from rayfix.measurement.dataset import aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.measurement.propagation import PATH_DETAIL
from rayfix.measurement.quantities import rsrp_dbm, sinr_and_rsrq_db
from rayfix.scene.cell import load_cells, save_cells
from rayfix.simulation.link import link_features

ROOT = Path(__file__).parents[2]
CONDITIONS = ROOT / "configs/conditions.yaml"
CELLS = load_cells(ROOT / "radio_maps/munich/cells.yaml")


@pytest.fixture
def munich(tmp_path: Path) -> Path:
    """A folder of radio maps with the sites of Munich, and a configuration of a tiny dataset."""
    save_cells(tmp_path / "radio_maps/munich/cells.yaml", CELLS)
    split = {
        "sequences": 3,
        "worlds": ["nominal", "perturbed"],
        "motion": {"still": 0.0, "walking": 1.0, "driving": 0.0},
        "single_file": True,
    }
    config = {
        "seed": 2, "reports": 2, "sequences_per_chunk": 8,
        "paths": {"max_depth": 1, "diffraction": False, "rays_per_site": 20_000},
        "splits": {"tiny": split},
    }  # fmt: skip
    (tmp_path / "dataset.yaml").write_text(yaml.safe_dump(config))
    return tmp_path


def build(folder: Path, scene: str = "munich") -> list[Path]:
    return build_dataset(
        scene, folder / "dataset.yaml", folder / "out", radio_maps_dir=folder / "radio_maps",
        conditions_path=CONDITIONS,
    )  # fmt: skip


def test_the_city_in_two_worlds(munich: Path) -> None:
    (path,) = build(munich)
    data = load_dataset(path)
    assert path.name == "tiny.zarr.zip"
    assert data.xy_m_ST2.shape == (3, 2, 2)
    nominal, perturbed = data.world("nominal"), data.world("perturbed")
    assert nominal.cells == CELLS
    assert perturbed.cells[0].bearing_deg != CELLS[0].bearing_deg
    heard = np.isfinite(nominal.propagation.path_gain_db_BTC[:, -1])
    assert heard.any(axis=-1).all()
    difference = perturbed.propagation.path_gain_db_BTC - nominal.propagation.path_gain_db_BTC
    assert np.nanmax(np.abs(difference)) > 0.1
    # Time of flight is the same in both worlds: only pointing, power and materials changed.
    los = nominal.propagation.los_BTC & perturbed.propagation.los_BTC
    np.testing.assert_allclose(
        nominal.propagation.toa_ns_BTC[los], perturbed.propagation.toa_ns_BTC[los], atol=0.1
    )


def test_wrong_names_are_refused_before_anything_is_traced(munich: Path) -> None:
    with pytest.raises(InvalidInputError, match=r"scene.*'atlantis'"):
        build(munich, "atlantis")
    config = yaml.safe_load((munich / "dataset.yaml").read_text())
    config["splits"]["tiny"]["worlds"] = ["mars"]
    (munich / "dataset.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match=r"splits\.tiny\.worlds.*'mars'"):
        build(munich)
    config["splits"]["tiny"]["size"] = 3
    (munich / "dataset.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ConfigError, match=r"splits\.tiny\.size: no such key"):
        build(munich)


def test_reported_sinr_is_the_maps_sinr() -> None:
    random = np.random.default_rng(0)
    gain = random.uniform(-130, -70, (50, len(CELLS)))
    gain[random.random(gain.shape) < 0.3] = np.nan
    sinr, _ = sinr_and_rsrq_db(rsrp_dbm(gain, CELLS), CELLS)
    np.testing.assert_allclose(link_features(gain.T, CELLS)["sinr_db"].T, sinr, atol=1e-3)


def test_a_cluster_traces_the_same_and_with_the_detail_of_paths(munich: Path) -> None:
    config = yaml.safe_load((munich / "dataset.yaml").read_text())
    config["paths"]["detail"] = True
    config["sequences_per_chunk"] = 2
    config["splits"]["tiny"]["worlds"] = ["nominal"]
    (munich / "dataset.yaml").write_text(yaml.safe_dump(config))
    found = []
    for engine, parallel in (("local", 1), ("ray", 2)):
        (path,) = build_datasets(
            ["munich"], munich / "dataset.yaml", munich / f"out-{engine}",
            radio_maps_dir=munich / "radio_maps", conditions_path=CONDITIONS, engine=engine,
            parallel=parallel,
        )  # fmt: skip
        found.append(load_dataset(path).world("nominal").propagation)
    here, there = found
    np.testing.assert_array_equal(here.path_gain_db_BTC, there.path_gain_db_BTC)
    assert here.detail is not None and there.detail is not None
    heard = np.isfinite(here.path_gain_db_BTC)
    for name in PATH_DETAIL:
        values = getattr(here.detail, name)
        np.testing.assert_array_equal(values, getattr(there.detail, name), err_msg=name)
        assert not np.isnan(values[heard]).any(), name
        assert np.isnan(values[~heard]).all(), name


def test_scenes_are_looked_up_before_the_first_is_traced(munich: Path) -> None:
    def build_all(*scenes: str, engine: str = "local") -> list[Path]:
        return build_datasets(
            scenes, munich / "dataset.yaml", munich / "out",
            radio_maps_dir=munich / "radio_maps", conditions_path=CONDITIONS, engine=engine,
        )  # fmt: skip

    with pytest.raises(InvalidInputError, match=r"scene.*'atlantis'"):
        build_all("munich", "atlantis")
    with pytest.raises(InvalidInputError, match=r"scene.*'munich' is given twice"):
        build_all("munich", "munich")
    with pytest.raises(InvalidInputError, match=r"engine.*local, ray"):
        build_all("munich", engine="cloud")
    assert not (munich / "out").exists()


def test_several_scenes_have_folders_of_their_own(munich: Path) -> None:
    config = yaml.safe_load((munich / "dataset.yaml").read_text())
    config["sequences_per_chunk"], config["reports"] = 2, 1
    config["splits"]["tiny"] |= {"sequences": 1, "worlds": ["nominal"]}
    (munich / "dataset.yaml").write_text(yaml.safe_dump(config))
    tower = CELLS[0].model_copy(update={"x_m": 0.0, "y_m": 0.0, "z_m": 40.0})
    save_cells(munich / "radio_maps/etoile/cells.yaml", [tower])
    files = build_datasets(
        ["munich", "etoile"], munich / "dataset.yaml", munich / "out",
        radio_maps_dir=munich / "radio_maps", conditions_path=CONDITIONS,
    )  # fmt: skip
    assert files == [munich / f"out/{name}/tiny.zarr.zip" for name in ("munich", "etoile")]
    assert [load_dataset(file).scene for file in files] == ["munich", "etoile"]
    with pytest.raises(InvalidInputError, match=r"'etoile'.*'munich'"):
        aligned_with(load_dataset(files[1]), CELLS[1:], "munich")
