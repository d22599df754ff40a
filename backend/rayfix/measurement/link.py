"""The link layer of a report: what a phone makes of one cell's signal.

RSRP, RSRQ, SINR and CQI are in `quantities`. Beams, rank and precoder need the recorded detail of
the paths (`propagation.PathDetail`).

Shape letters: B sequences, T reports, C cells, A beams.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rayfix.errors import MissingExtraError
from rayfix.measurement.propagation import Float64, PathDetail
from rayfix.measurement.quantities import CQI_EFFICIENCY, SHANNON_ATTENUATION, noise_dbm
from rayfix.scene.cell import Cell
from rayfix.units import db_to_linear

BLOCKS_PER_REPORT = 400
"""Transport blocks that a measured BLER is the mean of: one per slot of 0.5 ms over 200 ms."""


def snr_db(rsrp: Float64, cells: Sequence[Cell]) -> Float64:
    """RSRP over thermal noise per resource element [dB], [..., C]."""
    return np.asarray(rsrp - noise_dbm(cells))


def rssi_dbm(rsrp: Float64, rsrq: Float64, cells: Sequence[Cell]) -> Float64:
    """NR carrier RSSI over all N resource blocks [dBm] = N RSRP / RSRQ (TS 38.215, 5.1.3)."""
    blocks = np.array([cell.resource_blocks for cell in cells], np.float64)
    return np.asarray(rsrp + 10.0 * np.log10(blocks) - rsrq)


def beam_rsrp_dbm(rsrp_BTC: Float64, detail: PathDetail) -> Float64:
    """L1-RSRP of every SSB beam (TS 38.214, 5.2.1.4.3; SS-RSRP of TS 38.215, 5.1.1) [dBm],
    [B, T, C, A]: the cell's RSRP as its single element gives it, and the gain of the beam."""
    return np.asarray(rsrp_BTC[..., None] + detail.beam_gain_db, np.float64)


def strongest_beam(beam_rsrp_BTCA: Float64) -> Float64:
    """SSB index of the strongest beam, NaN where there is no path, [B, T, C]."""
    known = np.isfinite(beam_rsrp_BTCA).any(axis=-1)
    strongest = np.where(np.isfinite(beam_rsrp_BTCA), beam_rsrp_BTCA, -np.inf).argmax(axis=-1)
    return np.where(known, strongest.astype(np.float64), np.nan)


def rank_and_precoder(sinr_db: Float64, detail: PathDetail) -> tuple[Float64, Float64]:
    """Rank and precoding matrix indicator (TS 38.214, 5.2.2 and table 5.2.2.2.1-1), [B, T, C].

    Two ports at +-45 deg, two crossed receive antennas. With the transmit covariance scaled to a
    mean of one per port, its eigenvalues L1 + L2 = 2, and the SINR s of one port, one layer gets s
    times the precoder's gain, and two layers with half the power each get s L1 / 2 and s L2 / 2.
    The rank is that of the larger rate, each layer's by the attenuated Shannon bound of TR 36.942
    (A.1) up to the highest CQI's efficiency.

    Returns:
        RI (1 or 2) and PMI (0 to 3 of rank 1, 0 or 1 of rank 2); NaN where there is no path.
    """
    sinr, ratio = db_to_linear(sinr_db), db_to_linear(detail.layer_ratio_db.astype(np.float64))
    precoded = db_to_linear(detail.pmi_rank1_gain_db.astype(np.float64))
    stronger = 2.0 / (1.0 + ratio)
    one = _rate(sinr * precoded)
    two = _rate(sinr * stronger / 2.0) + _rate(sinr * ratio * stronger / 2.0)
    rank = np.where(two > one, 2.0, 1.0)
    pmi = np.where(rank > 1.0, detail.pmi_rank2, detail.pmi_rank1).astype(np.float64)
    unknown = np.isnan(one) | np.isnan(two)
    return np.where(unknown, np.nan, rank), np.where(unknown, np.nan, pmi)


def _rate(sinr: Float64) -> Float64:
    """Spectral efficiency of a layer [bit/s/Hz]."""
    return np.asarray(np.minimum(SHANNON_ATTENUATION * np.log2(1.0 + sinr), CQI_EFFICIENCY[-1]))


def throughput_and_bler(
    sinr_db_BTC: Float64, cells: Sequence[Cell], random: np.random.Generator | None = None
) -> tuple[Float64, Float64]:
    """Downlink throughput of one layer [Mbit/s] and block error rate after link adaptation.

    As in radio maps: the block error rates of Sionna SYS' PDSCH tables, transport block sizes of
    TS 38.214 (5.1.3.2), all resource blocks for the phone.

    Args:
        sinr_db_BTC: SINR [dB]; NaN stays NaN.
        cells: C cells.
        random: with it, the error rate is what a phone counts in `BLOCKS_PER_REPORT` blocks.
    Raises:
        MissingExtraError: Sionna is not installed (extra `maps`).
    """
    from rayfix.simulation.link import SINR_GRID_DB, link_table

    sent, bler = np.full_like(sinr_db_BTC, np.nan), np.full_like(sinr_db_BTC, np.nan)
    for c, cell in enumerate(cells):
        try:
            table = link_table(cell.resource_blocks, cell.subcarrier_spacing_hz)
        except ImportError:
            raise MissingExtraError(
                "throughput and block error rate need Sionna's tables: pip install 'rayfix[maps]'"
            ) from None
        offered = table.throughput_mbps / np.maximum(1.0 - table.bler, 1e-9)
        sent[..., c] = np.interp(sinr_db_BTC[..., c], SINR_GRID_DB, offered)
        bler[..., c] = np.interp(sinr_db_BTC[..., c], SINR_GRID_DB, table.bler)
    if random is not None:
        counted = random.binomial(BLOCKS_PER_REPORT, np.nan_to_num(bler)) / BLOCKS_PER_REPORT
        bler = np.where(np.isnan(bler), np.nan, counted)
    return sent * (1.0 - bler), bler
