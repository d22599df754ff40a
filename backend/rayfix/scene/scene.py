"""A scene: 3D geometry, its place on the Earth, and the rectangle that maps cover."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rayfix.errors import ArtefactError
from rayfix.files import write_text_whole
from rayfix.geo import GeoReference


class Extent(BaseModel):
    """Rectangle covered by the maps, local metres; axis-parallel in the local frame."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    x_min_m: float
    x_max_m: float
    y_min_m: float
    y_max_m: float

    @model_validator(mode="after")
    def _ordered(self) -> Extent:
        if self.x_min_m >= self.x_max_m or self.y_min_m >= self.y_max_m:
            raise ValueError("x_min_m < x_max_m and y_min_m < y_max_m must hold")
        return self

    def contains(self, x_m: npt.ArrayLike, y_m: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether points [m] lie inside (borders included); shape of the inputs."""
        x, y = np.asarray(x_m), np.asarray(y_m)
        return np.asarray(
            (x >= self.x_min_m) & (x <= self.x_max_m) & (y >= self.y_min_m) & (y <= self.y_max_m)
        )

    def pixel_centres(
        self, resolution_m: float
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """x [W] and y [H] of the pixel centres of a grid of square pixels [m], ascending."""
        columns = round((self.x_max_m - self.x_min_m) / resolution_m)
        rows = round((self.y_max_m - self.y_min_m) / resolution_m)
        x = self.x_min_m + (np.arange(columns, dtype=np.float64) + 0.5) * resolution_m
        y = self.y_min_m + (np.arange(rows, dtype=np.float64) + 0.5) * resolution_m
        return x, y

    def corners(self) -> Iterator[tuple[float, float]]:
        """Local corners in image order: top left, top right, bottom right, bottom left."""
        yield self.x_min_m, self.y_max_m
        yield self.x_max_m, self.y_max_m
        yield self.x_max_m, self.y_min_m
        yield self.x_min_m, self.y_min_m


class Landmark(BaseModel):
    """A named point known in both frames; the georeference is fitted to these."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    x_m: float
    y_m: float
    lat_deg: float
    lon_deg: float


class Scene(BaseModel):
    """The world that maps are traced in; saved as `scene.json`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")
    title: str
    geometry: str = Field(
        description="'builtin:NAME' (shipped with Sionna RT) or the path of a Mitsuba XML file "
        "relative to the folder of scene.json"
    )
    origin_lat_deg: float = Field(ge=-90, le=90)
    origin_lon_deg: float = Field(ge=-180, le=180)
    extent: Extent
    ue_height_m: float = Field(default=1.5, gt=0, description="height of the maps above ground")
    ground_mesh: str = Field(
        default="", description="shape of the geometry that is the ground; empty: flat, at zero"
    )
    attribution: str = ""
    landmarks: tuple[Landmark, ...] = ()

    @cached_property
    def georeference(self) -> GeoReference:
        """Local metres <-> latitude and longitude."""
        return GeoReference(self.origin_lat_deg, self.origin_lon_deg)

    def landmark_residuals_m(self) -> npt.NDArray[np.float64]:
        """Distance [m] between each landmark's place in the scene and on the Earth, shape [N]."""
        if not self.landmarks:
            return np.zeros(0)
        x, y = self.georeference.to_local(
            [m.lat_deg for m in self.landmarks], [m.lon_deg for m in self.landmarks]
        )
        return np.hypot(x - [m.x_m for m in self.landmarks], y - [m.y_m for m in self.landmarks])

    def corners_lon_lat(self, extent: Extent | None = None) -> list[tuple[float, float]]:
        """Corners of the scene's extent, or of another in its frame: (lon, lat) [deg], image order
        TL, TR, BR, BL; each one projected."""
        x, y = zip(*(extent or self.extent).corners(), strict=True)
        lat, lon = self.georeference.to_lat_lon(x, y)
        return [(float(a), float(b)) for a, b in zip(lon, lat, strict=True)]

    def save(self, folder: Path) -> Path:
        """Write `scene.json` with projection and landmark residual, whole or not at all."""
        document = self.model_dump()
        document["projection"] = self.georeference.projection
        if self.landmarks:
            residuals = self.landmark_residuals_m()
            document["landmark_rms_residual_m"] = round(float(np.sqrt(np.mean(residuals**2))), 2)
        path = folder / "scene.json"
        write_text_whole(path, json.dumps(document, indent=2, ensure_ascii=False) + "\n")
        return path

    @classmethod
    def load(cls, folder: Path) -> Scene:
        """Read `scene.json`.

        Raises:
            ArtefactError: the file is missing, not JSON, or a field breaks a rule.
        """
        path = folder / "scene.json"
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ArtefactError(path, "the file is missing") from None
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ArtefactError(path, f"not JSON ({error})") from None
        if not isinstance(document, dict):
            raise ArtefactError(path, "a JSON object is expected")
        for derived in ("projection", "landmark_rms_residual_m"):
            document.pop(derived, None)
        try:
            return cls.model_validate(document)
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"])
            raise ArtefactError(path, f"{field}: {first['msg']}") from None
