"""GET /api/v1/models/{model}/metrics: what is known of the loaded model's accuracy."""

from __future__ import annotations

import asyncio
import hashlib
import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from rayfix.api.problems import UnknownModelError, responses
from rayfix.api.schemas_models import EvaluationBody, ModelMetrics
from rayfix.api.services import Services, ServicesOf
from rayfix.errors import ArtefactError
from rayfix.model.artefact import EVALUATION, METRICS, WEIGHTS

router = APIRouter(prefix="/api/v1/models", tags=["models"], responses=responses(404))


def _read(services: Services, model: str) -> ModelMetrics:
    if model != services.locator.model:
        raise UnknownModelError(f"no model '{model}' here (there is: {services.locator.model})")
    folder = services.settings.models_dir / services.settings.model
    metrics: dict[str, Any] = json.loads((folder / METRICS).read_text())
    return ModelMetrics(
        model=model,
        version=_digest(folder / WEIGHTS),
        maps={
            name: _digest(services.settings.radio_maps_dir / name / "manifest.json")
            for name in services.settings.scenes
        },
        parameters=metrics.get("parameters"),
        training_seconds=metrics.get("training_seconds"),
        history=metrics.get("history", []),
        evaluation=_evaluation(folder / EVALUATION),
    )


def _digest(path: Path) -> str:
    """The first characters of a file's SHA-256: enough to tell versions apart."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def _evaluation(path: Path) -> EvaluationBody | None:
    """The last recorded evaluation; None where `rayfix evaluate --record` never ran.

    Raises:
        ArtefactError: the file is damaged.
    """
    try:
        return EvaluationBody.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ArtefactError(path, f"not an evaluation ({error})") from None


@router.get("/{model}/metrics")
async def metrics(model: str, services: ServicesOf) -> ModelMetrics:
    """Versions of model and maps, the course of training, and the last recorded evaluation."""
    return await asyncio.to_thread(_read, services, model)
