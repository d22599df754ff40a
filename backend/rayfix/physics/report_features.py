"""Reports on a device, and what they say as map features per report and cell.

Shape letters: B sequences, T reports in time, N heard cells of a report, C cells of the map,
Q measured quantities, F map features (order of `FEATURE_NAMES`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rayfix.measurement.quantities import timing_advance_step_ns
from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.physics.maps import AOA, MapTensors, wrap_360
from rayfix.radio_map.radio_map import FEATURE_NAMES

PATH_GAIN, TOA, SINR = (FEATURE_NAMES.index(name) for name in ("path_gain", "toa", "sinr"))
THROUGHPUT, BLER = FEATURE_NAMES.index("throughput"), FEATURE_NAMES.index("bler")
_Q = {name: index for index, name in enumerate(QUANTITIES)}
_DIRECT = ((AOA, "aoa_deg"), (SINR, "sinr_db"), (THROUGHPUT, "throughput_mbps"), (BLER, "bler"))


@dataclass(frozen=True)
class ReportTensors:
    """`ReportBatch` on a device.

    Attributes:
        cell_BTN: index of each heard cell in the map, -1 where there is none, int64.
        values_BTNQ: measured values in the order of `QUANTITIES`, 0 where missing.
        valid_BTNQ: whether the value was measured.
        time_s_BT: time since the sequence's first report [s], 0 where there is no report.
        report_BT: whether there is a report.
    """

    cell_BTN: Tensor
    values_BTNQ: Tensor
    valid_BTNQ: Tensor
    time_s_BT: Tensor
    report_BT: Tensor

    @classmethod
    def from_batch(cls, batch: ReportBatch, device: torch.device | str = "cpu") -> ReportTensors:
        """Copy a batch to a device; NaN becomes a mask."""
        values = torch.from_numpy(batch.values_BTNQ).to(device)
        time = torch.from_numpy(batch.time_s_BT).to(device)
        cell = torch.from_numpy(batch.cell_BTN).to(device)
        valid = torch.isfinite(values) & (cell >= 0)[..., None]
        return cls(
            cell_BTN=cell,
            values_BTNQ=torch.where(valid, values, 0.0),
            valid_BTNQ=valid,
            time_s_BT=time.nan_to_num(0.0),
            report_BT=torch.isfinite(time),
        )

    def __len__(self) -> int:
        return len(self.cell_BTN)

    def __getitem__(self, index: slice | Tensor) -> ReportTensors:
        return ReportTensors(
            self.cell_BTN[index],
            self.values_BTNQ[index],
            self.valid_BTNQ[index],
            self.time_s_BT[index],
            self.report_BT[index],
        )


@dataclass(frozen=True)
class ReportFeatures:
    """Map features that each report gives of each cell of the map.

    Attributes:
        value_BTCF, valid_BTCF: features in their units, 0 where missing, and whether they are
            known; AoA in [0, 360).
        rsrp_dbm_BTC: RSRP, known where path gain is [dBm].
        heard_BTC: whether the report names the cell.
        coarse_toa_BC: whether the cell's ToA comes from timing advance.
        toa_step_ns_C: one-way time of one timing advance step [ns].
    """

    value_BTCF: Tensor
    valid_BTCF: Tensor
    rsrp_dbm_BTC: Tensor
    heard_BTC: Tensor
    coarse_toa_BC: Tensor
    toa_step_ns_C: Tensor


def report_features(reports: ReportTensors, maps: MapTensors) -> ReportFeatures:
    """Sort measured quantities by cell and turn them into map features; see `observe`."""
    batch, times, _ = reports.cell_BTN.shape
    cells = maps.shape[0]
    present = reports.cell_BTN >= 0
    # A slot without a cell goes to column C, which is cut off.
    target = torch.where(present, reports.cell_BTN, cells)
    quantities = len(QUANTITIES)
    index = target[..., None].expand(-1, -1, -1, quantities)
    shape = (batch, times, cells + 1, quantities)
    value_BTCQ = reports.values_BTNQ.new_zeros(shape).scatter(2, index, reports.values_BTNQ)
    valid_BTCQ = reports.valid_BTNQ.new_zeros(shape).scatter(2, index, reports.valid_BTNQ)
    heard_BTC = present.new_zeros(shape[:3]).scatter(2, target, present)[:, :, :cells]
    value_BTCQ, valid_BTCQ = value_BTCQ[:, :, :cells], valid_BTCQ[:, :, :cells]

    step_C = value_BTCQ.new_tensor(
        [float(timing_advance_step_ns(s)) / 2.0 for s in maps.subcarrier_spacing_hz_C.tolist()]
    )
    rsrp_BTC, known_BTC = restore_rsrp(value_BTCQ, valid_BTCQ, maps)
    toa_BTC, toa_known_BTC, coarse_BC = _time_of_arrival(value_BTCQ, valid_BTCQ, step_C)
    value_BTCF = value_BTCQ.new_zeros(batch, times, cells, len(FEATURE_NAMES))
    valid_BTCF = valid_BTCQ.new_zeros(batch, times, cells, len(FEATURE_NAMES))
    value_BTCF[..., PATH_GAIN], valid_BTCF[..., PATH_GAIN] = rsrp_BTC - maps.epre_dbm_C, known_BTC
    value_BTCF[..., TOA], valid_BTCF[..., TOA] = toa_BTC, toa_known_BTC
    for feature, name in _DIRECT:
        value_BTCF[..., feature] = value_BTCQ[..., _Q[name]]
        valid_BTCF[..., feature] = valid_BTCQ[..., _Q[name]]
    value_BTCF[..., AOA] = wrap_360(value_BTCF[..., AOA])
    return ReportFeatures(value_BTCF, valid_BTCF, rsrp_BTC, heard_BTC, coarse_BC, step_C)


def restore_rsrp(value_BTCQ: Tensor, valid_BTCQ: Tensor, maps: MapTensors) -> tuple[Tensor, Tensor]:
    """RSRP [dBm] per report and cell, missing ones restored from RSRQ or SINR of the same report.

    All cells of a carrier share one RSSI, and RSRQ = N_RB RSRP / RSSI (TS 38.215, 5.1.3). Every
    cell with both quantities gives that RSSI; RSRP of a cell with RSRQ or SINR alone follows.

    Returns:
        RSRP, 0 where unknown, and whether it is known; both [B, T, C].
    """
    rsrp, rsrq = value_BTCQ[..., _Q["rsrp_dbm"]], value_BTCQ[..., _Q["rsrq_db"]]
    known, has_rsrq = valid_BTCQ[..., _Q["rsrp_dbm"]], valid_BTCQ[..., _Q["rsrq_db"]]
    both = (known & has_rsrq).to(rsrp.dtype)
    same_CC = (maps.carrier_hz_C[:, None] == maps.carrier_hz_C[None, :]).to(rsrp.dtype)
    count = both @ same_CC
    # RSSI per resource element [dBm], mean over the cells that have both, of the same carrier.
    density = ((rsrp - rsrq) * both) @ same_CC / count.clamp(min=1.0)
    from_rsrq = ~known & has_rsrq & (count > 0)
    # SINR s = P / (R - l P) with R = all received power over 12 and l the cell's own load, hence
    # P = s R / (1 + l s); R in dBm is `density` - 10 log10(12).
    sinr, has_sinr = value_BTCQ[..., _Q["sinr_db"]], valid_BTCQ[..., _Q["sinr_db"]]
    share_db = sinr - 10.0 * torch.log10(1.0 + maps.load_C * 10.0 ** (sinr / 10.0))
    from_sinr = ~known & ~from_rsrq & has_sinr & (count > 0)
    total_db = density - 10.0 * torch.log10(density.new_tensor(12.0))
    restored = torch.where(from_rsrq, rsrq + density, torch.where(known, rsrp, 0.0))
    restored = torch.where(from_sinr, share_db + total_db, restored)
    return restored, known | from_rsrq | from_sinr


def _time_of_arrival(
    value_BTCQ: Tensor, valid_BTCQ: Tensor, step_ns_C: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """ToA [ns] and its mask [B, T, C], and whether a cell's ToA comes from timing advance [B, C].

    A cell with any measured ToA uses those only: a timing advance is an order coarser.
    """
    toa, has_toa = value_BTCQ[..., _Q["toa_ns"]], valid_BTCQ[..., _Q["toa_ns"]]
    has_advance = valid_BTCQ[..., _Q["timing_advance"]]
    from_advance = value_BTCQ[..., _Q["timing_advance"]] * step_ns_C
    coarse_BC = ~has_toa.any(1) & has_advance.any(1)
    use_advance = coarse_BC[:, None] & has_advance
    value = torch.where(use_advance, from_advance, torch.where(has_toa, toa, 0.0))
    return value, has_toa | use_advance, coarse_BC
