"""Refuses what the queue has no room for before anything is read or parsed: saying no must cost
little, or the refused take the time of the accepted."""

from __future__ import annotations

from collections.abc import Container

from starlette.types import ASGIApp, Receive, Scope, Send

from rayfix.api.refusals import refuse
from rayfix.locator.worker import LocateWorker, OverloadedError


class QueueGuard:
    """ASGI middleware: 503 with `Retry-After` while the queue of the locate worker is full."""

    def __init__(self, app: ASGIApp, paths: Container[str]) -> None:
        self._app = app
        self._paths = paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] in self._paths and scope["method"] == "POST":
            worker: LocateWorker = scope["app"].state.services.worker
            try:
                worker.check_room()
            except OverloadedError as error:
                await refuse(scope["path"], error)(scope, receive, send)
                return
        await self._app(scope, receive, send)
