"""One kept fix, and its identifier."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
FIX_ID_PATTERN = re.compile(r"^[0-7][0-9A-HJKMNP-TV-Z]{25}$")


def new_fix_id() -> str:
    """A ULID: 48 bits of milliseconds since 1970 and 80 random bits, sortable by time."""
    value = (time.time_ns() // 1_000_000) << 80 | secrets.randbits(80)
    return "".join(_CROCKFORD[(value >> shift) & 31] for shift in range(125, -1, -5))


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """What the track of a UE says at the time of one of its fixes (`live.tracks`).

    Attributes:
        lat, lon: filtered position, WGS 84 [deg].
        semi_major_m, semi_minor_m, orientation_deg: ellipse that holds 95 %.
        speed_mps, bearing_deg: horizontal speed and bearing (TS 23.032, 8).
        outlier: the fix lay outside the gate and was not used.
    """

    lat: float
    lon: float
    semi_major_m: float
    semi_minor_m: float
    orientation_deg: float
    speed_mps: float
    bearing_deg: float
    outlier: bool


@dataclass(frozen=True, slots=True)
class FixRecord:
    """A fix as the live log keeps it.

    Attributes:
        fix_id: ULID.
        ue_id: the phone; None = kept by id only, not part of the live feed.
        scene: scene name.
        time_s: time of the sequence's last report [s], by the sender's clock.
        received_s: when the service answered [s since 1970], decides retention.
        lat, lon: WGS 84 [deg].
        accuracy_m: radius that holds 68 % [m].
        confidence: weight of the hypothesis [0..1].
        semi_major_m, semi_minor_m, orientation_deg, ellipse_confidence: uncertainty ellipse.
        truth_lat, truth_lon: where the phone really was [deg], as far as its sender knew; for
            evaluation only.
        serving_cell: the cell heard strongest in the last report; None where none has an RSRP.
        track: the filtered position; None = the fix is no part of a track.
        detail: what only a look at this one fix needs, opaque to the log (JSON text).
        offset: place in the log, from 1, ascending; 0 = not appended yet.
    """

    fix_id: str
    ue_id: str | None
    scene: str
    time_s: float
    received_s: float
    lat: float
    lon: float
    accuracy_m: float
    confidence: float
    semi_major_m: float
    semi_minor_m: float
    orientation_deg: float
    ellipse_confidence: float
    detail: str = ""
    offset: int = 0
    truth_lat: float | None = None
    truth_lon: float | None = None
    serving_cell: str | None = None
    track: TrackPoint | None = None
