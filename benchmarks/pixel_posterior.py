"""`python benchmarks/pixel_posterior.py --json`: how far to trust the pixels' posterior.

For the test file's places, in every condition: how many more bits it puts on the true place than
the coarse grid does (which spreads a cell evenly over what is outdoors in it), and how many of the
true places lie in the smallest set of pixels that holds 68 % and 95 % of it.
"""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

import torch
from provenance import command, machine
from rich.console import Console
from rich.progress import track
from torch import Tensor

from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.dataset import aligned_with
from rayfix.measurement.dataset_file import load_dataset
from rayfix.measurement.report import ReportBatch
from rayfix.model.artefact import load_model
from rayfix.model.positioning import ModelOnMap, locate
from rayfix.physics.maps import MapTensors
from rayfix.radio_map.store import load_radio_map
from rayfix.training.evaluate import CONDITIONS, REPORTS, draw_test

BATCH = 32
FLOOR = 1e-9
"""Probability that a place has at least: one that rounds to nothing does not decide the mean."""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="munich")
    parser.add_argument("--limit", type=int, default=None, help="only the first so many places")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    model = load_model(Path("models") / arguments.model)
    scene = model.config.scenes[0]
    radio_map = load_radio_map(Path("radio_maps") / scene)
    ready = ModelOnMap.prepare(model, MapTensors.from_radio_map(radio_map))
    path = Path("benchmarks/data") / f"{scene}-test.zarr.zip"
    test = aligned_with(load_dataset(path), radio_map.cells, scene)
    if arguments.limit is not None:
        test = test[slice(arguments.limit)]
    truth_S2 = torch.from_numpy(test.truth_xy_m_S2).float()
    conditions = load_conditions().conditions
    rows = []
    work = [(name, reports) for name in CONDITIONS for reports in REPORTS]
    for name, reports in track(work, "locating", console=Console(stderr=True)):
        batch = draw_test(test, conditions[name], name, reports)
        rows.append({"condition": name, "reports": reports, **measure(ready, batch, truth_S2)})
    document = {
        "command": command(),
        "machine": machine(),
        "date": date.today().isoformat(),
        "places": len(truth_S2),
        "rows": rows,
    }
    print(json.dumps(document, indent=2) if arguments.json else "\n".join(map(str, rows)))


def measure(ready: ModelOnMap, batch: ReportBatch, truth_S2: Tensor) -> dict[str, float]:
    """One row: bits gained on the coarse grid, and shares of truths in the smallest sets."""
    prior_Pn = ready.tokens.pixels.log_prior_Pn.exp()
    share_Pn = prior_Pn / prior_Pn.sum(-1, keepdim=True)
    row, column = ready.maps.pixel_of(truth_S2)
    within = share_Pn.flatten()[ready.grid.pixel_index(row, column)]
    cell = ready.grid.cell_of(truth_S2)
    gained, denser = [], []
    for start in range(0, len(batch), BATCH):
        part = slice(start, start + BATCH)
        found = locate(ready, batch[part], pixels=True)
        posterior = found.pixel_posterior_BYX
        assert posterior is not None
        at = posterior[torch.arange(len(posterior)), row[part], column[part]]
        coarse = found.posterior_BP.gather(1, cell[part, None])[:, 0] * within[part]
        gained.append(at.clamp_min(FLOOR).log2() - coarse.clamp_min(FLOOR).log2())
        denser.append((posterior * (posterior > at[:, None, None])).sum((1, 2)))
    held = torch.cat(denser)
    bits = torch.cat(gained)
    return {
        "bits_gained_mean": round(float(bits.mean()), 2),
        "bits_gained_median": round(float(bits.median()), 2),
        "in_68": round(float((held < 0.68).float().mean()), 3),
        "in_95": round(float((held < 0.95).float().mean()), 3),
    }


if __name__ == "__main__":
    main()
