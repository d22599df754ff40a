"""A real server of the small town, with a key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pytest
from tests.api.server import served
from tests.conftest import Town, settings_of

from rayfix.api.access import Scope
from rayfix.api.keys import KeyStore
from rayfix.client import Client


class Service(NamedTuple):
    """Where it is and what opens it."""

    url: str
    key: str


@pytest.fixture(scope="session")
def service(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    settings = settings_of(town, tmp_path_factory.mktemp("client"))
    scopes = frozenset({Scope.LOCATE, Scope.READ})
    key = KeyStore(settings.keys_file).create("client", scopes, rate_per_s=1000.0)
    with served(settings) as url:
        yield Service(url, key)


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    with Client(service.url, service.key) as client:
        yield client
