"""Plots of an evaluation and of an ablation, as SVG files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rayfix.errors import MissingExtraError
from rayfix.files import write_bytes_whole

if TYPE_CHECKING:
    from rayfix.training.ablation_config import AblationConfig

Plot = tuple[str, Path]
"""Title and file."""
CURVES = (("standard", 1), ("standard", 10), ("hard", 1), ("hard", 10))
"""Conditions and numbers of reports that are drawn."""
MODEL, ALONE = "transformer_refined", "transformer"
LARGEST_M = 200.0


class _Difference(Protocol):
    """What a plot needs of `ablation_report.Difference`."""

    @property
    def value_m(self) -> float: ...
    @property
    def low_m(self) -> float: ...
    @property
    def high_m(self) -> float: ...


def draw_evaluation(document: Mapping[str, Any], images: Path) -> list[Plot]:
    """Plots of a recorded evaluation (`evaluation_record.write_evaluation`).

    Error distributions, calibration, errors over the map, and what refinement gains.

    Raises:
        MissingExtraError: matplotlib is not installed (extra `train`).
    """
    curves = {(c["condition"], c["reports"], c["method"]): c for c in document["curves"]}
    drawn = [key for key in CURVES if (*key, MODEL) in curves]
    return [
        ("Distribution of the error", _distributions(curves, drawn, images)),
        ("Calibration of the ellipses", _calibration(curves, drawn, images)),
        ("Errors over the map", _places(document["places"], images)),
        ("What refinement gains", _gain(curves, images)),
    ]


def _distributions(
    curves: Mapping[tuple[str, int, str], Any], drawn: Sequence[tuple[str, int]], images: Path
) -> Path:
    figure = _figure(10, 7)
    share = np.linspace(0.0, 1.0, 101)
    for index, (condition, reports) in enumerate(drawn):
        axes = figure.add_subplot(2, 2, index + 1)
        for (name, count, method), curve in curves.items():
            if (name, count) == (condition, reports):
                width = 2.0 if method == MODEL else 1.0
                axes.plot(np.maximum(curve["quantile_m"], 0.05), share, lw=width, label=method)
        axes.set(xscale="log", xlim=(0.2, LARGEST_M), ylim=(0, 1))
        axes.set(xlabel="error [m]", ylabel="share of fixes", title=_title(condition, reports))
        axes.grid(alpha=0.3, which="both")
    if drawn:
        figure.axes[0].legend(fontsize=7)
    return _save(figure, images / "accuracy-error-cdf.svg")


def _calibration(
    curves: Mapping[tuple[str, int, str], Any], drawn: Sequence[tuple[str, int]], images: Path
) -> Path:
    figure = _figure(5, 5)
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.6", lw=1)
    for condition, reports in drawn:
        curve = curves[condition, reports, MODEL]
        axes.plot(curve["nominal"], curve["inside"], "o-", ms=3, label=_title(condition, reports))
    axes.set(xlabel="confidence of the ellipse", ylabel="share of truths inside")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return _save(figure, images / "accuracy-calibration.svg")


def _places(places: Sequence[Mapping[str, Any]], images: Path) -> Path:
    chosen = [p for p in places if (p["condition"], p["reports"]) in (("standard", 1), ("hard", 1))]
    figure = _figure(10, 4.5)
    for index, place in enumerate(chosen):
        axes = figure.add_subplot(1, len(chosen), index + 1)
        lon, lat = np.asarray(place["places"]).T
        colour = np.log10(np.clip(place["error_m"], 0.5, LARGEST_M))
        points = axes.scatter(
            lon, lat, c=colour, s=7, cmap="viridis", vmin=-0.3, vmax=2.3, rasterized=True
        )
        axes.set_aspect(1.0 / np.cos(np.radians(lat.mean())))
        axes.set(xticks=[], yticks=[], title=_title(place["condition"], place["reports"]))
        bar = figure.colorbar(points, ax=axes, ticks=[0, 1, 2])
        bar.ax.set_yticklabels(["1 m", "10 m", "100 m"])
    return _save(figure, images / "accuracy-map.svg")


def _gain(curves: Mapping[tuple[str, int, str], Any], images: Path) -> Path:
    figure = _figure(7, 4)
    axes = figure.add_subplot()
    keys = [key[:2] for key in curves if key[2] == MODEL]
    at = np.arange(len(keys))
    for shift, (label, index) in enumerate((("median", 50), ("P90", 90))):
        before, after = (
            np.array([curves[(*key, method)]["quantile_m"][index] for key in keys])
            for method in (ALONE, MODEL)
        )
        axes.bar(at + 0.4 * shift - 0.2, 100.0 * (after / before - 1.0), 0.38, label=label)
    axes.axhline(0, color="0.3", lw=1)
    axes.set_xticks(at, [_title(*key) for key in keys], rotation=30, ha="right", fontsize=8)
    axes.set_ylabel("change of the error by refinement [%]")
    axes.legend()
    return _save(figure, images / "accuracy-refinement.svg")


def draw_differences(
    config: AblationConfig,
    differences: Mapping[tuple[str, tuple[str, int, int], str], _Difference],
) -> Plot:
    """Differences of the median of every variant with their intervals, one panel per setting."""
    names = [name for name in config.variants if config.compared_with(name) is not None]
    figure = _figure(10, 1.0 + 0.35 * (len(names) + 2) * ((len(config.settings) + 1) // 2))
    for index, setting in enumerate(config.settings):
        axes = figure.add_subplot((len(config.settings) + 1) // 2, 2, index + 1)
        for row, name in enumerate(names):
            found = differences[name, setting, "median"]
            axes.plot([found.low_m, found.high_m], [row, row], color="C0", lw=2)
            axes.plot(found.value_m, row, "o", color="C0", ms=4)
        axes.axvline(0, color="0.5", lw=1)
        axes.set_yticks(range(len(names)), [config.variants[n].title for n in names], fontsize=7)
        axes.set_ylim(len(names) - 0.5, -0.5)
        condition, reports, cells = setting
        axes.set_title(f"{_title(condition, reports)}, {cells} cells", fontsize=8)
        axes.set_xlabel("difference of the median [m]", fontsize=7)
    return "Differences of the median", _save(figure, config.images / "accuracy-ablation.svg")


def _title(condition: str, reports: int) -> str:
    return f"{condition}, {reports} report{'s' * (reports > 1)}"


def require_matplotlib() -> None:
    """Raise MissingExtraError where matplotlib is not installed."""
    _figure(1, 1)


def _figure(width: float, height: float) -> Any:
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError("plots need matplotlib: pip install 'rayfix[train]'") from None
    return Figure(figsize=(width, height), layout="constrained")


def _save(figure: Any, path: Path) -> Path:
    content = BytesIO()
    figure.savefig(content, format="svg", metadata={"Date": None})
    write_bytes_whole(path, content.getvalue())
    return path
