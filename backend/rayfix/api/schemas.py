"""Bodies of locate requests and replies, and what all bodies share; the OpenAPI document and the
console's types come from `schemas*.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from rayfix.measurement.report import Report


class ApiModel(BaseModel):
    """Unknown keys are refused, numbers are finite in both directions."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


UeId = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9._~:@+=-]{1,64}$",
        description="identifier of the phone; with it the fix appears in the live feed",
        examples=["ue-07"],
    ),
]


class RefineOptions(ApiModel):
    """Gradient refinement on the radio map."""

    steps: int | None = Field(default=None, ge=0, le=200, description="null = the model's default")


def _refine_from_bool(value: object) -> object:
    if isinstance(value, bool):
        return {"steps": None if value else 0}
    return value


class TruePlace(ApiModel):
    """Where a phone really was, WGS 84 [deg]."""

    lat: float = Field(ge=-90, le=90)
    lon: float = Field(ge=-180, le=180)


class LocateRequest(ApiModel):
    """One sequence of reports of one phone; the fix is its place at the last report."""

    ue_id: UeId | None = None
    scene: str | None = Field(
        default=None, max_length=64, description="default: the service's first scene"
    )
    reports: tuple[Report, ...] = Field(min_length=1, max_length=100)
    refine: Annotated[
        RefineOptions,
        BeforeValidator(_refine_from_bool, json_schema_input_type=bool | RefineOptions),
    ] = RefineOptions()
    include: tuple[Literal["posterior", "attention", "residuals"], ...] = ()
    truth: TruePlace | None = Field(
        default=None,
        description="the known place, kept for comparison and never used for the fix",
    )


class LocateBatchRequest(ApiModel):
    """Many sequences; each is answered on its own."""

    requests: tuple[LocateRequest, ...] = Field(min_length=1, max_length=256)


class EllipseBody(ApiModel):
    """Uncertainty ellipse (TS 23.032, 5.3); `orientation_deg` is the bearing of the major axis."""

    semi_major_m: float
    semi_minor_m: float
    orientation_deg: float
    confidence: float


class FixBody(ApiModel):
    """A position; `accuracy_m` is the radius that holds the truth with 68 % probability."""

    lat: float
    lon: float
    x_m: float = Field(description="east of the scene's origin")
    y_m: float = Field(description="north of the scene's origin")
    accuracy_m: float
    ellipse: EllipseBody
    confidence: float = Field(description="weight of the hypothesis the position belongs to")


class HypothesisBody(ApiModel):
    """One of the places considered."""

    lat: float
    lon: float
    weight: float


class RefinementBody(ApiModel):
    """What refinement did; `path` holds [lat, lon] from start to end."""

    steps: int
    path: list[tuple[float, float]]
    energy_before: float
    energy_after: float
    energies: list[float] = Field(
        default=[], description="physics energy at each place of the path"
    )


class ResidualBody(ApiModel):
    """Observed against expected by the radio map at the fix; null where there is no path."""

    report: int
    cell_id: str
    feature: str
    unit: str
    observed: float
    expected: float | None
    difference: float | None
    sigma: float


LonLat = tuple[float, float]
Corners = Annotated[
    list[LonLat],
    Field(
        min_length=4,
        max_length=4,
        description="[lon, lat] of the top left, top right, bottom right and bottom left corner",
    ),
]


class GridBody(ApiModel):
    """A grid over the scene's extent; values are row-major, row 0 is the south edge."""

    rows: int
    columns: int
    corners: Corners


class PosteriorBody(ApiModel):
    """Probability per grid cell, row by row from the south-west corner; sums to 1."""

    fix_id: str
    scene: str
    grid: GridBody
    probability: list[float]


class TokenBody(ApiModel):
    """A measurement token of the radio encoder: one cell in one report."""

    report: int
    time: str
    cell_id: str


class AttentionBody(ApiModel):
    """Attention weights; each innermost list sums to 1."""

    fix_id: str
    scene: str
    grid: GridBody
    layers: int
    heads: int
    map_attention: list[list[list[float]]] = Field(description="[layer][head][row * columns]")
    tokens: list[TokenBody]
    token_attention: list[list[list[float]]] = Field(description="[layer][head][token]")


class LocateReply(ApiModel):
    """Answer to one sequence of reports."""

    fix_id: str = Field(examples=["01KB3V9ZJ6Q8W1RZ8N2X4T5C7D"])
    fix: FixBody
    unrefined_fix: FixBody | None = Field(default=None, description="before refinement")
    hypotheses: list[HypothesisBody]
    refinement: RefinementBody | None = None
    model: str
    scene: str
    unknown_cells: list[str] = Field(
        default=[], description="reported cells that the radio map does not know; they were ignored"
    )
    timing_ms: dict[str, float]
    posterior: PosteriorBody | None = None
    attention: AttentionBody | None = None
    residuals: list[ResidualBody] | None = None


class KeptFix(LocateReply):
    """A kept fix: the reply, with who reported what and when."""

    ue_id: str | None
    time: str
    reports: tuple[Report, ...]


class ServiceConfig(ApiModel):
    """What the console needs to know at start."""

    mapbox_token: str | None
    mapbox_style: str | None = Field(description="address of a style; none: the console chooses")
    version: str
    auth_required: bool = Field(description="whether a key is needed")


class Health(ApiModel):
    """`ready` or `loading`, with what is loaded."""

    status: str
    model: str | None = None
    scenes: list[str] = []
