"""Radio map against exact paths at random outdoor places.

A map is compared under two rules: by the *pixel* that holds a place, which is what the map states
there, and by the *bilinear* lookup between four pixels, which is what the locator uses. The two
differ in the time of arrival where neighbouring pixels have different first paths: a mean of both
delays is the delay of neither.

Shape letters: N receivers, C cells.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from rayfix.errors import OutsideMapError
from rayfix.radio_map.lookup import bilinear
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import load_radio_map
from rayfix.units import wrap_deg

if TYPE_CHECKING:
    from rayfix.simulation.exact_paths import PathsConfig

Float32 = npt.NDArray[np.float32]

QUANTITY_OF = {"path_gain_db": "path_gain", "toa_ns": "toa", "aoa_deg": "aoa"}
"""Map feature that each compared quantity is looked up in."""
RULES = ("pixel", "bilinear")

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation of a normal distribution."""
OWN_SEED = 7_919
"""Keeps the places and the search rays of a check apart from those of maps and datasets, which
are seeded with small numbers."""


class Limit(NamedTuple):
    """One figure of a comparison and what it must keep."""

    quantity: str
    figure: str
    bound: float
    at_least: bool = False


LIMITS = (
    Limit("path_gain_db", "median_diff", 0.2),
    Limit("path_gain_db", "robust_spread", 1.2),
    Limit("toa_ns", "median_diff", 1.5),
    Limit("toa_ns", "robust_spread", 3.0),
    Limit("toa_ns", "p95_abs", 50.0),
    Limit("aoa_deg", "median_diff", 0.3),
    Limit("aoa_deg", "robust_spread", 1.0),
    Limit("heard_agreement", "", 0.95, at_least=True),
)
"""What a map of 1 m pixels is expected to keep."""


class ExactPaths(Protocol):
    """What is compared with: arrays [N, C], NaN where no path arrives."""

    @property
    def path_gain_db(self) -> Float32: ...
    @property
    def toa_ns(self) -> Float32: ...
    @property
    def aoa_deg(self) -> Float32: ...


def compare_with_paths(
    radio_map: RadioMap, xy_m_N2: npt.NDArray[np.float64], exact: ExactPaths, rule: str = "bilinear"
) -> dict[str, Any]:
    """Map value minus exact value, over the (place, cell) pairs where both have a path.

    Args:
        rule: one of `RULES`.
    Returns:
        For `path_gain_db`, `toa_ns` and `aoa_deg`: `median_diff`, `robust_spread` (median absolute
        deviation x 1.4826), `p05`, `p95`, `p95_abs`, `n`; `heard_agreement`, the share of all
        pairs for which both or neither have a path; and `limits`, each figure that has one with
        its bound and whether it is kept.
    Raises:
        OutsideMapError: a place lies outside the map.
    """
    look_up = {"pixel": pixel_values, "bilinear": bilinear}[rule]
    found = look_up(radio_map, xy_m_N2[:, 0], xy_m_N2[:, 1])
    report: dict[str, Any] = {}
    for quantity, feature in QUANTITY_OF.items():
        difference = found[feature] - getattr(exact, quantity)
        if feature == "aoa":
            difference = wrap_deg(difference)
        report[quantity] = _statistics(difference[np.isfinite(difference)])
    in_map = np.isfinite(found["path_gain"])
    agree = in_map == np.isfinite(exact.path_gain_db)
    report["heard_agreement"] = round(float(agree.mean()), 4)
    report["heard_in_map"] = int(in_map.sum())
    report["heard_exactly"] = int(np.isfinite(exact.path_gain_db).sum())
    report["limits"] = [_judged(limit, report) for limit in LIMITS]
    report["passes"] = all(one["kept"] for one in report["limits"])
    return report


def pixel_values(
    radio_map: RadioMap, x_m: npt.ArrayLike, y_m: npt.ArrayLike
) -> Mapping[str, npt.NDArray[np.float64]]:
    """Every feature of every cell in the pixels that hold points [m], [N, C]; NaN without a path.

    Raises:
        OutsideMapError: a point lies outside the map.
    """
    x, y = np.asarray(x_m, float), np.asarray(y_m, float)
    if not radio_map.scene.extent.contains(x, y).all():
        raise OutsideMapError("a point is outside the map")
    column = np.abs(radio_map.x_m[None, :] - x[:, None]).argmin(axis=1)
    row = np.abs(radio_map.y_m[None, :] - y[:, None]).argmin(axis=1)
    return {
        name: np.asarray(values[:, row, column].T, np.float64)
        for name, values in radio_map.features.items()
    }


