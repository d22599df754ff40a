"""`rayfix train --config configs/model.yaml`: trains the locator network and writes its model."""

from __future__ import annotations

import hashlib
import json
import math
import time
from pathlib import Path
from typing import Any

import torch
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from torch import nn

from rayfix.errors import ConfigError
from rayfix.measurement.conditions import load_conditions
from rayfix.model.artefact import Model, ModelConfig, save_model
from rayfix.model.network import LocatorNetwork
from rayfix.model.positioning import ModelOnMap
from rayfix.physics.loss import PhysicsLoss
from rayfix.physics.noise import NoiseModel
from rayfix.physics.observation import observe
from rayfix.physics.report_features import ReportTensors
from rayfix.training.checkpoint import load_checkpoint, save_checkpoint
from rayfix.training.config import TrainingConfig, load_training_config
from rayfix.training.event_log import EventLog
from rayfix.training.losses import LossTerms, check_finite, training_loss
from rayfix.training.model_card import model_card
from rayfix.training.run_scene import RunScene
from rayfix.training.validation import ValidationScore, calibrate, score, validation_cases
from rayfix.training.worker import Worker

EVIDENCE_EVERY = 25
"""Steps between two evaluations of what is expected at every pixel of the map."""
CONSTANTS_PACE = 10.0
"""Learning rate of the physical constants over that of the network."""
CALIBRATION_DRAWS = 3
"""Draws of the validation places that calibrate the ellipses."""
ELSEWHERE: Any = {"models_dir": True, "checkpoint": True, "training": {"log_dir"}}
"""Keys that say where a run is kept: it is the same run with others."""


def train(config_path: Path, show_progress: bool = True) -> Path:
    """Train, calibrate on validation data, and write `models/<name>/`; returns that folder.

    A run that was interrupted goes on from its checkpoint to the same losses. Under `torchrun`
    every process takes part (`training.worker`); a step then sees `batch_size` sequences of each.

    Raises:
        ConfigError: the configuration breaks a rule.
        ArtefactError: map, dataset or checkpoint are missing or damaged.
        InvalidInputError: the dataset's scene or cells are not the map's.
        NonFiniteLossError: the loss is not a number; names step and terms.
        MissingExtraError: `training.log_dir` is set and tensorboard is not installed.
    """
    config = load_training_config(config_path)
    if config.training.threads:
        torch.set_num_threads(config.training.threads)
    worker = Worker.join()
    run = Run(config, config_path, worker)
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("steps"),
        TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn(),
        TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    with Progress(*columns, disable=not (show_progress and worker.leads)) as progress:
        task = progress.add_task("training", total=config.training.steps, note="")
        progress.update(task, completed=run.state.step)
        run.loop(progress, task)
    folder = run.finish() if worker.leads else config.models_dir / config.name
    worker.told(1.0)  # nobody returns before the model is written
    worker.leave()
    return folder


