"""What the network reads of a sequence of reports: one token per (report, heard cell).

A token holds where its cell stands and how it points, never which cell it is, so that the network
can be taken to another city. Nothing depends on the clock's zero or rate: a report's time is its
place in the sequence's span, from -1 (first) to 0 (last).

Shape letters: B sequences, T reports, N heard cells of a report, S = T * N tokens, C cells,
E evidence quantities (path gain, time of arrival, angle of arrival), I token inputs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.physics.maps import MapTensors
from rayfix.units import SPEED_OF_LIGHT_M_S

EVIDENCE = ("path_gain", "toa", "aoa")
"""Measured quantities that are compared with the map, in the order of the E axis."""

SCALES: dict[str, tuple[float, float]] = {
    "rsrp_dbm": (-90.0, 20.0),
    "rsrq_db": (-15.0, 8.0),
    "sinr_db": (5.0, 12.0),
    "cqi": (7.0, 5.0),
    "ri": (2.0, 1.0),
    "timing_advance": (5.0, 5.0),
    "toa_ns": (600.0, 500.0),
    "throughput_mbps": (200.0, 200.0),
    "bler": (0.1, 0.2),
    "beam_id": (16.0, 16.0),
}
"""Typical value and spread of each quantity that enters a token as a number; `pmi` is an index
without an order and does not enter, angles enter as unit vectors."""

NUMBERS = [QUANTITIES.index(name) for name in SCALES]
RSRP, RSRQ, TA, TOA, AOA_DEG = (
    QUANTITIES.index(name)
    for name in ("rsrp_dbm", "rsrq_db", "timing_advance", "toa_ns", "aoa_deg")
)
METRES = 250.0
"""Lengths enter divided by half of a typical map side [m]."""

TOKEN_INPUTS = 2 * len(NUMBERS) + 25


@dataclass(frozen=True)
class RadioInputs:
    """Tokens of B sequences.

    Attributes:
        token_BSI: inputs of each token, 0 where something is missing.
        mask_BS: whether the token exists.
        cell_BS: index of its cell, 0 where there is no token.
        observed_BSE: path gain [dB], time of arrival [ns], bearing of arrival [deg]; 0 = missing.
        observed_mask_BSE: whether each is there.
        age_BS: time of the report, -1 = first of the sequence, 0 = last.
    """

    token_BSI: Tensor
    mask_BS: Tensor
    cell_BS: Tensor
    observed_BSE: Tensor
    observed_mask_BSE: Tensor
    age_BS: Tensor


def radio_inputs(batch: ReportBatch, maps: MapTensors) -> RadioInputs:
    """Tokens of a batch of report sequences heard in the cells of `maps`."""
    device = maps.device
    cell_BTN = torch.from_numpy(batch.cell_BTN).to(device)
    values = torch.from_numpy(batch.values_BTNQ).to(device)
    time_BT = torch.from_numpy(batch.time_s_BT).to(device)
    B, T, N = cell_BTN.shape
    mask_BTN = (cell_BTN >= 0) & torch.isfinite(time_BT)[..., None]
    cell_BTN = cell_BTN.clamp_min(0)

    known = torch.isfinite(values) & mask_BTN[..., None]
    values = torch.where(known, values, values.new_zeros(()))
    rsrp, known_rsrp = _complete_rsrp(values, known)
    toa, known_toa = _time_of_arrival(values, known, maps.subcarrier_spacing_hz_C[cell_BTN])
    aoa = torch.deg2rad(values[..., AOA_DEG])
    known_aoa = known[..., AOA_DEG]

    numbers = [
        (values[..., NUMBERS] - values.new_tensor([s[0] for s in SCALES.values()]))
        / values.new_tensor([s[1] for s in SCALES.values()])
        * known[..., NUMBERS],
        known[..., NUMBERS].float(),
    ]
    strongest = rsrp.masked_fill(~known_rsrp, -200.0).flatten(2).amax(-1)[..., None]
    path_gain = rsrp - maps.epre_dbm_C[cell_BTN]
    xyz = maps.cell_xyz_m_C3[cell_BTN] - xyz_centre(maps)
    bearing = torch.deg2rad(maps.cell_bearing_deg_C[cell_BTN])
    # Where the phone would be if the first path came straight from it.
    range_m = toa * (1e-9 * SPEED_OF_LIGHT_M_S)
    pinned = known_toa & known_aoa
    age_BTN = _age(time_BT)[..., None].expand(B, T, N)
    columns = [
        (path_gain + 95.0) / 20.0 * known_rsrp,
        known_rsrp.float(),
        (rsrp - strongest) / 15.0 * known_rsrp,
        toa / 500.0 * known_toa,
        known_toa.float(),
        torch.cos(aoa) * known_aoa,
        torch.sin(aoa) * known_aoa,
        known_aoa.float(),
        torch.cos(aoa - bearing) * known_aoa,
        torch.sin(aoa - bearing) * known_aoa,
        (xyz[..., 0] + range_m * torch.sin(aoa)) / METRES * pinned,
        (xyz[..., 1] + range_m * torch.cos(aoa)) / METRES * pinned,
        pinned.float(),
        xyz[..., 0] / METRES,
        xyz[..., 1] / METRES,
        xyz[..., 2] / 30.0,
        torch.cos(bearing),
        torch.sin(bearing),
        maps.cell_downtilt_deg_C[cell_BTN] / 10.0,
        maps.epre_dbm_C[cell_BTN] / 20.0,
        age_BTN,
        *(torch.sin(age_BTN * (math.pi * k)) for k in (0.5, 1.5)),
        *(torch.cos(age_BTN * (math.pi * k)) for k in (0.5, 1.5)),
    ]
    token = torch.cat([*numbers, torch.stack(columns, -1)], -1) * mask_BTN[..., None]
    observed = torch.stack([path_gain, toa, torch.rad2deg(aoa)], -1)
    observed_mask = torch.stack([known_rsrp, known_toa, known_aoa], -1)
    return RadioInputs(
        token.flatten(1, 2),
        mask_BTN.flatten(1),
        cell_BTN.flatten(1),
        (observed * observed_mask).flatten(1, 2),
        observed_mask.flatten(1, 2),
        age_BTN.flatten(1),
    )


def xyz_centre(maps: MapTensors) -> Tensor:
    """Centre of the map on the ground [m], shape [3]: positions enter relative to it."""
    return maps.cell_xyz_m_C3.new_tensor(
        [(maps.x_min_m + maps.x_max_m) / 2, (maps.y_min_m + maps.y_max_m) / 2, 0.0]
    )


def _age(time_BT: Tensor) -> Tensor:
    """Place of each report in its sequence's span, -1..0; 0 where there is no report."""
    there = torch.isfinite(time_BT)
    last = time_BT.masked_fill(~there, float("-inf")).amax(1, keepdim=True)
    first = time_BT.masked_fill(~there, float("inf")).amin(1, keepdim=True)
    span = (last - first).clamp_min(1e-9)
    return torch.where(there, (time_BT - last) / span, torch.zeros_like(time_BT)).nan_to_num(0.0)


