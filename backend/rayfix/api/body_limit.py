"""Reads the whole body of a request before anything looks at it, within a size and a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from fastapi import Response
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rayfix.api.problems import problem

Refuse = Callable[[str, int, str, str], Response]
"""Makes the refusal: path, status, code, detail -> response."""


def refuse_with_problem(path: str, status: int, code: str, detail: str) -> Response:
    """A refusal as a problem document."""
    return problem(status, code, detail)


class BodyLimit:
    """ASGI middleware: 413 for a body that is or grows too large, 408 for one that is too slow.

    The connection is closed after a refusal, so that nobody goes on sending into it.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_bytes: int,
        timeout_s: float,
        refuse: Refuse = refuse_with_problem,
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        too_large = declared.isdigit() and int(declared[:20]) > self._max_bytes
        try:
            body = None
            if not too_large:
                body = await asyncio.wait_for(self._read(receive), self._timeout_s)
        except TimeoutError:
            detail = f"The body did not arrive within {self._timeout_s:g} s."
            await self._answer(scope, receive, send, 408, "body_timeout", detail)
            return
        if body is None:
            detail = f"The body is larger than {self._max_bytes} bytes."
            await self._answer(scope, receive, send, 413, "body_too_large", detail)
            return
        await self._app(scope, _replay(body, receive), send)

    async def _read(self, receive: Receive) -> bytes | None:
        """The body; None when it is too large."""
        chunks = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return bytes(chunks)
            chunks += message.get("body", b"")
            if len(chunks) > self._max_bytes:
                return None
            if not message.get("more_body", False):
                return bytes(chunks)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, status: int, code: str, detail: str
    ) -> None:
        response = self._refuse(scope["path"], status, code, detail)
        response.headers["Connection"] = "close"
        await response(scope, receive, send)


def _replay(body: bytes, receive: Receive) -> Receive:
    sent = False

    async def replay() -> Message:
        nonlocal sent
        if sent:
            return await receive()
        sent = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay
