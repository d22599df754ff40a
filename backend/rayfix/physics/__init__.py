"""Physics in plain torch: map lookup, physics loss, refinement, likelihood and grid posterior."""

from rayfix.physics.config import PhysicsLossConfig, RefineConfig
from rayfix.physics.lookup import (
    batch_differentiable_lookup,
    differentiable_lookup,
    normalize_coords,
)
from rayfix.physics.loss import PhysicsLoss, compute_per_feature_loss, compute_physics_loss
from rayfix.physics.refine import batch_refine_positions, refine_position

__all__ = [
    "PhysicsLoss",
    "PhysicsLossConfig",
    "RefineConfig",
    "batch_differentiable_lookup",
    "batch_refine_positions",
    "compute_per_feature_loss",
    "compute_physics_loss",
    "differentiable_lookup",
    "normalize_coords",
    "refine_position",
]
