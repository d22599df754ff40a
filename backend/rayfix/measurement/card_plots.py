"""Pictures of a data card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.errors import MissingExtraError
from rayfix.measurement.card_checks import direct_gain_db, geometry
from rayfix.measurement.dataset import Dataset
from rayfix.measurement.motion import MOTIONS
from rayfix.measurement.propagation import Float64
from rayfix.measurement.quantities import detected, rsrp_dbm
from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.units import SPEED_OF_LIGHT_M_S

Series = Mapping[str, npt.NDArray[Any]]
TICKS_M = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
POINTS = 20_000
"""Points of a scatter plot at most."""


def draw_pictures(
    dataset: Dataset, drawn: ReportBatch, condition: str, height_m_ST: Float64, folder: Path
) -> list[tuple[str, str]]:
    """Write PNG files; returns their names and titles.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingExtraError(
            "a data card needs matplotlib: pip install 'rayfix[train]'"
        ) from None
    pictures: list[tuple[str, str]] = []

    def save(name: str, title: str, draw: Any) -> None:
        figure = Figure(figsize=(6.4, 3.6), layout="constrained")
        axes = figure.subplots()
        draw(axes)
        axes.set_title(title, fontsize=10)
        figure.savefig(folder / f"{name}.png", dpi=110)
        pictures.append((f"{name}.png", title))

    def histogram(
        name: str, title: str, label: str, series: Series, bins: Any = None,
        step: float | None = None,
    ) -> None:  # fmt: skip
        def draw(axes: Any) -> None:
            finite = {key: v[np.isfinite(v)] for key, v in series.items()}
            together = np.concatenate(list(finite.values()))
            edges = np.histogram_bin_edges(together, 60) if bins is None else bins
            if step is not None:
                # Whole multiples of the reporting step, or the bars would alias with it.
                low, high = np.floor(together.min() / step), np.ceil(together.max() / step)
                edges = (np.arange(low, high + 2) - 0.5) * step
            for key, values in finite.items():
                axes.hist(values, edges, histtype="step", density=True, label=key)
            axes.set_xlabel(label)
            axes.set_ylabel("density")
            axes.legend(fontsize=8)

        save(name, title, draw)

    worlds = {name: world.propagation for name, world in dataset.worlds.items()}
    rsrp = {n: rsrp_dbm(p.path_gain_db_BTC, dataset.worlds[n].cells) for n, p in worlds.items()}
    heard = {n: detected(r, dataset.worlds[n].cells) for n, r in rsrp.items()}
    as_drawn = f"drawn, {condition}"

    def measured(quantity: str) -> dict[str, npt.NDArray[Any]]:
        values = drawn.values_BTNQ[..., QUANTITIES.index(quantity)]
        return {as_drawn: values} if np.isfinite(values).any() else {}

    histogram(
        "rsrp",
        "RSRP of every cell heard",
        "RSRP [dBm]",
        {n: r[heard[n]] for n, r in rsrp.items()} | measured("rsrp_dbm"),
        step=2.0,
    )
    histogram(
        "toa",
        "Time of arrival of the first detectable path",
        "ToA [ns]",
        {n: p.toa_ns_BTC[heard[n]] for n, p in worlds.items()} | measured("toa_ns"),
    )
    histogram(
        "aoa",
        "UL-AoA at the cell",
        "bearing [deg]",
        {n: p.aoa_deg_BTC[heard[n]] for n, p in worlds.items()} | measured("aoa_deg"),
        np.arange(0, 361, 6),
    )
    most = max(h.shape[-1] for h in heard.values())
    histogram("cells", "Cells heard in a report", "cells",
              {n: h.sum(-1).ravel().astype(float) for n, h in heard.items()}
              | {as_drawn: (drawn.cell_BTN >= 0).sum(-1).ravel().astype(float)},
              np.arange(most + 2) - 0.5)  # fmt: skip

    def motion(axes: Any) -> None:
        axes.bar(MOTIONS, np.bincount(dataset.motion_S, minlength=len(MOTIONS)))
        axes.set_ylabel("sequences")

    save("motion", "Motion classes", motion)
    if any(p.detail is not None for p in worlds.values()):
        detail = {n: p.detail for n, p in worlds.items() if p.detail is not None}
        histogram(
            "delay-spread",
            "RMS delay spread",
            "ns",
            {n: d.delay_spread_ns[heard[n]] for n, d in detail.items()},
        )
        histogram(
            "k-factor",
            "Strongest path over all others",
            "K-factor [dB]",
            {n: np.clip(d.k_factor_db[heard[n]], -10, 40) for n, d in detail.items()},
        )
        histogram("beams", "Strongest SSB beam", "beam",
                  {n: d.beam_gain_db[heard[n]].argmax(-1).astype(float)
                   for n, d in detail.items()}, np.arange(9) - 0.5)  # fmt: skip
    _against_distance(dataset, height_m_ST, save)
    return pictures


def _against_distance(dataset: Dataset, height_m_ST: Float64, save: Any) -> None:
    """Path gain of direct paths, and ToA of all, over distance, in the first world."""
    from matplotlib.ticker import NullFormatter

    name, world = next(iter(dataset.worlds.items()))
    straight = geometry(dataset.xy_m_ST2, height_m_ST, world.cells)
    paths = world.propagation
    gain, alone = direct_gain_db(world, straight)
    direct = paths.los_BTC & straight.in_beam & np.isfinite(gain)
    known = np.isfinite(paths.toa_ns_BTC)
    random = np.random.default_rng(0)

    def some(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        index = np.flatnonzero(mask)
        return index if len(index) <= POINTS else random.choice(index, POINTS, replace=False)

    def gain_plot(axes: Any) -> None:
        index = some(direct)
        axes.semilogx(straight.distance_m.flat[index], gain.flat[index], ".", ms=2)
        if len(index):
            ends = np.array([straight.distance_m[direct].min(), straight.distance_m[direct].max()])
            axes.semilogx(ends, -20 * np.log10(ends), label="free space")
            axes.legend(fontsize=8)
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xticks([t for t in TICKS_M if axes.get_xlim()[0] < t < axes.get_xlim()[1]])
        axes.set_xlabel("distance [m]")
        axes.set_ylabel("path gain less pattern and\nfree-space gain at 1 m [dB]")

    def toa_plot(axes: Any) -> None:
        for mask, label in ((known & ~paths.los_BTC, "reflected or diffracted"),
                            (known & paths.los_BTC, "line of sight")):  # fmt: skip
            index = some(mask)
            axes.plot(straight.distance_m.flat[index], paths.toa_ns_BTC.flat[index], ".", ms=2,
                      label=label)  # fmt: skip
        far = straight.distance_m[known].max() if known.any() else 1.0
        axes.plot([0, far], [0, far / SPEED_OF_LIGHT_M_S * 1e9], "k", lw=0.8, label="d / c")
        axes.set_xlabel("distance [m]")
        axes.set_ylabel("ToA [ns]")
        axes.legend(fontsize=8)

    what = "strongest path" if alone else "all paths"
    save("gain-distance", f"Line of sight in the beam, {what} ({name})", gain_plot)
    save("toa-distance", f"Time of arrival against distance ({name})", toa_plot)
