"""The network in a process of its own.

Between any two kernels a forward pass needs Python's interpreter lock, and so does every request
that is read or answered meanwhile. In one process both wait for one another, thousands of times a
batch; with the network in another, each has its own lock. What crosses is arrays: packed reports
there, positions back.
"""

from __future__ import annotations

import dataclasses
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from multiprocessing.connection import Connection, Pipe
from typing import TYPE_CHECKING, Any

import structlog
import torch

from rayfix.config import Settings
from rayfix.errors import RayFixError
from rayfix.measurement.report import ReportBatch
from rayfix.model.positioning import Positions

if TYPE_CHECKING:
    from rayfix.locator.locator import Kind

log = structlog.get_logger(__name__)

STOP_S = 5.0


class InferenceProcessError(RayFixError):
    """The process of the network could not load, failed, or ended twice in a row."""

    code = "inference_failed"


class InferenceProcess:
    """Starts loading at once; `wait_until_ready`, then `infer` from any thread, in the end `stop`.

    A process that ends by itself (for want of memory, say) is replaced, and the batch that it had
    is located by the new one.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._start()

    def _start(self) -> None:
        self._connection, theirs = Pipe()
        # Not `-m`: errors that cross are of this module's classes, not of `__main__`'s.
        code = f"from {__name__} import main; main({theirs.fileno()})"
        self._process = subprocess.Popen([sys.executable, "-c", code], pass_fds=[theirs.fileno()])
        theirs.close()
        self._connection.send(self._settings)

    @property
    def pid(self) -> int:
        """Of the present process."""
        return self._process.pid

    def wait_until_ready(self) -> object:
        """What `Locator.identity` says in the other process, once model and maps are loaded.

        Raises:
            RayFixError: what they could not be loaded for.
            InferenceProcessError: the process ended.
        """
        try:
            return self._received()
        except (EOFError, OSError):
            raise InferenceProcessError("the process of the network ended while loading") from None

    def infer(self, kind: Kind, batch: ReportBatch) -> Positions:
        """Positions of a batch, as `Locator.infer`.

        Raises:
            InferenceProcessError: inference failed, or the process ended twice in a row.
        """
        with self._lock:
            try:
                return self._asked(kind, batch)
            except (EOFError, OSError):
                log.error("inference_process_ended", returncode=self._process.wait())
            self._start()
            self.wait_until_ready()
            try:
                return self._asked(kind, batch)
            except (EOFError, OSError):
                raise InferenceProcessError("the process of the network ended twice") from None

    def _asked(self, kind: Kind, batch: ReportBatch) -> Positions:
        self._connection.send((kind, batch))
        positions: Positions = _with_leaves(self._received(), torch.from_numpy)
        return positions

    def _received(self) -> Any:
        answer = self._connection.recv()
        if isinstance(answer, RayFixError):
            raise answer
        return answer

    def stop(self) -> None:
        """End the process, after the batch that it has."""
        with self._lock:
            self._connection.close()
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()


def _with_leaves(value: Any, function: Callable[[Any], Any]) -> Any:
    """Nested dataclasses and named tuples with the function applied to what is not None."""
    if value is None:
        return None
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return type(value)(**{n: _with_leaves(getattr(value, n), function) for n in names})
    if isinstance(value, tuple):
        return type(value)(*(_with_leaves(item, function) for item in value))
    return function(value)


def _to_array(tensor: torch.Tensor) -> Any:
    return tensor.detach().cpu().numpy()


def main(file_descriptor: int) -> None:
    """Answer batches until the other end closes, as it does when the service ends in any way."""
    connection = Connection(file_descriptor)
    for name in (signal.SIGINT, signal.SIGTERM):  # meant for the service, which drains first
        signal.signal(name, signal.SIG_IGN)
    from rayfix.locator.locator import Locator  # which imports this module

    try:
        try:
            locator = Locator.load(connection.recv())
        except RayFixError as error:
            connection.send(error)
            return
        connection.send(locator.identity)
        while True:
            kind, batch = connection.recv()
            try:
                answer = _with_leaves(locator.infer(kind, batch), _to_array)
            except Exception:
                answer = InferenceProcessError(traceback.format_exc())
            connection.send(answer)
    except (EOFError, OSError):  # the service has ended, or refused what it loaded itself
        return
