from __future__ import annotations

import numpy as np
import pytest
import torch
from tests.model.town import CELLS, SMALL, draw, town_maps

from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.report import QUANTITIES, ReportBatch
from rayfix.model.fine_head import Hypotheses
from rayfix.model.network import LocatorNetwork, NetworkOutput
from rayfix.model.observed import Observed
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.report_features import ReportTensors

NOISE = NoiseModel.from_condition(load_conditions().conditions["standard"])


def awake(seed: int = 3) -> LocatorNetwork:
    """A network none of whose layers is zero, as after training."""
    torch.manual_seed(seed)
    network = LocatorNetwork(SMALL)
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.dim() >= 1 and not parameter.any():
                parameter.normal_(0.0, 0.1)
    return network.eval().requires_grad_(False)


def sharpened(
    network: LocatorNetwork, batch: ReportBatch, maps: MapTensors
) -> tuple[Hypotheses, Observed]:
    scene = network.scene_inputs(maps)
    observation = observe(ReportTensors.from_batch(batch), maps, NOISE)
    tokens = network.encode_map(scene)
    return network.sharpen(network(observation, scene, tokens), observation, scene, tokens)


def run(
    network: LocatorNetwork, batch: ReportBatch, maps: MapTensors, attention: bool = False
) -> NetworkOutput:
    scene = network.scene_inputs(maps)
    observation = observe(ReportTensors.from_batch(batch), maps, NOISE)
    return network(observation, scene, network.encode_map(scene), attention)


def assert_same(first: NetworkOutput, second: NetworkOutput) -> None:
    torch.testing.assert_close(first.coarse_logit_BP, second.coarse_logit_BP, atol=2e-3, rtol=1e-4)
    torch.testing.assert_close(
        first.hypotheses.mean_m_BK2, second.hypotheses.mean_m_BK2, atol=2e-2, rtol=1e-4
    )


def test_untrained_network_answers_with_the_evidence() -> None:
    batch, truth = draw(64, 3, seed=0)
    found, _ = sharpened(LocatorNetwork(SMALL).eval(), batch, town_maps())
    best = found.log_weight_BK.argmax(1)
    position = found.mean_m_BK2[torch.arange(64), best]
    error = (position - torch.from_numpy(truth).float()).norm(dim=-1)
    assert error.median() < 1.5
    assert error.quantile(0.9) < 4.0


def test_order_of_the_heard_cells_changes_nothing() -> None:
    batch, _ = draw(8, 3, seed=1)
    order = np.random.default_rng(0).permutation(batch.cell_BTN.shape[2])
    shuffled = ReportBatch(
        batch.cell_BTN[:, :, order], batch.values_BTNQ[:, :, order], batch.time_s_BT
    )
    network, maps = awake(), town_maps()
    assert_same(run(network, batch, maps), run(network, shuffled, maps))


def test_order_of_the_maps_cells_changes_nothing() -> None:
    batch, _ = draw(8, 2, seed=2)
    order = np.random.default_rng(1).permutation(len(CELLS))
    place = np.argsort(order)
    renamed = ReportBatch(place[batch.cell_BTN], batch.values_BTNQ, batch.time_s_BT)
    network = awake()
    shuffled = town_maps(tuple(CELLS[i] for i in order))
    assert_same(run(network, batch, town_maps()), run(network, renamed, shuffled))


@pytest.mark.parametrize("rate", [1.0, 3.0])
def test_shift_and_rate_of_the_clock_change_nothing(rate: float) -> None:
    batch, _ = draw(8, 4, seed=3)
    moved = ReportBatch(batch.cell_BTN, batch.values_BTNQ, batch.time_s_BT * rate + 17.0)
    network, maps = awake(), town_maps()
    assert_same(run(network, batch, maps), run(network, moved, maps))


def test_padding_changes_nothing() -> None:
    batch, _ = draw(4, 2, seed=4)
    B, T, N = batch.cell_BTN.shape
    cell = np.full((B, T + 2, N + 3), -1)
    values = np.full((B, T + 2, N + 3, len(QUANTITIES)), np.nan, np.float32)
    time = np.full((B, T + 2), np.nan, np.float32)
    cell[:, :T, :N], values[:, :T, :N], time[:, :T] = (
        batch.cell_BTN, batch.values_BTNQ, batch.time_s_BT,
    )  # fmt: skip
    # What stands in a padded slot must not matter.
    values[:, T:] = 1e6
    network, maps = awake(), town_maps()
    assert_same(run(network, batch, maps), run(network, ReportBatch(cell, values, time), maps))


