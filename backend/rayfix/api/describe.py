"""Completes the OpenAPI document with what no route declares: problems in place of FastAPI's own
error body, keys, and the refusals that come before a route."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from rayfix.api import problems
from rayfix.api.access import needed_scope
from rayfix.api.routes import camara, geolocate
from rayfix.api.schemas_problem import Problem
from rayfix.api.track_formats import MovingFeature

UNDECLARED = (Problem, geolocate.GeolocateRequest, camara.RetrievalRequest, MovingFeature)
"""Bodies that routes read or write by themselves."""

KEY_SCHEMES: dict[str, Any] = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "an API key or a JWT"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
}


def complete(app: FastAPI) -> None:
    """Make `app.openapi()` return the completed document."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = generate()
            _add_schemas(document["components"])
            for path, operations in document["paths"].items():
                for operation in operations.values():
                    _complete_operation(path, operation)
        assert app.openapi_schema is not None
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _add_schemas(components: dict[str, Any]) -> None:
    schemas = components["schemas"]
    for model in UNDECLARED:
        described = model.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas.update(described.pop("$defs", {}))
        schemas[model.__name__] = described
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    components["securitySchemes"] = KEY_SCHEMES


def _complete_operation(path: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    if "HTTPValidationError" in str(answers.get("422", "")):
        answers["422"] = problems.responses(422)[422]
    scope = needed_scope(path)
    if scope is None:
        return
    operation["security"] = [{name: []} for name in KEY_SCHEMES]
    operation["description"] = (
        f"{operation.get('description', '')}\n\nScope, where keys are required: `{scope}`."
    )
    if path not in geolocate.PATHS:  # it answers these with Google's own statuses
        for status, described in problems.responses(401, 403, 429).items():
            answers.setdefault(str(status), described)
