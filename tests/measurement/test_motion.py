"""Sequences keep to free space, end where they must, and move as their class says."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.errors import InvalidInputError
from rayfix.measurement.motion import SPEED_M_S, MotionMix, draw_sequences


def outside_the_block(xy: np.ndarray) -> np.ndarray:
    """A square of 400 m with a building of 40 m in its middle, and a court of 6 m in that."""
    inside, building, court = (np.abs(xy).max(axis=-1) <= half for half in (200, 20, 3))
    return inside & (~building | court)


def free_places(count: int) -> np.ndarray:
    drawn = np.random.default_rng(1).uniform(-200, 200, (4 * count, 2))
    return drawn[outside_the_block(drawn)][:count]


def test_sequences_end_at_their_places_and_stay_outdoors() -> None:
    last = free_places(600)
    xy, motion = draw_sequences(last, 10, 0.2, MotionMix(), outside_the_block, seed=3)
    np.testing.assert_array_equal(xy[:, -1], last)
    fine = np.linspace(0, 1, 20)[:, None]
    ways = xy[:, :-1, None] + fine * (xy[:, 1:, None] - xy[:, :-1, None])
    assert outside_the_block(ways).mean() > 0.9999
    shares = np.bincount(motion, minlength=3) / len(motion)
    np.testing.assert_allclose(shares, [0.6, 0.3, 0.1], atol=0.05)


@pytest.mark.parametrize(("number", "name"), [(0, "still"), (1, "walking"), (2, "driving")])
def test_speed_and_smoothness(number: int, name: str) -> None:
    xy, motion = draw_sequences(
        free_places(400), 10, 0.2, MotionMix(still=0.2, walking=0.4, driving=0.4),
        outside_the_block, seed=5,
    )  # fmt: skip
    step = np.diff(xy[motion == number], axis=1)
    speed = np.hypot(step[..., 0], step[..., 1]) / 0.2
    low, high = SPEED_M_S[name]
    assert speed.min() >= low - 1e-6
    assert speed.max() <= high + 1e-6
    heading = np.arctan2(step[..., 1], step[..., 0])
    turn = np.abs(np.angle(np.exp(1j * np.diff(heading, axis=1))))
    assert turn.max() < np.radians(20)


def test_a_drive_in_a_small_court_falls_to_a_slower_class() -> None:
    court = np.zeros((40, 2))
    driving = MotionMix(still=0, walking=0, driving=1)
    xy, motion = draw_sequences(court, 10, 0.2, driving, outside_the_block, seed=0)
    assert set(motion) == {1}
    np.testing.assert_array_equal(xy[:, -1], court)
    assert outside_the_block(xy).all()


def test_the_same_seed_gives_the_same_ways() -> None:
    last = free_places(50)
    first, again, other = (
        draw_sequences(last, 5, 0.2, MotionMix(), outside_the_block, seed)[0] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_bad_input_names_the_field() -> None:
    with pytest.raises(InvalidInputError, match="reports"):
        draw_sequences(free_places(2), 0, 0.2, MotionMix(), outside_the_block, 0)
    with pytest.raises(ValueError, match="must be 1"):
        MotionMix(still=0.5, walking=0.1, driving=0.1)
