"""MODEL_CARD.md: what the model is, what it was trained on, how it was chosen."""

from __future__ import annotations

from rayfix.model.artefact import Model
from rayfix.training.config import TrainingConfig

TEMPLATE = """# {name}

Locator network of RayFix: a map-conditioned transformer that turns a short sequence of radio
measurement reports into a distribution over positions on a ray-traced radio map.

| | |
|---|---|
| Trained in | {scenes} |
| Parameters | {parameters:,} |
| Steps, batch | {steps}, {batch} |
| Training time | {minutes:.0f} min |
| Validation error (geometric mean of medians and P90, refined) | {median:.2f} m |

## What it reads
Reports (RSRP, RSRQ, SINR, CQI, time of arrival or timing advance, uplink angle of arrival; any may
be missing) of up to ten times, and the radio map of the scene. Cells enter by place, bearing, tilt
and power, not by name. Answers outside the map's rectangle are not possible.

## What it was trained on
Reports drawn anew at every step, from exact ray-traced paths at outdoor places
({exact_share:.0%} of each batch) and from the radio map itself at random outdoor places
({map_share:.0%}, with the map's own error added); conditions {conditions}. Conditions in a network
that differs from its planning data draw from worlds whose antennas, powers and materials were
changed and traced anew; ellipses are calibrated in two more such worlds. Test places, test worlds
and test noise were never seen.

## How it is built
- Radio encoder: {radio_layers} transformer layers over (report, cell) tokens with a CLS token.
- Map encoder: convolutional patches and {map_layers} transformer layers, {rows} x {columns} tokens.
- Evidence: density of path gain, ToA and AoA around the map's own value and that of its
  surroundings, with errors learned per place (from the map's shape) and per sequence (from the
  reports), and with an error that the sectors of a site share; which cells are listed counts too.
- Fusion: {cross_layers} cross-attention layers from {queries} radio queries to the map tokens;
  the coarse logits are the evidence plus a learned correction.
- Fine head: offset, full covariance and score of the {top_k} best coarse cells, on blocks of the
  map. Refinement does the same at the map's own resolution, then climbs the interpolated evidence.

## Validation
{history}

## What was compared
On validation data, before this architecture was fixed: attention over all {rows} x {columns} cells
or over the likeliest ones (less than half the time of a step; errors were not compared); evidence
on blocks of 4 m or 8 m (as good on a first map, twice as fast); learned weights in time or
velocities from slopes of delay and bearing (the slopes follow a moving phone, the weights did
not); batches of one condition or of several (several: the network learns to tell conditions apart;
one diverged); a learned density of values without a path (it grew without bound) or a flat one with
learned shares of outliers and of values that look like the pixel's surroundings (instead of the
former: *standard* from ten reports from 1.5 to 1.1 m); five or ten coarse cells (ten: P90 of *hard*
lower by a tenth); worlds perturbed by formula or traced (traced worlds are twice as different from
the map, and ellipses fitted to the others were too small).

## Limits
The uncertainty is calibrated on simulated reports of {scenes}, in worlds that differ from the map
as much as `configs/conditions.yaml` says; a network that is mapped worse needs `rayfix calibrate`.
"""


def model_card(model: Model, run: TrainingConfig, history: list[dict[str, float]]) -> str:
    """The card of a trained model.

    Args:
        model: with the metrics that `rayfix train` writes.
        run: the configuration that it was trained with.
        history: one entry per validation.
    """
    metrics, network, data = model.metrics, model.config.network, run.data
    return TEMPLATE.format(
        name=model.config.name,
        scenes=", ".join(model.config.scenes),
        parameters=metrics["parameters"],
        steps=metrics["steps"],
        batch=run.training.batch_size,
        minutes=float(str(metrics["training_seconds"])) / 60.0,
        median=float(str(metrics["best_validation_error_m"])),
        exact_share=1.0 - data.map_share,
        map_share=data.map_share,
        conditions=", ".join(data.condition_weights),
        radio_layers=network.radio_layers,
        map_layers=network.map_layers,
        rows=network.rows,
        columns=network.columns,
        cross_layers=network.cross_layers,
        queries=network.queries,
        top_k=network.top_k,
        history=_history_table(history),
    )


def _history_table(history: list[dict[str, float]]) -> str:
    """Medians at each validation, as a Markdown table."""
    if not history:
        return "No validation was run."
    keys = [key for key in history[-1] if key.endswith("/median_m")]
    head = "| step | " + " | ".join(key.removesuffix("/median_m") for key in keys) + " |"
    rule = "|" + "---|" * (len(keys) + 1)
    rows = [
        f"| {entry['step']:.0f} | " + " | ".join(f"{entry[key]:.2f}" for key in keys) + " |"
        for entry in history
    ]
    return "\n".join(["Medians [m] by condition and number of reports:", "", head, rule, *rows])
