"""Reads the whole body of a request before anything looks at it, within a size and a time."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rayfix.api.problems import BodyTimeoutError, BodyTooLargeError
from rayfix.api.refusals import refuse
from rayfix.errors import RayFixError


class BodyLimit:
    """ASGI middleware: 413 for a body that is or grows too large, 408 for one that is too slow.

    The connection is closed after a refusal, so that nobody goes on sending into it.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                body = await self._read(scope, receive)
        except TimeoutError:
            late = BodyTimeoutError(f"the body did not arrive within {self._timeout_s:g} s")
            await self._refuse(scope, receive, send, late)
        except BodyTooLargeError as error:
            await self._refuse(scope, receive, send, error)
        else:
            await self._app(scope, _replay(body, receive), send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes:
        declared = Headers(scope=scope).get("content-length", "0")
        too_large = BodyTooLargeError(f"the body is larger than {self._max_bytes} bytes")
        if declared.isdigit() and int(declared[:20]) > self._max_bytes:
            raise too_large
        chunks = bytearray()
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                return bytes(chunks)
            chunks += message.get("body", b"")
            if len(chunks) > self._max_bytes:
                raise too_large
            if not message.get("more_body", False):
                return bytes(chunks)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send, error: RayFixError) -> None:
        response = refuse(scope["path"], error)
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
