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


class MovingFeature(ApiModel):
    """OGC Moving Features JSON (19-045r3), trajectory of one UE."""

    type: str = "Feature"
    temporalGeometry: MovingPoint
    temporalProperties: list[TemporalProperties]
    properties: dict[str, str]


def to_csv(records: Sequence[FixRecord]) -> str:
    """One line per fix under a header (RFC 4180); columns as in the GeoJSON properties."""
    text = io.StringIO()
    columns = [
        "ue_id", "fix_id", "scene", "time", "lat", "lon", "accuracy_m", "confidence",
        "semi_major_m", "semi_minor_m", "orientation_deg", "ellipse_confidence", "offset",
    ]  # fmt: skip
    writer = csv.DictWriter(text, columns, extrasaction="ignore")
    writer.writeheader()
    for record in records:
        feature: dict[str, Any] = to_feature(record)
        lon, lat = feature["geometry"]["coordinates"]
        writer.writerow({**feature["properties"], "lat": lat, "lon": lon})
    return text.getvalue()


def to_kml(ue_id: str, records: Sequence[FixRecord]) -> str:
    """KML 2.2 with Google's gx:Track: Google Earth plays it along its time line."""
    when = "".join(f"<when>{rfc3339(record.time_s)}</when>\n" for record in records)
    places = "".join(
        f"<gx:coord>{record.lon:.7f} {record.lat:.7f} 0</gx:coord>\n" for record in records
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<kml xmlns="http://www.opengis.net/kml/2.2" '
        'xmlns:gx="http://www.google.com/kml/ext/2.2">\n'
        f"<Placemark><name>{escape(ue_id)}</name>\n"
        f"<gx:Track><altitudeMode>clampToGround</altitudeMode>\n{when}{places}</gx:Track>\n"
        "</Placemark></kml>\n"
    )


def to_moving_feature(ue_id: str, records: Sequence[FixRecord]) -> MovingFeature:
    """The track as one moving feature; its times ascend strictly, as the standard asks: of fixes
    of one millisecond the last counts."""
    by_time = {rfc3339(record.time_s): record for record in records}
    times, kept = list(by_time), list(by_time.values())
    return MovingFeature(
        temporalGeometry=MovingPoint(
            datetimes=times,
            coordinates=[(round(r.lon, 7), round(r.lat, 7)) for r in kept],
        ),
        temporalProperties=[
            TemporalProperties(
                datetimes=times,
                accuracy=Measure(form="MTR", values=[round(r.accuracy_m, 2) for r in kept]),
            )
        ],
        properties={"ue_id": ue_id},
    )
