"""Settings: environment, commas, and errors that name the variable."""

from __future__ import annotations

import pytest

from rayfix.config import Settings, load_settings
from rayfix.errors import ConfigError


def test_the_environment_and_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAYFIX_SCENES", "munich, etoile")
    monkeypatch.setenv("RAYFIX_PORT", "9000")
    monkeypatch.setenv("MAPBOX_TOKEN", "pk.abc")
    settings = load_settings(host="0.0.0.0", port=None)
    assert settings.scenes == ("munich", "etoile")
    assert (settings.host, settings.port) == ("0.0.0.0", 9000)
    assert settings.mapbox_token is not None
    assert settings.mapbox_token.get_secret_value() == "pk.abc"
    assert "pk.abc" not in repr(settings)
    assert load_settings(port=9001).port == 9001


def test_closed_by_default() -> None:
    settings = Settings(_env_file=None)
    assert settings.host == "127.0.0.1"
    assert settings.cors_origins == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RAYFIX_PORT", "high"),
        ("RAYFIX_SCENES", ","),
        ("RAYFIX_QUEUE_SIZE", "0"),
        ("RAYFIX_MAPBOX_STYLE", "standard"),
    ],
)
def test_a_variable_that_breaks_a_rule_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=name):
        load_settings()
