"""Handovers by event A3: hysteresis, time to trigger, filter, and a lost serving cell."""

from __future__ import annotations

import numpy as np

from rayfix.measurement.conditions import Condition
from rayfix.measurement.impairments import draw_reports
from rayfix.measurement.protocol import A3Event, handovers, serving_cells
from rayfix.measurement.report import QUANTITIES

from .free_space import CELLS, propagation

PLAIN = A3Event(offset_db=3.0, hysteresis_db=1.0, time_to_trigger_s=0.0, filter_coefficient=0)


def serve(neighbour_db: list[float], event: A3Event = PLAIN, step_s: float = 0.2) -> list[int]:
    """Serving cell when cell 0 stays at -80 dBm and cell 1 is this much stronger."""
    rsrp = np.stack([np.full(len(neighbour_db), -80.0), -80.0 + np.array(neighbour_db)], -1)[None]
    return serving_cells(rsrp, np.arange(len(neighbour_db)) * step_s, event)[0].tolist()


def test_a_neighbour_must_be_stronger_by_offset_and_hysteresis() -> None:
    assert serve([-5, 3.9, 3.9, 3.9]) == [0, 0, 0, 0]
    assert serve([-5, 4.1, 4.1]) == [0, 1, 1]
    # Back only when cell 0 is as much stronger: no ping-pong.
    assert serve([-5, 4.1, -3.9, -4.1]) == [0, 1, 1, 0]


def test_the_condition_must_hold_for_the_time_to_trigger() -> None:
    patient = PLAIN.model_copy(update={"time_to_trigger_s": 0.4})
    assert serve([-5, 5, 5, 5, 5], patient) == [0, 0, 0, 1, 1]
    assert serve([-5, 5, 5, 1, 5, 5, 5], patient) == [0, 0, 0, 0, 0, 0, 1]
    # Between leaving and entering, the timer runs on (hysteresis on both sides).
    assert serve([-5, 5, 3, 5, 5], patient) == [0, 0, 0, 1, 1]


def test_the_filter_forgets_by_half_in_the_samples_of_its_coefficient() -> None:
    slow = PLAIN.model_copy(update={"filter_coefficient": 4})  # a = 1/2 at 200 ms
    # -8, then +8: filtered 0, 4, 6 ... crosses 4 dB at the third step.
    assert serve([-8, 8, 8, 8], slow) == [0, 0, 0, 1]
    assert serve([-8, 8, 8, 8, 8, 8, 8], slow, step_s=0.1) == [0, 0, 0, 0, 0, 1, 1]


def test_a_phone_that_loses_its_cell_comes_back_on_the_strongest() -> None:
    rsrp = np.array([[[-70, -90, -95], [np.nan, -90, -85], [np.nan] * 3, [-70, -90, -95]]])
    serving = serving_cells(rsrp, np.arange(4) * 0.2, PLAIN)
    assert serving[0].tolist() == [0, 2, -1, 0]
    assert handovers(serving)[0].tolist() == [False, True, False, False]


def test_serving_quantities_follow_the_handover_and_the_serving_cell_is_always_listed() -> None:
    way = np.linspace(-240, 240, 30)[None, :, None] * np.array([1.0, 0.3])
    condition = Condition(
        world="nominal", quantities=("rsrp_dbm", "cqi", "timing_advance"), rsrp_residual_db=0.0,
        handover=A3Event(offset_db=6.0), timing_advance_of="serving", max_cells=2,
    )  # fmt: skip
    batch = draw_reports(propagation(way), CELLS, condition, 0)
    known = np.isfinite(batch.values_BTNQ[0, ..., QUANTITIES.index("cqi")])
    assert (known.sum(axis=-1) == 1).all()
    np.testing.assert_array_equal(
        known, np.isfinite(batch.values_BTNQ[0, ..., QUANTITIES.index("timing_advance")])
    )
    serving = batch.cell_BTN[0][known]
    strongest = batch.cell_BTN[0, :, 0]
    assert (serving != strongest).any()  # it lags behind
    assert 1 <= handovers(serving[None]).sum() <= 5
