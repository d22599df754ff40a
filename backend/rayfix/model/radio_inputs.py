"""What the network reads of a sequence of reports: one token per (report, heard cell).

A token holds where its cell stands and how it points, never which cell it is, so that the network
can be taken to another city. Nothing depends on the clock's zero or rate: a report's time is its
place in the sequence's span, from -1 (first) to 0 (last).

Shape letters: B sequences, T reports, K heard cells of a sequence, S = T * K tokens,
F map features, I token inputs.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from rayfix.physics.maps import AOA, MapTensors
from rayfix.physics.observation import Observation
from rayfix.physics.report_features import BLER, PATH_GAIN, SINR, THROUGHPUT, TOA
from rayfix.units import SPEED_OF_LIGHT_M_S

SCALES = {
    PATH_GAIN: (-95.0, 20.0),
    TOA: (500.0, 500.0),
    SINR: (5.0, 12.0),
    THROUGHPUT: (200.0, 200.0),
    BLER: (0.1, 0.2),
}
"""Typical value and spread of each feature that enters a token as a number [dB, ns, dB, Mbit/s, 1];
angles enter as unit vectors."""
METRES = 250.0
"""Lengths enter divided by half of a typical map side [m]."""
TOKEN_INPUTS = 2 * len(SCALES) + 26


class RadioInputs(NamedTuple):
    """Tokens [B, S, I], 0 where something is missing, and whether each token exists [B, S]."""

    token_BSI: Tensor
    mask_BS: Tensor


def radio_inputs(observation: Observation, maps: MapTensors) -> RadioInputs:
    """Tokens of a batch of observed sequences."""
    value, known = observation.value_BTKF, observation.valid_BTKF
    B, T, K, _ = value.shape
    cell_BTK = observation.cell_BK[:, None].expand(B, T, K)
    mask_BTK = known.any(-1) & observation.report_BT[..., None]

    index = list(SCALES)
    middle, scale = value.new_tensor(list(SCALES.values())).unbind(1)
    numbers = (value[..., index] - middle) / scale * known[..., index]
    aoa, known_aoa = torch.deg2rad(value[..., AOA]), known[..., AOA]
    toa, known_toa = value[..., TOA], known[..., TOA]
    gain, known_gain = value[..., PATH_GAIN], known[..., PATH_GAIN]
    rsrp = gain + maps.epre_dbm_C[cell_BTK]
    strongest = rsrp.masked_fill(~known_gain, -200.0).amax((1, 2), keepdim=True)
    centre = maps.cell_xyz_m_C3.new_tensor(
        [(maps.x_min_m + maps.x_max_m) / 2, (maps.y_min_m + maps.y_max_m) / 2, 0.0]
    )
    xyz = maps.cell_xyz_m_C3[cell_BTK] - centre
    bearing = torch.deg2rad(maps.cell_bearing_deg_C[cell_BTK])
    # Where the phone would be if the first path came straight from it.
    range_m = toa * (1e-9 * SPEED_OF_LIGHT_M_S)
    pinned = known_toa & known_aoa
    age = age_of(observation)[..., None].expand(B, T, K)
    columns = [
        (rsrp - strongest) / 15.0 * known_gain,
        aoa.cos() * known_aoa,
        aoa.sin() * known_aoa,
        known_aoa,
        (aoa - bearing).cos() * known_aoa,
        (aoa - bearing).sin() * known_aoa,
        (xyz[..., 0] + range_m * aoa.sin()) / METRES * pinned,
        (xyz[..., 1] + range_m * aoa.cos()) / METRES * pinned,
        pinned,
        observation.from_timing_advance_BK[:, None].expand(B, T, K),
        xyz[..., 0] / METRES,
        xyz[..., 1] / METRES,
        xyz[..., 2] / 30.0,
        bearing.cos(),
        bearing.sin(),
        maps.cell_downtilt_deg_C[cell_BTK] / 10.0,
        maps.epre_dbm_C[cell_BTK] / 20.0,
        age,
        *((age * (math.pi * k)).sin() for k in (0.5, 1.5, 2.5, 3.5)),
        *((age * (math.pi * k)).cos() for k in (0.5, 1.5, 2.5, 3.5)),
    ]
    columns = [column.to(value.dtype) for column in columns]
    token = torch.cat([numbers, known[..., index].to(value.dtype), torch.stack(columns, -1)], -1)
    return RadioInputs((token * mask_BTK[..., None]).flatten(1, 2), mask_BTK.flatten(1))


def age_of(observation: Observation) -> Tensor:
    """Place of each report in its sequence's span, -1 to 0; 0 where there is no report, [B, T]."""
    there, time = observation.report_BT, observation.time_s_BT
    last = time.masked_fill(~there, float("-inf")).amax(1, keepdim=True)
    first = time.masked_fill(~there, float("inf")).amin(1, keepdim=True)
    age = (time - last) / (last - first).clamp_min(1e-9)
    return torch.where(there, age, 0.0)
