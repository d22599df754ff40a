"""A U-Net over differences between report and map, after LocUNet, trained on the model's own data.

    python benchmarks/locunet.py --json

LocUNet (Yapar, Levie, Kutyniok and Caire, 2022) lays what each base station is expected to be heard
with, less what was heard, over the map, and lets a U-Net point at the place. Ours differs in what
makes it stronger here: the difference of every cell goes through one small network and is summed
over the cells that were heard, where LocUNet stacks a fixed number of them; time of arrival and
angle are compared beside the level; and the answer is the mean around the heaviest place instead
of that of the whole map, which lies between the modes. It sees the batches that
`rayfix train` would draw (configs/model.yaml), is not told the condition either, and is asked with
the reports of `rayfix evaluate`. Training resumes from its checkpoint.

Shape letters: B sequences, K heard cells, E evidence features, P outdoor places, I inputs per cell.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from datetime import date
from itertools import pairwise
from pathlib import Path

import torch
import torch.nn.functional as F
from provenance import command, machine
from rich.progress import track
from torch import Tensor, nn

from rayfix.measurement.conditions import Condition, load_conditions
from rayfix.measurement.dataset import aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.measurement.report import ReportBatch
from rayfix.model.network import LocatorNetwork
from rayfix.physics.likelihood import EVIDENCE_FEATURES
from rayfix.physics.likelihood_grid import LikelihoodGrid, likelihood_grid
from rayfix.physics.maps import MapTensors
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import Observation, observe
from rayfix.physics.posterior import GridPosterior
from rayfix.physics.report_features import ReportTensors
from rayfix.radio_map.store import load_radio_map
from rayfix.training.baselines import normalised_difference
from rayfix.training.config import load_training_config
from rayfix.training.evaluate import CONDITIONS, REPORTS, ask, draw_test, markdown_table
from rayfix.training.methods import Answer, answer_around
from rayfix.training.run_scene import RunScene
from rayfix.training.train import schedule

TARGET_M = 1.5
"""Spread of the target around the truth: less than a pixel has nothing to teach."""
INPUTS = 2 * len(EVIDENCE_FEATURES) + 2
SAVE_EVERY = 50


class LocUNet(nn.Module):
    """Log probability of every outdoor place.

    Args:
        grid: the places; rows and columns divide by 16.
        encoded: channels that a cell's difference is encoded in.
        widths: channels of the U-Net, from half the map's resolution downwards.
    """

    def __init__(
        self, grid: LikelihoodGrid, encoded: int = 8, widths: tuple[int, ...] = (24, 32, 48, 64)
    ) -> None:
        super().__init__()
        self.grid = grid
        self.encode = nn.Sequential(nn.Linear(INPUTS, encoded), nn.ReLU())
        self.direct = nn.Linear(encoded + 1, 1)
        inner = 4 * (encoded + 2)
        self.down = nn.ModuleList(
            block(before, after) for before, after in pairwise((inner, *widths))
        )
        self.up = nn.ModuleList(block(deep + here, here) for here, deep in pairwise(widths))
        self.head = nn.Conv2d(widths[0], 4, 1)

    def forward(self, observation: Observation) -> Tensor:
        """[B, P] of B observations."""
        grid = self.grid
        summed_BPI = self._summed(observation)
        silent_BC = (observation.listened_BC & ~observation.heard_BC).float()
        silent_BP1 = (silent_BC @ grid.path_CP.float())[..., None] / 4.0
        places_BPI = torch.cat([summed_BPI, silent_BP1], dim=-1)
        rows, columns = grid.shape
        plane = places_BPI.new_zeros(len(places_BPI), rows * columns, places_BPI.shape[-1] + 1)
        plane[:, grid.index_P, :-1] = places_BPI
        plane[:, grid.index_P, -1] = 1.0
        x = plane.view(len(plane), rows, columns, -1).permute(0, 3, 1, 2)
        x = F.pixel_unshuffle(x, 2)
        seen = []
        for level, down in enumerate(self.down):
            x = down(F.max_pool2d(x, 2) if level else x)
            seen.append(x)
        for here, up in zip(reversed(seen[:-1]), reversed(self.up), strict=True):
            x = up(torch.cat([F.interpolate(x, scale_factor=2.0), here], dim=1))
        logits_BHW = F.pixel_shuffle(self.head(x), 2)[:, 0]
        logits_BP = logits_BHW.flatten(1)[:, grid.index_P] + self.direct(places_BPI)[..., 0]
        log_BP: Tensor = logits_BP.float().log_softmax(-1)
        return log_BP

    def _summed(self, observation: Observation) -> Tensor:
        """Encoded differences, summed over the heard cells, [B, P, I]."""
        grid = self.grid
        path_BKP = grid.path_CP[observation.cell_BK] & observation.heard_BK[..., None]
        inputs = []
        for e, feature in enumerate(EVIDENCE_FEATURES):
            difference = normalised_difference(observation, grid, e)
            known_BKP = observation.valid_BKF[:, :, feature, None] & path_BKP
            # Sharp around zero, and still growing far away.
            inputs += [torch.asinh(difference) * known_BKP, known_BKP.float()]
        coarse_BK1 = observation.from_timing_advance_BK[..., None] & observation.heard_BK[..., None]
        inputs += [path_BKP.float(), coarse_BK1.expand_as(path_BKP).float()]
        encoded = self.encode(torch.stack(inputs, dim=-1))
        summed: Tensor = (encoded * observation.heard_BK[..., None, None]).sum(1)
        return summed


def block(before: int, after: int) -> nn.Sequential:
    """Two convolutions of one level."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1), nn.GroupNorm(8, after), nn.ReLU(),
        nn.Conv2d(after, after, 3, padding=1), nn.GroupNorm(8, after), nn.ReLU(),
    )  # fmt: skip


