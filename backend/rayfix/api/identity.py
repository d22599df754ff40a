"""From a key or JWT to its caller, and when callers must show one."""

from __future__ import annotations

import ipaddress
from typing import Any

import jwt

from rayfix.api.access import Caller, Scope, UnauthorizedError
from rayfix.api.keys import KeyStore
from rayfix.config import Settings
from rayfix.errors import ConfigError

JWT_LEEWAY_S = 30.0
"""How far the clocks of issuer and service may differ."""
MIN_HS256_BYTES = 32
"""A shared secret at least as long as its hash (RFC 7518, 3.2)."""


class Identity:
    """Knows the keys of the key file and, with a JWT key, the tokens that it signed.

    Attributes:
        required: whether callers must show a key or token. They must when there is any to show;
            without any, only a service that nobody else can reach starts open.
    """

    def __init__(self, settings: Settings) -> None:
        """
        Raises:
            ConfigError: others can reach the address and there is neither key nor leave to be
                open; or the JWT key does not fit its algorithm.
            ArtefactError: the key file is damaged.
        """
        self._settings = settings
        self._keys = KeyStore(settings.keys_file)
        self._jwt_key = _jwt_key(settings)
        has_credentials = len(self._keys) > 0 or self._jwt_key is not None
        self.required = has_credentials and not settings.insecure
        if not (has_credentials or settings.insecure or is_loopback(settings.host)):
            raise ConfigError(
                "RAYFIX_HOST",
                f"others can reach {settings.host}, and no key protects it: make one "
                "(rayfix keys create NAME --scope locate --scope read), set RAYFIX_JWT_KEY, or "
                "serve openly (--insecure, or RAYFIX_INSECURE=true)",
            )

    def caller(self, secret: str | None) -> Caller:
        """Who a key or token belongs to.

        Raises:
            UnauthorizedError: it is missing, unknown, expired or revoked.
        """
        if secret is None:
            raise UnauthorizedError(
                "a key is needed: Authorization: Bearer, X-API-Key, or ?key= in the address"
            )
        settings = self._settings
        if self._jwt_key is not None and secret.count(".") == 2:
            return self._caller_of_token(secret, self._jwt_key)
        record = self._keys.find(secret)
        if record is None:
            raise UnauthorizedError("the key is not known, or was revoked")
        return Caller(
            name=record.name,
            scopes=record.scopes,
            rate_per_s=record.rate_per_s or settings.key_rate_per_s,
            connections=record.connections or settings.key_connections,
        )

    def _caller_of_token(self, token: str, key: str) -> Caller:
        settings = self._settings
        try:
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[settings.jwt_algorithm],
                issuer=settings.jwt_issuer,
                audience=settings.jwt_audience,
                leeway=JWT_LEEWAY_S,
                options={
                    "require": ["exp", "sub"],
                    "verify_aud": settings.jwt_audience is not None,
                },
            )
        except jwt.InvalidTokenError as error:
            raise UnauthorizedError(f"the token is refused: {error}") from None
        granted = str(claims.get("scope", "")).split()  # RFC 8693, 4.2
        return Caller(
            name=f"jwt:{claims['sub']}"[:80],
            scopes=frozenset(scope for scope in Scope if scope in granted),
            rate_per_s=settings.key_rate_per_s,
            connections=settings.key_connections,
        )


def is_loopback(host: str) -> bool:
    """Whether only programs of this machine can reach a listening address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _jwt_key(settings: Settings) -> str | None:
    if settings.jwt_key is None or not settings.jwt_key.get_secret_value():
        return None
    key = settings.jwt_key.get_secret_value()
    if settings.jwt_algorithm == "HS256":
        if len(key.encode()) < MIN_HS256_BYTES:
            raise ConfigError("RAYFIX_JWT_KEY", f"at least {MIN_HS256_BYTES} bytes are needed")
        return key
    key = key.replace("\\n", "\n")  # one line of an environment file
    try:
        jwt.get_algorithm_by_name("RS256").prepare_key(key)
    except (ValueError, TypeError, jwt.InvalidKeyError):
        raise ConfigError("RAYFIX_JWT_KEY", "RS256 needs the issuer's public key as PEM") from None
    return key
