"""A kept fix as a GeoJSON Feature (RFC 7946)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from rayfix.live.record import FixRecord, TrackPoint

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rfc3339(time_s: float) -> str:
    """RFC 3339 time in UTC, milliseconds, of seconds since 1970; years 1 to 9999."""
    moment = _EPOCH + timedelta(seconds=time_s)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def to_feature(record: FixRecord) -> dict[str, Any]:
    """Point Feature of a UE's fix; coordinates are [lon, lat] [deg], rounded to 1 cm."""
    return {
        "type": "Feature",
        "id": record.ue_id,
        "geometry": {
            "type": "Point",
            "coordinates": [round(record.lon, 7), round(record.lat, 7)],
        },
        "properties": {
            "ue_id": record.ue_id,
            "fix_id": record.fix_id,
            "scene": record.scene,
            "time": rfc3339(record.time_s),
            "accuracy_m": round(record.accuracy_m, 2),
            "confidence": round(record.confidence, 4),
            "semi_major_m": round(record.semi_major_m, 2),
            "semi_minor_m": round(record.semi_minor_m, 2),
            "orientation_deg": round(record.orientation_deg, 1),
            "ellipse_confidence": record.ellipse_confidence,
            "offset": record.offset,
            "serving_cell": record.serving_cell,
            "truth": None
            if record.truth_lat is None or record.truth_lon is None
            else [round(record.truth_lon, 7), round(record.truth_lat, 7)],
            "track": None if record.track is None else _track(record.track),
        },
    }


def _track(track: TrackPoint) -> dict[str, Any]:
    return {
        "coordinates": [round(track.lon, 7), round(track.lat, 7)],
        "semi_major_m": round(track.semi_major_m, 2),
        "semi_minor_m": round(track.semi_minor_m, 2),
        "orientation_deg": round(track.orientation_deg, 1),
        "speed_mps": round(track.speed_mps, 2),
        "bearing_deg": round(track.bearing_deg, 1),
        "outlier": track.outlier,
    }
