"""Routes of the live demo: closed, smooth, outdoors, at the speed of their class."""

from __future__ import annotations

import numpy as np
import pytest

from rayfix.errors import InvalidInputError
from rayfix.measurement.motion import MOTIONS, SPEED_M_S
from rayfix.measurement.routes import RoutesConfig, draw_routes
from rayfix.scene.scene import Extent

EXTENT = Extent(x_min_m=-200, x_max_m=200, y_min_m=-200, y_max_m=200)
CONFIG = RoutesConfig(seed=2, duration_s=100.0, interval_s=0.5, still=2, walking=4, driving=4)


def city_blocks(xy: np.ndarray) -> np.ndarray:
    """Blocks of 60 m with streets of 20 m between them."""
    inside = (np.abs(xy) <= 200).all(axis=-1)
    return inside & ~((np.mod(xy + 10.0, 80.0) > 20.0).all(axis=-1))


def test_routes_are_closed_smooth_and_outdoors() -> None:
    xy, motion = draw_routes(CONFIG, EXTENT, city_blocks)
    assert xy.shape == (10, 200, 2)
    assert list(motion) == [0] * 2 + [1] * 4 + [2] * 4
    assert city_blocks(xy).all()
    step = np.roll(xy, -1, axis=1) - xy
    speed = np.hypot(step[..., 0], step[..., 1]) / 0.5
    for number, name in enumerate(MOTIONS):
        low, high = SPEED_M_S[name]
        mine = speed[motion == number]
        assert mine.max() <= high * 1.001
        assert mine.mean() >= low * 0.95
    assert np.ptp(xy[motion == 0], axis=1).max() == 0


def test_the_same_seed_gives_the_same_routes() -> None:
    first, again = (draw_routes(CONFIG, EXTENT, city_blocks)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    other = draw_routes(CONFIG.model_copy(update={"seed": 3}), EXTENT, city_blocks)[0]
    assert not np.array_equal(first, other)


def test_a_city_without_room_is_refused() -> None:
    def court(xy: np.ndarray) -> np.ndarray:
        return (np.abs(xy) <= 20).all(axis=-1)

    with pytest.raises(InvalidInputError, match=r"duration_s.*driving"):
        draw_routes(CONFIG, EXTENT, court)
    with pytest.raises(InvalidInputError, match="outdoors"):
        draw_routes(CONFIG, EXTENT, lambda xy: np.zeros(xy.shape[:-1], bool))
