"""Bodies of errors: RFC 9457 problem documents."""

from __future__ import annotations

from pydantic import BaseModel, Field


class FieldError(BaseModel):
    """A field of the request and the rule that it breaks."""

    field: str = Field(examples=["reports[0].cells[1].rsrp_dbm"])
    rule: str = Field(examples=["Input should be a finite number"])


class Problem(BaseModel):
    """RFC 9457 problem details with a stable `code`."""

    type: str = Field(examples=["urn:rayfix:problem:invalid_request"])
    title: str
    status: int
    detail: str
    code: str = Field(description="stable, for programs", examples=["invalid_request"])
    errors: list[FieldError] = []
