"""Files appear whole or not at all, and a manifest tells whether they are still what was written.

A manifest is a JSON file with the SHA-256 and the size of every listed file, and a digest of that
list itself, so that damage to the manifest shows as well.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rayfix.errors import ArtefactError, DiskFullError

MANIFEST = "manifest.json"

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Turn the system's "no room" errors into a `DiskFullError` of this path."""
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        raise DiskFullError(path, os.strerror(error.errno)) from None


def write_bytes_whole(path: Path, content: bytes) -> None:
    """Write a file atomically; parents are made, an existing file is replaced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text_whole(path: Path, text: str) -> None:
    """`write_bytes_whole` for UTF-8 text."""
    write_bytes_whole(path, text.encode())


def temporary_folder(folder: Path) -> Path:
    """An empty folder beside `folder`, to be filled and given to `replace_folder`."""
    temporary = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    return temporary


def replace_folder(temporary: Path, folder: Path) -> None:
    """Put a finished temporary folder in the place of `folder`, by renaming only."""
    old = folder.with_name(f".{folder.name}.{os.getpid()}.old")
    if folder.exists():
        folder.rename(old)
    temporary.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def replace_entries(temporary: Path, folder: Path) -> None:
    """Move the entries of a finished temporary folder into `folder`, the manifest last.

    Entries of the same name are replaced, by renaming only; others are not touched. A process
    killed between two of these renames leaves a folder that `check_manifest` refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    old = temporary_folder(folder.with_name(f"{folder.name}.old"))
    for entry in sorted(temporary.iterdir(), key=lambda path: path.name == MANIFEST):
        target = folder / entry.name
        if target.exists():
            target.rename(old / entry.name)
        entry.rename(target)
    shutil.rmtree(old)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest_text(files: dict[str, dict[str, object]]) -> str:
    listed = json.dumps(files, sort_keys=True).encode()
    document = {"files": files, "sha256_of_files": hashlib.sha256(listed).hexdigest()}
    return json.dumps(document, indent=1, sort_keys=True) + "\n"


def write_manifest(folder: Path, paths: Iterable[Path]) -> Path:
    """Write `manifest.json` for these files of a folder."""
    files: dict[str, dict[str, object]] = {
        path.relative_to(folder).as_posix(): {
            "bytes": path.stat().st_size,
            "sha256": sha256_of(path),
        }
        for path in paths
    }
    write_text_whole(folder / MANIFEST, _manifest_text(files))
    return folder / MANIFEST


def check_manifest(folder: Path) -> frozenset[str]:
    """Compare every listed file with `manifest.json`; returns the listed relative paths.

    Raises:
        ArtefactError: the manifest is missing or damaged, or a file is missing, has another
            size or another content; the error's path is that of the failing file.
    """
    path = folder / MANIFEST
    try:
        text = path.read_text(encoding="utf-8")
        files = json.loads(text)["files"]
        whole = _manifest_text(files) == text
    except FileNotFoundError:
        raise ArtefactError(path, "the file is missing") from None
    except (ValueError, KeyError, TypeError):
        whole = False
    if not whole:
        raise ArtefactError(path, "the manifest is damaged")
    for name, expected in files.items():
        file = folder / name
        if not file.is_file():
            raise ArtefactError(file, "the file is missing")
        size = file.stat().st_size
        if size != expected["bytes"]:
            raise ArtefactError(
                file, f"{size} bytes, but {expected['bytes']} were written ({path.name})"
            )
        if sha256_of(file) != expected["sha256"]:
            raise ArtefactError(file, f"not what was written: its SHA-256 differs ({path.name})")
    return frozenset(files)
