"""How a benchmark's figures came about: said beside them in its report."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import torch


def command() -> str:
    """The command line of this run."""
    return " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *sys.argv[1:]])


def machine() -> str:
    """The machine in words, without its name."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return f"{len(os.sched_getaffinity(0))} cores, {gpu}"
