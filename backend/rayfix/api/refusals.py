"""Refusals that come before a route does, each in the shape that the route's clients read."""

from __future__ import annotations

from fastapi import Response

from rayfix.api.problems import error_response
from rayfix.api.routes import camara, geolocate
from rayfix.errors import RayFixError


def refuse(path: str, error: RayFixError) -> Response:
    """The response to an error that a path's request met before its route."""
    if path in geolocate.PATHS:
        return geolocate.refusal(error)
    if path == camara.PATH:
        return camara.refusal(error)
    return error_response(error)
