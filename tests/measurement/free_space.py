"""A small analytic world for tests: free space, three sites, exact without a ray tracer."""

from __future__ import annotations

import numpy as np

from rayfix.measurement.propagation import Float64, Propagation
from rayfix.measurement.recording import Traced
from rayfix.scene.cell import Cell

CELLS = tuple(
    Cell(cell_id=f"{site}-{s}", site_id=site, x_m=x, y_m=y, z_m=25, bearing_deg=120 * s)
    for site, x, y in (("A", -150.0, -100.0), ("B", 160.0, -80.0), ("C", 0.0, 170.0))
    for s in range(3)
)


def trace(xy_m_N2: Float64, cells: tuple[Cell, ...] = CELLS) -> Traced:
    """Friis path gain with a cosine-shaped sector, time of flight and bearing at the cell."""
    at = np.array([(c.x_m, c.y_m, c.z_m) for c in cells])
    dx = xy_m_N2[:, None, 0] - at[:, 0]
    dy = xy_m_N2[:, None, 1] - at[:, 1]
    distance = np.sqrt(dx**2 + dy**2 + (at[:, 2] - 1.5) ** 2)
    bearing = np.degrees(np.arctan2(dx, dy)) % 360
    off = np.radians(bearing - np.array([c.bearing_deg for c in cells]))
    gain = -20 * np.log10(4 * np.pi * distance * 3.5e9 / 299792458.0) + 8 * np.cos(off)
    as_f4 = [v.astype(np.float32) for v in (gain, distance / 0.299792458, bearing)]
    return Traced(as_f4[0], as_f4[1], as_f4[2], np.ones(gain.shape, bool))


def propagation(xy_m_BT2: Float64, interval_s: float = 0.2) -> Propagation:
    """`trace` along sequences."""
    traced = trace(xy_m_BT2.reshape(-1, 2))
    shape = (*xy_m_BT2.shape[:2], len(CELLS))
    return Propagation(
        xy_m_BT2,
        np.arange(xy_m_BT2.shape[1]) * interval_s,
        *(values.reshape(shape) for values in traced),
    )
