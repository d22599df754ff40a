"""The observation of a sequence of reports: one value per heard cell and map feature.

Shape letters: B sequences, T reports in time, K heard cells of a sequence, C cells of the map,
F map features (order of `FEATURE_NAMES`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rayfix.physics.clock import level_of_cells
from rayfix.physics.maps import AOA, MapTensors, wrap_360
from rayfix.physics.noise import FeatureNoise, NoiseModel
from rayfix.physics.report_features import (
    PATH_GAIN,
    TOA,
    ReportFeatures,
    ReportTensors,
    report_features,
)
from rayfix.radio_map.radio_map import FEATURE_NAMES


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
        interval_ns_BK: width of the interval whose middle such a ToA is [ns]; `sigma_BKF` comes on
            top. 0 for a measured ToA, and where the index changed within the sequence: the ToA is
            then a border between two intervals, which is known sharply.
        clock_offset_ns_B: standard deviation of the offset that all ToAs of a sequence but those
            of timing advances share [ns]; 0 = none.
        heard_BC: whether each cell of the map was heard in any report.
        listened_BC: whether a cell that was not heard was listened for: only then is its silence
            evidence.
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
    interval_ns_BK: Tensor
    clock_offset_ns_B: Tensor
    heard_BC: Tensor
    listened_BC: Tensor
    threshold_dbm_BC: Tensor
    time_s_BT: Tensor
    report_BT: Tensor

    def __len__(self) -> int:
        return len(self.cell_BK)

    @property
    def one_way_BK(self) -> Tensor:
        """Whether the cell's ToA was measured one way: only then the phone's clock is in it."""
        return self.valid_BKF[..., TOA] & ~self.from_timing_advance_BK

    @property
    def spread_BKF(self) -> Tensor:
        """`sigma_BKF` with the interval of a timing advance included."""
        spread_BKF = self.sigma_BKF.clone()
        spread_BKF[..., TOA] = torch.hypot(spread_BKF[..., TOA], self.interval_ns_BK / 12**0.5)
        return spread_BKF

    def __getitem__(self, index: slice | Tensor) -> Observation:
        return Observation(*(getattr(self, name)[index] for name in self.__dataclass_fields__))


def observe(
    reports: ReportTensors,
    maps: MapTensors,
    noise: NoiseModel,
    listened_BC: Tensor | None = None,
) -> Observation:
    """Turn reports into map features per heard cell.

    path_gain = RSRP - EPRE (an RSRP that is missing is first restored from RSRQ or SINR of the
    same report, see `restore_rsrp`); ToA is measured, or the middle of a timing advance's interval
    for a cell without any ToA; AoA, SINR, throughput and BLER are as reported. Where phones may
    have a clock offset, it stays in the values, but evenly so (`clock.level_of_cells`).

    Args:
        reports: B sequences of T reports.
        maps: the radio map that the cell indices refer to.
        noise: errors of the features.
        listened_BC: cells that were listened for; None = all.
    """
    per_cell = report_features(reports, maps)
    batch, times, _ = per_cell.heard_BTC.shape
    heard_BC = per_cell.heard_BTC.any(1)
    slots = max(int(heard_BC.sum(-1).max()), 1) if batch else 1
    order_BK = heard_BC.to(torch.uint8).argsort(dim=-1, descending=True, stable=True)[:, :slots]
    heard_BK = heard_BC.gather(1, order_BK)
    pick = order_BK[:, None, :, None].expand(-1, times, -1, len(FEATURE_NAMES))
    valid_BTKF = per_cell.valid_BTCF.gather(2, pick) & heard_BK[:, None, :, None]
    valid_BTKF = valid_BTKF & maps.known_F  # what the map lacks cannot be compared
    value_BTKF = torch.where(valid_BTKF, per_cell.value_BTCF.gather(2, pick), 0.0)
    coarse_BK = per_cell.coarse_toa_BC.gather(1, order_BK) & heard_BK
    mean_BKF, count_BKF = masked_mean(value_BTKF, valid_BTKF)
    middle_BK, width_BK = _advance_interval(
        value_BTKF[..., TOA], valid_BTKF[..., TOA], per_cell.toa_step_ns_C[order_BK]
    )
    if noise.clock_offset_ns:
        fine_BTK = valid_BTKF[..., TOA] & ~coarse_BK[:, None]
        mean_BKF[..., TOA] = level_of_cells(value_BTKF[..., TOA], fine_BTK)
    mean_BKF[..., TOA] = torch.where(coarse_BK, middle_BK, mean_BKF[..., TOA])
    return Observation(
        cell_BK=torch.where(heard_BK, order_BK, 0),
        heard_BK=heard_BK,
        value_BKF=mean_BKF,
        valid_BKF=count_BKF > 0,
        sigma_BKF=feature_sigma(noise, count_BKF.clamp(min=1.0), coarse_BK),
        value_BTKF=value_BTKF,
        valid_BTKF=valid_BTKF,
        from_timing_advance_BK=coarse_BK,
        interval_ns_BK=torch.where(coarse_BK, width_BK, 0.0),
        clock_offset_ns_B=heard_BC.new_full((batch,), noise.clock_offset_ns, dtype=torch.float32),
        heard_BC=heard_BC,
        listened_BC=torch.ones_like(heard_BC) if listened_BC is None else listened_BC,
        threshold_dbm_BC=_threshold(per_cell, reports.report_BT, maps, noise),
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


def _advance_interval(
    value_BTK: Tensor, valid_BTK: Tensor, step_ns_BK: Tensor
) -> tuple[Tensor, Tensor]:
    """Middle and width [ns] of what the timing advances of a sequence leave possible, [B, K].

    One index leaves an interval of one step around its middle; an index that changes puts the ToA
    near the border (for a moving phone: at the middle of the way).
    """
    low_BK = torch.where(valid_BTK, value_BTK, torch.inf).amin(1)
    high_BK = torch.where(valid_BTK, value_BTK, -torch.inf).amax(1)
    some_BK = valid_BTK.any(1)
    middle_BK = torch.where(some_BK, 0.5 * (low_BK + high_BK), 0.0)
    width_BK = (step_ns_BK - torch.where(some_BK, high_BK - low_BK, 0.0)).clamp(min=0.0)
    # Float noise must not leave an interval of nothing.
    return middle_BK, torch.where(width_BK > 0.01 * step_ns_BK, width_BK, 0.0)


def _threshold(
    per_cell: ReportFeatures, report_BT: Tensor, maps: MapTensors, noise: NoiseModel
) -> Tensor:
    """RSRP [dBm] that a cell which was never heard stayed below, [B, C].

    It was below detection; and when the list of the report was full, below its weakest entry.
    The highest threshold of the reports counts, because one of them is enough to hide the cell.
    """
    known_BTC = per_cell.valid_BTCF[..., PATH_GAIN]
    weakest_BT = torch.where(known_BTC, per_cell.rsrp_dbm_BTC, torch.inf).amin(-1)
    full_BT = (per_cell.heard_BTC.sum(-1) >= noise.max_cells) & torch.isfinite(weakest_BT)
    floor_B = torch.where(full_BT & report_BT, weakest_BT, -torch.inf).amax(1)
    return torch.maximum(floor_B[:, None], maps.noise_dbm_C + noise.detection_snr_db)
