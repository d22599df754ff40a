"""Fields of reflected paths as a differentiable function of the walls' materials.

Shape letters: P paths, D bounces at most, X excitations (along theta-hat and phi-hat at the
antenna), I materials.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rayfix.units import SPEED_OF_LIGHT_M_S

VACUUM_PERMITTIVITY = 8.8541878128e-12
"""epsilon_0 [F/m] (CODATA 2018)."""


@dataclass(frozen=True)
class Chain:
    """Geometry of reflected paths, float64.

    Attributes:
        start_PX3: polarisation of the two excitations at the antenna.
        cosine_PD: cosine of the angle of incidence at each bounce.
        across_PD3: unit vector perpendicular to the plane of incidence (TE).
        before_PD3, after_PD3: unit vectors in that plane, of the incident and the reflected wave.
        material_PD: index of the material; -1 after the last bounce.
        spreading_P: wavelength / (4 pi length).
    """

    start_PX3: Tensor
    cosine_PD: Tensor
    across_PD3: Tensor
    before_PD3: Tensor
    after_PD3: Tensor
    material_PD: Tensor
    spreading_P: Tensor

    @classmethod
    def of(
        cls,
        antenna_P3: Tensor,
        receiver_P3: Tensor,
        point_PD3: Tensor,
        normal_PD3: Tensor,
        material_PD: Tensor,
        wavelength_m: float,
    ) -> Chain:
        """From the places of the bounces [m]; every path has at least one."""
        depth = material_PD.shape[1]
        bounces = material_PD >= 0
        # After the last bounce every vertex is the receiver.
        vertex_PD3 = torch.where(bounces[..., None], point_PD3, receiver_P3[:, None])
        chain_PV3 = torch.cat([antenna_P3[:, None], vertex_PD3, receiver_P3[:, None]], dim=1)
        way_PV3 = chain_PV3.diff(dim=1)
        length_PV = way_PV3.norm(dim=-1)
        unit_PV3 = way_PV3 / length_PV.clamp(min=1e-9)[..., None]
        into, out = unit_PV3[:, :depth], unit_PV3[:, 1:]
        across = torch.linalg.cross(into, normal_PD3)
        # At normal incidence any perpendicular vector will do.
        other = torch.linalg.cross(into, into.roll(1, -1) + into.new_tensor([0.3, 0.5, 0.7]))
        across = torch.where(across.norm(dim=-1, keepdim=True) > 1e-6, across, other)
        across = across / across.norm(dim=-1, keepdim=True).clamp(min=1e-12)
        east, north, up = unit_PV3[:, 0].unbind(-1)
        level = torch.hypot(east, north).clamp(min=1e-9)
        theta = torch.stack([east * up / level, north * up / level, -level], dim=-1)
        phi = torch.stack([-north / level, east / level, torch.zeros_like(east)], dim=-1)
        return cls(
            start_PX3=torch.stack([theta, phi], dim=1),
            cosine_PD=(into * normal_PD3).sum(-1).abs().clamp(max=1.0),
            across_PD3=across,
            before_PD3=torch.linalg.cross(into, across),
            after_PD3=torch.linalg.cross(out, across),
            material_PD=material_PD,
            spreading_P=wavelength_m / (4.0 * torch.pi * length_PV.sum(-1)),
        )

    def field_PX3(self, materials: Slabs, wavelength_m: float) -> Tensor:
        """Received field of either excitation, complex [P, X, 3], spreading included."""
        te_PD, tm_PD = materials.reflection(self.material_PD, self.cosine_PD, wavelength_m)
        field = self.start_PX3.to(te_PD.dtype)
        for d in range(self.material_PD.shape[1]):
            here = self.material_PD[:, d] >= 0
            across = self.across_PD3[:, d, None].to(field.dtype)
            before = self.before_PD3[:, d, None].to(field.dtype)
            after = self.after_PD3[:, d, None].to(field.dtype)
            te = (field * across).sum(-1, keepdim=True) * te_PD[:, d, None, None]
            tm = (field * before).sum(-1, keepdim=True) * tm_PD[:, d, None, None]
            field = torch.where(here[:, None, None], te * across + tm * after, field)
        return field * self.spreading_P[:, None, None]


@dataclass(frozen=True)
class Slabs:
    """Materials as single-layer slabs, [I] each, float64.

    Attributes:
        permittivity: real part of the relative permittivity.
        conductivity_s_m: conductivity [S/m].
        thickness_m: thickness [m].
    """

    permittivity: Tensor
    conductivity_s_m: Tensor
    thickness_m: Tensor

    def scaled(self, log_I3: Tensor) -> Slabs:
        """Each property times exp of the parameter, [I, 3]; permittivity stays at 1 or more."""
        factor = log_I3.exp()
        return Slabs(
            (self.permittivity * factor[:, 0]).clamp(min=1.0),
            self.conductivity_s_m * factor[:, 1],
            self.thickness_m * factor[:, 2],
        )

    def reflection(
        self, material: Tensor, cosine: Tensor, wavelength_m: float
    ) -> tuple[Tensor, Tensor]:
        """Reflection coefficients TE and TM, complex, shape of `material` (ITU-R P.2040-4,
        eqs. 37, 43 and 44)."""
        index = material.clamp(min=0)
        omega = 2.0 * torch.pi * SPEED_OF_LIGHT_M_S / wavelength_m
        eta = torch.complex(
            self.permittivity[index], -self.conductivity_s_m[index] / (omega * VACUUM_PERMITTIVITY)
        )
        inside = torch.sqrt(eta - (1.0 - cosine.square()))
        te = (cosine - inside) / (cosine + inside)
        tm = (eta * cosine - inside) / (eta * cosine + inside)
        phase = 2.0 * torch.pi / wavelength_m * self.thickness_m[index] * inside
        twice = torch.exp(-2j * phase)
        return (
            te * (1.0 - twice) / (1.0 - te.square() * twice),
            tm * (1.0 - twice) / (1.0 - tm.square() * twice),
        )
