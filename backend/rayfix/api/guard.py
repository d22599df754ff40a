"""Lets in who may ask, as often as it may, before a body is read or a socket accepted."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from rayfix.api.access import (
    CALLER_KEY,
    Caller,
    ForbiddenScopeError,
    given_secret,
    needed_scope,
)
from rayfix.api.identity import Identity
from rayfix.api.limits import Limits
from rayfix.api.refusals import refuse
from rayfix.errors import RayFixError


class Guard:
    """ASGI middleware: 401, 403 and 429, for requests and for WebSocket handshakes alike."""

    def __init__(self, app: ASGIApp, identity: Identity, limits: Limits) -> None:
        self._app = app
        self._identity = identity
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        guarded = self._identity.required and scope["type"] in ("http", "websocket")
        needed = needed_scope(scope["path"]) if guarded else None
        if needed is None:
            await self._app(scope, receive, send)
            return
        connection = HTTPConnection(scope)
        try:
            caller = self._identity.caller(
                given_secret(connection.headers, connection.query_params)
            )
            scope[CALLER_KEY] = caller
            if needed not in caller.scopes:
                raise ForbiddenScopeError(f"this key lacks the scope '{needed}'")
            self._limits.enter(caller)
        except RayFixError as error:
            response = refuse(scope["path"], error)
            if scope.get("method") not in (None, "GET", "HEAD"):
                response.headers["Connection"] = "close"  # its body stays unread
            await response(scope, receive, send)
            return
        try:
            await self._app(scope, receive, send)
        finally:
            self._limits.leave(caller)


def charge(connection: HTTPConnection, limits: Limits, more: int) -> None:
    """Count the sequences of a request beyond the first; nothing where nobody was asked."""
    caller = connection.scope.get(CALLER_KEY)
    if isinstance(caller, Caller):
        limits.charge(caller, more)
