"""Who may ask for what: scopes by path, and the caller that a request names."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rayfix.errors import RayFixError


class Scope(StrEnum):
    """What a key or token may do."""

    LOCATE = "locate"
    READ = "read"
    ADMIN = "admin"


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        name: of the key, or the subject of the token; goes into logs.
        scopes: what it may do.
        rate_per_s: requests per second it is allowed.
        connections: requests and live readers at a time it is allowed.
    """

    name: str
    scopes: frozenset[Scope]
    rate_per_s: float
    connections: int


class UnauthorizedError(RayFixError):
    """No key or token, or one that is not known, has expired or was revoked."""

    code = "unauthorized"


class ForbiddenScopeError(RayFixError):
    """The key or token is known but lacks the scope."""

    code = "forbidden_scope"


CALLER_KEY = "rayfix.caller"
"""Where a request's scope tells who asks."""

_OPEN = frozenset({"/api/v1/config"})
_ADMIN = "/api/v1/admin/"
_LOCATE = ("/api/v1/locate", "/v1/geolocate", "/geolocation/v1/geolocate")
_GUARDED = ("/api/", "/v1/", "/geolocation/", "/location-retrieval/", "/metrics")


def needed_scope(path: str) -> Scope | None:
    """The scope that a path asks for; None = open to everybody.

    Open: the console, the documentation, health, and what the console must know to ask for a key.
    Every other path of the service needs `read` unless it is named here.
    """
    if path in _OPEN or not path.startswith(_GUARDED):
        return None
    if path.startswith(_ADMIN):
        return Scope.ADMIN
    return Scope.LOCATE if path.startswith(_LOCATE) else Scope.READ


def given_secret(headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
    """The key or token of a request: `Authorization: Bearer`, `X-API-Key`, or `?key=` for clients
    that can only be given an address (browser sockets and images, GIS programs)."""
    kind, _, secret = headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer" and secret.strip():
        return secret.strip()
    return headers.get("x-api-key") or query.get("key") or None


def caller_of(scope: MutableMapping[str, Any]) -> str | None:
    """Name of the caller of a request; None where nobody was asked."""
    caller = scope.get(CALLER_KEY)
    return caller.name if isinstance(caller, Caller) else None
