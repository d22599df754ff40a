"""Reports as tensors, and the observation of a sequence: one value per heard cell and feature.

Shape letters: B sequences, T reports in time, N heard cells of a report, K heard cells of a
sequence, C cells of the map, Q measured quantities, F map features (order of `FEATURE_NAMES`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rayfix.measurement.quantities import timing_advance_step_ns
from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.physics.maps import AOA, MapTensors, wrap_360
from rayfix.physics.noise import FeatureNoise, NoiseModel
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
class Observation:
    """What a sequence says, as map features per heard cell.

    Attributes:
        cell_BK: index of each heard cell in the map, 0 where there is none, int64.
        heard_BK: whether slot K holds a cell.
        value_BKF: masked mean over time, 0 where missing; angles on the circle, [0, 360).
        valid_BKF: whether the feature was measured at least once.
        sigma_BKF: standard deviation of that mean around the map's value (see `FeatureNoise`).
        value_BTKF, valid_BTKF: the same per report.
        from_timing_advance_BK: whether the cell's ToA comes from a timing advance.
        heard_BC: whether each cell of the map was heard in any report.
        threshold_dbm_BC: a cell that was not heard was below this RSRP in every report [dBm].
        time_s_BT: time of each report since the first [s].
        report_BT: whether there is a report.
    """

    cell_BK: Tensor
    heard_BK: Tensor
    value_BKF: Tensor
    valid_BKF: Tensor
    sigma_BKF: Tensor
    value_BTKF: Tensor
    valid_BTKF: Tensor
    from_timing_advance_BK: Tensor
    heard_BC: Tensor
    threshold_dbm_BC: Tensor
    time_s_BT: Tensor
    report_BT: Tensor

    def __len__(self) -> int:
        return len(self.cell_BK)

    def __getitem__(self, index: slice | Tensor) -> Observation:
        return Observation(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def observe(reports: ReportTensors, maps: MapTensors, noise: NoiseModel) -> Observation:
    """Turn reports into map features per heard cell.

    path_gain = RSRP - EPRE (an RSRP that is missing is first restored from RSRQ or SINR of the
    same report, see `restore_rsrp`); ToA is measured, or the middle of a timing advance's interval
    for a cell without any ToA; AoA, SINR, throughput and BLER are as reported.

    Args:
        reports: B sequences of T reports.
        maps: the radio map that the cell indices refer to.
        noise: errors of the features.
    """
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

    rsrp_BTC, known_BTC = restore_rsrp(value_BTCQ, valid_BTCQ, maps)
    toa_BTC, toa_known_BTC, coarse_BC = _time_of_arrival(value_BTCQ, valid_BTCQ, maps)
    value_BTCF = value_BTCQ.new_zeros(batch, times, cells, len(FEATURE_NAMES))
    valid_BTCF = valid_BTCQ.new_zeros(batch, times, cells, len(FEATURE_NAMES))
    value_BTCF[..., PATH_GAIN], valid_BTCF[..., PATH_GAIN] = rsrp_BTC - maps.epre_dbm_C, known_BTC
    value_BTCF[..., TOA], valid_BTCF[..., TOA] = toa_BTC, toa_known_BTC
    for feature, name in _DIRECT:
        value_BTCF[..., feature] = value_BTCQ[..., _Q[name]]
        valid_BTCF[..., feature] = valid_BTCQ[..., _Q[name]]
    value_BTCF[..., AOA] = wrap_360(value_BTCF[..., AOA])

    heard_BC = heard_BTC.any(1)
    slots = max(int(heard_BC.sum(-1).max()), 1) if batch else 1
    order_BK = heard_BC.to(torch.uint8).argsort(dim=-1, descending=True, stable=True)[:, :slots]
    heard_BK = heard_BC.gather(1, order_BK)
    pick = order_BK[:, None, :, None].expand(-1, times, -1, len(FEATURE_NAMES))
    valid_BTKF = valid_BTCF.gather(2, pick) & heard_BK[:, None, :, None]
    value_BTKF = torch.where(valid_BTKF, value_BTCF.gather(2, pick), 0.0)
    coarse_BK = coarse_BC.gather(1, order_BK) & heard_BK
    mean_BKF, count_BKF = masked_mean(value_BTKF, valid_BTKF)
    return Observation(
        cell_BK=torch.where(heard_BK, order_BK, 0),
        heard_BK=heard_BK,
        value_BKF=mean_BKF,
        valid_BKF=count_BKF > 0,
        sigma_BKF=feature_sigma(noise, count_BKF.clamp(min=1.0), coarse_BK),
        value_BTKF=value_BTKF,
        valid_BTKF=valid_BTKF,
        from_timing_advance_BK=coarse_BK,
        heard_BC=heard_BC,
        threshold_dbm_BC=_threshold(rsrp_BTC, known_BTC, heard_BTC, reports, maps, noise),
        time_s_BT=reports.time_s_BT,
        report_BT=reports.report_BT,
    )


def masked_mean(value_BTKF: Tensor, valid_BTKF: Tensor) -> tuple[Tensor, Tensor]:
    """Mean over time and number of values, [B, K, F]; the mean of angles is that of unit vectors.

    The mean is 0 where there is no value.
    """
    weight = valid_BTKF.to(value_BTKF.dtype)
    count = weight.sum(1)
    mean = (value_BTKF * weight).sum(1) / count.clamp(min=1.0)
    angle = torch.deg2rad(value_BTKF[..., AOA])
    east = (torch.cos(angle) * weight[..., AOA]).sum(1)
    north = (torch.sin(angle) * weight[..., AOA]).sum(1)
    mean[..., AOA] = wrap_360(torch.rad2deg(torch.atan2(north, east)))
    return mean, count


def feature_sigma(noise: NoiseModel, count_BKF: Tensor, coarse_BK: Tensor) -> Tensor:
    """Standard deviation of a mean of `count_BKF` reports, [B, K, F] in the features' units."""

    def table(timing: FeatureNoise) -> Tensor:
        kinds = [timing if f == TOA else noise.of_feature(f) for f in range(len(FEATURE_NAMES))]
        return count_BKF.new_tensor([(kind.independent, kind.common) for kind in kinds])

    fine, coarse = table(noise.toa), table(noise.timing_advance)
    parts = torch.where(coarse_BK[..., None, None], coarse, fine)
    return (parts[..., 0].square() / count_BKF + parts[..., 1].square()).sqrt()


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
    value_BTCQ: Tensor, valid_BTCQ: Tensor, maps: MapTensors
) -> tuple[Tensor, Tensor, Tensor]:
    """ToA [ns] and its mask [B, T, C], and whether a cell's ToA comes from timing advance [B, C].

    A cell with any measured ToA uses those only: a timing advance is an order coarser.
    """
    toa, has_toa = value_BTCQ[..., _Q["toa_ns"]], valid_BTCQ[..., _Q["toa_ns"]]
    has_advance = valid_BTCQ[..., _Q["timing_advance"]]
    step_ns = [
        float(timing_advance_step_ns(s)) / 2.0 for s in maps.subcarrier_spacing_hz_C.tolist()
    ]
    from_advance = value_BTCQ[..., _Q["timing_advance"]] * toa.new_tensor(step_ns)
    coarse_BC = ~has_toa.any(1) & has_advance.any(1)
    use_advance = coarse_BC[:, None] & has_advance
    value = torch.where(use_advance, from_advance, torch.where(has_toa, toa, 0.0))
    return value, has_toa | use_advance, coarse_BC


def _threshold(
    rsrp_BTC: Tensor,
    known_BTC: Tensor,
    heard_BTC: Tensor,
    reports: ReportTensors,
    maps: MapTensors,
    noise: NoiseModel,
) -> Tensor:
    """RSRP [dBm] that a cell which was never heard stayed below, [B, C].

    It was below detection; and when the list of the report was full, below its weakest entry.
    The highest threshold of the reports counts, because one of them is enough to hide the cell.
    """
    weakest = torch.where(known_BTC, rsrp_BTC, torch.inf).amin(-1)
    full = heard_BTC.sum(-1) >= noise.max_cells
    floor = torch.where(full & torch.isfinite(weakest), weakest, -torch.inf)
    floor = torch.where(reports.report_BT, floor, -torch.inf).amax(1)
    return torch.maximum(floor[:, None], maps.noise_dbm_C + noise.detection_snr_db)
