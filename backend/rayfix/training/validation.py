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

from rayfix.measurement.conditions import NOMINAL, Conditions
from rayfix.measurement.dataset import Dataset
from rayfix.measurement.impairments import draw_reports
from rayfix.measurement.report import ReportBatch
from rayfix.model.calibration import Calibrations, fit_calibration
from rayfix.model.positioning import Estimate, ModelOnMap, locate
from rayfix.training.samples import changed_worlds, perturbed

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
    """One case per condition and world, for one report and for all of them.

    A condition in a changed world is drawn in every changed world that is recorded; where only the
    nominal one is, in one that is drawn from the seed (`samples.perturbed`).
    """
    recorded = held_out.xy_m_ST2.shape[1]
    truth = torch.from_numpy(held_out.truth_xy_m_S2).float()
    cases = []
    for number, name in enumerate(names):
        condition = conditions.conditions[name]
        change = conditions.worlds[condition.world].model_copy(update={"seed": seed + number})
        for index, world_name in enumerate(changed_worlds(held_out, change)):
            world = held_out.world(world_name)
            for reports in sorted({1, recorded}):
                propagation, cells = world.propagation.last(reports), world.cells
                if world_name == NOMINAL:
                    propagation, cells = perturbed(propagation, cells, change)
                draw = seed + 100 * number + 20 * index + reports
                batch = draw_reports(propagation, cells, condition, draw)
                cases.append(Case(name, reports, batch, truth))
    return cases


def locate_all(ready: ModelOnMap, case: Case) -> tuple[Estimate, Estimate]:
    """The network's own and the refined fixes of a whole case."""
    parts = [
        locate(ready, case.batch[slice(start, start + BATCH)])
        for start in range(0, len(case.batch), BATCH)
    ]
    unrefined, refined = (
        Estimate(*(torch.cat(column).cpu() for column in zip(*estimates, strict=True)))
        for estimates in ([part.unrefined for part in parts], [part.fix for part in parts])
    )
    return unrefined, refined


def score(ready: ModelOnMap, cases: list[Case]) -> ValidationScore:
    """Errors of the refined fixes."""
    errors: dict[str, list[Tensor]] = {}
    for case in cases:
        error = (locate_all(ready, case)[1].xy_m_B2 - case.truth_xy_m_B2).norm(dim=-1)
        errors.setdefault(f"{case.condition}/{case.reports}", []).append(error)
    pooled = {key: torch.cat(parts) for key, parts in errors.items()}
    return ValidationScore(
        {key: float(error.quantile(0.5)) for key, error in pooled.items()},
        {key: float(error.quantile(0.9)) for key, error in pooled.items()},
    )


def calibrate(fixes: Sequence[tuple[ModelOnMap, Case]]) -> Calibrations:
    """Ellipse radii from the fixes of all cases, each with the model on the map that it is of."""
    found = [locate_all(ready, case) for ready, case in fixes]
    truth = torch.cat([case.truth_xy_m_B2 for _, case in fixes])
    fitted = []
    for estimates in zip(*found, strict=True):
        fix = Estimate(*(torch.cat(column) for column in zip(*estimates, strict=True)))
        fitted.append(fit_calibration(fix.xy_m_B2 - truth, fix.covariance_m2_B22, fix.trait_BF))
    return Calibrations(unrefined=fitted[0], refined=fitted[1])
