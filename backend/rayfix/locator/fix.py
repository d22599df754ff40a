"""What the locator answers: a position, how sure it is, and what else it considered."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from rayfix.measurement.report import Report

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Ellipse:
    """Uncertainty ellipse (TS 23.032, 5.3).

    Attributes:
        semi_major_m, semi_minor_m: semi-axes [m].
        orientation_deg: bearing of the major axis, [0, 180).
        confidence: probability [0..1] that the truth is inside.
    """

    semi_major_m: float
    semi_minor_m: float
    orientation_deg: float
    confidence: float


@dataclass(frozen=True)
class Fix:
    """A position with its uncertainty.

    Attributes:
        lat, lon: WGS 84 [deg].
        x_m, y_m: local metres, east and north of the scene's origin.
        accuracy_m: radius that holds the truth with 68 % probability [m].
        accuracy_95_m: the same for 95 % [m].
        ellipse: uncertainty ellipse.
        confidence: posterior weight [0..1] of the hypothesis the position belongs to.
    """

    lat: float
    lon: float
    x_m: float
    y_m: float
    accuracy_m: float
    accuracy_95_m: float
    ellipse: Ellipse
    confidence: float


@dataclass(frozen=True)
class Hypothesis:
    """One of the places considered; weights of a reply sum to at most 1."""

    lat: float
    lon: float
    weight: float


@dataclass(frozen=True)
class Refinement:
    """What refinement did: positions [lat, lon] from start to end, and the physics energy before,
    after, and at each place."""

    steps: int
    path: tuple[tuple[float, float], ...]
    energy_before: float
    energy_after: float
    energies: tuple[float, ...]


@dataclass(frozen=True)
class Residual:
    """Observed against expected (radio map at the fix), one per measured map feature."""

    report: int
    cell_id: str
    feature: str
    unit: str
    observed: float
    expected: float | None
    difference: float | None
    sigma: float


@dataclass(frozen=True)
class Grid:
    """Cells of equal size over a map; row 0 is the south edge, column 0 the west edge.

    Attributes:
        corners: (lon, lat) [deg] of the top left, top right, bottom right, bottom left corner.
    """

    rows: int
    columns: int
    corners: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Attention:
    """Attention weights; every row sums to 1.

    Attributes:
        grid: the map tokens.
        map_LHG: layer x head x (rows * columns), cross-attention from the radio query to the map.
        token_LHN: layer x head x token, radio encoder attention from CLS to measurement tokens.
        tokens: (index of the report in the request, cell id) of each measurement token.
    """

    grid: Grid
    map_LHG: Float32
    token_LHN: Float32
    tokens: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Posterior:
    """Probability of each grid cell, row-major, shape [rows * columns]; sums to 1."""

    grid: Grid
    probability: Float32


@dataclass(frozen=True)
class LocateOptions:
    """What a request asks for beyond the fix.

    Attributes:
        refine_steps: gradient steps of refinement; 0 = none, None = the model's default.
        include: any of "posterior" (of the coarse cells), "pixel_posterior" (in its place, of the
            map's pixels), "attention", "residuals".
    """

    refine_steps: int | None = None
    include: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LocateQuery:
    """One sequence of reports of one phone in one scene."""

    scene: str
    reports: tuple[Report, ...]
    options: LocateOptions = LocateOptions()


@dataclass(frozen=True)
class LocateResult:
    """The locator's full answer to one sequence of reports."""

    fix: Fix
    hypotheses: tuple[Hypothesis, ...]
    model: str
    scene: str
    unrefined_fix: Fix | None = None
    refinement: Refinement | None = None
    posterior: Posterior | None = None
    attention: Attention | None = None
    residuals: tuple[Residual, ...] | None = None
    unknown_cells: tuple[str, ...] = ()
    timing_ms: dict[str, float] = field(default_factory=dict)
