"""Propagation paths between one site and many receivers, as flat arrays. Letters: P paths."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
import numpy.typing as npt


class PathKind(IntEnum):
    """What happens along a path."""

    LINE_OF_SIGHT = 0
    REFLECTION = 1
    """Reflected, or passed through walls, by the laws of geometrical optics."""
    DIFFRACTION = 2
    SCATTERING = 3
    """Scattered diffusely at least once: one of countless rays, not a path that arrives alone."""


@dataclass(frozen=True)
class PathList:
    """Paths from one site, for an excitation along theta-hat and one along phi-hat.

    The response of a sector is the superposition of the two, weighted with its field pattern
    (`antenna.sector_field`), so all sectors of a site share one list.
    """

    receiver: npt.NDArray[np.int64]
    """Index of the receiver, [P]."""
    delay_s: npt.NDArray[np.float64]
    """Propagation delay [s], [P]."""
    departure: npt.NDArray[np.float32]
    """Unit vector of departure at the site (east, north, up), [P, 3]."""
    arrival: npt.NDArray[np.float32]
    """Unit vector at the receiver toward where the path comes from, [P, 3]."""
    response: npt.NDArray[np.complex64]
    """Amplitude received by an isotropic antenna, [P, 2 (excitation theta, phi), 2 (received)];
    the sum of |.|^2 over the last axis is the path gain (linear)."""
    kind: npt.NDArray[np.uint8]
    """`PathKind`, [P]."""

    def __len__(self) -> int:
        return len(self.receiver)

    @staticmethod
    def empty() -> PathList:
        """No paths."""
        return PathList(
            np.zeros(0, np.int64),
            np.zeros(0),
            np.zeros((0, 3), np.float32),
            np.zeros((0, 3), np.float32),
            np.zeros((0, 2, 2), np.complex64),
            np.zeros(0, np.uint8),
        )

    @staticmethod
    def joined(parts: list[PathList]) -> PathList:
        """All paths of several lists (at least one list)."""
        return PathList(
            *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(PathList))
        )

    def at(self, receiver: npt.NDArray[np.int64]) -> PathList:
        """The same paths with other receiver numbers, [P]."""
        return replace(self, receiver=receiver)

    def select(self, chosen: npt.NDArray[np.bool_] | npt.NDArray[np.int64]) -> PathList:
        """The chosen paths."""
        return PathList(*(getattr(self, f.name)[chosen] for f in fields(PathList)))
