"""Radio map against exact paths at random outdoor places.

Shape letters: N receivers, C cells.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from rayfix.radio_map.lookup import bilinear
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import load_radio_map
from rayfix.units import wrap_deg

if TYPE_CHECKING:
    from rayfix.simulation.exact_paths import PathsConfig

Float32 = npt.NDArray[np.float32]

QUANTITY_OF = {"path_gain_db": "path_gain", "toa_ns": "toa", "aoa_deg": "aoa"}
"""Map feature that each compared quantity is looked up in."""

MAD_TO_SIGMA = 1.4826
"""Median absolute deviation to standard deviation of a normal distribution."""


class ExactPaths(Protocol):
    """What is compared with: arrays [N, C], NaN where no path arrives."""

    @property
    def path_gain_db(self) -> Float32: ...
    @property
    def toa_ns(self) -> Float32: ...
    @property
    def aoa_deg(self) -> Float32: ...


def compare_with_paths(
    radio_map: RadioMap, xy_m_N2: npt.NDArray[np.float64], exact: ExactPaths
) -> dict[str, Any]:
    """Map value minus exact value, over the (place, cell) pairs where both have a path.

    Map values come from the bilinear lookup that the locator uses.

    Returns:
        For `path_gain_db`, `toa_ns` and `aoa_deg`: `median_diff`, `robust_spread` (median absolute
        deviation x 1.4826), `p05`, `p95`, `p95_abs`, `n`; and `heard_agreement`, the share of
        all pairs for which both or neither have a path.
    Raises:
        OutsideMapError: a place lies outside the map.
    """
    found = bilinear(radio_map, xy_m_N2[:, 0], xy_m_N2[:, 1])
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
    return report


def check_radio_map(
    folder: Path, receivers: int = 300, seed: int = 0, paths: PathsConfig | None = None
) -> dict[str, Any]:
    """Compare a stored map with exact paths at random outdoor places; see `compare_with_paths`.

    Args:
        folder: `radio_maps/<scene>`.
        receivers: number of places, uniform over the outdoor part of the extent.
        seed: of the places.
        paths: how exact paths are searched; the default unless given.
    Raises:
        ArtefactError: the map is missing or damaged.
        RayTracingUnavailableError: no ray tracer on this machine.
    """
    from rayfix.simulation.exact_paths import exact_paths
    from rayfix.simulation.world import World

    radio_map = load_radio_map(folder)
    world = World(radio_map.scene, folder, carrier_hz=radio_map.cells[0].carrier_hz)
    xy_m_N2 = world.outdoor_positions(receivers, seed)
    exact = exact_paths(world, radio_map.cells, xy_m_N2, config=paths)
    return {
        "scene": radio_map.scene.name,
        "resolution_m": radio_map.resolution_m,
        "receivers": receivers,
        "seed": seed,
        **compare_with_paths(radio_map, xy_m_N2, exact),
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


def describe_check(report: dict[str, Any]) -> str:
    """The comparison as a table."""
    columns = ("median_diff", "robust_spread", "p05", "p95", "p95_abs", "n")
    lines = [
        f"{report['scene']}: map minus exact paths at {report['receivers']} outdoor places, "
        f"pixels of {report['resolution_m']:g} m",
        f"{'':14}" + "".join(f"{column:>14}" for column in columns),
    ]
    for quantity in QUANTITY_OF:
        values = (report[quantity][column] for column in columns)
        cells = (f"{'-' if value is None else value:>14}" for value in values)
        lines.append(f"{quantity:14}" + "".join(cells))
    lines.append(f"Both or neither hear the cell: {report['heard_agreement']:.1%} of all pairs")
    return "\n".join(lines)
