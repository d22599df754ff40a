"""The report of an ablation: Markdown tables with intervals of a paired bootstrap, and plots."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rayfix.errors import ConfigError
from rayfix.files import write_text_whole
from rayfix.model.artefact import EVALUATION
from rayfix.training.ablation_config import AblationConfig
from rayfix.training.plots import draw_differences, draw_evaluation, require_matplotlib

Setting = tuple[str, int, int]
Errors = dict[Setting, list[float]]
"""Errors [m] of the test's sequences by condition, number of reports and of cells."""

BEGIN, END = "<!-- ablation: begin -->", "<!-- ablation: end -->"
QUANTILES = {"median": 0.5, "P90": 0.9}
SEED = 20261124


@dataclass(frozen=True)
class Difference:
    """A quantile of the errors less that of another variant [m], and its 95 % interval [m]."""

    value_m: float
    low_m: float
    high_m: float

    @property
    def clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low_m > 0 or self.high_m < 0


def paired_difference(
    errors: Sequence[float], other: Sequence[float], quantile: float, resamples: int
) -> Difference:
    """Difference of a quantile between two variants on the same sequences.

    Percentile bootstrap (Efron and Tibshirani, 1993, ch. 13); sequences are resampled in pairs,
    which what is hard for both variants cancels in.
    """
    pair = np.stack([np.asarray(errors), np.asarray(other)])
    random = np.random.default_rng(SEED)
    draws = random.integers(pair.shape[1], size=(resamples, pair.shape[1]))
    drawn = np.quantile(pair[:, draws], quantile, axis=-1)
    low, high = np.quantile(drawn[0] - drawn[1], (0.025, 0.975))
    found = np.quantile(pair, quantile, axis=-1)
    return Difference(float(found[0] - found[1]), float(low), float(high))


def check_report(config: AblationConfig) -> tuple[str, str]:
    """What stands before and after the report's section; hours of training should not end in this.

    Raises:
        ConfigError: the report lacks its markers.
        MissingExtraError: matplotlib is not installed.
    """
    require_matplotlib()
    text = config.report.read_text(encoding="utf-8") if config.report.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ConfigError(config.report, f"the lines '{BEGIN}' and '{END}' are missing")
    return before, after


def write_report(config: AblationConfig, errors: dict[str, Errors]) -> Path:
    """Write tables between the markers of the report, and the plots; returns the report's file.

    Raises:
        ConfigError: the report lacks its markers.
    """
    before, after = check_report(config)
    differences = {
        (name, setting, label): paired_difference(
            errors[name][setting], errors[against][setting], quantile, config.resamples
        )
        for name in config.variants
        if (against := config.compared_with(name)) is not None
        for setting in config.settings
        for label, quantile in QUANTILES.items()
    }
    parts = [_table(config, errors, differences, label) for label in QUANTILES]
    plots = [draw_differences(config, differences)]
    if config.evaluation is not None and (config.evaluation / EVALUATION).exists():
        document = json.loads((config.evaluation / EVALUATION).read_text(encoding="utf-8"))
        plots += draw_evaluation(document, config.images)
    for title, path in plots:
        parts.append(f"![{title}]({Path(os.path.relpath(path, config.report.parent)).as_posix()})")
    section = "\n\n".join([BEGIN, _preface(config), *parts, END])
    write_text_whole(config.report, before + section + after)
    return config.report


def _preface(config: AblationConfig) -> str:
    return (
        f"Every variant is trained for {config.steps} steps and tested on the same reports, after "
        "refinement. In brackets: the difference to the variant it is compared with and its 95 % "
        f"interval (paired bootstrap, {config.resamples:,} resamples); **bold** where the interval "
        "leaves 0 out. The test file records ten reports a sequence, so that twenty are not tested."
    )


def _table(
    config: AblationConfig,
    errors: dict[str, Errors],
    differences: dict[tuple[str, Setting, str], Difference],
    label: str,
) -> str:
    """One quantile of every variant (columns) in every setting (rows)."""
    titles = [
        variant.title if variant.against is None else f"{variant.title} (against {variant.against})"
        for variant in config.variants.values()
    ]
    lines = [
        f"| {label} [m] | " + " | ".join(titles) + " |",
        "|---|" + "--:|" * len(titles),
    ]
    for setting in config.settings:
        condition, reports, cells = setting
        row = [f"{condition}, {reports} report{'s' * (reports > 1)}, {cells} cells"]
        for name in config.variants:
            value = f"{np.quantile(errors[name][setting], QUANTILES[label]):.2f}"
            found = differences.get((name, setting, label))
            if found is not None:
                bounds = f"{found.low_m:+.2f} .. {found.high_m:+.2f}"
                change = f"{found.value_m:+.2f}"
                value += f" ({f'**{change}**' if found.clear else change}, {bounds})"
            row.append(value)
        lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)
