"""The file `configs/ablation.yaml`: which variants of a run are compared, and where it is told."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from rayfix.measurement.conditions import load_config


class VariantConfig(BaseModel):
    """One variant of the base run.

    Attributes:
        title: for people.
        change: keys of the base configuration that differ, nested as there.
        against: variant that it is compared with; None = the first one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    change: dict[str, Any] = Field(default_factory=dict)
    against: str | None = None


class AblationConfig(BaseModel):
    """An ablation.

    Attributes:
        base: training configuration that variants change.
        folder: where models, checkpoints and errors of the variants are kept.
        steps: training steps of every variant.
        scene, test: where every variant is tested, and on what.
        conditions: names of conditions.
        reports: numbers of reports of a sequence.
        cells: numbers of cells that a report can hold; the largest is the rule, the others are
            tried with one report.
        variants: by name; the first is the base.
        resamples: of the paired bootstrap.
        report: Markdown file whose section between the markers is written.
        images: folder of the plots.
        evaluation: folder of the model whose recorded evaluation is plotted too.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    base: Path
    folder: Path
    steps: int = Field(ge=1)
    scene: str
    test: Path
    conditions: tuple[str, ...] = Field(default=("standard", "hard"), min_length=1)
    reports: tuple[int, ...] = Field(default=(1, 5, 10), min_length=1)
    cells: tuple[int, ...] = Field(default=(3, 5, 8), min_length=1)
    variants: dict[str, VariantConfig] = Field(min_length=1)
    resamples: int = Field(default=2000, ge=100)
    report: Path
    images: Path
    evaluation: Path | None = None

    @model_validator(mode="after")
    def _variants_exist(self) -> AblationConfig:
        for name, variant in self.variants.items():
            if variant.against is not None and variant.against not in self.variants:
                raise ValueError(f"variants.{name}.against: no variant '{variant.against}'")
        return self

    @property
    def settings(self) -> list[tuple[str, int, int]]:
        """Condition, number of reports and of cells of every test."""
        most = max(self.cells)
        return [
            (condition, reports, cells)
            for condition in self.conditions
            for reports in self.reports
            for cells in sorted(self.cells, reverse=True)
            if cells == most or reports == min(self.reports)
        ]

    def compared_with(self, name: str) -> str | None:
        """The variant that a variant is compared with; None for the base."""
        base = next(iter(self.variants))
        return None if name == base else self.variants[name].against or base


def load_ablation_config(path: Path) -> AblationConfig:
    """Read an ablation.

    Raises:
        ConfigError: the file is missing, not YAML, or a value breaks a rule; named.
    """
    return load_config(path, AblationConfig)


def changed(document: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """A nested document with some of its keys replaced; `scenes` takes the place of `scene`."""
    merged = dict(document)
    for key, value in change.items():
        below = merged.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            value = changed(below, value)
        merged[key] = value
    if "scenes" in change:
        merged.pop("scene", None)
    return merged
