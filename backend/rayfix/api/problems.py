"""Errors as RFC 9457 problem documents: one table from errors to HTTP status codes."""

from __future__ import annotations

import http
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from rayfix.api.access import ForbiddenScopeError, UnauthorizedError
from rayfix.api.limits import RateLimitedError, TooManyConnectionsError
from rayfix.api.schemas_problem import FieldError, Problem
from rayfix.errors import (
    ArtefactError,
    InvalidInputError,
    MissingExtraError,
    NoKnownCellsError,
    OutsideMapError,
    RayFixError,
    UnknownSceneError,
)
from rayfix.live.log import LiveLogUnavailableError
from rayfix.locator.worker import OverloadedError

MEDIA_TYPE = "application/problem+json"


class UnknownFixError(RayFixError):
    """No fix of this id is kept (it never was, or retention dropped it)."""

    code = "unknown_fix"


class UnknownCellError(RayFixError):
    """The scene has no cell of this id."""

    code = "unknown_cell"


class UnknownFeatureError(RayFixError):
    """Radio maps have no feature of this name."""

    code = "unknown_feature"


class UnknownModelError(RayFixError):
    """The service has not loaded a model of this name."""

    code = "unknown_model"


class UnknownTileError(RayFixError):
    """The globe has no tile of these numbers."""

    code = "unknown_tile"


class UnsupportedMediaTypeError(RayFixError):
    """The body is not JSON by its Content-Type."""

    code = "unsupported_media_type"


class BodyTooLargeError(RayFixError):
    """The body is or grows larger than the service reads."""

    code = "body_too_large"


class BodyTimeoutError(RayFixError):
    """The body did not arrive in time."""

    code = "body_timeout"


STATUS: Mapping[type[RayFixError], int] = {
    InvalidInputError: 422,
    NoKnownCellsError: 422,
    UnknownSceneError: 404,
    UnknownFixError: 404,
    UnknownCellError: 404,
    UnknownFeatureError: 404,
    UnknownModelError: 404,
    UnknownTileError: 404,
    OutsideMapError: 404,
    UnauthorizedError: 401,
    ForbiddenScopeError: 403,
    BodyTimeoutError: 408,
    BodyTooLargeError: 413,
    UnsupportedMediaTypeError: 415,
    RateLimitedError: 429,
    TooManyConnectionsError: 429,
    MissingExtraError: 501,
    OverloadedError: 503,
    LiveLogUnavailableError: 503,
    ArtefactError: 500,
}
"""HTTP status of each error; a class that is not listed is answered with 500."""

RETRY_AFTER_S = 1


SCOPE_KEY = "rayfix.problem"
"""Where a request's scope tells which problem it was answered with."""


class ProblemResponse(Response):
    """A problem document as a response."""

    def __init__(self, body: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body.model_dump_json(), body.status, headers, MEDIA_TYPE)
        self.code = body.code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[SCOPE_KEY] = self.code
        await super().__call__(scope, receive, send)


def problem(
    status: int,
    code: str,
    detail: str,
    errors: Sequence[FieldError] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem document as a response."""
    return ProblemResponse(describe(status, code, detail, errors), headers)


def describe(status: int, code: str, detail: str, errors: Sequence[FieldError] = ()) -> Problem:
    """A problem document."""
    return Problem(
        type=f"urn:rayfix:problem:{code}",
        title=http.HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        code=code,
        errors=list(errors),
    )


def status_of(error: RayFixError) -> int:
    """HTTP status of an error by `STATUS`, its base classes included."""
    return next((STATUS[base] for base in type(error).__mro__ if base in STATUS), 500)


def describe_error(error: RayFixError) -> Problem:
    """The problem document of an error raised on purpose."""
    errors = []
    if isinstance(error, InvalidInputError):
        errors = [FieldError(field=error.field, rule=error.rule)]
    return describe(status_of(error), error.code, str(error), errors)


def error_response(error: RayFixError) -> Response:
    """The response to an error raised on purpose; 429 and 503 say when to try again."""
    return ProblemResponse(describe_error(error), retry_headers(error))


def retry_headers(error: RayFixError) -> dict[str, str]:
    """`Retry-After` of errors that pass; `WWW-Authenticate` (RFC 6750, 3) of those without key."""
    status = status_of(error)
    if status in (429, 503):
        return {"Retry-After": str(getattr(error, "retry_after_s", RETRY_AFTER_S))}
    return {"WWW-Authenticate": "Bearer"} if status == 401 else {}


def field_path(location: Iterable[str | int]) -> str:
    """`reports[0].cells[1].rsrp_dbm` of a pydantic location, without its place (body, query)."""
    path = ""
    for part in list(location)[1:]:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    return path or "body"


def field_errors(errors: Iterable[Mapping[str, Any]]) -> list[FieldError]:
    """Field and rule of each pydantic error."""
    return [FieldError(field=field_path(e["loc"]), rule=str(e["msg"])) for e in errors]


async def _on_rayfix_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RayFixError)
    return error_response(error)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    details = error.errors()
    if any(e["type"] == "json_invalid" for e in details):
        position = details[0]["loc"][-1]
        reason = details[0].get("ctx", {}).get("error", "not JSON")
        return problem(400, "malformed_json", f"The body is not JSON: {reason} at {position}.")
    errors = field_errors(details)
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    detail = f"{errors[0].field}: {errors[0].rule}{more}"
    return problem(422, "invalid_request", detail, errors)


_HTTP_CODES = {400: "malformed_json", 404: "not_found", 405: "method_not_allowed"}


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status = error.status_code
    details = {
        400: "The body is not JSON.",
        404: f"There is nothing at {request.url.path}.",
        405: f"{request.method} is not possible at {request.url.path}.",
    }
    detail = details.get(status, str(error.detail))
    return problem(status, _HTTP_CODES.get(status, "http_error"), detail, (), error.headers)


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem document."""
    app.add_exception_handler(RayFixError, _on_rayfix_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, _on_http_exception)


_DESCRIPTIONS = {
    400: "The body is not JSON",
    401: "No key or token, or one that is not valid",
    403: "The key or token lacks the scope",
    404: "Not found",
    408: "The body did not arrive in time",
    413: "The body is too large",
    415: "The body is not JSON by its Content-Type",
    422: "A field breaks a rule",
    429: "The key's limit is reached; `Retry-After` says when to try again",
    500: "A file of the service is damaged, or an unexpected error",
    501: "This installation lacks what the request needs",
    503: "Busy, or the live log cannot be reached; `Retry-After` says when to try again",
}
BODY_STATUSES = (400, 408, 413, 415, 422)
"""What any request with a JSON body may be answered with."""


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for the problems that a route may answer with."""
    return {
        status: {
            "description": _DESCRIPTIONS[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in statuses
    }
