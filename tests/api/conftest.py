"""The application in this process, started on the small town."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient
from tests.conftest import Town, settings_of

from rayfix.api.app import create_app
from rayfix.config import Settings


@pytest.fixture(scope="session")
def client(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """One service for all tests that do not look at what it keeps."""
    settings = settings_of(town, tmp_path_factory.mktemp("shared-service"))
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def fresh_client(town_settings: Settings) -> Iterator[TestClient]:
    """A service that has not been asked anything yet."""
    with TestClient(create_app(town_settings), raise_server_exceptions=False) as client:
        yield client
