"""A route whose body must be JSON by its Content-Type, and is validated straight from its bytes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import Receive, Scope

from rayfix.api.problems import UnsupportedMediaTypeError


class _ParsedRequest(Request):
    """A request whose body is an object of the route's type already; validating that again
    costs nothing."""

    def __init__(self, scope: Scope, receive: Receive, body: bytes, parsed: object) -> None:
        super().__init__(scope, receive)
        self._read, self._parsed = body, parsed

    async def body(self) -> bytes:
        return self._read

    async def json(self) -> Any:
        return self._parsed


class JsonRoute(APIRoute):
    """Answers 415 instead of taking a body of another type for a malformed one."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        if self.body_field is None:
            return handle
        body_type: TypeAdapter[Any] = TypeAdapter(
            self.body_field.field_info.annotation  # type: ignore[arg-type]
        )

        async def handle_json(request: Request) -> Response:
            _check_media_type(request.headers.get("content-type", ""))
            body = await request.body()
            try:
                parsed = body_type.validate_json(body)
            except ValidationError:
                return await handle(request)  # which tells what is wrong
            return await handle(_ParsedRequest(request.scope, request.receive, body, parsed))

        return handle_json


def _check_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip()
    kind, _, subtype = media_type.lower().partition("/")
    if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise UnsupportedMediaTypeError(
            f"Content-Type must be application/json, not '{media_type}'"
        )
