from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml
from tests.model.town import SMALL

from rayfix.errors import ArtefactError
from rayfix.files import write_manifest
from rayfix.measurement.conditions import load_conditions
from rayfix.model.artefact import (
    CARD,
    CONFIG,
    METRICS,
    WEIGHTS,
    Model,
    ModelConfig,
    load_model,
    save_model,
)
from rayfix.model.network import LocatorNetwork
from rayfix.physics.noise import NoiseModel

FILES = (WEIGHTS, CONFIG, METRICS, CARD)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    noise = NoiseModel.from_condition(load_conditions().conditions["standard"])
    config = ModelConfig(name="town", scenes=("town",), network=SMALL, noise=noise)
    return save_model(
        tmp_path / "town", Model(LocatorNetwork(SMALL), config, {"median_m": 1.5}), "# Town\n"
    )


def test_round_trip(folder: Path) -> None:
    model = load_model(folder)
    torch.manual_seed(1)
    for name, value in LocatorNetwork(SMALL).state_dict().items():
        assert torch.equal(model.network.state_dict()[name], value)
    assert model.config.network == SMALL
    assert model.metrics == {"median_m": 1.5}
    assert not model.network.training


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ArtefactError, match=name):
        load_model(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_found_and_named(folder: Path, name: str) -> None:
    content = bytearray((folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / name).write_bytes(bytes(content))
    with pytest.raises(ArtefactError, match=name):
        load_model(folder)


def test_another_architecture_is_refused_with_both_names(folder: Path) -> None:
    document = yaml.safe_load((folder / CONFIG).read_text())
    document["architecture"] = "other-net-9"
    (folder / CONFIG).write_text(yaml.safe_dump(document))
    write_manifest(folder, [folder / name for name in FILES])
    with pytest.raises(ArtefactError, match=r"other-net-9.*rayfix-locator"):
        load_model(folder)


def test_weights_of_other_sizes_are_refused(folder: Path) -> None:
    document = yaml.safe_load((folder / CONFIG).read_text())
    document["network"]["width"] = 48
    (folder / CONFIG).write_text(yaml.safe_dump(document))
    write_manifest(folder, [folder / name for name in FILES])
    with pytest.raises(ArtefactError, match=WEIGHTS):
        load_model(folder)


def test_an_unknown_key_is_named(folder: Path) -> None:
    document = yaml.safe_load((folder / CONFIG).read_text())
    document["network"]["depth"] = 3
    (folder / CONFIG).write_text(yaml.safe_dump(document))
    write_manifest(folder, [folder / name for name in FILES])
    with pytest.raises(ArtefactError, match=r"network\.depth"):
        load_model(folder)
