"""Promises of the repository as a whole: pinned versions, clean imports, set-up that explains."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def locked() -> dict[str, Requirement]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(pin.name): pin for pin in pins}


def version_of(pin: Requirement) -> str:
    (specifier,) = pin.specifier
    assert specifier.operator == "==", f"{pin} is not pinned"
    return specifier.version


def declared() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"].values()
    return [Requirement(text) for group in [PROJECT["dependencies"], *extras] for text in group]


def tracked_files() -> list[Path]:
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return [ROOT / name for name in names.split("\0") if name and (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""


@pytest.mark.parametrize("requirement", declared(), ids=lambda requirement: requirement.name)
def test_lock_satisfies_every_declared_dependency(requirement: Requirement) -> None:
    pin = locked()[canonicalize_name(requirement.name)]
    assert version_of(pin) in requirement.specifier


def test_lock_names_no_index_and_no_hash() -> None:
    text = (ROOT / "requirements.lock").read_text()
    assert "://" not in text
    assert "--" not in text


def test_installed_versions_are_the_locked_ones() -> None:
    different = []
    for name, pin in locked().items():
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if installed.split("+")[0] != version_of(pin):
            different.append(f"{name}: {installed} installed, {version_of(pin)} locked")
    assert not different


def test_console_lock_names_only_the_public_registry() -> None:
    text = (ROOT / "frontend/package-lock.json").read_text()
    hosts = set(re.findall(r'"resolved": "\w+://([^/"]+)', text))
    assert hosts <= {"registry.npmjs.org"}


def test_no_file_names_a_path_of_one_machine() -> None:
    own_path = re.compile(r"(?<![\w.~}])/(home|root|Users|work|workspace|mnt)/\w")
    offenders = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in tracked_files()
        if (match := own_path.search(text_of(path)))
    ]
    assert not offenders


def test_service_imports_neither_ray_tracer_nor_training() -> None:
    program = (
        "import sys, rayfix.api, rayfix.locator, rayfix.live, pkgutil, importlib\n"
        "for package in (rayfix.api, rayfix.locator, rayfix.live):\n"
        "    for module in pkgutil.walk_packages(package.__path__, package.__name__ + '.'):\n"
        "        importlib.import_module(module.name)\n"
        "heavy = ('sionna', 'mitsuba', 'drjit', 'ray', 'rayfix.training', 'rayfix.simulation')\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_make_lists_its_targets() -> None:
    listing = subprocess.run(
        ["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    targets = {line.split()[0] for line in listing.splitlines()}
    assert {"up", "test", "bench", "evaluate"} <= targets


def up(**environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "scripts/up.py"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_up_says_when_its_port_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        result = up(RAYFIX_PORT=str(port))
    assert result.returncode == 1
    assert f"Port {port} is in use" in result.stdout


def test_up_shows_why_the_service_did_not_start() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    result = up(RAYFIX_PORT=str(port), RAYFIX_MODEL="nowhere")
    assert result.returncode == 1
    assert "models/nowhere" in result.stdout
    assert "The service did not start" in result.stdout


def test_setup_refuses_an_unknown_profile() -> None:
    result = subprocess.run(
        ["scripts/setup.sh", "everything"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 1
    assert "unknown profile 'everything'" in result.stderr


def imported_packages(folder: str) -> set[str]:
    """Top-level names that the Python files of a folder import, without the standard library and
    the repository's own files (a benchmark is run from its folder)."""
    own = {"rayfix", "tests", "benchmarks"}
    if folder == "benchmarks":
        own |= {path.stem for path in (ROOT / folder).glob("*.py")}
    names = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.split(".")[0])
    return names - sys.stdlib_module_names - own


@pytest.mark.parametrize("folder", ["backend/rayfix", "tests", "scripts", "benchmarks"])
def test_every_imported_package_is_declared(folder: str) -> None:
    declared_names = {canonicalize_name(requirement.name) for requirement in declared()}
    # Parts of the interfaces of sionna and fastapi.
    declared_names |= {"sionna-rt", "drjit", "mitsuba", "starlette"}
    providers = importlib.metadata.packages_distributions()
    undeclared = [
        name
        for name in sorted(imported_packages(folder))
        if not {canonicalize_name(dist) for dist in providers.get(name, [])} & declared_names
    ]
    assert not undeclared
