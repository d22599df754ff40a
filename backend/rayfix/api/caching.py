"""Responses that a browser may keep, checked by ETag."""

from __future__ import annotations

from fastapi import Request, Response

REVALIDATE = "public, max-age=60, must-revalidate"


def cached(request: Request, content: bytes, media_type: str, tag: str) -> Response:
    """The content, or 304 when the client holds it already."""
    headers = {"ETag": f'"{tag}"', "Cache-Control": REVALIDATE}
    held = [
        t.strip().removeprefix("W/") for t in request.headers.get("if-none-match", "").split(",")
    ]
    if f'"{tag}"' in held:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)
