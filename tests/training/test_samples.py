from __future__ import annotations

import numpy as np
import torch
from tests.model.town import CELLS, draw, paths, town_maps
from tests.training.conftest import town_dataset

from rayfix.measurement.conditions import WorldChange, load_conditions
from rayfix.measurement.report import QUANTITIES
from rayfix.model.network import LocatorNetwork
from rayfix.physics.maps import MapTensors
from rayfix.training.config import DataConfig
from rayfix.training.samples import Sampler, concatenate, map_sequences, perturbed, varied

CONDITIONS = load_conditions()


def sampler(maps: MapTensors) -> Sampler:
    data = DataConfig(train="x", validation="x", map_share=0.25)
    from_map = map_sequences(maps, CELLS, 40, 4, 0.2, seed=3)
    return Sampler(town_dataset(50, 1), from_map, CONDITIONS, data, 32, seed=5)


def test_a_step_draws_the_same_batch_again_and_other_steps_others() -> None:
    source = sampler(town_maps())
    first, again, other = source.draw(7), source.draw(7), source.draw(8)
    np.testing.assert_array_equal(first.batch.values_BTNQ, again.batch.values_BTNQ)
    assert torch.equal(first.truth_xy_m_B2, again.truth_xy_m_B2)
    assert not torch.equal(first.truth_xy_m_B2, other.truth_xy_m_B2)


def test_batches_mix_both_sources_all_conditions_and_numbers_of_reports() -> None:
    source = sampler(town_maps())
    drawn = [source.draw(step) for step in range(20)]
    assert all(int(d.exact_B.sum()) == 24 and len(d.exact_B) == 32 for d in drawn)
    assert {d.batch.cell_BTN.shape[1] for d in drawn} == {1, 2, 3, 4}
    toa, advance = (
        [np.isfinite(d.batch.values_BTNQ[..., QUANTITIES.index(name)]).any((1, 2)) for d in drawn]
        for name in ("toa_ns", "timing_advance")
    )
    # Conditions with one and with the other stand in one batch, as a rule.
    assert sum(bool(a.any() and b.any()) for a, b in zip(toa, advance, strict=True)) > 10
    assert not any((a & b).any() for a, b in zip(toa, advance, strict=True))


def test_lists_of_other_lengths_are_padded_with_nothing() -> None:
    short, _ = draw(2, 1, seed=0, heard=3)
    long, _ = draw(2, 1, seed=1, heard=5)
    both = concatenate([short, long])
    assert both.cell_BTN.shape == (4, 1, 5)
    assert (both.cell_BTN[:2, :, 3:] == -1).all()
    assert np.isnan(both.values_BTNQ[:2, :, 3:]).all()


def test_map_sequences_say_what_the_map_says_and_stay_outdoors() -> None:
    maps = town_maps()
    dataset = map_sequences(maps, CELLS, 60, 5, 0.2, seed=1)
    way = dataset.world("nominal").propagation
    gain, toa, _ = (p.reshape(60, 5, -1) for p in paths(way.xy_m_BT2.reshape(-1, 2)))
    known = np.isfinite(way.path_gain_db_BTC)
    assert known.mean() > 0.3
    # Free space between two pixels is all but straight; at the border of coverage the nearest
    # valid pixel speaks for a whole pixel's width.
    assert np.quantile(np.abs(way.path_gain_db_BTC - gain)[known], 0.9) < 0.1
    assert np.quantile(np.abs(way.toa_ns_BTC - toa)[known], 0.9) < 0.1
    assert np.abs(way.toa_ns_BTC - toa)[known].max() < maps.resolution_m * 2**0.5 / 0.2997
    row, column = maps.pixel_of(torch.from_numpy(way.xy_m_BT2[:, -1]))
    assert maps.outdoor_HW[row, column].all()


def test_unchanged_world_changes_nothing() -> None:
    way = town_dataset(5, 2).world("nominal").propagation
    there, cells = perturbed(way, CELLS, WorldChange())
    np.testing.assert_array_equal(there.path_gain_db_BTC, way.path_gain_db_BTC)
    assert cells == CELLS


def test_turned_antenna_changes_gain_by_its_pattern() -> None:
    way = town_dataset(200, 2).world("nominal").propagation
    change = WorldChange(bearing_error_deg=20.0, seed=4)
    there, cells = perturbed(way, CELLS, change)
    shift = there.path_gain_db_BTC - way.path_gain_db_BTC
    turn = np.array([c.bearing_deg for c in cells]) - np.array([c.bearing_deg for c in CELLS])
    turn = (turn + 180) % 360 - 180
    off = (way.aoa_deg_BTC - np.array([c.bearing_deg for c in CELLS]) + 180) % 360 - 180
    ahead = np.abs(off) < 40
    # 12 (off / 65)^2: a turn toward the phone helps, away from it hurts.
    toward = np.sign(off) == np.sign(np.broadcast_to(turn, off.shape))
    near = ahead & (np.abs(off) > np.abs(turn)) & (np.abs(turn) > 2)
    assert (shift[near & toward] > 0).all() and (shift[near & ~toward] < 0).all()


def test_varied_condition_is_a_valid_condition() -> None:
    random = np.random.default_rng(0)
    base = CONDITIONS.conditions["standard"]
    for _ in range(50):
        condition = varied(base, random)
        assert type(condition).model_validate(condition.model_dump()) == condition
        assert "rsrp_dbm" in condition.quantities


def test_scene_inputs_do_not_depend_on_weights() -> None:
    from tests.model.town import SMALL

    maps = town_maps()
    first, second = (LocatorNetwork(SMALL).scene_inputs(maps) for _ in range(2))
    assert torch.equal(first.around.trust_CHWG, second.around.trust_CHWG)
