"""Takes a new model or radio map into service as soon as it lies there whole."""

from __future__ import annotations

import asyncio

import structlog

from rayfix.api.services import Services
from rayfix.config import Settings
from rayfix.errors import RayFixError
from rayfix.files import MANIFEST

log = structlog.get_logger(__name__)


def state_of_files(settings: Settings) -> tuple[tuple[int, int], ...]:
    """When the manifests of the model and of every map were written, and their inode: writers
    rename them into place last."""
    folders = [settings.models_dir / settings.model]
    folders += [settings.radio_maps_dir / name for name in settings.scenes]
    states = []
    for folder in folders:
        try:
            status = (folder / MANIFEST).stat()
        except FileNotFoundError:  # between two renames of a writer
            states.append((0, 0))
        else:
            states.append((status.st_mtime_ns, status.st_ino))
    return tuple(states)


async def watch(services: Services, interval_s: float) -> None:
    """Reload whenever a manifest changed; what is damaged is told once and left alone."""
    seen = state_of_files(services.settings)
    while True:
        await asyncio.sleep(interval_s)
        now = state_of_files(services.settings)
        if now == seen or (0, 0) in now:
            continue
        seen = now
        try:
            await services.reload()
        except RayFixError as error:
            log.error("reload_failed", error=str(error))