def _complete_rsrp(values: Tensor, known: Tensor) -> tuple[Tensor, Tensor]:
    """RSRP, measured or recovered from RSRQ.

    RSRQ = N_RB RSRP / RSSI (TS 38.215, 5.1.3), and RSSI is common to the cells of one report on
    one carrier: where another cell has both, its RSRP - RSRQ fills in for a missing RSRP.
    """
    both = known[..., RSRP] & known[..., RSRQ]
    difference = (values[..., RSRP] - values[..., RSRQ]) * both
    count = both.sum(-1, keepdim=True)
    common = difference.sum(-1, keepdim=True) / count.clamp_min(1)
    recoverable = ~known[..., RSRP] & known[..., RSRQ] & (count > 0)
    rsrp = torch.where(recoverable, values[..., RSRQ] + common, values[..., RSRP])
    return rsrp, known[..., RSRP] | recoverable


def _time_of_arrival(values: Tensor, known: Tensor, spacing_hz: Tensor) -> tuple[Tensor, Tensor]:
    """One-way time of flight [ns]: as measured, else from the timing advance.

    A step of the round trip is 16 x 64 / 2^mu T_c (TS 38.213, 4.2) = 520.83 ns at 15 kHz.
    """
    from_advance = values[..., TA] * (0.5 * 1024.0 * 1e9 / (480e3 * 4096.0) * 15e3) / spacing_hz
    toa = torch.where(known[..., TOA], values[..., TOA], from_advance)
    return toa, known[..., TOA] | known[..., TA]
