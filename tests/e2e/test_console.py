"""The console in a real browser, on the real service and the real feed.

The tests themselves are Playwright's, in frontend/e2e/: they start `rayfix serve` and `rayfix feed`
on a free port, and drive Debian's chromium (or CHROMIUM).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def npm(*arguments: str) -> None:
    """Run a script of the console; its output is the test's output."""
    environment = {
        **os.environ,
        "RAYFIX": str(Path(sys.executable).with_name("rayfix")),
        "RAYFIX_PYTHON": sys.executable,
    }
    subprocess.run(["npm", "run", "--silent", *arguments], cwd=ROOT / "frontend", env=environment,
                   check=True)  # fmt: skip


def test_types_are_those_of_the_openapi_document() -> None:
    npm("generate:api", "--", "--check")


def test_console_in_a_browser() -> None:
    npm("build")
    npm("e2e")
