"""GET /healthz, /readyz, /metrics and /api/v1/config."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse

from rayfix import __version__
from rayfix.api.metrics import CONTENT_TYPE
from rayfix.api.schemas import Health, ServiceConfig
from rayfix.api.services import ServicesOf

router = APIRouter(tags=["operation"])


@router.get("/healthz")
async def healthz() -> Health:
    """200 while the process answers."""
    return Health(status="alive")


@router.get("/readyz", responses={503: {"model": Health, "description": "not ready"}})
async def readyz(services: ServicesOf, response: Response) -> Health:
    """200 while model and maps are loaded and fixes are answered, 503 otherwise."""
    ready = services.worker.alive
    response.status_code = 200 if ready else 503
    return Health(
        status="ready" if ready else "stopping",
        model=services.locator.model,
        scenes=list(services.settings.scenes),
    )


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(services: ServicesOf) -> Response:
    """Metrics in Prometheus' text format."""
    return PlainTextResponse(services.metrics.text(), media_type=CONTENT_TYPE)


@router.get("/api/v1/config")
async def config(services: ServicesOf) -> ServiceConfig:
    """What the console needs to know. A Mapbox token is public by design: browsers send it."""
    token = services.settings.mapbox_token
    return ServiceConfig(
        mapbox_token=token.get_secret_value() if token and token.get_secret_value() else None,
        mapbox_style=services.settings.mapbox_style,
        version=__version__,
        auth_required=services.identity.required,
    )
