"""How much a caller may ask: requests per second (token bucket) and connections at a time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from rayfix.api.access import Caller
from rayfix.errors import RayFixError

BURST_S = 2.0
"""A caller that was quiet may ask this many seconds' worth at once."""
MAX_KEPT = 10_000
"""Callers remembered; beyond it, those that are quiet are forgotten (tokens name any subject)."""


class RateLimitedError(RayFixError):
    """The caller asks too often; `retry_after_s` says when it may again."""

    code = "rate_limited"

    def __init__(self, retry_after_s: int) -> None:
        super().__init__(f"more requests than this key may make: try again in {retry_after_s} s")
        self.retry_after_s = retry_after_s


class TooManyConnectionsError(RayFixError):
    """The caller has as many requests and live readers open as it may."""

    code = "too_many_connections"
    retry_after_s = 1


@dataclass
class _Account:
    tokens: float
    updated_s: float
    open: int = 0


class Limits:
    """Accounts of all callers; used from one event loop only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._accounts: dict[str, _Account] = {}

    def enter(self, caller: Caller) -> None:
        """Begin a request; end it with `leave`.

        Raises:
            RateLimitedError, TooManyConnectionsError: it is refused and need not be ended.
        """
        account = self._account(caller)
        if account.open >= caller.connections:
            raise TooManyConnectionsError(
                f"this key has {account.open} connections open, as many as it may"
            )
        if account.tokens < 1.0:
            seconds = (1.0 - account.tokens) / caller.rate_per_s
            raise RateLimitedError(max(1, math.ceil(seconds)))
        account.tokens -= 1.0
        account.open += 1

    def leave(self, caller: Caller) -> None:
        """End a request."""
        self._accounts[caller.name].open -= 1

    def charge(self, caller: Caller, more: int) -> None:
        """Count a request that carries `more` sequences beyond the first. It may overdraw the
        account: the caller then waits until the debt is paid."""
        self._account(caller).tokens -= more

    def _account(self, caller: Caller) -> _Account:
        now = self._clock()
        full = max(1.0, BURST_S * caller.rate_per_s)
        account = self._accounts.get(caller.name)
        if account is None:
            if len(self._accounts) >= MAX_KEPT:
                self._forget_quiet(now)
            account = self._accounts[caller.name] = _Account(full, now)
        passed = now - account.updated_s
        account.tokens = min(full, account.tokens + passed * caller.rate_per_s)
        account.updated_s = now
        return account

    def _forget_quiet(self, now: float) -> None:
        quiet = [
            name
            for name, account in self._accounts.items()
            if account.open == 0 and account.tokens >= 0 and now - account.updated_s > BURST_S
        ]
        for name in quiet:
            del self._accounts[name]