def test_sequences_of_a_batch_do_not_see_each_other() -> None:
    batch, _ = draw(6, 2, seed=5)
    network, maps = awake(), town_maps()
    together, alone = run(network, batch, maps), run(network, batch[slice(2, 3)], maps)
    torch.testing.assert_close(
        together.coarse_logit_BP[2], alone.coarse_logit_BP[0], atol=2e-3, rtol=1e-4
    )


def test_the_map_decides_where_the_same_report_is() -> None:
    batch, _ = draw(16, 2, seed=6)
    maps = town_maps()
    shifted = MapTensors(
        **{
            **{name: getattr(maps, name) for name in maps.__dataclass_fields__},
            **{side: getattr(maps, side) + 1000.0 for side in ("x_min_m", "x_max_m")},
            "cell_xyz_m_C3": maps.cell_xyz_m_C3 + torch.tensor([1000.0, 0.0, 0.0]),
        }
    )
    network = LocatorNetwork(SMALL).eval()
    here, there = (run(network, batch, m).hypotheses.mean_m_BK2 for m in (maps, shifted))
    torch.testing.assert_close(here + torch.tensor([1000.0, 0.0]), there, atol=0.05, rtol=1e-4)


def test_attention_is_a_distribution_and_does_not_change_the_answer() -> None:
    batch, _ = draw(5, 3, seed=7)
    network, maps = awake(), town_maps()
    read, plain = run(network, batch, maps, attention=True), run(network, batch, maps)
    assert read.map_attention_LBHP is not None and read.token_attention_LBHS is not None
    assert read.map_attention_LBHP.shape == (SMALL.cross_layers, 5, SMALL.heads, 64)
    for weights in (read.map_attention_LBHP, read.token_attention_LBHS):
        torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]))
    assert plain.map_attention_LBHP is None
    assert_same(read, plain)


def test_every_parameter_learns() -> None:
    from rayfix.physics.loss import PhysicsLoss
    from rayfix.training.config import DataConfig, TrainingConfig
    from rayfix.training.losses import training_loss

    batch, xy = draw(16, 3, seed=8, heard=4)
    truth = torch.from_numpy(xy).float()
    truth[0] = torch.tensor([20.0, 20.0])  # in the block, where no path arrives
    network, maps = awake().train().requires_grad_(True), town_maps()
    scene = network.scene_inputs(maps)
    full = NOISE.model_copy(update={"max_cells": 4})
    observation = observe(ReportTensors.from_batch(batch), maps, full)
    tokens = network.encode_map(scene)
    output = network(observation, scene, tokens, middle_xy_m_B2=truth)
    config = TrainingConfig(
        name="x", scene="town", checkpoint="x", data=DataConfig(train="x", validation="x")
    )
    terms = training_loss(
        network, output, scene, tokens, truth, truth, torch.ones(16, dtype=torch.bool),
        PhysicsLoss(), observation, config,
    )  # fmt: skip
    terms.total.backward()
    silent = [
        name
        for name, p in network.named_parameters()
        if p.grad is None or not torch.isfinite(p.grad).all() or not p.grad.any()
    ]
    assert silent == []


def test_observed_errors_shrink_with_reports() -> None:
    maps, network = town_maps(), LocatorNetwork(SMALL).eval()
    one, _ = draw(32, 1, seed=9)
    ten, _ = draw(32, 10, seed=9)
    spread = [run(network, b, maps).observed.variance_R.mean() for b in (one, ten)]
    assert spread[1] < 0.5 * spread[0]


def test_agreement_of_a_report_tells_how_well_it_was_measured() -> None:
    maps, network = town_maps(), LocatorNetwork(SMALL).eval()
    rough, _ = draw(32, 1, seed=9, noise=2.5)
    exact, _ = draw(32, 1, seed=9, noise=0.02)
    found = [sharpened(network, batch, maps) for batch in (rough, exact)]
    plain = [run(network, batch, maps).observed.single_sigma_BE for batch in (rough, exact)]
    scale = [(f[1].single_sigma_BE / p)[:, 0] for f, p in zip(found, plain, strict=True)]
    assert (scale[0] == 1.0).float().mean() > 0.8
    assert (scale[1] < 0.5).float().mean() > 0.8
    spread = [f.covariance_m2_BK22[:, 0].diagonal(dim1=-2, dim2=-1) for f, _ in found]
    assert spread[1].mean() < 0.5 * spread[0].mean()
