"""Prints the OpenAPI document without starting a service: `python -m rayfix.api.openapi`."""

from __future__ import annotations

import json
import sys
from typing import Any

from rayfix.api.app import create_app
from rayfix.config import Settings


def document() -> dict[str, Any]:
    """The OpenAPI document."""
    return create_app(Settings()).openapi()


if __name__ == "__main__":
    json.dump(document(), sys.stdout, indent=2, sort_keys=True)
    sys.stdout.write("\n")
