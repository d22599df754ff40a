"""Errors that RayFix raises on purpose; each class carries a stable machine-readable `code`."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class RayFixError(Exception):
    """Base of every error raised on purpose. `str(error)` is one sentence for a person."""

    code: ClassVar[str] = "rayfix_error"

    def __reduce__(self) -> tuple[object, ...]:
        # Errors cross process borders whole, whatever arguments their class takes.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[RayFixError], args: tuple[object, ...], state: dict[str, object]
) -> RayFixError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class InvalidInputError(RayFixError):
    """A value breaks a rule; names the field and the rule."""

    code = "invalid_input"

    def __init__(self, field: str, rule: str) -> None:
        super().__init__(f"{field}: {rule}")
        self.field = field
        self.rule = rule


class ConfigError(RayFixError):
    """A configuration file is missing, malformed or has an unknown key."""

    code = "invalid_config"

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


class ArtefactError(RayFixError):
    """A file that RayFix wrote (map, model, dataset) is missing, incomplete or damaged."""

    code = "damaged_artefact"

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


class SourceFileError(RayFixError):
    """A file from elsewhere (map extract, footprints, site list) is damaged or breaks a rule."""

    code = "invalid_source_file"

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason


class DiskFullError(RayFixError):
    """A file cannot be written because the disk, a quota or a size limit is reached."""

    code = "disk_full"

    def __init__(self, path: Path | str, reason: str) -> None:
        super().__init__(f"{path}: {reason}; what was there before is unchanged")
        self.path = Path(path)
        self.reason = reason


class OutsideMapError(RayFixError):
    """A point lies outside the radio map."""

    code = "outside_map"


class UnknownSceneError(RayFixError):
    """No scene of this name is loaded or built in."""

    code = "unknown_scene"


class NoKnownCellsError(RayFixError):
    """No report names a cell of the radio map."""

    code = "no_known_cells"


class MissingExtraError(RayFixError):
    """This installation lacks an optional package; the message names the extra to install."""

    code = "not_installed"


class RayTracingUnavailableError(RayFixError):
    """Ray tracing cannot start on this machine; the message says what to install."""

    code = "ray_tracing_unavailable"
