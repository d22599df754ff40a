"""Files appear whole or not at all: written beside their place, then renamed."""

from __future__ import annotations

import os
from pathlib import Path


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
