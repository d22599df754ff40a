"""Bodies of scenes, cells, buildings, roads, water and radio maps."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field

from rayfix.api.schemas import ApiModel, Corners, LonLat
from rayfix.api.schemas_live import Point


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


class Terrain(ApiModel):
    """Height of the ground [m] above the scene's zero, as `raster-dem` sources take it."""

    tiles: str = Field(description="address of a tile, with {z}, {x} and {y}")
    encoding: Literal["terrarium"] = "terrarium"
    tile_size: int
    maxzoom: int


class SceneBody(SceneSummary):
    """A scene with its cells and radio-map features."""

    ue_height_m: float
    features: list[FeatureBody]
    cells: list[str]
    model: str
    attribution: str
    terrain: Terrain | None = Field(description="null where the ground is flat")


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


class BestServerShare(ApiModel):
    """The share of the covered area that a cell serves best."""

    cell_id: str
    share: float


class AreaStatistics(ApiModel):
    """A radio-map layer over the outdoor places of an area; null where no path arrives."""

    feature: str
    cell: str
    unit: str
    area_m2: float
    covered: float
    mean: float | None
    percentiles: list[float] | None = Field(description="5th, 25th, 50th, 75th, 95th")
    best_servers: list[BestServerShare]


class ProbeCell(ApiModel):
    """What the radio map says of one cell at a point; null = no path, or not on this map."""

    cell_id: str
    distance_m: float
    los: bool | None = Field(description="line of sight")
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


class CellProperties(ApiModel):
    """A cell; bearings are clockwise from true north."""

    cell_id: str
    site_id: str
    bearing_deg: float | None = Field(
        description="null where nobody knows it: a measured map whose site has one cell"
    )
    downtilt_deg: float
    height_m: float
    power_dbm: float
    carrier_hz: float
    bandwidth_hz: float
    pci: int | None


class CellFeature(ApiModel):
    """A cell as GeoJSON Feature."""

    type: Literal["Feature"] = "Feature"
    id: str
    geometry: Point
    properties: CellProperties


class Cells(ApiModel):
    """The cells of a scene."""

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[CellFeature]


class Polygon(ApiModel):
    """GeoJSON polygon: an outer ring and holes of [lon, lat]."""

    type: Literal["Polygon"] = "Polygon"
    coordinates: list[list[LonLat]]


class BuildingProperties(ApiModel):
    """Heights above ground; `base_m` is missing where a building stands on the ground."""

    model_config = ConfigDict(extra="allow")

    height_m: float
    base_m: float | None = None
    name: str | None = None


class BuildingFeature(ApiModel):
    """A part of a building as GeoJSON Feature."""

    type: Literal["Feature"] = "Feature"
    geometry: Polygon
    properties: BuildingProperties


class Buildings(ApiModel):
    """The buildings of a scene."""

    model_config = ConfigDict(extra="allow")

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[BuildingFeature]


class Shape(ApiModel):
    """Any GeoJSON geometry but a collection: [lon, lat], nested as its type says."""

    type: Literal["Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"]
    coordinates: list[Any]


class RoadProperties(ApiModel):
    """Tags of OpenStreetMap, as far as the way has them."""

    model_config = ConfigDict(extra="allow")

    highway: str
    name: str | None = None
    tunnel: str | None = None


class RoadFeature(ApiModel):
    """A road or path as GeoJSON Feature; a square is a polygon."""

    type: Literal["Feature"] = "Feature"
    geometry: Shape
    properties: RoadProperties


class Roads(ApiModel):
    """The roads of a scene; none where it was not made from a map."""

    model_config = ConfigDict(extra="allow")

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[RoadFeature]


class WaterProperties(ApiModel):
    """Tags of OpenStreetMap, as far as the object has them."""

    model_config = ConfigDict(extra="allow")

    name: str | None = None
    waterway: str | None = None


class WaterFeature(ApiModel):
    """A water body or a waterway as GeoJSON Feature."""

    type: Literal["Feature"] = "Feature"
    geometry: Shape
    properties: WaterProperties


class Water(ApiModel):
    """The water of a scene; none where it was not made from a map."""

    model_config = ConfigDict(extra="allow")

    type: Literal["FeatureCollection"] = "FeatureCollection"
    features: list[WaterFeature]
