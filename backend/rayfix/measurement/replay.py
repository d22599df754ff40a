"""Replays recorded closed routes: what every phone of a live demo measures, step by step.

Letters: S recorded routes, T places of a route.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rayfix.errors import InvalidInputError
from rayfix.measurement.conditions import Condition
from rayfix.measurement.dataset import Dataset
from rayfix.measurement.impairments import to_reports
from rayfix.measurement.motion import MOTIONS
from rayfix.measurement.report import Report

REPORTS_KEPT = 10
"""Longest sequence that is posted."""
WINDOW_S = 2.0
"""Reports older than this are not posted: the phone has moved on [s]."""


@dataclass
class Phone:
    """One phone: a route, and how far behind the route's first phone it is."""

    ue_id: str
    route: int
    offset: int


def phones_on(data: Dataset, count: int) -> list[Phone]:
    """Phones spread over the recorded routes; where there are more, they follow at even distances.

    Raises:
        InvalidInputError: `count` is not positive.
    """
    if count < 1:
        raise InvalidInputError("ues", "at least 1 is expected")
    routes = len(data)
    steps = len(data.xy_m_ST2[0])
    per_route = -(-count // routes)
    return [
        Phone(
            ue_id=f"{MOTIONS[data.motion_S[number % routes]]}-{number + 1:02d}",
            route=number % routes,
            offset=(number // routes) * steps // per_route,
        )
        for number in range(count)
    ]


class Measured:
    """Reports along every route, with errors that are drawn anew in every lap.

    Args:
        data: closed routes.
        condition: the errors.
        seed: of the first lap.
    """

    def __init__(self, data: Dataset, condition: Condition, seed: int) -> None:
        self.data = data
        self.condition = condition
        self.seed = seed
        self.steps = data.xy_m_ST2.shape[1]
        self.interval_s = float(np.diff(data.world(condition.world).propagation.time_s_T[:2])[0])
        self._ids = [cell.cell_id for cell in data.world(condition.world).cells]
        self._laps: dict[tuple[int, int], list[Report | None]] = {}

    def report(self, route: int, step: int, time_s: float) -> Report | None:
        """What a phone measures at a step since the feed's start; None where it hears nothing."""
        lap, place = divmod(step, self.steps)
        key = (route, lap)
        if key not in self._laps:
            self._laps[key] = self._draw(route, lap)
            self._laps.pop((route, lap - 2), None)
        drawn = self._laps[key][place]
        return None if drawn is None else drawn.model_copy(update={"time": time_s})

    def truth_xy_m(self, route: int, step: int) -> tuple[float, float]:
        """Where that phone is [m]."""
        x_m, y_m = self.data.xy_m_ST2[route, step % self.steps]
        return float(x_m), float(y_m)

    def _draw(self, route: int, lap: int) -> list[Report | None]:
        one = self.data[np.array([route])]
        seed = int(np.random.SeedSequence([self.seed, route, lap]).generate_state(1)[0])
        batch = one.draw(self.condition, seed)
        present = iter(to_reports(batch, self._ids)[0])
        heard_T = (batch.cell_BTN[0] >= 0).any(axis=-1)
        return [next(present) if heard else None for heard in heard_T]


def window(measured: Measured, phone: Phone, step: int, now_s: float) -> list[Report]:
    """The phone's recent reports, oldest first, the newest at `now_s`."""
    count = min(REPORTS_KEPT, int(WINDOW_S / measured.interval_s) + 1, step + 1)
    back = range(count - 1, -1, -1)
    reports = (
        measured.report(
            phone.route, phone.offset + step - behind, now_s - behind * measured.interval_s
        )
        for behind in back
    )
    return [report for report in reports if report is not None]
