from __future__ import annotations

import os

import pytest

from rayfix.errors import InvalidInputError
from rayfix.radio_map.engines import run_tasks

TASKS = [(number, f"name-{number}") for number in range(5)]


def label(number: int, name: str) -> bytes:
    return f"{name} {number**2} {os.getpid()}".encode()


def refuse(number: int, name: str) -> bytes:
    raise InvalidInputError(name, f"no {number}")


@pytest.mark.parametrize(("engine", "parallel"), [("local", 1), ("local", 2), ("ray", 2)])
def test_every_engine_gives_every_result_with_its_task(engine: str, parallel: int) -> None:
    results = dict(run_tasks(label, TASKS, engine, parallel))
    assert sorted(results) == TASKS
    values = {task: result.decode().split() for task, result in results.items()}
    assert all(found[:2] == [name, str(number**2)] for (number, name), found in values.items())
    elsewhere = {int(found[2]) for found in values.values()} - {os.getpid()}
    assert bool(elsewhere) == (engine == "ray" or parallel > 1)


@pytest.mark.parametrize("parallel", [1, 2])
def test_an_error_comes_through(parallel: int) -> None:
    with pytest.raises(InvalidInputError, match="name-"):
        list(run_tasks(refuse, TASKS, "local", parallel))


def test_bad_options_are_named() -> None:
    with pytest.raises(InvalidInputError, match="engine: one of local, ray"):
        run_tasks(label, TASKS, "slurm", 1)
    with pytest.raises(InvalidInputError, match="parallel: 1 or more"):
        run_tasks(label, TASKS, "local", 0)
