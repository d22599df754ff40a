"""A file of reports: the body of `POST /api/v1/locate`, so that one file serves both."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rayfix.errors import SourceFileError
from rayfix.files import write_text_whole
from rayfix.measurement.report import Report


class TruePlace(BaseModel):
    """Where the phone was [deg], WGS 84; only for comparison."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    lon: float = Field(ge=-180, le=180, allow_inf_nan=False)


class ReportFile(BaseModel):
    """One sequence of reports of one phone; other keys of the request are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    scene: str | None = Field(default=None, max_length=64)
    reports: tuple[Report, ...] = Field(min_length=1, max_length=100)
    truth: TruePlace | None = None

    def document(self) -> dict[str, Any]:
        """Plain values without what is missing."""
        return self.model_dump(mode="json", exclude_none=True)

    def save(self, path: Path) -> Path:
        """Write the file, whole or not at all."""
        write_text_whole(path, json.dumps(self.document(), indent=1) + "\n")
        return path


def load_report_file(path: Path) -> ReportFile:
    """Read a file of reports.

    Raises:
        SourceFileError: the file is missing, not JSON, or a value breaks a rule; the message names
            the field and the rule.
    """
    try:
        return ReportFile.model_validate_json(path.read_bytes())
    except OSError:
        raise SourceFileError(path, "the report cannot be read") from None
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        rule = first["msg"].removeprefix("Value error, ")
        raise SourceFileError(path, f"{field}: {rule}" if field else rule) from None
