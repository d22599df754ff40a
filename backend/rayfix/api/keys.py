"""API keys: shown once when they are made, kept as SHA-256 only.

A key carries 256 random bits, so that a fast hash is enough: nobody can try them out.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rayfix.api.access import Scope
from rayfix.errors import ArtefactError, InvalidInputError
from rayfix.files import write_bytes_whole

log = structlog.get_logger(__name__)

PREFIX = "rfx_"
"""Keys are recognised by it, also by programs that look for leaked secrets."""


class KeyRecord(BaseModel):
    """What is kept of a key."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    scopes: frozenset[Scope] = Field(min_length=1)
    created: str
    rate_per_s: float | None = Field(default=None, gt=0, description="null = the service's")
    connections: int | None = Field(default=None, ge=1, description="null = the service's")


class _KeyFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    keys: list[KeyRecord] = []


class KeyStore:
    """The keys of a file, read again when it changes: a revoked key stops at its next request."""

    def __init__(self, path: Path) -> None:
        """
        Raises:
            ArtefactError: the file is there but damaged.
        """
        self._path = path
        self._stamp = self._now()
        self._keys = self._read()

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, key: str) -> KeyRecord | None:
        """The record of a key; None = unknown or revoked."""
        stamp = self._now()
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._keys = self._read()
            except ArtefactError as error:
                log.error("keys_not_read", error=str(error))
        return self._keys.get(_hash(key))

    def records(self) -> list[KeyRecord]:
        """Every key, by name."""
        return sorted(self._keys.values(), key=lambda record: record.name)

    def create(
        self,
        name: str,
        scopes: frozenset[Scope],
        rate_per_s: float | None = None,
        connections: int | None = None,
        prefix: str = PREFIX,
    ) -> str:
        """Make a key and keep its hash; returns the key, which cannot be had again.

        Raises:
            InvalidInputError: the name is taken, or a value breaks a rule.
        """
        if any(record.name == name for record in self._keys.values()):
            raise InvalidInputError("name", f"there is a key '{name}' already")
        key = prefix + secrets.token_urlsafe(32)
        try:
            record = KeyRecord(
                name=name, sha256=_hash(key), scopes=scopes, rate_per_s=rate_per_s,
                connections=connections, created=datetime.now(UTC).isoformat(timespec="seconds"),
            )  # fmt: skip
        except ValidationError as error:
            first = error.errors()[0]
            raise InvalidInputError(str(first["loc"][0]), first["msg"]) from None
        self._write([*self._keys.values(), record])
        return key

    def revoke(self, name: str) -> None:
        """Forget a key.

        Raises:
            InvalidInputError: there is no key of this name.
        """
        kept = [record for record in self._keys.values() if record.name != name]
        if len(kept) == len(self._keys):
            raise InvalidInputError("name", f"there is no key '{name}'")
        self._write(kept)

    def _now(self) -> tuple[int, int] | None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return None
        return status.st_mtime_ns, status.st_ino

    def _read(self) -> dict[str, KeyRecord]:
        try:
            document = _KeyFile.model_validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (ValidationError, OSError) as error:
            reason = str(error).splitlines()[0]
            raise ArtefactError(self._path, f"cannot be read as keys: {reason}") from None
        return {record.sha256: record for record in document.keys}

    def _write(self, records: list[KeyRecord]) -> None:
        document = {
            "keys": [
                {**record.model_dump(mode="json"), "scopes": sorted(record.scopes)}
                for record in records
            ]
        }
        write_bytes_whole(self._path, json.dumps(document, indent=1).encode() + b"\n")
        self._path.chmod(0o600)
        self._keys = {record.sha256: record for record in records}


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
