"""Where the sites of a build are traced: in this process, in several, or on a Ray cluster.

Every engine takes tasks (argument tuples of one function) and yields `(task, result)` as results
come in; the function's result depends on its arguments only, so all engines give the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from typing import Any, TypeVar

from rayfix.errors import InvalidInputError

Task = TypeVar("Task", bound=tuple[Any, ...])

ENGINES = ("local", "ray")


def run_tasks(
    function: Callable[..., bytes], tasks: Sequence[Task], engine: str, parallel: int
) -> Iterator[tuple[Task, bytes]]:
    """Run `function(*task)` for every task.

    Args:
        engine: "local" or "ray".
        parallel: processes of the local engine, or tasks at a time on the Ray cluster.
    Raises:
        InvalidInputError: no such engine, parallel < 1, or Ray is not installed.
    """
    if parallel < 1:
        raise InvalidInputError("parallel", "1 or more is expected")
    if engine == "ray":
        return _on_ray(function, tasks, parallel)
    if engine != "local":
        raise InvalidInputError("engine", f"one of {', '.join(ENGINES)} is expected")
    if parallel == 1 or len(tasks) <= 1:
        return ((task, function(*task)) for task in tasks)
    return _in_processes(function, tasks, min(parallel, len(tasks)))


def _in_processes(
    function: Callable[..., bytes], tasks: Sequence[Task], processes: int
) -> Iterator[tuple[Task, bytes]]:
    # Spawned, not forked: the ray tracer's threads do not survive a fork.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(function, *task): task for task in tasks}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


def _on_ray(
    function: Callable[..., bytes], tasks: Sequence[Task], parallel: int
) -> Iterator[tuple[Task, bytes]]:
    try:
        import ray
    except ImportError:
        raise InvalidInputError(
            "engine", "'ray' needs Ray: pip install 'rayfix[ray]', or take 'local'"
        ) from None
    started_here = not ray.is_initialized()
    if started_here:
        ray.init(log_to_driver=False, include_dashboard=False)
    try:
        remote = ray.remote(function)
        waiting = list(tasks)
        running: dict[Any, Task] = {}
        while waiting or running:
            while waiting and len(running) < parallel:
                task = waiting.pop(0)
                running[remote.remote(*task)] = task
            (ready, *_), _ = ray.wait(list(running), num_returns=1)
            yield running.pop(ready), ray.get(ready)
    finally:
        if started_here:
            ray.shutdown()
