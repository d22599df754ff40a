"""Validation: fixed reports of held-out places, the error that stops a run, and calibration.

Shape letters: B sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rayfix.measurement.conditions import Conditions
from rayfix.measurement.dataset import Dataset
from rayfix.measurement.impairments import draw_reports
from rayfix.measurement.report import ReportBatch
from rayfix.model.calibration import Calibration, fit_calibration
from rayfix.model.positioning import Estimate, ModelOnMap, locate
from rayfix.training.samples import perturbed

VALIDATION_SEED = 555_000
"""First seed of the validation's draws. Training seeds its draws with a pair (run, step), the
test with `evaluate.TEST_SEED`: the three streams never meet."""
BATCH = 64


class Case(NamedTuple):
    """Reports of one condition and number, with the truth [m], [B, 2]."""

    condition: str
    reports: int
    batch: ReportBatch
    truth_xy_m_B2: Tensor


@dataclass(frozen=True)
class ValidationScore:
    """Errors of the fixes.

    Attributes:
        median_m, p90_m: by "condition/number of reports" [m].
    """

    median_m: dict[str, float]
    p90_m: dict[str, float]

    @property
    def error_m(self) -> float:
        """Geometric mean of all medians and P90 [m]: what early stopping looks at. A gain of 10 %
        counts the same in every condition, and tails as much as the middle."""
        every = [*self.median_m.values(), *self.p90_m.values()]
        return float(np.exp(np.mean(np.log(np.maximum(every, 1e-3)))))


def validation_cases(
    held_out: Dataset, conditions: Conditions, names: list[str], seed: int = VALIDATION_SEED
) -> list[Case]:
    """One case per condition, for one report and for all of them.

    Only the nominal world is recorded for validation; the world of a condition is drawn from its
    seed (`samples.perturbed`).
    """
    world = held_out.world("nominal")
    recorded = held_out.xy_m_ST2.shape[1]
    truth = torch.from_numpy(held_out.truth_xy_m_S2).float()
    cases = []
    for number, name in enumerate(names):
        condition = conditions.conditions[name]
        change = conditions.worlds[condition.world].model_copy(update={"seed": seed + number})
        for reports in sorted({1, recorded}):
            propagation, cells = perturbed(world.propagation.last(reports), world.cells, change)
            batch = draw_reports(propagation, cells, condition, seed + 100 * number + reports)
            cases.append(Case(name, reports, batch, truth))
    return cases


def locate_all(ready: ModelOnMap, case: Case, refine_steps: int | None = None) -> Estimate:
    """Fixes of a whole case."""
    parts = [
        locate(ready, case.batch[slice(start, start + BATCH)], refine_steps).fix
        for start in range(0, len(case.batch), BATCH)
    ]
    return Estimate(*(torch.cat(column) for column in zip(*parts, strict=True)))


def score(ready: ModelOnMap, cases: list[Case]) -> ValidationScore:
    """Errors without refinement, which is what training improves."""
    median, p90 = {}, {}
    for case in cases:
        error = (locate_all(ready, case, 0).xy_m_B2 - case.truth_xy_m_B2).norm(dim=-1)
        key = f"{case.condition}/{case.reports}"
        median[key], p90[key] = float(error.quantile(0.5)), float(error.quantile(0.9))
    return ValidationScore(median, p90)


def calibrate(fixes: Sequence[tuple[ModelOnMap, Case]]) -> Calibration:
    """Ellipse radii from the fixes of all cases, each with the model on the map that it is of."""
    found = [locate_all(ready, case) for ready, case in fixes]
    error = torch.cat(
        [fix.xy_m_B2 - case.truth_xy_m_B2 for fix, (_, case) in zip(found, fixes, strict=True)]
    )
    return fit_calibration(
        error,
        torch.cat([fix.covariance_m2_B22 for fix in found]),
        torch.cat([fix.confidence_B for fix in found]),
    )
