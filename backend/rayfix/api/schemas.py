"""Bodies of requests and replies; the OpenAPI document and the console's types come from these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

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
    include: frozenset[Literal["posterior", "attention", "residuals"]] = frozenset()


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
    """Probability per grid cell; sums to 1."""

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


class Point(ApiModel):
    """GeoJSON point, [lon, lat]."""

    type: Literal["Point"] = "Point"
    coordinates: LonLat


class LiveFixProperties(ApiModel):
    """What the live feed says of a fix."""

    ue_id: str
    fix_id: str
    scene: str
    time: str
    accuracy_m: float
    confidence: float
    semi_major_m: float
    semi_minor_m: float
    orientation_deg: float
    ellipse_confidence: float
    offset: int


class LiveFix(ApiModel):
    """The fix of a UE as a GeoJSON Feature."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: Point
    properties: LiveFixProperties


class LatestFixes(ApiModel):
    """The latest fix of each UE; the feed continues after {epoch, offset}."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    epoch: str
    offset: int
    features: list[LiveFix]


class Track(ApiModel):
    """Fixes of one UE, oldest first."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[LiveFix]


class Place(ApiModel):
    """WGS 84 [deg]."""

    lat: float
    lon: float


class FeatureBody(ApiModel):
    """A radio-map feature."""

    name: str
    unit: str
    label: str


class SceneSummary(ApiModel):
    """A scene that the service knows."""

    name: str
    title: str
    origin: Place
    center: Place
    corners: Corners


class SceneBody(SceneSummary):
    """A scene with its cells and radio-map features."""

    ue_height_m: float
    features: list[FeatureBody]
    cells: list[str]
    model: str
    attribution: str


class Scenes(ApiModel):
    """Every scene of the service; the first is the default."""

    scenes: list[SceneSummary]


class LegendStop(ApiModel):
    """A colour of the legend; between stops it is interpolated."""

    value: float
    color: str = Field(pattern=r"^#[0-9a-f]{6}$")


class Legend(ApiModel):
    """Values beyond min and max get the colour of the end."""

    min: float
    max: float
    colormap: str
    stops: list[LegendStop]


class RadioMapBody(ApiModel):
    """How to show a radio-map image."""

    feature: str
    cell: str
    unit: str
    label: str
    corners: Corners
    width: int
    height: int
    legend: Legend
    image: str


class ProbeCell(ApiModel):
    """What the radio map says of one cell at a point; null = no path."""

    cell_id: str
    distance_m: float
    rsrp_dbm: float | None
    path_gain: float | None
    toa: float | None
    aoa: float | None
    snr: float | None
    sinr: float | None
    throughput: float | None
    bler: float | None


class Probe(ApiModel):
    """Every cell at a point, strongest first."""

    lat: float
    lon: float
    x_m: float
    y_m: float
    building_height_m: float | None
    best_cell: str | None
    cells: list[ProbeCell]


class ServiceConfig(ApiModel):
    """What the console needs to know at start."""

    mapbox_token: str | None
    version: str


class Health(ApiModel):
    """`ready` or `loading`, with what is loaded."""

    status: str
    model: str | None = None
    scenes: list[str] = []


GeoJson = dict[str, Any]
