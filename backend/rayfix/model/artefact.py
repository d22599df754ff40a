"""A trained model on disk: weights, the configuration that rebuilds it, metrics and card.

models/<name>/weights.safetensors  config.yaml  metrics.json  MODEL_CARD.md  manifest.json
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from rayfix.errors import ArtefactError
from rayfix.files import (
    check_manifest,
    replace_folder,
    temporary_folder,
    write_bytes_whole,
    write_manifest,
    write_text_whole,
)
from rayfix.model.calibration import Calibrations
from rayfix.model.config import NetworkConfig
from rayfix.model.network import LocatorNetwork
from rayfix.physics.config import RefineConfig
from rayfix.physics.noise import NoiseModel

WEIGHTS, CONFIG, METRICS, CARD = (
    "weights.safetensors",
    "config.yaml",
    "metrics.json",
    "MODEL_CARD.md",
)
EVALUATION = "evaluation.json"
"""Beside them: what `rayfix evaluate --record` found; no part of the model itself."""

ARCHITECTURE = "rayfix-locator-1"
"""Changes whenever weights of before no longer fit."""


class ModelConfig(BaseModel):
    """The file `config.yaml` of a model.

    Attributes:
        architecture: which network code the weights belong to.
        name: name of the model.
        scenes: scenes that it was trained in; it may serve others.
        network: sizes.
        noise: errors of reports around the map, for refinement and residuals.
        calibration: sizes of the uncertainty ellipses.
        refinement: how positions are refined by default.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    architecture: str = ARCHITECTURE
    name: str
    scenes: tuple[str, ...] = Field(min_length=1)
    network: NetworkConfig
    noise: NoiseModel
    calibration: Calibrations = Calibrations()
    refinement: RefineConfig = RefineConfig()


@dataclass(frozen=True)
class Model:
    """A network ready to answer, with its configuration and metrics."""

    network: LocatorNetwork
    config: ModelConfig
    metrics: Mapping[str, object]


def save_model(folder: Path, model: Model, card: str) -> Path:
    """Write a model, whole or not at all; returns the folder.

    Args:
        folder: `models/<name>`; an older model there is replaced.
        model: the network and its configuration.
        card: MODEL_CARD.md, in Markdown.
    """
    temporary = temporary_folder(folder)
    state = {k: v.detach().cpu().contiguous() for k, v in model.network.state_dict().items()}
    weights = save(state, metadata={"architecture": model.config.architecture})
    write_bytes_whole(temporary / WEIGHTS, weights)
    document = model.config.model_dump(mode="json")
    write_text_whole(temporary / CONFIG, yaml.safe_dump(document, sort_keys=False))
    write_text_whole(temporary / METRICS, json.dumps(model.metrics, indent=1) + "\n")
    write_text_whole(temporary / CARD, card)
    write_manifest(temporary, [temporary / name for name in (WEIGHTS, CONFIG, METRICS, CARD)])
    replace_folder(temporary, folder)
    return folder


def load_model(folder: Path, device: torch.device | str = "cpu") -> Model:
    """Read a model; nothing in it is executed.

    Raises:
        ArtefactError: a file is missing, damaged, not what was written, or the weights belong to
            another architecture; the message names the file.
    """
    listed = check_manifest(folder)
    for name in (WEIGHTS, CONFIG, METRICS, CARD):
        if name not in listed:
            raise ArtefactError(folder / name, "the file is not in the manifest")
    config = _read_config(folder / CONFIG)
    network = LocatorNetwork(config.network)
    try:
        state = load_file(folder / WEIGHTS)
        network.load_state_dict(state)
    except SafetensorError as error:
        raise ArtefactError(folder / WEIGHTS, f"not a safetensors file ({error})") from None
    except RuntimeError as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise ArtefactError(
            folder / WEIGHTS, f"weights of another architecture than {CONFIG} ({first})"
        ) from None
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    return Model(network.to(device).eval().requires_grad_(False), config, metrics)


def _read_config(path: Path) -> ModelConfig:
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        found = document.get("architecture") if isinstance(document, dict) else None
        if found != ARCHITECTURE:
            raise ArtefactError(path, f"architecture '{found}', this version runs '{ARCHITECTURE}'")
        return ModelConfig.model_validate(document)
    except yaml.YAMLError as error:
        raise ArtefactError(path, f"not YAML ({error})") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ArtefactError(path, f"{field}: {first['msg']}") from None
