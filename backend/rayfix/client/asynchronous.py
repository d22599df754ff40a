"""The client for asynchronous code."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Any, Literal, TypeVar

import httpx

from rayfix.api.schemas import (
    AttentionBody,
    KeptFix,
    LocateReply,
    PosteriorBody,
    RefineOptions,
)
from rayfix.api.schemas_live import LatestFixes, Track
from rayfix.api.schemas_problem import Problem
from rayfix.api.schemas_scenes import Buildings, Cells, Probe, Roads, SceneBody, Scenes, Water
from rayfix.client import calls
from rayfix.client.call import (
    RETRIED,
    Call,
    UnreachableError,
    error_of,
    may_retry,
    options_of,
    result,
    wait_s,
)
from rayfix.client.calls import ReportLike, RequestLike
from rayfix.client.live import PATH, SILENCE_S, EventReader, LiveEvent, query_of

T = TypeVar("T")


class AsyncClient:
    """A RayFix service; use as context manager, or `aclose` it.

    Every method raises:
        InvalidInputError: an argument breaks a rule; nothing was sent.
        ServiceError: the service refused; not after 429 and 503, which are tried again.
        UnreachableError: no answer after every retry.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8000",
        key: str | None = None,
        *,
        timeout_s: float = 30.0,
        retries: int = 4,
        **options: Any,
    ) -> None:
        """
        Args:
            key: API key or JWT.
            timeout_s: for one request.
            retries: how often a request is tried again; `Retry-After` is honoured.
            options: more arguments of `httpx.AsyncClient`.
        """
        self._http = httpx.AsyncClient(**options_of(url, key, timeout_s, options))
        self._retries = retries

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def _do(self, call: Call[T]) -> T:
        attempt = 0
        while True:
            response = None
            try:
                response = await self._http.request(
                    call.method,
                    call.path,
                    params=dict(call.query),
                    content=call.body,
                    headers=call.headers,
                )
            except httpx.TransportError as error:
                if attempt >= self._retries or not may_retry(call, error):
                    raise UnreachableError(f"{self._http.base_url}: {error}") from None
            if response is not None and (
                response.status_code not in RETRIED or attempt >= self._retries
            ):
                return result(call, response)
            await asyncio.sleep(wait_s(attempt, response))
            attempt += 1

    async def locate(
        self,
        reports: Sequence[ReportLike],
        *,
        ue_id: str | None = None,
        scene: str | None = None,
        refine: bool | RefineOptions = True,
        include: Sequence[str] = (),
    ) -> LocateReply:
        """Where a phone is, from one sequence of reports; with `ue_id` it appears on the feed."""
        given = {"ue_id": ue_id, "scene": scene, "refine": refine, "include": tuple(include)}
        return await self._do(calls.locate(calls.request_of(reports, given)))

    async def locate_batch(self, requests: Sequence[RequestLike]) -> list[LocateReply | Problem]:
        """Many sequences at once; each has its fix, or the problem that it met."""
        return await self._do(calls.locate_batch(requests))

    async def scenes(self) -> Scenes:
        """Every scene of the service; the first is the default."""
        return await self._do(calls.scenes())

    async def scene(self, name: str) -> SceneBody:
        """A scene with its cells and radio-map features."""
        return await self._do(calls.scene(name))

    async def cells(self, scene: str) -> Cells:
        """The cells of a scene, GeoJSON."""
        return await self._do(calls.cells(scene))

    async def buildings(self, scene: str) -> Buildings:
        """The buildings of a scene, GeoJSON."""
        return await self._do(calls.buildings(scene))

    async def roads(self, scene: str) -> Roads:
        """The roads of a scene, GeoJSON."""
        return await self._do(calls.roads(scene))

    async def water(self, scene: str) -> Water:
        """The water of a scene, GeoJSON."""
        return await self._do(calls.water(scene))

    async def probe(self, scene: str, lat: float, lon: float) -> Probe:
        """What the radio map says at a place: every cell, strongest first."""
        return await self._do(calls.probe(scene, lat, lon))

    async def radio_map(
        self, scene: str, feature: str, format: Literal["png", "tif"] = "tif", cell: str = "best"
    ) -> bytes:
        """A radio map as GeoTIFF of every cell, or as picture of one (`best`: the strongest)."""
        return await self._do(calls.radio_map(scene, feature, format, cell))

    async def ues(self) -> LatestFixes:
        """The latest fix of each UE, GeoJSON."""
        return await self._do(calls.ues())

    async def track(
        self, ue_id: str, since: float | str | None = None, until: float | str | None = None
    ) -> Track:
        """Fixes of a UE, oldest first; times are RFC 3339 or seconds since 1970."""
        return await self._do(calls.track(ue_id, since, until))

    async def fix(self, fix_id: str) -> KeptFix:
        """A kept fix with its reports and residuals."""
        return await self._do(calls.fix(fix_id))

    async def posterior(
        self, fix_id: str, detail: Literal["coarse", "pixels"] = "coarse"
    ) -> PosteriorBody:
        """How probable each place was: on the network's coarse grid, or on the map's pixels."""
        return await self._do(calls.posterior(fix_id, detail))

    async def attention(self, fix_id: str) -> AttentionBody:
        """Where the network looked."""
        return await self._do(calls.attention(fix_id))

    async def live(
        self,
        ue_id: str | None = None,
        bbox: tuple[float, float, float, float] | None = None,
        after: tuple[str, int] | None = None,
    ) -> AsyncIterator[LiveEvent]:
        """Fixes as they happen, without end. A broken connection is taken up again where it
        stopped; while the service cannot be reached, it is tried again until it can.

        Args:
            ue_id: only this UE.
            bbox: west, south, east, north [deg].
            after: (epoch, offset) of the last event seen, to go on after it.
        Raises:
            ServiceError: the service refuses the subscription.
        """
        reader = EventReader(None if after is None else f"{after[0]}:{after[1]}")
        attempt = 0
        while True:
            response: httpx.Response | None = None
            try:
                async with self._http.stream(
                    "GET",
                    PATH,
                    params=dict(query_of(ue_id, bbox)),
                    headers=reader.headers,
                    timeout=SILENCE_S,
                ) as response:
                    if response.is_success:
                        async for line in response.aiter_lines():
                            event = reader.read(line)
                            if event is not None:
                                attempt = 0
                                yield event
                    elif response.status_code not in RETRIED:
                        raise error_of(response.status_code, await response.aread())
            except httpx.TransportError:
                pass
            reader.broken()
            await asyncio.sleep(wait_s(attempt, response))
            attempt += 1
