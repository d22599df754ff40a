"""One request of the client: what to send, how to read the answer, when to try again."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from rayfix.api.schemas_problem import Problem
from rayfix.errors import InvalidInputError, RayFixError

T = TypeVar("T")

RETRIED = frozenset({429, 502, 503, 504})
"""Answers after which the same request may succeed later; nothing was done."""
FIRST_WAIT_S, LONGEST_WAIT_S = 0.25, 30.0
"""Wait before the first retry without `Retry-After` [s]; it doubles up to the longest."""


class ServiceError(RayFixError):
    """The service refused; `problem` says why, `status` is that of HTTP.

    Attributes:
        problem: the problem document; None when something else answered (a proxy).
    """

    code = "service_error"

    def __init__(self, status: int, detail: str, problem: Problem | None = None) -> None:
        super().__init__(f"{status}: {detail}")
        self.status = status
        self.problem = problem


class UnreachableError(RayFixError):
    """No answer, after every retry."""

    code = "unreachable"


@dataclass(frozen=True)
class Call(Generic[T]):
    """A request, and how its answer is read."""

    method: str
    path: str
    parse: Callable[[bytes], T]
    query: Mapping[str, str | float] = field(default_factory=dict)
    body: bytes | None = None

    @property
    def headers(self) -> dict[str, str]:
        """Of the body, where there is one."""
        return {} if self.body is None else {"content-type": "application/json"}


def reads(model: type[T]) -> Callable[[bytes], T]:
    """Reader of an answer of one type."""
    return TypeAdapter(model).validate_json


def written(model: BaseModel) -> bytes:
    """A body without what was not set."""
    return model.model_dump_json(exclude_none=True).encode()


def result(call: Call[T], response: httpx.Response) -> T:
    """The answer of a call.

    Raises:
        ServiceError: the service refused, or what answered is no RayFix service.
    """
    if not response.is_success:
        raise error_of(response.status_code, response.content)
    try:
        return call.parse(response.content)
    except ValidationError as error:
        detail = f"not an answer of this version's service: {str(error).splitlines()[0]}"
        raise ServiceError(response.status_code, detail) from None


def error_of(status: int, content: bytes) -> ServiceError:
    """The error of a refusal."""
    try:
        problem = Problem.model_validate_json(content)
    except ValidationError:
        return ServiceError(status, content[:200].decode(errors="replace"))
    return ServiceError(status, problem.detail, problem)


def wait_s(attempt: int, response: httpx.Response | None = None) -> float:
    """How long to wait before trying again: what `Retry-After` says, at least; else twice as long
    each time. Up to a quarter more, so that clients do not come back together."""
    wait = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0**attempt)
    if response is not None:
        with contextlib.suppress(KeyError, ValueError):
            wait = min(LONGEST_WAIT_S, max(0.0, float(response.headers["retry-after"])))
    return wait * random.uniform(1.0, 1.25)


def may_retry(call: Call[Any], error: httpx.TransportError) -> bool:
    """Whether a request that broke can be sent again without being done twice."""
    return call.method == "GET" or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)


def checked_url(url: str) -> httpx.URL:
    """The service's address.

    Raises:
        InvalidInputError: it is not one.
    """
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise InvalidInputError("url", "an http or https address is expected")
    return parsed


def options_of(
    url: str, key: str | None, timeout_s: float, options: Mapping[str, Any]
) -> dict[str, Any]:
    """Arguments of the httpx client. A proxy of the environment is for other machines."""
    parsed = checked_url(url)
    headers = {"authorization": f"Bearer {key}"} if key else {}
    own_machine = parsed.host in ("localhost", "127.0.0.1", "::1")
    given = {"base_url": parsed, "timeout": timeout_s, "headers": headers}
    return {**given, "trust_env": not own_machine, **options}
