"""A route whose body must be JSON by its Content-Type, and is validated straight from its bytes.

Between the match of the route and its function nothing stands but that validation: FastAPI binds
parameters and serialises replies for any function, which costs more than reading six kilobytes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from typing import Any, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import TypeAdapter, ValidationError
from starlette.types import Message, Receive, Scope, Send

from rayfix.api.problems import UnsupportedMediaTypeError
from rayfix.api.services import Services


class JsonRoute(APIRoute):
    """Answers 415 instead of taking a body of another type for a malformed one.

    For functions that take a body, may take `ServicesOf` and the `Request`, have defaults for
    everything else, and return a Response. FastAPI describes them, and comes in when a request has
    a query, or a body that does not fit: it tells what is wrong.
    """

    def __init__(self, path: str, endpoint: Callable[..., Any], **described: Any) -> None:
        super().__init__(path, endpoint, **described)
        assert self.body_field is not None
        self._body_type: TypeAdapter[Any] = TypeAdapter(
            self.body_field.field_info.annotation  # type: ignore[arg-type]
        )
        hints = get_type_hints(endpoint)
        self._takes = {
            name: hints[name]
            for name, parameter in inspect.signature(endpoint).parameters.items()
            if hints[name] in (Services, Request) or parameter.default is inspect.Parameter.empty
        }

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.methods is not None
        if scope["query_string"] or scope["method"] not in self.methods:
            await super().handle(scope, receive, send)
            return
        request = Request(scope, receive)
        _check_media_type(request.headers.get("content-type", ""))
        body = await request.body()
        try:
            parsed = self._body_type.validate_json(body)
        except ValidationError:
            await super().handle(scope, _again(body), send)
            return
        given = {Services: scope["app"].state.services, Request: request}
        response: Response = await self.endpoint(
            **{name: given.get(kind, parsed) for name, kind in self._takes.items()}
        )
        await response(scope, receive, send)

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            _check_media_type(request.headers.get("content-type", ""))
            return await handle(request)

        return handle_json


def _again(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


def _check_media_type(content_type: str) -> None:
    media_type = content_type.partition(";")[0].strip()
    kind, _, subtype = media_type.lower().partition("/")
    if kind != "application" or not (subtype == "json" or subtype.endswith("+json")):
        raise UnsupportedMediaTypeError(
            f"Content-Type must be application/json, not '{media_type}'"
        )
