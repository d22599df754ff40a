"""POST /api/v1/admin/reload: what only an operator may do (scope `admin`)."""

from __future__ import annotations

from fastapi import APIRouter

from rayfix.api.problems import responses
from rayfix.api.schemas import Health
from rayfix.api.services import ServicesOf

router = APIRouter(prefix="/api/v1/admin", tags=["operation"])


@router.post("/reload", responses=responses(408, 413, 500))
async def reload(services: ServicesOf) -> Health:
    """Load model and maps anew from their folders, without dropping a request. Files that are
    missing or damaged are answered with 500 and their name; the old ones go on serving."""
    await services.reload()
    return Health(
        status="ready", model=services.locator.model, scenes=list(services.settings.scenes)
    )
