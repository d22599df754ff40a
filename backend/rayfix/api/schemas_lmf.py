"""LocationData of the 3GPP location service (TS 29.572, 6.1.6.2.3), for readers of an LMF."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from rayfix.api.schemas import ApiModel, FixBody
from rayfix.live.feature import rfc3339
from rayfix.measurement.report import Report
from rayfix.scene.cell import CellIdentity

RADIO_MAP_METHOD_CODE = 16
"""Network-specific method (16 to 31 are the operator's): reports located on a radio map."""
MAX_AGE_MINUTES = 32_767


class GeographicalCoordinates(ApiModel):
    """WGS 84 [deg]."""

    lon: float
    lat: float


class UncertaintyEllipse(ApiModel):
    """Semi-axes [m]; the major axis clockwise from north [deg]."""

    semiMajor: float
    semiMinor: float
    orientationMajor: int = Field(ge=0, le=180)


class PointUncertaintyEllipse(ApiModel):
    """A point with its ellipse and the probability [%] that the truth is inside."""

    shape: Literal["POINT_UNCERTAINTY_ELLIPSE"] = "POINT_UNCERTAINTY_ELLIPSE"
    point: GeographicalCoordinates
    uncertaintyEllipse: UncertaintyEllipse
    confidence: int = Field(ge=0, le=100)


class PositioningMethod(ApiModel):
    """How the position came about."""

    method: Literal["NETWORK_SPECIFIC"] = "NETWORK_SPECIFIC"
    mode: Literal["UE_ASSISTED"] = "UE_ASSISTED"
    usage: Literal["SUCCESS_RESULTS_USED_TO_GENERATE_LOCATION"] = (
        "SUCCESS_RESULTS_USED_TO_GENERATE_LOCATION"
    )
    methodCode: int = RADIO_MAP_METHOD_CODE


class PlmnId(ApiModel):
    """Mobile country and network code, as text: leading zeros count."""

    mcc: str
    mnc: str


class Ncgi(ApiModel):
    """NR cell global identity; nine hexadecimal digits."""

    plmnId: PlmnId
    nrCellId: str = Field(pattern=r"^[0-9a-f]{9}$")


class Ecgi(ApiModel):
    """E-UTRA cell global identity; seven hexadecimal digits."""

    plmnId: PlmnId
    eutraCellId: str = Field(pattern=r"^[0-9a-f]{7}$")


class LocationData(ApiModel):
    """A position as an LMF gives it."""

    locationEstimate: PointUncertaintyEllipse
    ageOfLocationEstimate: int = Field(ge=0, le=MAX_AGE_MINUTES, description="minutes")
    timestampOfLocationEstimate: str = Field(json_schema_extra={"format": "date-time"})
    positioningDataList: list[PositioningMethod]
    ncgi: Ncgi | None = None
    ecgi: Ecgi | None = None


def location_data(
    fix: FixBody, reports: Sequence[Report], identity: CellIdentity | None
) -> LocationData:
    """The fix of a sequence; `identity` is that of the strongest cell of its last report."""
    time_s = max(report.time for report in reports)
    minutes = int((time.time() - time_s) / 60)
    plmn = None if identity is None else PlmnId(mcc=identity.mcc, mnc=identity.mnc)
    ncgi = ecgi = None
    if identity is not None and plmn is not None:
        if identity.radio_type == "nr":
            ncgi = Ncgi(plmnId=plmn, nrCellId=f"{identity.cell_identity:09x}")
        else:
            ecgi = Ecgi(plmnId=plmn, eutraCellId=f"{identity.cell_identity:07x}")
    return LocationData(
        locationEstimate=PointUncertaintyEllipse(
            point=GeographicalCoordinates(lon=fix.lon, lat=fix.lat),
            uncertaintyEllipse=UncertaintyEllipse(
                semiMajor=fix.ellipse.semi_major_m,
                semiMinor=fix.ellipse.semi_minor_m,
                orientationMajor=round(fix.ellipse.orientation_deg) % 180,
            ),
            confidence=round(100 * fix.ellipse.confidence),
        ),
        ageOfLocationEstimate=min(max(0, minutes), MAX_AGE_MINUTES),
        timestampOfLocationEstimate=rfc3339(time_s),
        positioningDataList=[PositioningMethod()],
        ncgi=ncgi,
        ecgi=ecgi,
    )


def serving_cell(reports: Sequence[Report]) -> str | None:
    """Id of the strongest cell of the last report; None where no power was measured."""
    last = max(reports, key=lambda report: report.time)
    heard = [(c.rsrp_dbm, c.cell_id) for c in last.cells if c.rsrp_dbm is not None]
    return max(heard)[1] if heard else None
