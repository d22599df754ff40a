"""Bodies of the latest fixes and of tracks: GeoJSON (RFC 7946)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rayfix.api.schemas import ApiModel, LonLat


class Point(ApiModel):
    """GeoJSON point, [lon, lat]."""

    type: Literal["Point"] = "Point"
    coordinates: LonLat


class TrackPointBody(ApiModel):
    """What the UE's track says at the time of a fix: position and motion, filtered."""

    coordinates: LonLat
    semi_major_m: float = Field(description="ellipse that holds 95 %")
    semi_minor_m: float
    orientation_deg: float
    speed_mps: float
    bearing_deg: float
    outlier: bool = Field(description="the fix was too far off to be used")


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
    serving_cell: str | None = Field(default=None, description="heard strongest in the last report")
    truth: LonLat | None = Field(default=None, description="where the phone really was, if known")
    track: TrackPointBody | None = Field(
        default=None, description="null: no part of a track, such as a report dated in the future"
    )


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
