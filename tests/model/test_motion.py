from __future__ import annotations

import numpy as np
import torch
from tests.model.town import CELLS, paths, town_maps

from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.model.motion import displacement, velocity_prior
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.report_features import ReportTensors

NOISE = NoiseModel.from_condition(load_conditions().conditions["standard"])


def drive(velocity_m_s: tuple[float, float], reports: int = 10) -> tuple[ReportBatch, np.ndarray]:
    """Noisy reports of phones that pass the middle of the town, and places [B, T, 2]."""
    random = np.random.default_rng(3)
    time = 0.2 * np.arange(reports)
    start = random.uniform(-25, 0, (40, 2))
    xy = start[:, None] + (time - time.mean())[:, None] * np.array(velocity_m_s)
    gain, toa, aoa = (p.reshape(40, reports, len(CELLS)) for p in paths(xy.reshape(-1, 2)))
    values = np.full((*toa.shape, len(QUANTITIES)), np.nan, np.float32)
    values[..., QUANTITIES.index("rsrp_dbm")] = gain - 30
    noise = random.standard_normal((2, *toa.shape))
    values[..., QUANTITIES.index("toa_ns")] = toa + 10.0 * noise[0]
    values[..., QUANTITIES.index("aoa_deg")] = aoa + 5.0 * noise[1]
    cell = np.tile(np.arange(len(CELLS)), (40, reports, 1))
    return ReportBatch(cell, values, np.tile(time.astype(np.float32), (40, 1))), xy


def moved(batch: ReportBatch, xy: np.ndarray) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    maps = town_maps()
    middle = torch.from_numpy(xy.mean(1)).float()[:, None]
    sigma = torch.ones(len(middle))
    found = displacement(
        observe(ReportTensors.from_batch(batch), maps, NOISE), maps, middle, 10 * sigma, 5 * sigma
    )
    return found.mean_m_BK2[:, 0], found.covariance_m2_BK22[:, 0], found.still_BK[:, 0]


def test_a_drive_is_followed_to_its_end() -> None:
    batch, xy = drive((9.0, -5.0))
    ahead, covariance, still = moved(batch, xy)
    error = ahead - torch.tensor([9.0, -5.0]) * 0.9
    assert error.norm(dim=-1).median() < 1.0
    assert still.max() < 0.01
    # The stated covariance is that of the errors, within a factor of a few.
    ratio = error.square().sum(-1) / covariance.diagonal(dim1=-2, dim2=-1).sum(-1)
    assert 0.2 < ratio.mean() < 4.0


def test_a_still_phone_stays() -> None:
    ahead, _, still = moved(*drive((0.0, 0.0)))
    assert ahead.norm(dim=-1).median() < 0.5
    assert still.median() > 0.6


def test_the_clocks_rate_and_zero_do_not_matter() -> None:
    batch, xy = drive((6.0, 6.0))
    other = ReportBatch(batch.cell_BTN, batch.values_BTNQ, 3.0 * batch.time_s_BT + 5.0)
    torch.testing.assert_close(moved(batch, xy)[0], moved(other, xy)[0], atol=1e-2, rtol=1e-3)


def test_two_reports_leave_the_prior() -> None:
    ahead, covariance, still = moved(*drive((9.0, 0.0), reports=2))
    assert not ahead.any()
    share, variance = velocity_prior(torch.device("cpu"))
    torch.testing.assert_close(still, share[0].expand_as(still))
    # The end is 0.1 s after the middle.
    expected = float((share * variance).sum()) * 0.1**2
    torch.testing.assert_close(covariance[:, 0, 0], torch.full((40,), expected))


def test_one_report_has_not_moved() -> None:
    ahead, covariance, still = moved(*drive((9.0, 0.0), reports=1))
    assert not ahead.any() and not covariance.any() and bool((still == 1).all())


def test_prior_is_that_of_the_test_motion() -> None:
    share, variance = velocity_prior(torch.device("cpu"))
    torch.testing.assert_close(share.sum(), torch.tensor(1.0))
    assert variance[0] == 0.0
    # Uniform 5 to 15 m/s: mean square 108.3 m^2/s^2 on two axes.
    torch.testing.assert_close(variance[2], torch.tensor(325.0 / 6.0))
