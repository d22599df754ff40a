"""How phones move: sequences of places along outdoor free space.

Shape letters: B sequences, T places of a sequence, P points tested on a way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rayfix.errors import InvalidInputError

Float64 = npt.NDArray[np.float64]
IsFree = Callable[[Float64], npt.NDArray[np.bool_]]
"""Whether a phone can be at points [m]: shape [N, 2] -> [N]."""

MotionName = Literal["still", "walking", "driving"]
MOTIONS: tuple[MotionName, ...] = ("still", "walking", "driving")
"""Motion classes, by the number that `draw_sequences` returns."""

SPEED_M_S: Mapping[str, tuple[float, float]] = {
    "still": (0.0, 0.0),
    "walking": (1.0, 2.0),
    "driving": (5.0, 15.0),
}
"""Slowest and fastest speed of each class [m/s]; uniform in between, constant in a sequence."""

TURN_RATE_RAD_S: Mapping[str, float] = {"still": 0.0, "walking": 0.3, "driving": 0.15}
"""Standard deviation of a sequence's constant turn rate [rad/s]: a walk bends by about 30 deg, a
drive by 15 deg in the 1.8 s of ten reports."""

TEST_STEP_M = 0.5
"""Distance of the points of a way that are tested for buildings [m]."""
TRIES = 64
"""Headings that are tried before a sequence falls to the next slower class."""


class MotionMix(BaseModel):
    """Share of sequences of each motion class."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    still: float = Field(default=0.6, ge=0, le=1)
    walking: float = Field(default=0.3, ge=0, le=1)
    driving: float = Field(default=0.1, ge=0, le=1)

    @model_validator(mode="after")
    def _whole(self) -> MotionMix:
        if abs(self.still + self.walking + self.driving - 1.0) > 1e-9:
            raise ValueError("still + walking + driving must be 1")
        return self


def draw_sequences(
    last_xy_m_B2: Float64,
    reports: int,
    interval_s: float,
    mix: MotionMix,
    is_free: IsFree,
    seed: int,
) -> tuple[Float64, npt.NDArray[np.int64]]:
    """Ways that end at given places and never enter a building.

    A sequence whose class fits nowhere (a drive in a small courtyard) falls to the next slower
    one, so that the last places stay exactly those given; the class returned is the one used.

    Args:
        last_xy_m_B2: the last place of each sequence [m].
        reports: T, places of a sequence.
        interval_s: time between two places [s].
        mix: shares of the classes.
        is_free: the outdoor test.
        seed: of all draws.
    Returns:
        Places [m], shape [B, T, 2], and the class of each sequence (index of `MOTIONS`), [B].
    Raises:
        InvalidInputError: `reports` or `interval_s` is not positive.
    """
    if reports < 1:
        raise InvalidInputError("reports", "at least 1 is expected")
    if not interval_s > 0:
        raise InvalidInputError("interval_s", "a positive number of seconds is expected")
    random = np.random.default_rng(seed)
    count = len(last_xy_m_B2)
    motion_B = random.choice(3, size=count, p=[mix.still, mix.walking, mix.driving])
    xy_m_BT2 = np.repeat(last_xy_m_B2[:, None, :], reports, axis=1)
    for number in (2, 1):
        pending = np.flatnonzero(motion_B == number)
        for _ in range(TRIES):
            if not len(pending):
                break
            ways = _ways(last_xy_m_B2[pending], reports, interval_s, MOTIONS[number], random)
            free = _ways_free(ways, is_free)
            xy_m_BT2[pending[free]] = ways[free]
            pending = pending[~free]
        motion_B[pending] = number - 1
    return xy_m_BT2, motion_B


def _ways(
    last_B2: Float64,
    reports: int,
    interval_s: float,
    motion: MotionName,
    random: np.random.Generator,
) -> Float64:
    """One smooth way (an arc of constant speed) that ends at each place, shape [B, T, 2]."""
    count = len(last_B2)
    speed_B1 = random.uniform(*SPEED_M_S[motion], size=(count, 1))
    heading_B1 = random.uniform(0.0, 2.0 * np.pi, size=(count, 1))
    turn_B1 = random.normal(0.0, TURN_RATE_RAD_S[motion], size=(count, 1))
    # Backwards from the last place: each step along the heading half an interval before it.
    back_T = np.arange(reports - 1) + 0.5
    heading_BT = heading_B1 - turn_B1 * back_T * interval_s
    step_BT2 = (speed_B1 * interval_s)[..., None] * np.stack(
        [np.cos(heading_BT), np.sin(heading_BT)], axis=-1
    )
    back_BT2 = np.concatenate([np.zeros((count, 1, 2)), np.cumsum(step_BT2, axis=1)], axis=1)
    return np.asarray((last_B2[:, None, :] - back_BT2)[:, ::-1], np.float64)


def _ways_free(ways_BT2: Float64, is_free: IsFree) -> npt.NDArray[np.bool_]:
    """Whether every point of each way is free, tested every `TEST_STEP_M` or closer, shape [B]."""
    longest_m = float(np.hypot(*np.moveaxis(np.diff(ways_BT2, axis=1), -1, 0)).max(initial=0.0))
    between = np.linspace(0.0, 1.0, max(1, int(np.ceil(longest_m / TEST_STEP_M))), endpoint=False)
    start_BT2, end_BT2 = ways_BT2[:, :-1], ways_BT2[:, 1:]
    points_BP2 = np.concatenate(
        [
            (start_BT2[:, :, None] + between[:, None] * (end_BT2 - start_BT2)[:, :, None]).reshape(
                len(ways_BT2), -1, 2
            ),
            ways_BT2[:, -1:],
        ],
        axis=1,
    )
    free_BP = is_free(points_BP2.reshape(-1, 2)).reshape(points_BP2.shape[:2])
    return np.asarray(free_BP.all(axis=1))
