"""Configuration of the physics loss and of refinement: the keys that users of the method know."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rayfix.errors import InvalidInputError
from rayfix.radio_map.radio_map import FEATURE_NAMES

DEFAULT_WEIGHTS: Mapping[str, float] = {
    "path_gain": 1.0, "toa": 0.5, "aoa": 0.3, "snr": 0.8, "sinr": 0.8, "throughput": 0.2,
    "bler": 0.2,
}  # fmt: skip


class RefineConfig(BaseModel):
    """The `physics_loss.refinement` section: refinement at inference.

    Attributes:
        enabled: whether the locator refines at all.
        num_steps: steps from coarse to fine.
        learning_rate: radius of the first step, as a share of `search_radius_m`.
        min_confidence_threshold: a position is refined when its confidence is below this; a
            position without a confidence always is.
        clip_to_extent: keep positions inside the map.
        search_radius_m: distance that the first step could look at most [m].
        final_radius_m: radius of the last step [m].
        map_extent: centres of the outermost pixels x_min, y_min, x_max, y_max [m], for maps that
            are plain tensors.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    num_steps: int = Field(default=5, ge=0, le=1000)
    learning_rate: float = Field(default=0.5, gt=0, allow_inf_nan=False)
    min_confidence_threshold: float = Field(default=0.5, ge=0, le=1)
    clip_to_extent: bool = True
    search_radius_m: float = Field(default=8.0, gt=0, allow_inf_nan=False)
    final_radius_m: float = Field(default=0.25, gt=0, allow_inf_nan=False)
    map_extent: tuple[float, float, float, float] | None = None


class PhysicsLossConfig(BaseModel):
    """The `physics_loss` section of a training configuration.

    Attributes:
        enabled: whether the term is part of the training loss.
        lambda_phys: its weight there.
        feature_weights: w_f by feature name; a feature without one has weight 0.
        loss_type: "mse" (squared) or "huber" (quadratic up to `huber_delta`, then linear).
        huber_delta: where that changes, in normalised units.
        normalize_features: divide residuals by the observation's sigma, or by `FEATURE_SCALES`
            where there is none.
        radio_maps_dir: folder of the scenes' maps.
        refinement: keys of the refinement at inference.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    lambda_phys: float = Field(default=0.1, ge=0, allow_inf_nan=False)
    feature_weights: dict[str, float] = Field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    loss_type: Literal["mse", "huber"] = "mse"
    huber_delta: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    normalize_features: bool = True
    radio_maps_dir: Path = Path("data/radio_maps")
    refinement: RefineConfig = RefineConfig()

    @field_validator("feature_weights")
    @classmethod
    def _known_features(cls, weights: dict[str, float]) -> dict[str, float]:
        for name, weight in weights.items():
            if name not in FEATURE_NAMES:
                raise ValueError(f"no feature '{name}' (known: {', '.join(FEATURE_NAMES)})")
            if not 0.0 <= weight < float("inf"):
                raise ValueError(f"{name}: a finite weight >= 0 is expected")
        return weights

    @classmethod
    def from_mapping(cls, document: Mapping[str, Any]) -> Self:
        """From the YAML section.

        Raises:
            InvalidInputError: an unknown key or feature, or a value that breaks a rule; named.
        """
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(["physics_loss", *(str(part) for part in first["loc"])])
            unknown = first["type"] == "extra_forbidden"
            rule = "no such key" if unknown else first["msg"].removeprefix("Value error, ")
            raise InvalidInputError(field, rule) from None
