"""Settings of the service, from `RAYFIX_*` environment variables or a `.env` file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from rayfix.errors import ConfigError


def _split(value: object) -> object:
    """`a, b` of an environment variable; lists pass."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]


class Settings(BaseSettings):
    """One place for everything that differs between deployments."""

    model_config = SettingsConfigDict(
        env_prefix="RAYFIX_", env_file=".env", extra="ignore", populate_by_name=True
    )

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    models_dir: Path = Path("models")
    radio_maps_dir: Path = Path("radio_maps")
    model: str = Field(default="munich", description="folder below models_dir")
    scenes: Names = Field(
        default=("munich",),
        min_length=1,
        description="folders below radio_maps_dir, with commas; the first is the default",
    )
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    threads: int = Field(default=0, ge=0, description="torch threads; 0 = all cores but one")

    watch_s: float = Field(
        default=0.0, ge=0, description="look for a new model or map this often; 0 = never"
    )
    max_batch: int = Field(default=32, ge=1, description="sequences in one forward pass")
    queue_size: int = Field(default=512, ge=1, description="sequences waiting; more get 503")
    locate_timeout_s: float = Field(default=10.0, gt=0, description="waiting longer gets 503")

    live_log: Path = Field(default=Path("data/live.sqlite"), description="embedded live log")
    redis_url: SecretStr | None = Field(
        default=None, description="live log in Redis Streams instead of SQLite"
    )
    live_max_age_s: float = Field(default=24 * 3600.0, gt=0, description="older fixes are dropped")
    live_max_bytes: int = Field(
        default=512_000_000, ge=1_000_000, description="oldest fixes are dropped beyond this size"
    )
    live_client_bytes: int = Field(
        default=1_000_000, ge=10_000, description="unread bytes after which a client is closed"
    )

    frontend_dir: Path = Path("frontend/dist")
    max_body_bytes: int = Field(default=1_000_000, ge=1_000)
    body_timeout_s: float = Field(default=10.0, gt=0, description="for the whole request body")
    header_timeout_s: float = Field(default=10.0, gt=0, description="for all request headers")
    keys_file: Path = Field(default=Path("data/keys.json"), description="hashes of the API keys")
    insecure: bool = Field(
        default=False, description="ask nobody for a key, even at an address others can reach"
    )
    key_rate_per_s: float = Field(
        default=200.0, gt=0, description="sequences and other requests of a key, per second"
    )
    key_connections: int = Field(
        default=256, ge=1, description="requests and live readers of a key at a time"
    )
    jwt_algorithm: Literal["HS256", "RS256"] = "HS256"
    jwt_key: SecretStr | None = Field(
        default=None, description="HS256: the shared secret; RS256: the issuer's public key, PEM"
    )
    jwt_issuer: str | None = Field(default=None, description="`iss` that a JWT must have")
    jwt_audience: str | None = Field(default=None, description="`aud` that a JWT must have")
    camara: bool = Field(default=False, description="serve CAMARA location retrieval")
    cors_origins: Names = Field(
        default=(), description="origins of other sites that may call, with commas; none by default"
    )
    log_format: Literal["json", "console"] = "json"
    mapbox_token: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("RAYFIX_MAPBOX_TOKEN", "MAPBOX_TOKEN")
    )
    mapbox_style: str | None = Field(
        default=None,
        pattern=r"^(mapbox|https)://\S+$",
        description="style that the console draws on with Mapbox; none: light or dark by the "
        "viewer's preference",
    )


def load_settings(**overrides: object) -> Settings:
    """Settings of the environment; overrides that are None are left out.

    Raises:
        ConfigError: a variable breaks a rule; the message names it.
    """
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**given)  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = "RAYFIX_" + ".".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(name, first["msg"]) from None
