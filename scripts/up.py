"""Serves Munich with its live feed: starts `rayfix serve`, waits until it is ready, then starts
`rayfix feed`. Ctrl-C, or the end of either, stops both. What they write goes to data/up.log.

Run by `make up`; the port is RAYFIX_PORT (default 8000).
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType

from rayfix.config import Settings

READY_WITHIN_S = 120.0
STOP_WITHIN_S = 10.0
RAYFIX = str(Path(sys.executable).with_name("rayfix"))
LOG = Path("data/up.log")


def is_taken(host: str, port: int) -> bool:
    """Whether another program already listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def is_ready(url: str) -> bool:
    """Whether the service answers 200 on /readyz."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """Ask every process to end, last started first; kill what does not."""
    for process in reversed(processes):
        if process.poll() is None:
            process.terminate()
    for process in processes:
        try:
            process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()


def fail(reason: str) -> int:
    """Print why it did not work, with the end of the log; the exit code."""
    print("".join(LOG.read_text().splitlines(keepends=True)[-15:]), end="")
    print(f"{reason} The log: {LOG}")
    return 1


def raise_interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main() -> int:
    settings = Settings()
    url = f"http://localhost:{settings.port}"
    if is_taken(settings.host, settings.port):
        print(f"Port {settings.port} is in use: stop that program or set RAYFIX_PORT.")
        return 1
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, raise_interrupt)
    LOG.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    processes: list[subprocess.Popen[bytes]] = []
    with LOG.open("wb") as log:

        def start(*arguments: str) -> None:
            command = [RAYFIX, *arguments]
            processes.append(subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT))

        try:
            start("serve")
            while not is_ready(url):
                if processes[0].poll() is not None:
                    return fail("The service did not start.")
                if time.monotonic() - started > READY_WITHIN_S:
                    return fail(f"The service was not ready within {READY_WITHIN_S:.0f} s.")
                time.sleep(0.2)
            start("feed", "--ues", "20", "--url", url)
            print(f"RayFix is ready after {time.monotonic() - started:.1f} s: {url}")
            print(f"Ctrl-C stops it. The log: {LOG}", flush=True)
            while all(process.poll() is None for process in processes):
                time.sleep(0.5)
            return fail("The service or its feed ended.")
        except KeyboardInterrupt:
            return 0
        finally:
            stop(processes)


if __name__ == "__main__":
    sys.exit(main())
