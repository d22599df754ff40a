"""A service that a benchmark's publisher puts fixes into, in one process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from rayfix.api.app import create_app
from rayfix.api.server import server_of
from rayfix.api.services import spare_from_collection
from rayfix.config import Settings
from rayfix.live.hub import LiveHub


async def serve_fed(
    port: int, folder: Path, publish: Callable[[LiveHub], Coroutine[Any, Any, None]]
) -> None:
    """Serve until the process is told to stop, with `publish` running beside; prints "ready"."""
    settings = Settings(threads=1, port=port, live_log=folder / "live.sqlite")
    app = create_app(settings)
    server = server_of(app, settings)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.05)
    spare_from_collection()
    publishing = asyncio.create_task(publish(app.state.services.hub))
    await asyncio.sleep(0)  # it may install what "ready" promises
    print("ready", flush=True)
    await serving
    publishing.cancel()
