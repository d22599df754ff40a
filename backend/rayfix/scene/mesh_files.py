"""Writes meshes as PLY files and the Mitsuba XML that `sionna.rt.load_scene` reads."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

from rayfix.errors import RayTracingUnavailableError
from rayfix.files import sha256_of, write_text_whole
from rayfix.scene.mesh import Mesh

THICKNESS_M = 0.1
"""Thickness of a wall's slab in the reflection model [m], as in Sionna RT's own scenes."""

GROUND_MATERIAL = "concrete"
"""As in Sionna RT's own scenes; the ITU's ground materials end at 10 GHz."""


def write_geometry(folder: Path, meshes: Mapping[str, Mesh], ground: Mesh) -> Path:
    """Write `geometry.xml` and one PLY file per material below `meshes/`.

    Args:
        meshes: buildings by ITU-R P.2040 material.
    Raises:
        RayTracingUnavailableError: what writes the files comes with the ray tracer.
    """
    try:
        import trimesh
    except ImportError:
        raise RayTracingUnavailableError(
            "scenes are imported with pip install 'rayfix[maps]'"
        ) from None

    (folder / "meshes").mkdir(parents=True, exist_ok=True)
    root = ElementTree.Element("scene", {"version": "2.1.0"})
    for material in sorted({*meshes, GROUND_MATERIAL}):
        bsdf = _child(root, "bsdf", type="itu-radio-material", id=material)
        _child(bsdf, "string", name="type", value=material)
        _child(bsdf, "float", name="thickness", value=str(THICKNESS_M))
    shapes = {"ground": (GROUND_MATERIAL, ground)}
    shapes |= {f"buildings-{name}": (name, mesh) for name, mesh in sorted(meshes.items())}
    for name, (material, mesh) in shapes.items():
        path = folder / "meshes" / f"{name}.ply"
        trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).export(path)
        # Who compares this file with an earlier one sees a change of the meshes too.
        root.append(ElementTree.Comment(f" SHA-256 of {path.name}: {sha256_of(path)} "))
        shape = _child(root, "shape", type="ply", id=f"mesh-{name}")
        _child(shape, "string", name="filename", value=f"meshes/{path.name}")
        _child(shape, "boolean", name="face_normals", value="true")
        _child(shape, "ref", id=material, name="bsdf")
    ElementTree.indent(root)
    xml = folder / "geometry.xml"
    write_text_whole(xml, ElementTree.tostring(root, encoding="unicode") + "\n")
    return xml


def _child(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, attributes)
