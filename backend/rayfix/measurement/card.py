"""The data card of a dataset: what is in it, how it was made, and whether it is sane.

Shape letters: S sequences, T places of a sequence, C cells.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayfix.errors import InvalidInputError
from rayfix.files import replace_folder, temporary_folder, write_text_whole
from rayfix.measurement.card_checks import Check, check_dataset, ue_height_m
from rayfix.measurement.conditions import load_conditions
from rayfix.measurement.dataset import Dataset, DatasetWorld
from rayfix.measurement.dataset_file import load_dataset
from rayfix.measurement.motion import MOTIONS
from rayfix.measurement.protocol import A3Event, handovers, serving_cells
from rayfix.measurement.quantities import detected, rsrp_dbm
from rayfix.measurement.report import QUANTITIES

CARD = "card.md"
DRAW_SEED = 0


@dataclass(frozen=True)
class DataCard:
    """A written card.

    Attributes:
        folder: where `card.md` and its pictures lie.
        checks: what was checked.
    """

    folder: Path
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Whether every check holds."""
        return all(check.passed for check in self.checks)

    def document(self) -> dict[str, Any]:
        """As JSON."""
        checks = [asdict(check) for check in self.checks]
        return {"card": str(self.folder / CARD), "passed": self.passed, "checks": checks}


def card_folder(path: Path) -> Path:
    """Default place of a dataset's card: `<name>-card` beside it."""
    return path.with_name(f"{path.name.removesuffix('.zip').removesuffix('.zarr')}-card")


def write_card(
    path: Path,
    *,
    condition: str = "standard",
    conditions_path: Path = Path("configs/conditions.yaml"),
    radio_maps_dir: Path = Path("radio_maps"),
    output: Path | None = None,
) -> DataCard:
    """Write the card of a dataset: Markdown with histograms as PNG; whole or not at all.

    Args:
        path: the dataset.
        condition: whose draws are shown beside the exact values.
        conditions_path: where it is defined.
        radio_maps_dir: the scene's ground is read there, where it is.
        output: the folder; default `card_folder`.
    Raises:
        ArtefactError: the dataset is missing or damaged.
        InvalidInputError: no such condition, or its world was not recorded.
        MissingExtraError: matplotlib is not installed (extra `train`).
    """
    from rayfix.measurement.card_plots import draw_pictures

    dataset = load_dataset(path)
    known = load_conditions(conditions_path).conditions
    if condition not in known:
        raise InvalidInputError(
            "condition", f"no '{condition}' in {conditions_path} (known: {', '.join(known)})"
        )
    drawn = dataset.draw(known[condition], DRAW_SEED)
    height_m_ST = ue_height_m(dataset, radio_maps_dir)
    checks = tuple(check_dataset(dataset, height_m_ST))
    folder = output or card_folder(path)
    temporary = temporary_folder(folder)
    pictures = draw_pictures(dataset, drawn, condition, height_m_ST, temporary)
    text = "\n".join(
        [
            f"# Dataset {path.name}",
            "",
            *_overview(dataset, path),
            "## Checks",
            "",
            "| check | rule | found | |",
            "|---|---|---|---|",
            *(f"| {c.name} | {c.rule} | {c.found} | {_mark(c)} |" for c in checks),
            "",
            *(line for name in dataset.worlds for line in _world(name, dataset.worlds[name])),
            f"## Reports under *{condition}*",
            "",
            f"Drawn with seed {DRAW_SEED}; share of the heard cells that have each quantity.",
            "",
            *_drawn(drawn.values_BTNQ, drawn.cell_BTN),
            "## Distributions",
            "",
            *(f"![{title}]({name})\n" for name, title in pictures),
        ]
    )
    write_text_whole(temporary / CARD, text)
    replace_folder(temporary, folder)
    return DataCard(folder, checks)


def _mark(check: Check) -> str:
    return "pass" if check.passed else "**FAIL**"