def loss(log_BP: Tensor, truth_xy_m_B2: Tensor, grid: LikelihoodGrid) -> Tensor:
    """Cross-entropy against a small Gaussian around the truth."""
    squared_BP = torch.cdist(truth_xy_m_B2, grid.xy_m_P2).square()
    target_BP = (-0.5 * squared_BP / TARGET_M**2).softmax(-1)
    return -(target_BP * log_BP).sum(-1).mean()


def train(network: LocUNet, scene: RunScene, noise: NoiseModel, steps: int, path: Path) -> None:
    """Train for so many steps, going on from the checkpoint where there is one."""
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.01)
    first = 0
    if path.exists():
        document = torch.load(path, weights_only=True)
        network.load_state_dict(document["network"])
        optimiser.load_state_dict(document["optimiser"])
        first = int(document["step"])
    recent: list[float] = []
    for step in track(range(first, steps), "training"):
        for group in optimiser.param_groups:
            group["lr"] = 2e-3 * schedule(step, 100, steps)
        drawn = scene.sampler.draw(step)
        observation = observe(ReportTensors.from_batch(drawn.batch), scene.maps, noise)
        with torch.autocast("cpu", torch.bfloat16):
            log_BP = network(observation)
        value = loss(log_BP, drawn.truth_xy_m_B2, network.grid)
        optimiser.zero_grad(set_to_none=True)
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        recent.append(float(value.detach()))
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == steps:
            path.parent.mkdir(parents=True, exist_ok=True)
            kept = {
                "network": network.state_dict(), "optimiser": optimiser.state_dict(),
                "step": step + 1,
            }  # fmt: skip
            temporary = path.with_suffix(".tmp")
            torch.save(kept, temporary)
            temporary.replace(path)
            print(f"step {step + 1}: loss {sum(recent) / len(recent):.3f}", file=sys.stderr)
            recent.clear()


@torch.no_grad()
def answer(network: LocUNet, maps: MapTensors, noise: NoiseModel, batch: ReportBatch) -> Answer:
    """As the grid posteriors answer: the mean around the heaviest place, ellipses as they are."""
    observation = observe(ReportTensors.from_batch(batch), maps, noise)
    parts = [network(observation[start : start + 16]) for start in range(0, len(batch), 16)]
    posterior = GridPosterior(torch.cat(parts).exp(), network.grid)
    return answer_around(posterior, posterior.local_mean()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("configs/model.yaml"))
    parser.add_argument("--test", type=Path, default=Path("benchmarks/data/munich-test.zarr.zip"))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--limit", type=int, help="only the first so many test sequences")
    parser.add_argument("--checkpoint", type=Path, default=Path("data/locunet.pt"))
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()

    config = load_training_config(options.config)
    update = {"training": config.training.model_copy(update={"batch_size": options.batch})}
    config = config.model_copy(update=update)
    torch.manual_seed(config.seed)
    conditions = load_conditions(config.data.conditions)
    noise = NoiseModel.from_condition(conditions.conditions["standard"])
    (name,) = config.scenes
    scene = RunScene.load(name, config, conditions, LocatorNetwork(config.network))
    network = LocUNet(likelihood_grid(scene.maps))
    train(network, scene, noise, options.steps, options.checkpoint)

    network.eval()
    radio_map = load_radio_map(config.physics_loss.radio_maps_dir / name)
    test = aligned_with(load_dataset(options.test), radio_map.cells, name)
    test = test[slice(options.limit)]

    def method(batch: ReportBatch, condition: Condition) -> tuple[Answer, ...]:
        return (answer(network, scene.maps, noise, batch),)

    rows = []
    for condition_name in CONDITIONS:
        condition = conditions.conditions[condition_name]
        for reports in REPORTS:
            batch = draw_test(test, condition, condition_name, reports)
            lines = ask(condition_name, reports, ("locunet",), method, batch, condition, test)
            rows += [row for row, _ in lines]
    report = {
        "command": command(),
        "machine": machine(),
        "date": date.today().isoformat(),
        "steps": options.steps,
        "batch_size": options.batch,
        "parameters": sum(p.numel() for p in network.parameters()),
        "rows": [asdict(row) for row in rows],
    }
    print(json.dumps(report, indent=1) if options.json else markdown_table(rows))


if __name__ == "__main__":
    main()
