"""Tracks for other programs: CSV, KML (gx:Track) and OGC Moving Features JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from rayfix.api.schemas import ApiModel
from rayfix.live.feature import rfc3339, to_feature
from rayfix.live.record import FixRecord


class MovingPoint(ApiModel):
    """Positions in time; between them the phone is taken to move straight on."""

    type: str = "MovingPoint"
    datetimes: list[str]
    coordinates: list[tuple[float, float]]
    interpolation: str = "Linear"


class Measure(ApiModel):
    """A quantity that changes in time; `form` is its unit (UN/CEFACT: MTR = metre)."""

    type: str = "Measure"
    form: str
    values: list[float]
    interpolation: str = "Linear"


class TemporalProperties(ApiModel):
    """What changes along the track."""

    datetimes: list[str]
    accuracy: Measure


class FilteredProperties(ApiModel):
    """What the track says at those of the fixes that are part of it: position (DD = degree), speed
    (MTS = metre per second) and bearing."""

    datetimes: list[str]
    filtered_longitude: Measure
    filtered_latitude: Measure
    filtered_speed: Measure
    filtered_bearing: Measure


class MovingFeature(ApiModel):
    """OGC Moving Features JSON (19-045r3), trajectory of one UE: the geometry is its fixes, beside
    it stands what the track makes of them."""

    type: str = "Feature"
    temporalGeometry: MovingPoint
    temporalProperties: list[TemporalProperties | FilteredProperties]
    properties: dict[str, str]


def to_csv(records: Sequence[FixRecord]) -> str:
    """One line per fix under a header (RFC 4180); columns as in the GeoJSON properties, those of
    the filtered track last and empty where the fix is no part of it."""
    text = io.StringIO()
    columns = [
        "ue_id", "fix_id", "scene", "time", "lat", "lon", "accuracy_m", "confidence",
        "semi_major_m", "semi_minor_m", "orientation_deg", "ellipse_confidence", "offset",
        "track_lat", "track_lon", "track_semi_major_m", "track_semi_minor_m",
        "track_orientation_deg", "track_speed_mps", "track_bearing_deg", "track_outlier",
    ]  # fmt: skip
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    for record in records:
        feature: dict[str, Any] = to_feature(record)
        lon, lat = feature["geometry"]["coordinates"]
        row = {**feature["properties"], "lat": lat, "lon": lon}
        if (track := row["track"]) is not None:
            row |= {f"track_{name}": value for name, value in track.items()}
            row["track_lon"], row["track_lat"] = track["coordinates"]
        writer.writerow(row)
    return text.getvalue()


def to_kml(ue_id: str, records: Sequence[FixRecord]) -> str:
    """KML 2.2 with Google's gx:Track: Google Earth plays it along its time line. One track of the
    fixes as they were located, one as they were filtered."""
    raw = [(record.time_s, record.lon, record.lat) for record in records]
    filtered = [(r.time_s, r.track.lon, r.track.lat) for r in records if r.track is not None]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<kml xmlns="http://www.opengis.net/kml/2.2" '
        'xmlns:gx="http://www.google.com/kml/ext/2.2">\n'
        f"<Document><name>{escape(ue_id)}</name>\n"
        f"{_gx_track(ue_id, raw)}{_gx_track(f'{ue_id} (filtered)', filtered)}</Document></kml>\n"
    )


def _gx_track(name: str, places: Sequence[tuple[float, float, float]]) -> str:
    """A gx:Track through places: time [s], longitude and latitude [deg]."""
    when = "".join(f"<when>{rfc3339(time_s)}</when>\n" for time_s, _, _ in places)
    where = "".join(f"<gx:coord>{lon:.7f} {lat:.7f} 0</gx:coord>\n" for _, lon, lat in places)
    return (
        f"<Placemark><name>{escape(name)}</name>\n"
        f"<gx:Track><altitudeMode>clampToGround</altitudeMode>\n{when}{where}</gx:Track>\n"
        "</Placemark>\n"
    )


def to_moving_feature(ue_id: str, records: Sequence[FixRecord]) -> MovingFeature:
    """The track as one moving feature; its times ascend strictly, as the standard asks: of fixes
    of one millisecond the last counts."""
    by_time = {rfc3339(record.time_s): record for record in records}
    times, kept = list(by_time), list(by_time.values())
    tracked = {time: r.track for time, r in by_time.items() if r.track is not None}
    filtered = FilteredProperties(
        datetimes=list(tracked),
        filtered_longitude=Measure(form="DD", values=[round(t.lon, 7) for t in tracked.values()]),
        filtered_latitude=Measure(form="DD", values=[round(t.lat, 7) for t in tracked.values()]),
        filtered_speed=Measure(form="MTS", values=[t.speed_mps for t in tracked.values()]),
        filtered_bearing=Measure(
            form="DD", values=[t.bearing_deg for t in tracked.values()], interpolation="Discrete"
        ),
    )
    return MovingFeature(
        temporalGeometry=MovingPoint(
            datetimes=times,
            coordinates=[(round(r.lon, 7), round(r.lat, 7)) for r in kept],
        ),
        temporalProperties=[
            TemporalProperties(
                datetimes=times,
                accuracy=Measure(form="MTR", values=[round(r.accuracy_m, 2) for r in kept]),
            ),
            filtered,
        ],
        properties={"ue_id": ue_id},
    )