def check_radio_map(
    folder: Path, receivers: int = 300, seed: int = 0, paths: PathsConfig | None = None
) -> dict[str, Any]:
    """Compare a stored map with exact paths at random outdoor places; see `compare_with_paths`.

    Args:
        folder: `radio_maps/<scene>`.
        receivers: number of places, uniform over the outdoor part of the extent.
        seed: of the places and of the rays that search for exact paths; the same number given to
            a build or a dataset leads to other ones.
        paths: how exact paths are searched; the default unless given.
    Returns:
        The comparison by bilinear lookup, and that by pixel under `pixel`.
    Raises:
        ArtefactError: the map is missing or damaged.
        RayTracingUnavailableError: no ray tracer on this machine.
    """
    from rayfix.simulation.exact_paths import exact_paths
    from rayfix.simulation.world import World

    radio_map = load_radio_map(folder)
    world = World(radio_map.scene, folder, carrier_hz=radio_map.cells[0].carrier_hz)
    xy_m_N2 = world.outdoor_positions(receivers, OWN_SEED + seed)
    exact = exact_paths(world, radio_map.cells, xy_m_N2, seed=OWN_SEED + seed, config=paths)
    return {
        "scene": radio_map.scene.name,
        "resolution_m": radio_map.resolution_m,
        "receivers": receivers,
        "seed": seed,
        **compare_with_paths(radio_map, xy_m_N2, exact, "bilinear"),
        "pixel": compare_with_paths(radio_map, xy_m_N2, exact, "pixel"),
    }


def _statistics(difference: npt.NDArray[np.floating]) -> dict[str, Any]:
    if not len(difference):
        return dict.fromkeys(("median_diff", "robust_spread", "p05", "p95", "p95_abs")) | {"n": 0}
    median = float(np.median(difference))
    values = {
        "median_diff": median,
        "robust_spread": MAD_TO_SIGMA * float(np.median(np.abs(difference - median))),
        "p05": float(np.percentile(difference, 5)),
        "p95": float(np.percentile(difference, 95)),
        "p95_abs": float(np.percentile(np.abs(difference), 95)),
    }
    return {name: round(value, 3) for name, value in values.items()} | {"n": len(difference)}


def _judged(limit: Limit, report: Mapping[str, Any]) -> dict[str, Any]:
    value = report[limit.quantity]
    if limit.figure:
        value = value[limit.figure]
    kept = value is not None and (
        value >= limit.bound if limit.at_least else abs(value) <= limit.bound
    )
    name = f"{limit.quantity}.{limit.figure}" if limit.figure else limit.quantity
    return {"figure": name, "value": value, "bound": limit.bound, "kept": kept}


def describe_check(report: dict[str, Any]) -> str:
    """Both comparisons as tables."""
    lines = [
        f"{report['scene']}: map minus exact paths at {report['receivers']} outdoor places, "
        f"pixels of {report['resolution_m']:g} m"
    ]
    for title, part in (
        ("Bilinear lookup, as the locator's", report),
        ("The pixel that holds the place", report["pixel"]),
    ):
        lines += ["", title, *_table(part)]
    return "\n".join(lines)


def _table(report: Mapping[str, Any]) -> list[str]:
    columns = ("median_diff", "robust_spread", "p05", "p95", "p95_abs", "n")
    lines = [f"{'':14}" + "".join(f"{column:>14}" for column in columns)]
    for quantity in QUANTITY_OF:
        values = (report[quantity][column] for column in columns)
        cells = (f"{'-' if value is None else value:>14}" for value in values)
        lines.append(f"{quantity:14}" + "".join(cells))
    lines.append(f"Both or neither hear the cell: {report['heard_agreement']:.1%} of all pairs")
    missed = [
        f"{one['figure']} {one['value']} (limit {one['bound']:g})"
        for one in report["limits"]
        if not one["kept"]
    ]
    lines.append(f"Not kept: {'; '.join(missed)}" if missed else "All limits are kept")
    return lines
