"""Chooses the LLVM that Dr.Jit compiles with, before Dr.Jit, Mitsuba or Sionna RT is imported."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from pathlib import Path

from rayfix.errors import RayTracingUnavailableError

OLDEST_USABLE_LLVM = 17
"""LLVM 14 to 16 abort the process on AVX-512 machines ("Cannot select: fminimum")."""

LIBRARY_FOLDERS = (
    "/usr/lib/x86_64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib64",
    "/usr/lib",
    "/usr/local/lib",
    "/opt/homebrew/opt/llvm/lib",
    "/usr/local/opt/llvm/lib",
)
VARIABLE = "DRJIT_LIBLLVM_PATH"
HOW_TO_INSTALL = (
    f"Ray tracing on the CPU needs LLVM {OLDEST_USABLE_LLVM} or newer: install one of "
    "libllvm17, libllvm18, libllvm19 or newer (for example `apt-get install libllvm19`), "
    f"or set {VARIABLE} to its libLLVM file."
)


def llvm_version(path: Path) -> int | None:
    """Major version in the name of a libLLVM file (links followed); None if the name has none."""
    for name in (path.name, path.resolve().name):
        match = re.search(r"libLLVM(?:-|\.so\.|\.)?(\d+)", name)
        if match:
            return int(match.group(1))
    return None


def newest_llvm(folders: tuple[str, ...] = LIBRARY_FOLDERS) -> Path | None:
    """The newest usable libLLVM file of these folders and of their `llvm-N/lib` subfolders."""
    files = [
        file
        for folder in map(Path, folders)
        for pattern in ("libLLVM*", "llvm-*/lib/libLLVM*", "llvm*/lib/libLLVM*")
        for file in folder.glob(pattern)
        if re.search(r"\.(so|dylib)(\.|$)", file.name) and file.exists()
    ]
    usable = [(llvm_version(file) or 0, str(file)) for file in files]
    version, name = max(usable, default=(0, ""))
    return Path(name) if version >= OLDEST_USABLE_LLVM else None


def cuda_available() -> bool:
    """Whether Mitsuba's CUDA variant can run: an NVIDIA driver with a device, and OptiX."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        ctypes.CDLL("libnvoptix.so.1")
    except OSError:
        return False
    count = ctypes.c_int(0)
    return (
        driver.cuInit(0) == 0
        and driver.cuDeviceGetCount(ctypes.byref(count)) == 0
        and count.value > 0
    )


def prepare_ray_tracing() -> str:
    """Make Sionna RT importable and return the Mitsuba variant that it will use.

    Call this before anything that imports `drjit`, `mitsuba` or `sionna.rt`: an unsuitable LLVM
    aborts the process later, which cannot be caught.

    Raises:
        RayTracingUnavailableError: Sionna RT is not installed, or there is neither a CUDA device
            nor a usable libLLVM; the message says what to install.
    """
    if cuda_available():
        variant = "cuda_ad_mono_polarized"
    else:
        variant = "llvm_ad_mono_polarized"
        if "drjit" not in sys.modules or VARIABLE not in os.environ:
            os.environ[VARIABLE] = str(chosen_llvm())
    try:
        import mitsuba as mi

        if mi.variant() is None:
            mi.set_variant(variant)
        import sionna.rt  # noqa: F401
    except ImportError as error:
        raise RayTracingUnavailableError(
            f"Ray tracing needs the extra `maps`: pip install 'rayfix[maps]' ({error})."
        ) from None
    return str(mi.variant())


def chosen_llvm() -> Path:
    """The user's choice if usable, else the newest one found."""
    set_by_user = os.environ.get(VARIABLE)
    if set_by_user:
        path = Path(set_by_user)
        version = llvm_version(path)
        if not path.is_file():
            raise RayTracingUnavailableError(f"{VARIABLE}={path} does not exist. {HOW_TO_INSTALL}")
        if version is not None and version < OLDEST_USABLE_LLVM:
            raise RayTracingUnavailableError(
                f"{VARIABLE}={path} is LLVM {version}. {HOW_TO_INSTALL}"
            )
        return path
    found = newest_llvm()
    if found is None:
        raise RayTracingUnavailableError(HOW_TO_INSTALL)
    return found
