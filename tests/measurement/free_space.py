"""A small analytic world for tests: free space, three sites, exact without a ray tracer."""

from __future__ import annotations

import numpy as np

from rayfix.measurement.propagation import Float64, PathDetail, Propagation
from rayfix.measurement.recording import Traced
from rayfix.scene.cell import Cell

CELLS = tuple(
    Cell(cell_id=f"{site}-{s}", site_id=site, x_m=x, y_m=y, z_m=25, bearing_deg=120 * s)
    for site, x, y in (("A", -150.0, -100.0), ("B", 160.0, -80.0), ("C", 0.0, 170.0))
    for s in range(3)
)


def trace(xy_m_N2: Float64, cells: tuple[Cell, ...] = CELLS, with_detail: bool = False) -> Traced:
    """Friis path gain with a cosine-shaped sector, time of flight and bearing at the cell."""
    at = np.array([(c.x_m, c.y_m, c.z_m) for c in cells])
    dx = xy_m_N2[:, None, 0] - at[:, 0]
    dy = xy_m_N2[:, None, 1] - at[:, 1]
    distance = np.sqrt(dx**2 + dy**2 + (at[:, 2] - 1.5) ** 2)
    bearing = np.degrees(np.arctan2(dx, dy)) % 360
    off = np.radians(bearing - np.array([c.bearing_deg for c in cells]))
    gain = -20 * np.log10(4 * np.pi * distance * 3.5e9 / 299792458.0) + 8 * np.cos(off)
    as_f4 = [v.astype(np.float32) for v in (gain, distance / 0.299792458, bearing)]
    detail = free_detail(np.stack([dx, dy], -1), at[:, 2] - 1.5, off) if with_detail else {}
    return Traced(as_f4[0], as_f4[1], as_f4[2], np.ones(gain.shape, bool), detail)


def free_detail(way_NC2: Float64, height_C: Float64, off_NC: Float64) -> dict[str, np.ndarray]:
    """What `PathDetail` is with the direct path alone: two equal layers, a beam per 22.5 deg."""
    bearing = np.degrees(np.arctan2(way_NC2[..., 0], way_NC2[..., 1])) % 360
    zenith = 90 + np.degrees(np.arctan2(height_C, np.linalg.norm(way_NC2, axis=-1)))
    beam = np.clip(np.floor(4 + np.sin(off_NC) * 4), 0, 7)
    still = np.zeros_like(bearing)
    values = {
        "delay_spread_ns": still, "k_factor_db": still + np.inf,
        "departure_azimuth_deg": bearing, "departure_zenith_deg": zenith,
        "arrival_azimuth_deg": (bearing + 180) % 360, "arrival_zenith_deg": 180 - zenith,
        "beam_gain_db": np.where(np.arange(8) == beam[..., None], 9.0, -11.0),
        "layer_ratio_db": still, "pmi_rank1_gain_db": still, "pmi_rank1": still,
        "pmi_rank2": still,
    }  # fmt: skip
    return {name: array.astype(np.float32) for name, array in values.items()}


def propagation(
    xy_m_BT2: Float64, interval_s: float = 0.2, with_detail: bool = False
) -> Propagation:
    """`trace` along sequences."""
    traced = trace(xy_m_BT2.reshape(-1, 2), with_detail=with_detail)
    shape = (*xy_m_BT2.shape[:2], len(CELLS))
    detail = {name: v.reshape(*shape, *v.shape[2:]) for name, v in traced.detail.items()}
    return Propagation(
        xy_m_BT2,
        np.arange(xy_m_BT2.shape[1]) * interval_s,
        traced.path_gain_db.reshape(shape),
        traced.toa_ns.reshape(shape),
        traced.aoa_deg.reshape(shape),
        traced.los.reshape(shape),
        PathDetail(**detail) if detail else None,
    )