def _overview(dataset: Dataset, path: Path) -> list[str]:
    xy_m = dataset.xy_m_ST2
    time_s = next(iter(dataset.worlds.values())).propagation.time_s_T
    interval = f", {time_s[1] - time_s[0]:g} s apart" if len(time_s) > 1 else ""
    low, high = xy_m.reshape(-1, 2).min(0), xy_m.reshape(-1, 2).max(0)
    counts = np.bincount(dataset.motion_S, minlength=len(MOTIONS))
    motion = ", ".join(
        f"{100 * n / len(dataset):.0f} % {m}" for m, n in zip(MOTIONS, counts, strict=True)
    )
    size = (
        sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
        if path.is_dir()
        else path.stat().st_size
    )
    settings = dataset.attributes.get("settings")
    settings = settings if isinstance(settings, dict) else {}
    return [
        f"- scene: {dataset.scene}; worlds: {', '.join(dataset.worlds)}",
        f"- {len(dataset)} sequences of {len(time_s)} reports{interval}; {motion}",
        f"- places from ({low[0]:.0f}, {low[1]:.0f}) to ({high[0]:.0f}, {high[1]:.0f}) m; "
        f"{dataset.attributes.get('places_without_a_cell', 'unknown')} drawn places heard no cell "
        "and were left out",
        f"- {size / 1e6:.1f} MB; RayFix {dataset.attributes.get('rayfix_version', 'unknown')}",
        f"- traced with {settings.get('paths', 'unknown')}",
        "",
    ]  # fmt: skip


def _world(name: str, world: DatasetWorld) -> list[str]:
    """Tables of the three layers of one world."""
    paths = world.propagation
    rsrp = rsrp_dbm(paths.path_gain_db_BTC, world.cells)
    heard = detected(rsrp, world.cells)
    rows: list[tuple[str, npt.NDArray[np.floating[Any]]]] = [
        ("cells heard", heard.sum(-1).astype(float)),
        ("strongest RSRP [dBm]", np.where(heard, rsrp, -np.inf).max(-1)),
        ("RSRP [dBm]", rsrp[heard]),
        ("ToA [ns]", paths.toa_ns_BTC[heard]),
    ]
    if paths.detail is not None:
        carrier = np.array([cell.carrier_hz for cell in world.cells])
        rows += [
            ("RMS delay spread [ns]", paths.detail.delay_spread_ns[heard]),
            ("K-factor [dB]", paths.detail.k_factor_db[heard]),
            ("Doppler of the strongest path [Hz]", np.abs(paths.doppler_hz(carrier)[heard])),
            ("second layer over first [dB]", paths.detail.layer_ratio_db[heard]),
            ("strongest beam over the element [dB]", paths.detail.beam_gain_db.max(-1)[heard]),
        ]
    serving = serving_cells(np.where(heard, rsrp, np.nan), paths.time_s_T, A3Event())
    handed_over = int(handovers(serving).any(axis=1).sum())
    return [
        f"## World *{name}*",
        "",
        f"{len(world.cells)} cells; line of sight to {100 * paths.los_BTC[heard].mean():.0f} % of "
        f"the cells heard; {handed_over} of {len(paths)} sequences hand over (event A3, defaults).",
        "",
        "| exact value | 5 % | median | 95 % |",
        "|---|---|---|---|",
        *(_row(label, values[np.isfinite(values)]) for label, values in rows),
        "",
    ]


def _row(label: str, values: npt.NDArray[np.floating[Any]]) -> str:
    if not values.size:
        return f"| {label} | | | |"
    low, middle, high = np.percentile(values, [5, 50, 95])
    return f"| {label} | {low:.1f} | {middle:.1f} | {high:.1f} |"


def _drawn(values_BTNQ: npt.NDArray[np.float32], cell_BTN: npt.NDArray[np.int64]) -> list[str]:
    heard = cell_BTN >= 0
    rows = [
        (name, values_BTNQ[..., q][heard])
        for q, name in enumerate(QUANTITIES)
        if np.isfinite(values_BTNQ[..., q]).any()
    ]
    return [
        "| quantity | present | 5 % | median | 95 % |",
        "|---|---|---|---|---|",
        *(
            f"| {name} | {100 * np.isfinite(v).mean():.0f} % "
            f"{_row('', v[np.isfinite(v)]).removeprefix('|  ')}"
            for name, v in rows
        ),
        "",
    ]
