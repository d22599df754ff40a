"""Reads and writes the Mitsuba XML and PLY files of a scene that `sionna.rt.load_scene` takes."""

from __future__ import annotations

import importlib.util
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping
from pathlib import Path

from rayfix.errors import ArtefactError, RayTracingUnavailableError, UnknownSceneError
from rayfix.files import sha256_of, write_text_whole
from rayfix.scene.materials import THICKNESS_M, Drawn
from rayfix.scene.mesh import Mesh
from rayfix.scene.scene import Scene

GROUND = "ground"
"""Name of the ground's shape."""

GROUND_MATERIAL = "concrete"
"""As in Sionna RT's own scenes; the ITU's ground materials end at 10 GHz."""


def geometry_file(scene: Scene, folder: Path) -> Path:
    """The Mitsuba XML file of a scene; Sionna's own scenes are found without importing Sionna.

    Raises:
        RayTracingUnavailableError: the scene ships with Sionna RT, which is not installed.
        UnknownSceneError: Sionna RT ships no scene of this name.
        ArtefactError: the geometry file is missing.
    """
    kind, _, name = scene.geometry.partition(":")
    if kind != "builtin":
        path = folder / scene.geometry
        if not path.is_file():
            raise ArtefactError(path, "the geometry of the scene is missing")
        return path
    package = importlib.util.find_spec("sionna")
    if package is None or not package.submodule_search_locations:
        raise RayTracingUnavailableError(
            f"the geometry of '{scene.name}' ships with Sionna RT: pip install 'rayfix[maps]'"
        )
    path = Path(package.submodule_search_locations[0], "rt", "scenes", name, f"{name}.xml")
    if not path.is_file():
        raise UnknownSceneError(f"Sionna RT ships no scene called {name!r}")
    return path


def shape_files(xml: Path) -> Iterator[tuple[str, Path]]:
    """Name and PLY file of every shape of a Mitsuba scene; the prefix `mesh-` is left out.

    Raises:
        ArtefactError: not a Mitsuba scene.
    """
    try:
        root = ElementTree.parse(xml).getroot()
    except (ElementTree.ParseError, OSError) as error:
        raise ArtefactError(xml, f"not a Mitsuba scene ({error})") from None
    for shape in root.iter("shape"):
        filename = shape.find("string[@name='filename']")
        if shape.get("type") == "ply" and filename is not None:
            name = shape.get("id", "").removeprefix("mesh-")
            yield name, xml.parent / filename.get("value", "")


def write_geometry(
    folder: Path,
    meshes: Mapping[str, Mesh],
    ground: Mesh,
    drawn: Mapping[str, Drawn] | None = None,
) -> Path:
    """Write `geometry.xml` and one PLY file per material below `meshes/`.

    Args:
        meshes: buildings by ITU-R P.2040 material, or by name of a drawn one.
        drawn: properties of the drawn materials.
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
        _add_material(root, material, (drawn or {}).get(material))
    shapes = {GROUND: (GROUND_MATERIAL, ground)}
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


def _add_material(root: ElementTree.Element, name: str, drawn: Drawn | None) -> None:
    if drawn is None:
        bsdf = _child(root, "bsdf", type="itu-radio-material", id=name)
        _child(bsdf, "string", name="type", value=name)
        _child(bsdf, "float", name="thickness", value=str(THICKNESS_M))
        return
    bsdf = _child(root, "bsdf", type="radio-material", id=name)
    _child(bsdf, "float", name="relative_permittivity", value=str(drawn.permittivity))
    _child(bsdf, "float", name="conductivity", value=str(drawn.conductivity))
    _child(bsdf, "float", name="thickness", value=str(drawn.thickness_m))


def _child(parent: ElementTree.Element, tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.SubElement(parent, tag, attributes)
