"""GeoJSON and PNG responses, and those that a browser may keep, checked by ETag."""

from __future__ import annotations

import hashlib

from fastapi import Request, Response
from fastapi.responses import JSONResponse


class GeoJsonResponse(JSONResponse):
    """A response of GeoJSON text (RFC 7946), encoded already."""

    media_type = "application/geo+json"

    def render(self, content: str | bytes) -> bytes:
        return content.encode() if isinstance(content, str) else content


class PngResponse(Response):
    """A response of PNG bytes."""

    media_type = "image/png"


REVALIDATE = "public, max-age=60, must-revalidate"


def cached(request: Request, kind: type[Response], content: bytes) -> Response:
    """The content, or 304 when the client holds it already."""
    tag = hashlib.sha256(content).hexdigest()[:16]
    headers = {"ETag": f'"{tag}"', "Cache-Control": REVALIDATE}
    held = [
        t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")
    ]
    if f'"{tag}"' in held:
        return Response(status_code=304, headers=headers)
    return kind(content, headers=headers)
