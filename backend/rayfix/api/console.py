"""Serves the built console: hashed assets for a year, pages never without asking."""

from __future__ import annotations

from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

ASSETS = "assets/"
"""Vite writes files with a content hash in their name here."""
SERVICE_PATHS = ("api/", "v1/", "docs", "openapi.json", "healthz", "readyz", "metrics")


class Console:
    """ASGI application for every path that no route knows.

    A path without a file is the console's own (it routes in the browser): it gets index.html when
    the client asks for HTML. Paths of the service and missing assets are 404.
    """

    def __init__(self, folder: Path) -> None:
        self._files = StaticFiles(directory=folder, html=True, check_dir=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].lstrip("/")
        if scope["type"] != "http" or path.startswith(SERVICE_PATHS):
            raise HTTPException(404)
        response = await self._find(path, scope)
        if path.startswith(ASSETS):
            response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        else:
            response.headers["Cache-Control"] = "no-cache"
        await response(scope, receive, send)

    async def _find(self, path: str, scope: Scope) -> Response:
        try:
            return await self._files.get_response(path or ".", scope)
        except HTTPException as error:
            wants_page = "text/html" in Headers(scope=scope).get("accept", "")
            if error.status_code != 404 or path.startswith(ASSETS) or not wants_page:
                raise
            return await self._files.get_response("index.html", scope)
