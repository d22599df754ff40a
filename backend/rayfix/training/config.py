"""The file `configs/model.yaml`: one YAML per training run; unknown keys are refused by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rayfix.measurement.conditions import load_config
from rayfix.model.config import NetworkConfig
from rayfix.physics.config import PhysicsLossConfig

SCENE = "{scene}"
"""Placeholder in the paths of datasets."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(_Section):
    """What the network is trained on.

    Attributes:
        train, validation: datasets of exact paths (`rayfix dataset build`); `{scene}` stands for
            the name of each scene of the run.
        conditions: file of the conditions.
        condition_weights: how often each condition is drawn.
        one_report_share: share of batches with a single report; the rest have 2 to 10.
        map_share: share of each batch that is sampled from the radio map instead of from exact
            paths: unlimited places and full motion, but only as true as the map.
        map_sequences: how many such sequences are made.
        variation: share of batches whose condition is varied: shorter lists, whole quantities
            left out, more values missing.
    """

    train: Path
    validation: Path
    conditions: Path = Path("configs/conditions.yaml")
    condition_weights: dict[str, float] = Field(
        default_factory=lambda: {"clean": 0.15, "standard": 0.5, "hard": 0.35}, min_length=1
    )
    one_report_share: float = Field(default=0.5, ge=0, le=1)
    map_share: float = Field(default=0.4, ge=0, lt=1)
    map_sequences: int = Field(default=20000, ge=1)
    variation: float = Field(default=0.3, ge=0, le=1)

    @model_validator(mode="after")
    def _weights(self) -> DataConfig:
        if any(w < 0 for w in self.condition_weights.values()) or not any(
            self.condition_weights.values()
        ):
            raise ValueError("condition_weights must not be negative, and not all zero")
        return self

    @property
    def drawn_conditions(self) -> list[str]:
        """Names of the conditions that are drawn at all."""
        return [name for name, weight in self.condition_weights.items() if weight > 0]

    def files(self, scene: str) -> tuple[Path, Path]:
        """Training and validation dataset of a scene."""
        train, validation = (
            Path(str(path).replace(SCENE, scene)) for path in (self.train, self.validation)
        )
        return train, validation


class LossConfig(_Section):
    """Weights of `L = L_coarse + lambda_fine L_fine + lambda_evidence L_evidence
    + lambda_phys L_phys`; lambda_phys is in the section `physics_loss`."""

    coarse_weight: float = Field(default=1.0, ge=0)
    fine_weight: float = Field(default=1.0, ge=0)
    evidence_weight: float = Field(default=0.5, ge=0)
    use_physics_loss: bool = True


class OptimiserConfig(_Section):
    """AdamW with linear warm-up and cosine decay.

    Attributes:
        steps: steps of the whole run.
        batch_size: sequences per step.
        learning_rate, weight_decay: AdamW (Loshchilov and Hutter, 2019).
        warmup_steps: steps until the full learning rate.
        clip_norm: largest norm of the gradient.
        validate_every: steps between validations; a checkpoint is written at each.
        patience: validations without a smaller error until the run stops.
        threads: processor threads; 0 leaves torch's choice.
        loss: weights of the loss.
        log_dir: folder for TensorBoard's event files; none are written without it.
    """

    steps: int = Field(default=2500, ge=1)
    batch_size: int = Field(default=64, ge=2)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    warmup_steps: int = Field(default=100, ge=0)
    clip_norm: float = Field(default=1.0, gt=0)
    validate_every: int = Field(default=250, ge=1)
    patience: int = Field(default=10, ge=1)
    threads: int = Field(default=2, ge=0)
    loss: LossConfig = LossConfig()
    log_dir: Path | None = None


class TrainingConfig(_Section):
    """One training run.

    Attributes:
        name: the model is written to `models/<name>/`.
        scenes: scenes of the datasets, which steps take turns in (the key `scene` names a single
            one); their maps are `<physics_loss.radio_maps_dir>/<scene>`.
        seed: of weights, batches and noise.
        models_dir: where models are written.
        checkpoint: file that an interrupted run resumes from.
        network, data, training, physics_loss: the parts.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    scenes: tuple[str, ...] = Field(min_length=1)
    seed: int = Field(default=0, ge=0)
    models_dir: Path = Path("models")
    checkpoint: Path
    network: NetworkConfig = NetworkConfig()
    data: DataConfig
    training: OptimiserConfig = OptimiserConfig()
    physics_loss: PhysicsLossConfig = PhysicsLossConfig()

    @model_validator(mode="before")
    @classmethod
    def _single_scene(cls, document: Any) -> Any:
        if not isinstance(document, dict) or "scene" not in document:
            return document
        if "scenes" in document:
            raise ValueError("either scene or scenes, not both")
        rest = {key: value for key, value in document.items() if key != "scene"}
        return {**rest, "scenes": (document["scene"],)}

    @model_validator(mode="after")
    def _file_per_scene(self) -> TrainingConfig:
        if len(set(self.scenes)) < len(self.scenes):
            raise ValueError("scenes: a scene is named twice")
        for key in ("train", "validation"):
            if len(self.scenes) > 1 and SCENE not in str(getattr(self.data, key)):
                raise ValueError(f"data.{key}: several scenes need {SCENE} in the path")
        return self

    @property
    def lambda_phys(self) -> float:
        """Weight of the physics loss; 0 where it is switched off."""
        on = self.training.loss.use_physics_loss and self.physics_loss.enabled
        return self.physics_loss.lambda_phys if on else 0.0


def load_training_config(path: Path) -> TrainingConfig:
    """Read a training configuration.

    Raises:
        ConfigError: the file is missing, not YAML, has a key that does not exist, or a value
            breaks a rule; the message names the key.
    """
    return load_config(path, TrainingConfig)