class Run:
    """One training run: data, network, optimiser, and where it stands."""

    def __init__(
        self, config: TrainingConfig, config_path: Path, worker: Worker | None = None
    ) -> None:
        self.config = config
        self.worker = worker or Worker()
        self.conditions = load_conditions(config.data.conditions)
        for name in config.data.condition_weights:
            if name not in self.conditions.conditions:
                known = ", ".join(self.conditions.conditions)
                raise ConfigError(
                    config_path, f"data.condition_weights: no condition '{name}' (known: {known})"
                )
        names = config.data.drawn_conditions
        reference = "standard" if "standard" in names else names[0]
        self.noise = NoiseModel.from_condition(self.conditions.conditions[reference])

        torch.manual_seed(config.seed)
        self.network = LocatorNetwork(config.network).to(self.worker.device)
        self.scenes = [
            RunScene.load(name, config, self.conditions, self.network, self.worker.device)
            for name in config.scenes
        ]
        self.physics = None
        if config.lambda_phys > 0:
            self.physics = PhysicsLoss(config.physics_loss).to(self.worker.device)
        self.optimiser = torch.optim.AdamW(
            _parameter_groups(self.network, config.training.weight_decay),
            lr=config.training.learning_rate,
        )
        document = config.model_dump(mode="json", exclude=ELSEWHERE)
        if self.worker.size > 1:  # as many processes again, or the batches are others
            document["processes"] = self.worker.size
        self.fingerprint = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        self.state = load_checkpoint(
            config.checkpoint, self.fingerprint, self.network, self.optimiser
        )
        folder = config.training.log_dir
        self.log = None
        if folder is not None and self.worker.leads:
            self.log = EventLog(folder, self.state.step)

    def loop(self, progress: Progress, task: TaskID) -> None:
        """Steps until the end, or until validation has not improved for `patience` times."""
        settings, state = self.config.training, self.state
        started = time.monotonic()
        interval: list[LossTerms] = []
        while state.step < settings.steps and state.worse < settings.patience:
            terms = self.step(state.step)
            interval.append(LossTerms(*(value.detach() for value in terms)))
            state.step += 1
            note = f"loss {float(terms.total.detach()):.2f}, best error {state.best_error_m:.2f} m"
            progress.update(task, completed=state.step, note=note)
            if state.step % settings.validate_every == 0 or state.step == settings.steps:
                state.seconds += time.monotonic() - started
                started = time.monotonic()
                columns = zip(*interval, strict=True)
                if self.worker.leads:
                    self.validate(LossTerms(*(torch.stack(c).mean() for c in columns)), progress)
                    self.save()
                interval.clear()
                state.worse = int(self.worker.told(state.worse))
                if self.log is not None:
                    self.log.write(state.history[-1])
        if self.log is not None:
            self.log.close()

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(
            self.config.checkpoint, self.fingerprint, self.network, self.optimiser, self.state
        )

    def step(self, step: int) -> LossTerms:
        """One step; everything random in it follows from the seed and its number."""
        settings = self.config.training
        number, device = self.worker.number(step), self.worker.device
        torch.manual_seed((self.config.seed << 32) + number)
        for group in self.optimiser.param_groups:
            share = schedule(step, settings.warmup_steps, settings.steps)
            group["lr"] = settings.learning_rate * group["pace"] * share
        turn, which = divmod(step, len(self.scenes))
        scene = self.scenes[which]
        drawn = scene.sampler.draw(number).to(device)
        self.network.train()
        if scene.evidence is None or turn % EVIDENCE_EVERY == 0:
            with torch.no_grad():
                scene.evidence = self.network.encode_map(scene.inputs)
        tokens = self.network.encode_map(scene.inputs, scene.evidence)
        observation = observe(ReportTensors.from_batch(drawn.batch, device), scene.maps, self.noise)
        output = self.network(
            observation, scene.inputs, tokens, middle_xy_m_B2=drawn.middle_xy_m_B2
        )
        terms = training_loss(
            self.network,
            output,
            scene.inputs,
            tokens,
            drawn.truth_xy_m_B2,
            drawn.middle_xy_m_B2,
            drawn.exact_B,
            self.physics,
            observation,
            self.config,
        )
        check_finite(terms, step)
        self.optimiser.zero_grad(set_to_none=True)
        terms.total.backward()  # type: ignore[no-untyped-call]
        self.worker.average_gradients(self.network.parameters())
        nn.utils.clip_grad_norm_(self.network.parameters(), settings.clip_norm)
        self.optimiser.step()
        return terms

    def validate(self, terms: LossTerms, progress: Progress) -> None:
        """Score the held-out reports; keep the weights when they are the best so far.

        `terms` is the mean since the validation before.
        """
        state = self.state
        self.network.eval()
        scored = self.score()
        if scored.error_m < state.best_error_m:
            state.best_error_m, state.worse = scored.error_m, 0
            state.best_weights = {k: v.clone() for k, v in self.network.state_dict().items()}
        else:
            state.worse += 1
        entry = {"step": float(state.step), "error_m": scored.error_m}
        entry |= {f"loss_{name}": float(value.detach()) for name, value in terms._asdict().items()}
        entry |= {f"{key}/median_m": value for key, value in scored.median_m.items()}
        entry |= {f"{key}/p90_m": value for key, value in scored.p90_m.items()}
        state.history.append(entry)
        medians = ", ".join(f"{key} {value:.2f}" for key, value in scored.median_m.items())
        tails = ", ".join(f"{value:.1f}" for value in scored.p90_m.values())
        progress.console.print(f"step {state.step}: medians {medians} m; P90 {tails} m")

    def score(self) -> ValidationScore:
        """Errors in all scenes; of several, the keys begin with the scene."""
        median_m: dict[str, float] = {}
        p90_m: dict[str, float] = {}
        for scene in self.scenes:
            # A resumed run starts here without it: whole and resumed runs must not differ.
            scene.evidence = None
            found = score(self.ready(scene), scene.cases)
            prefix = f"{scene.name} " if len(self.scenes) > 1 else ""
            median_m |= {prefix + key: value for key, value in found.median_m.items()}
            p90_m |= {prefix + key: value for key, value in found.p90_m.items()}
        return ValidationScore(median_m, p90_m)

    def ready(self, scene: RunScene, config: ModelConfig | None = None) -> ModelOnMap:
        """The network as it is now, on a scene's map."""
        model = Model(self.network, config or self.model_config(), {})
        return ModelOnMap.prepare(model, scene.maps)

    def model_config(self) -> ModelConfig:
        """The configuration that is saved with the weights."""
        refinement = self.config.physics_loss.refinement
        return ModelConfig(
            name=self.config.name,
            scenes=self.config.scenes,
            network=self.config.network,
            noise=self.noise,
            refinement=refinement,
        )

    def finish(self) -> Path:
        """Calibrate the best weights and write the model; returns its folder."""
        if self.state.best_weights is not None:
            self.network.load_state_dict(self.state.best_weights)
        self.network.eval().requires_grad_(False)
        config = self.model_config()
        names = self.config.data.drawn_conditions
        fixes = []
        for scene in self.scenes:
            ready = self.ready(scene, config)
            for draw in range(CALIBRATION_DRAWS):
                seed = 777_000 + 1000 * draw
                cases = validation_cases(scene.held_out, self.conditions, names, seed)
                fixes += [(ready, case) for case in cases]
        config = config.model_copy(update={"calibration": calibrate(fixes)})
        metrics = {
            "best_validation_error_m": self.state.best_error_m,
            "steps": self.state.step,
            "training_seconds": round(self.state.seconds, 1),
            "parameters": sum(p.numel() for p in self.network.parameters()),
            "training": self.config.model_dump(mode="json", exclude=ELSEWHERE),
            "history": self.state.history,
        }
        model = Model(self.network, config, metrics)
        card = model_card(model, self.config, self.state.history)
        return save_model(self.config.models_dir / self.config.name, model, card)


def schedule(step: int, warmup: int, steps: int) -> float:
    """Share of the learning rate: linear warm-up, then half a cosine down to 2 %."""
    if step < warmup:
        return (step + 1) / warmup
    done = (step - warmup) / max(1, steps - warmup)
    return 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))


def _parameter_groups(network: LocatorNetwork, weight_decay: float) -> list[dict[str, object]]:
    """Weight decay for matrices only. Physical constants (errors, tails) are logarithms of a size
    that a network's learning rate would take thousands of steps to move: they get a faster one."""
    constants = list(network.evidence.parameters(recurse=False))
    rest = [p for p in network.parameters() if all(p is not c for c in constants)]
    return [
        {"params": [p for p in rest if p.dim() >= 2], "weight_decay": weight_decay, "pace": 1.0},
        {"params": [p for p in rest if p.dim() < 2], "weight_decay": 0.0, "pace": 1.0},
        {"params": constants, "weight_decay": 0.0, "pace": CONSTANTS_PACE},
    ]
