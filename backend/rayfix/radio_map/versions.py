"""Versions of a scene's radio map: `radio_maps/<scene>/versions/<number>/`.

The folder of the scene always holds the current map, so that whoever reads maps needs to know
nothing of versions. A version is a whole copy with its own manifest and a `provenance.json`; making
one current copies it up, by renaming only. A current map that is no stored version (it was traced
anew, say) becomes one before it is replaced: nothing is ever lost.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.files import (
    MANIFEST,
    check_manifest,
    replace_entries,
    replace_folder,
    temporary_folder,
    write_text_whole,
)
from rayfix.radio_map.radio_map import RadioMap
from rayfix.radio_map.store import load_radio_map, save_radio_map
from rayfix.units import wrap_deg

VERSIONS = "versions"
PROVENANCE = "provenance.json"


@dataclass(frozen=True)
class Version:
    """One stored version.

    Attributes:
        number: counts from 1.
        current: whether the scene's folder holds it.
        provenance: where it comes from, JSON values.
    """

    number: int
    current: bool
    provenance: Mapping[str, Any]


def list_versions(folder: Path) -> list[Version]:
    """Stored versions of a scene's map, oldest first.

    Raises:
        ArtefactError: there is no map, or a provenance is damaged.
    """
    current = _manifest(folder)
    found = []
    for number in _numbers(folder):
        path = _folder_of(folder, number) / PROVENANCE
        try:
            provenance = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ArtefactError(path, "the file is missing") from None
        except ValueError as error:
            raise ArtefactError(path, f"not JSON ({error})") from None
        found.append(Version(number, _manifest(path.parent) == current, provenance))
    return found


def add_version(folder: Path, radio_map: RadioMap, provenance: Mapping[str, Any]) -> int:
    """Store a map as a new version and make it current; returns its number.

    Raises:
        ArtefactError: the scene's present map is missing or damaged.
    """
    _keep_current(folder)
    number = max(_numbers(folder), default=0) + 1
    target = _folder_of(folder, number)
    save_radio_map(target, radio_map, folder)
    _write_provenance(target, provenance)
    activate_version(folder, number)
    return number


def activate_version(folder: Path, number: int) -> None:
    """Make a stored version the current map (again).

    Raises:
        InvalidInputError: there is no such version.
        ArtefactError: it is damaged; the current map then stays.
    """
    source = _folder_of(folder, number)
    if number not in _numbers(folder):
        known = ", ".join(map(str, _numbers(folder))) or "none"
        raise InvalidInputError("version", f"no version {number} of {folder} (there are: {known})")
    check_manifest(source)
    _keep_current(folder)
    temporary = temporary_folder(folder)
    try:
        _copy_map(source, temporary)
        replace_entries(temporary, folder)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def compare_versions(folder: Path, first: int, second: int) -> list[dict[str, Any]]:
    """What changed from one version to another, a row a cell.

    Returns:
        Per cell id: changes of `power_db`, `bearing_deg`, `downtilt_deg`, `height_m`; of RSRP over
        pixels with a path in both, `rsrp_median_db` and `rsrp_rms_db`; `pixels_gained`,
        `pixels_lost`.
    Raises:
        InvalidInputError: no such version, or they do not cover the same cells and pixels.
        ArtefactError: a version is damaged.
    """
    maps = []
    for number in (first, second):
        if number not in _numbers(folder):
            raise InvalidInputError("version", f"no version {number} of {folder}")
        maps.append(load_radio_map(_folder_of(folder, number)))
    old, new = maps
    if list(old.cell_index) != list(new.cell_index) or old.rsrp_dbm.shape != new.rsrp_dbm.shape:
        raise InvalidInputError("version", "the versions have other cells or pixels")
    rows = []
    for index, (a, b) in enumerate(zip(old.cells, new.cells, strict=True)):
        before, after = old.rsrp_dbm[index], new.rsrp_dbm[index]
        change = (after - before)[np.isfinite(before) & np.isfinite(after)]
        none = len(change) == 0
        rows.append(
            {
                "cell_id": a.cell_id,
                "power_db": round(b.power_dbm - a.power_dbm, 2),
                "bearing_deg": round(wrap_deg(b.bearing_deg - a.bearing_deg), 2),
                "downtilt_deg": round(b.downtilt_deg - a.downtilt_deg, 2),
                "height_m": round(b.z_m - a.z_m, 2),
                "rsrp_median_db": None if none else round(float(np.median(change)), 2),
                "rsrp_rms_db": None if none else round(float(np.sqrt(np.mean(change**2))), 2),
                "pixels_gained": int((np.isnan(before) & np.isfinite(after)).sum()),
                "pixels_lost": int((np.isfinite(before) & np.isnan(after)).sum()),
            }
        )
    return rows


def _folder_of(folder: Path, number: int) -> Path:
    return folder / VERSIONS / str(number)


def _numbers(folder: Path) -> list[int]:
    """Numbers of the stored versions, ascending."""
    entries = (folder / VERSIONS).glob("[0-9]*")
    return sorted(int(entry.name) for entry in entries if entry.name.isdigit() and entry.is_dir())


def _manifest(folder: Path) -> str:
    try:
        return (folder / MANIFEST).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ArtefactError(folder / MANIFEST, "the file is missing") from None


def _keep_current(folder: Path) -> None:
    """Store the scene's present map as a version unless it is one."""
    current = _manifest(folder)
    if any(_manifest(_folder_of(folder, number)) == current for number in _numbers(folder)):
        return
    target = _folder_of(folder, max(_numbers(folder), default=0) + 1)
    temporary = temporary_folder(target)
    try:
        _copy_map(folder, temporary)
        _write_provenance(temporary, {"kind": "built"})
        replace_folder(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy_map(source: Path, target: Path) -> None:
    """Copy a map's files, which its manifest lists, and the manifest; refuses a damaged one."""
    for name in check_manifest(source):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, target / name)
    shutil.copy2(source / MANIFEST, target / MANIFEST)


def _write_provenance(folder: Path, provenance: Mapping[str, Any]) -> None:
    text = json.dumps(provenance, indent=1, allow_nan=False)
    write_text_whole(folder / PROVENANCE, text + "\n")
