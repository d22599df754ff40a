"""Settings of the service, from `RAYFIX_*` environment variables or a `.env` file."""

from __future__ import annotations

from pathlib import Path

from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One place for everything that differs between deployments."""

    model_config = SettingsConfigDict(env_prefix="RAYFIX_", env_file=".env", extra="ignore")

    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    models_dir: Path = Path("models")
    radio_maps_dir: Path = Path("radio_maps")
    model: str = Field(default="munich", description="folder below models_dir")
    scenes: tuple[str, ...] = Field(
        default=("munich",), description="folders below radio_maps_dir; the first is the default"
    )
    device: str = Field(default="auto", description="auto, cpu, cuda or cuda:N")
    threads: int = Field(default=0, ge=0, description="torch threads; 0 = one per core")
    live_log: Path = Field(default=Path("data/live.sqlite"), description="embedded live log")
    redis_url: SecretStr | None = Field(
        default=None, description="live log in Redis Streams instead of SQLite"
    )
    frontend_dir: Path = Path("frontend/dist")
    max_body_bytes: int = Field(default=1_000_000, ge=1_000)
    mapbox_token: SecretStr | None = Field(
        default=None, validation_alias=AliasChoices("RAYFIX_MAPBOX_TOKEN", "MAPBOX_TOKEN")
    )
