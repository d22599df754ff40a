"""The physics loss: what was observed against what the radio map says at the predicted place.

L_phys = sum_f w_f mean_k rho(observed_kf - simulated_kf), with simulated_kf = the map of that
cell k at the predicted position, and the mean over the cells where feature f was measured. Where
the map has no path for a heard cell the residual is a constant `NO_PATH_RESIDUAL`: no gradient,
yet never a bargain. Where the phone's clock has an offset, which all one-way ToAs of a sequence
share, that offset is the one that makes the loss least at the place, at the price of its prior.

Shape letters: B samples, M places of a sample, K cells of a sample, C cells, F features.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from rayfix.errors import InvalidInputError
from rayfix.physics.clock import huber_offset
from rayfix.physics.config import DEFAULT_WEIGHTS, PhysicsLossConfig
from rayfix.physics.likelihood import feature_difference
from rayfix.physics.lookup import MapExtent, batch_differentiable_lookup, lookup_cells
from rayfix.physics.maps import MapTensors
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import TOA
from rayfix.radio_map.radio_map import FEATURE_NAMES

FEATURE_SCALES: Mapping[str, float] = {
    "path_gain": 6.0, "toa": 50.0, "aoa": 15.0, "snr": 6.0, "sinr": 6.0, "throughput": 100.0,
    "bler": 0.2,
}  # fmt: skip
"""Residual that counts as 1 when features are normalised and no `Observation` with its own sigmas
says better [dB, ns, deg, dB, dB, Mbit/s, 1]."""

NO_PATH_RESIDUAL = 4.0
"""Normalised residual of a heard cell where the map has no path."""


class PhysicsLoss(nn.Module):
    """The physics loss as a module; the forms of its arguments are in `energy`."""

    weight_F: Tensor
    scale_F: Tensor

    def __init__(self, config: PhysicsLossConfig | None = None) -> None:
        super().__init__()
        self.config = config or PhysicsLossConfig()
        weights = self.config.feature_weights
        self.register_buffer(
            "weight_F", torch.tensor([weights.get(n, 0.0) for n in FEATURE_NAMES]), False
        )
        self.register_buffer(
            "scale_F", torch.tensor([FEATURE_SCALES[n] for n in FEATURE_NAMES]), False
        )

    def forward(
        self,
        predicted_xy: Tensor,
        observed: Tensor | Observation,
        radio_maps: Tensor | MapTensors,
        map_extent: MapExtent | None = None,
    ) -> Tensor:
        """Mean loss, a scalar; see `energy`."""
        return self.energy(predicted_xy, observed, radio_maps, map_extent).mean()

    def energy(
        self,
        predicted_xy: Tensor,
        observed: Tensor | Observation,
        radio_maps: Tensor | MapTensors,
        map_extent: MapExtent | None = None,
    ) -> Tensor:
        """Loss of every place: sum_f w_f times the mean of rho(residual) over measured cells.

        Args:
            predicted_xy: places [m], [B, 2] or M hypotheses a sample, [B, M, 2].
            observed: an `Observation` (with `MapTensors`); or features [B, F] with one map
                [F, H, W] or one map per sample [B, F, H, W]; or features per cell [B, C, F] with
                the cells' maps [C, F, H, W]. NaN = not measured.
            radio_maps: the maps, see above.
            map_extent: centres of the outermost pixels [m], for maps that are plain tensors.
        Returns:
            [B] or [B, M]; 0 where the map explains everything, and where nothing was measured.
        Raises:
            InvalidInputError: the forms do not fit each other.
        """
        return self._weighted(predicted_xy, observed, radio_maps, map_extent).sum(-1)

    def per_feature(
        self,
        predicted_xy: Tensor,
        observed: Tensor | Observation,
        radio_maps: Tensor | MapTensors,
        map_extent: MapExtent | None = None,
    ) -> dict[str, Tensor]:
        """Mean contribution of each feature, scalars by name; they sum to the loss."""
        parts = self._weighted(predicted_xy, observed, radio_maps, map_extent)
        mean_F = parts.reshape(-1, parts.shape[-1]).mean(0)
        return {FEATURE_NAMES[f]: mean_F[f] for f in range(parts.shape[-1])}

    def _weighted(
        self,
        predicted_xy: Tensor,
        observed: Tensor | Observation,
        radio_maps: Tensor | MapTensors,
        map_extent: MapExtent | None,
    ) -> Tensor:
        """Contribution of every feature, [..., F] with the leading axes of the places."""
        single = predicted_xy.dim() == 2
        xy_BM2 = predicted_xy[:, None] if single else predicted_xy
        if isinstance(observed, Observation):
            if not isinstance(radio_maps, MapTensors):
                raise InvalidInputError("radio_maps", "an Observation needs MapTensors")
            value_BMKF, valid_BMK = lookup_cells(
                radio_maps, xy_BM2[:, :, None], observed.cell_BK[:, None]
            )
            seen, known = observed.value_BKF[:, None], observed.valid_BKF[:, None]
            scale = observed.spread_BKF[:, None]
        else:
            value_BMKF = _simulated(xy_BM2, observed, radio_maps, map_extent)
            seen = observed[:, None] if observed.dim() == 3 else observed[:, None, None]
            known = torch.isfinite(seen)
            seen = torch.where(known, seen, 0.0)
            valid_BMK = torch.isfinite(value_BMKF).all(-1)
            value_BMKF = torch.where(valid_BMK[..., None], value_BMKF, 0.0)
            scale = self.scale_F[: value_BMKF.shape[-1]]
        residual = feature_difference(seen, value_BMKF)
        scale = scale if self.config.normalize_features else torch.ones_like(scale)
        price: Tensor | float = 0.0
        if isinstance(observed, Observation) and bool((observed.clock_offset_ns_B > 0).any()):
            residual, price = self._without_clock_offset(residual, scale, valid_BMK, observed)
        no_path = NO_PATH_RESIDUAL * torch.ones_like(residual)
        residual = torch.where(valid_BMK[..., None], residual / scale, no_path)
        known = known.to(residual.dtype)
        total = (self._rho(residual) * known).sum(-2) + price
        mean = total / known.sum(-2).clamp(min=1.0)
        parts = self.weight_F[: residual.shape[-1]] * mean
        return parts[:, 0] if single else parts

    def _without_clock_offset(
        self, difference: Tensor, scale: Tensor, valid_BMK: Tensor, observed: Observation
    ) -> tuple[Tensor, Tensor]:
        """Differences [B, M, K, F] less the offset of the phone's clock that makes the loss least,
        and what that offset costs, [B, M, F]: its square over its variance.

        The offset is at its optimum, so that the loss has no slope along it: it needs no gradient.
        """
        one_way_BMK = observed.one_way_BK[:, None] & valid_BMK
        spread_B11 = observed.clock_offset_ns_B[:, None, None]
        delta = self.config.huber_delta if self.config.loss_type == "huber" else math.inf
        offset_BM1 = huber_offset(
            difference[..., TOA].detach(), scale[..., TOA].square(), one_way_BMK, spread_B11, delta
        )
        is_toa_F = torch.arange(difference.shape[-1], device=difference.device) == TOA
        shift = (one_way_BMK * offset_BM1)[..., None] * is_toa_F
        price_BM1 = (offset_BM1 / spread_B11.clamp(min=1e-6)).square()
        return difference - shift, price_BM1 * is_toa_F

    def _rho(self, residual: Tensor) -> Tensor:
        if self.config.loss_type == "mse":
            return residual.square()
        delta = self.config.huber_delta
        size = residual.abs()
        return torch.where(size <= delta, residual.square(), delta * (2.0 * size - delta))


def _simulated(
    xy_BM2: Tensor, observed: Tensor, maps: Tensor | MapTensors, extent: MapExtent | None
) -> Tensor:
    """Map features [B, M, K, F] for observations that are plain tensors; NaN = no path."""
    if observed.dim() == 2:
        if isinstance(maps, MapTensors):
            raise InvalidInputError("observed", "[B, C, F] is expected with MapTensors")
        return batch_differentiable_lookup(xy_BM2, maps, extent)[:, :, None]
    if observed.dim() != 3:
        raise InvalidInputError("observed", "[B, F] or [B, C, F] is expected")
    if isinstance(maps, MapTensors):
        return batch_differentiable_lookup(xy_BM2, maps)
    if maps.dim() != 4 or maps.shape[0] != observed.shape[1]:
        raise InvalidInputError("radio_maps", "[C, F, H, W] with the cells of `observed` expected")
    batch, places, _ = xy_BM2.shape
    points = xy_BM2.reshape(1, batch * places, 2).expand(maps.shape[0], -1, -1)
    value_CPF = batch_differentiable_lookup(points, maps, extent)
    return value_CPF.view(maps.shape[0], batch, places, -1).permute(1, 2, 0, 3)


def compute_physics_loss(
    predicted_xy: Tensor,
    observed_features: Tensor | Observation,
    radio_maps: Tensor | MapTensors,
    feature_weights: Mapping[str, float] | None = None,
    map_extent: MapExtent | None = None,
    loss_type: Literal["mse", "huber"] = "mse",
    huber_delta: float = 1.0,
    normalize_features: bool = True,
) -> Tensor:
    """`PhysicsLoss` as a function; a scalar."""
    loss = _module(predicted_xy, feature_weights, loss_type, huber_delta, normalize_features)
    return loss(predicted_xy, observed_features, radio_maps, map_extent)  # type: ignore[no-any-return]


def compute_per_feature_loss(
    predicted_xy: Tensor,
    observed_features: Tensor | Observation,
    radio_maps: Tensor | MapTensors,
    feature_weights: Mapping[str, float] | None = None,
    map_extent: MapExtent | None = None,
    loss_type: Literal["mse", "huber"] = "mse",
    huber_delta: float = 1.0,
    normalize_features: bool = True,
) -> dict[str, Tensor]:
    """Contribution of each feature to `compute_physics_loss`, scalars by name."""
    loss = _module(predicted_xy, feature_weights, loss_type, huber_delta, normalize_features)
    return loss.per_feature(predicted_xy, observed_features, radio_maps, map_extent)


def _module(
    predicted_xy: Tensor,
    feature_weights: Mapping[str, float] | None,
    loss_type: Literal["mse", "huber"],
    huber_delta: float,
    normalize_features: bool,
) -> PhysicsLoss:
    config = PhysicsLossConfig.from_mapping(
        {
            "feature_weights": dict(feature_weights or DEFAULT_WEIGHTS),
            "loss_type": loss_type,
            "huber_delta": huber_delta,
            "normalize_features": normalize_features,
        }
    )
    return PhysicsLoss(config).to(predicted_xy.device)
