"""A Kalman filter of the nearly-constant-velocity model, in local east-north metres.

State x = (east, north, velocity east, velocity north). Between fixes the velocity is disturbed by
white acceleration of spectral density q (Bar-Shalom, Li, Kirubarajan: Estimation with Applications
to Tracking and Navigation, 6.2.2):
    F = [[I, dt I], [0, I]],   Q = q [[dt^3/3 I, dt^2/2 I], [dt^2/2 I, dt I]].
A fix is used when its normalised innovation squared is below the 99.9 % quantile of chi-square
with two degrees of freedom (the same, 5.4).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]

ACCELERATION_DENSITY = 0.5
"""Spectral density of the acceleration [m^2/s^3]: a velocity changes by 0.7 m/s within a second,
between a walker who turns and a car that brakes."""
GATE = -2.0 * math.log(1.0 - 0.999)
"""Chi-square quantile with two degrees of freedom, in closed form."""
FIX_INFLATION = 2.0
"""What a fix's covariance is multiplied with: the errors of successive fixes are alike (the same
streets, overlapping reports), which a filter would take for agreement."""
SMALLEST_SIGMA_M = 0.5
FASTEST_MPS = 15.0
"""Standard deviation of a velocity that is not known yet."""

_IDENTITY = np.eye(4)


class Ellipse(NamedTuple):
    """Semi-axes [m], and the bearing of the major axis in [0, 180) [deg]."""

    semi_major_m: float
    semi_minor_m: float
    orientation_deg: float


@dataclass(frozen=True, slots=True)
class MotionState:
    """Where a phone is and how it moves, at a time.

    Attributes:
        time_s: of the fix that it follows.
        mean_4, covariance_44: state and covariance; the state is (m, m, m/s, m/s).
        missed: fixes outside the gate since the last one inside.
    """

    time_s: float
    mean_4: Float64
    covariance_44: Float64
    missed: int = 0


def covariance_of(ellipse: Ellipse, confidence: float) -> Float64:
    """Covariance [m^2] of a Gaussian whose ellipse of that confidence has these axes, [2, 2]."""
    scale = math.sqrt(-2.0 * math.log1p(-confidence))
    bearing = math.radians(ellipse.orientation_deg)
    sine, cosine = math.sin(bearing), math.cos(bearing)
    major = max(ellipse.semi_major_m / scale, SMALLEST_SIGMA_M) ** 2
    minor = max(ellipse.semi_minor_m / scale, SMALLEST_SIGMA_M) ** 2
    shared = (major - minor) * sine * cosine
    return np.array(
        [
            [major * sine**2 + minor * cosine**2, shared],
            [shared, major * cosine**2 + minor * sine**2],
        ]
    )


def ellipse_of(covariance_22: Float64, confidence: float) -> Ellipse:
    """The ellipse that holds `confidence` of a Gaussian."""
    scale = math.sqrt(-2.0 * math.log1p(-confidence))
    (east, shared), (_, north) = covariance_22.tolist()
    middle, half = 0.5 * (east + north), math.hypot(0.5 * (north - east), shared)
    bearing = math.degrees(0.5 * math.atan2(2.0 * shared, north - east)) % 180.0
    major, minor = scale * math.sqrt(middle + half), scale * math.sqrt(max(0.0, middle - half))
    return Ellipse(major, minor, bearing)


def begin(time_s: float, fix_2: Float64, covariance_22: Float64) -> MotionState:
    """The state after a first fix: its place, and any velocity."""
    covariance = np.zeros((4, 4))
    covariance[:2, :2] = FIX_INFLATION * covariance_22
    covariance[2:, 2:] = FASTEST_MPS**2 * np.eye(2)
    return MotionState(time_s, np.concatenate([fix_2, np.zeros(2)]), covariance)


def step(
    state: MotionState, time_s: float, fix_2: Float64, covariance_22: Float64
) -> tuple[MotionState, bool]:
    """The state after one more fix, not earlier than the state, and whether the fix was used."""
    mean, covariance = _predict(state, time_s - state.time_s)
    innovation_covariance = covariance[:2, :2] + FIX_INFLATION * covariance_22
    innovation = fix_2 - mean[:2]
    precision = _inverse(innovation_covariance)
    if float(innovation @ precision @ innovation) > GATE:
        return MotionState(time_s, mean, covariance, state.missed + 1), False
    gain_42 = covariance[:, :2] @ precision
    keep = _IDENTITY.copy()
    keep[:, :2] -= gain_42
    # Joseph's form: it stays symmetric and positive definite.
    noise = FIX_INFLATION * (gain_42 @ covariance_22 @ gain_42.T)
    return MotionState(
        time_s, mean + gain_42 @ innovation, keep @ covariance @ keep.T + noise
    ), True


def _inverse(matrix_22: Float64) -> Float64:
    """Inverse of a 2 x 2 matrix, in closed form: many times as fast as LAPACK's."""
    (a, b), (c, d) = matrix_22.tolist()
    inverse: Float64 = np.array([[d, -b], [-c, a]]) / (a * d - b * c)
    return inverse


def _predict(state: MotionState, seconds: float) -> tuple[Float64, Float64]:
    transition = _IDENTITY.copy()
    transition[0, 2] = transition[1, 3] = seconds
    q = ACCELERATION_DENSITY
    noise = np.zeros((4, 4))
    noise[0, 0] = noise[1, 1] = q * seconds**3 / 3.0
    noise[0, 2] = noise[2, 0] = noise[1, 3] = noise[3, 1] = q * seconds**2 / 2.0
    noise[2, 2] = noise[3, 3] = q * seconds
    mean: Float64 = transition @ state.mean_4
    covariance: Float64 = transition @ state.covariance_44 @ transition.T + noise
    return mean, covariance
