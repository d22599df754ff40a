"""Radio maps: what each cell sounds like at every place of a scene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rayfix.radio_map.build import RadioMapConfig, RadioMapGenerator

__all__ = ["RadioMapConfig", "RadioMapGenerator"]


def __getattr__(name: str) -> Any:
    # On first use: building needs rayfix.simulation, which a service that only reads maps does not.
    if name in __all__:
        from rayfix.radio_map import build

        return getattr(build, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
