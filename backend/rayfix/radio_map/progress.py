"""Progress of a build: sites done, rate, time left."""

from __future__ import annotations

from types import TracebackType

from rich.progress import (
    BarColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)


class BuildProgress:
    """A bar over the sites of one build; the share of the site under way counts."""

    def __init__(self, sites: int, show: bool) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            disable=not show or sites == 0,
        )
        self._task = self._progress.add_task("Tracing", total=sites, rate="")
        self._started = self._progress.get_time()
        self._done = 0

    def __enter__(self) -> BuildProgress:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def site_share(self, share: float) -> None:
        """The share (0 to 1) of the site under way that is done."""
        completed = self._done + share
        minutes = max(self._progress.get_time() - self._started, 1e-9) / 60
        rate = f"{completed / minutes:.1f} sites/min"
        self._progress.update(self._task, completed=completed, rate=rate)

    def writing(self, scene: str) -> None:
        """The map of a scene is being put together."""
        self._progress.update(self._task, description=f"Writing {scene}")

    def site_done(self, scene: str) -> None:
        """One more site of a scene is finished."""
        self._done += 1
        self._progress.update(self._task, description=f"Tracing {scene}")
        self.site_share(0.0)
