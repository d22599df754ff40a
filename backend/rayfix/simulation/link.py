"""Link quality from path gain: SNR, SINR, throughput and block error rate.

One downlink layer over the whole carrier, after link adaptation; the error rates are Sionna SYS'
tables for the PDSCH (simulated LDPC code blocks), which span MCS 2 (about -2.5 dB) to MCS 26 and
end at 25 dB; the transport block sizes are those of TS 38.214, 5.1.3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from rayfix.errors import InvalidInputError
from rayfix.scene.cell import Cell
from rayfix.scene.detection import noise_dbm
from rayfix.units import UE_NOISE_FIGURE_DB, db_to_linear, linear_to_db

FloatArray = npt.NDArray[np.float32]

MCS_TABLE = 2
"""MCS index table of the PDSCH with up to 256QAM (TS 38.214, table 5.1.3.1-2)."""
BLER_TARGET = 0.1
"""Transport block error probability that link adaptation allows (TS 38.214, 5.2.2.1)."""
DATA_SYMBOLS = 12
"""OFDM symbols of a slot that carry data: 14 less one for control and one for DM-RS."""
SINR_GRID_DB = np.arange(-12.0, 40.0 + 1e-9, 0.1)
"""Where the tables are evaluated [dB]; values between are interpolated, outside they are held."""


@dataclass(frozen=True)
class LinkTable:
    """Adapted link by SINR on `SINR_GRID_DB`."""

    mcs: npt.NDArray[np.int64]
    """Highest MCS index that keeps the target, or the lowest of the table."""
    bler: npt.NDArray[np.float64]
    """Transport block error rate with it, 0 to 1."""
    throughput_mbps: npt.NDArray[np.float64]
    """Expected rate of error-free transport blocks [Mbit/s]."""


@lru_cache(maxsize=16)
def link_table(resource_blocks: int, subcarrier_spacing_hz: float) -> LinkTable:
    """Link adaptation over a carrier of this many resource blocks."""
    import sionna.sys
    import torch
    from sionna.phy.nr.utils import calculate_tb_size, decode_mcs_index
    from sionna.sys import InnerLoopLinkAdaptation, PHYAbstraction

    sinr = torch.from_numpy(db_to_linear(SINR_GRID_DB)).float()
    elements = torch.full_like(sinr, resource_blocks * 12 * DATA_SYMBOLS, dtype=torch.int32)
    pdsch = {"mcs_table_index": MCS_TABLE, "mcs_category": 1}
    tables = Path(sionna.sys.__file__).parent / "bler_tables"
    abstraction = PHYAbstraction(
        # only this table: interpolating all six takes half a minute
        load_bler_tables_from=[str(tables / f"PDSCH_table{MCS_TABLE}.json")],
        snr_db_interp_min_max_delta=(float(SINR_GRID_DB[0]), 32.0, 0.1),
        device="cpu",
    )
    adaptation = InnerLoopLinkAdaptation(abstraction, BLER_TARGET, device="cpu")
    mcs = adaptation(sinr_eff=sinr, num_allocated_re=elements, **pdsch)
    *_, error_rate, _ = abstraction(mcs, sinr_eff=sinr, num_allocated_re=elements, **pdsch)
    bits_per_symbol, code_rate = decode_mcs_index(
        mcs, table_index=MCS_TABLE, is_pusch=False, device="cpu"
    )
    block_bits = calculate_tb_size(
        bits_per_symbol,
        code_rate,
        num_coded_bits=bits_per_symbol * elements,
        return_cw_length=False,
        device="cpu",
    )[0]
    bler = np.clip(error_rate.double().numpy(), 0.0, 1.0)
    slots_per_second = 1000.0 * subcarrier_spacing_hz / 15e3
    return LinkTable(
        mcs=mcs.numpy().astype(np.int64),
        bler=bler,
        throughput_mbps=block_bits.double().numpy() * (1.0 - bler) * slots_per_second * 1e-6,
    )


def link_features(
    path_gain_db: npt.ArrayLike,
    cells: Sequence[Cell],
    noise_figure_db: float = UE_NOISE_FIGURE_DB,
) -> dict[str, FloatArray]:
    """SNR, SINR, throughput and block error rate of every cell.

    Per resource element: SNR is the RSRP over thermal noise with the UE's noise figure
    (`detection`); SINR adds every other cell of the same carrier, weighted with its load. A UE is
    given all resource blocks.

    Args:
        path_gain_db: [dB], shape [C, ...]; NaN where there is no path.
        cells: the C cells.
        noise_figure_db: of the UE's receiver.
    Returns:
        `snr_db`, `sinr_db` [dB], `throughput_mbps` [Mbit/s], `bler` [0..1], each float32 with the
        shape of `path_gain_db`, NaN where the cell has no path.
    Raises:
        InvalidInputError: the first axis is not that of the cells.
    """
    gain_db = np.asarray(path_gain_db, float)
    if gain_db.ndim == 0 or len(gain_db) != len(cells):
        raise InvalidInputError("path_gain_db", f"shape [{len(cells)}, ...] is expected")
    received = np.empty_like(gain_db)
    for index, cell in enumerate(cells):
        received[index] = db_to_linear(gain_db[index] + cell.energy_per_resource_element_dbm)
    heard = np.nan_to_num(received)
    interference: dict[float, npt.NDArray[np.float64]] = {}
    for index, cell in enumerate(cells):
        so_far = interference.setdefault(cell.carrier_hz, np.zeros(gain_db.shape[1:]))
        so_far += cell.load * heard[index]
    names = ("snr_db", "sinr_db", "throughput_mbps", "bler")
    found = {name: np.empty(gain_db.shape, np.float32) for name in names}
    for index, cell in enumerate(cells):
        noise = float(db_to_linear(noise_dbm(cell.subcarrier_spacing_hz, noise_figure_db)))
        others = np.maximum(interference[cell.carrier_hz] - cell.load * heard[index], 0.0)
        sinr_db = linear_to_db(received[index] / (noise + others))
        table = link_table(cell.resource_blocks, cell.subcarrier_spacing_hz)
        found["snr_db"][index] = linear_to_db(received[index] / noise)
        found["sinr_db"][index] = sinr_db
        found["throughput_mbps"][index] = np.interp(sinr_db, SINR_GRID_DB, table.throughput_mbps)
        found["bler"][index] = np.interp(sinr_db, SINR_GRID_DB, table.bler)
    return found
