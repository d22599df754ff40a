"""A bar for the stages of a calibration that take long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import Progress, TaskID


@contextmanager
def show_progress(show: bool) -> Iterator[Callable[[str, float], None]]:
    """Gives a function that takes what is being done and its share, 0 to 1."""
    tasks: dict[str, TaskID] = {}
    with Progress(disable=not show) as bar:

        def report(what: str, share: float) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=1.0)
            bar.update(tasks[what], completed=share)

        yield report
