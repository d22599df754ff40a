"""A route whose body must be JSON by its Content-Type."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from rayfix.api.problems import UnsupportedMediaTypeError


class JsonRoute(APIRoute):
    """Answers 415 instead of taking a body of another type for a malformed one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            if self.body_field is not None:
                media_type = request.headers.get("content-type", "").partition(";")[0].strip()
                kind, _, subtype = media_type.lower().partition("/")
                if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
                    raise UnsupportedMediaTypeError(
                        f"Content-Type must be application/json, not '{media_type}'"
                    )
            return await handle(request)

        return handle_json
