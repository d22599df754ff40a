"""The client's live feed: in order, without gap or repetition, across a restart of the service."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from tests.api.server import free_port
from tests.client.conftest import Service
from tests.conftest import Town

from rayfix.api.app import create_app
from rayfix.api.server import server_of
from rayfix.client import AsyncClient, Client, LiveEvent, ServiceError
from rayfix.client.live import EventReader
from rayfix.config import Settings


def send(client: Client, town: Town, ue_id: str, count: int = 1) -> None:
    request = {"ue_id": ue_id, "reports": [town.report(0, 0, time.time())], "refine": False}
    client.locate_batch([request] * count)


def test_a_snapshot_then_what_happens(client: Client, town: Town) -> None:
    feed = client.live(ue_id="seen")
    first = next(feed)
    assert first.kind == "snapshot"
    send(client, town, "unseen")
    send(client, town, "seen", 2)
    got = []
    while len(got) < 2:
        event = next(feed)
        assert event.kind == "fixes"
        got += event.fixes
    assert [fix.id for fix in got] == ["seen", "seen"]
    feed.close()
    again = client.live(ue_id="seen", after=(first.epoch, got[0].properties.offset))
    assert next(again).fixes == got[1:]
    again.close()


def test_a_subscription_that_breaks_a_rule_is_refused(service: Service) -> None:
    with Client(service.url, service.key) as client, pytest.raises(ServiceError, match="bbox"):
        next(client.live(bbox=(2, 0, 1, 1)))
    with Client(service.url) as stranger, pytest.raises(ServiceError, match="401"):
        next(stranger.live())


def test_a_restart_is_bridged_without_gap_or_repetition(
    town_settings: Settings, town: Town
) -> None:
    settings = town_settings.model_copy(update={"port": free_port()})
    url = f"http://127.0.0.1:{settings.port}"
    offsets: list[int] = []
    kinds: list[str] = []

    async def read() -> None:
        async with AsyncClient(url) as client:
            async for event in client.live():
                kinds.append(event.kind)
                offsets.extend(fix.properties.offset for fix in event.fixes)
                if len(offsets) >= 12:
                    return

    reader = threading.Thread(target=asyncio.run, args=[read()])
    for restart in range(3):
        server = server_of(create_app(settings), settings)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        if restart == 0:
            reader.start()
            while not kinds:
                time.sleep(0.01)
        with Client(url) as client:
            send(client, town, f"ue-{restart}", 4)
        if restart == 2:
            reader.join(30)
        server.should_exit = True
        thread.join(15)
    assert not reader.is_alive()
    assert offsets == list(range(1, 13))
    assert kinds.count("snapshot") == 1


def test_lines_are_put_together_as_the_standard_says() -> None:
    reader = EventReader("e:1")
    for line in ("retry: 2000", "", ": ping", "", "id: e:2", "event: hello", "data: {}"):
        assert reader.read(line) is None
    assert reader.last_id == "e:1"  # an event counts when it is complete
    assert reader.read("") is None
    assert reader.headers["last-event-id"] == "e:2"
    assert reader.read("id: e:3") is None
    reader.broken()
    assert reader.read("") is None
    assert reader.last_id == "e:2"
    for line in ("id: e:9", "event:snapshot", 'data: {"features":[]}'):
        reader.read(line)
    assert reader.read("") == LiveEvent("snapshot", [], "e", 9)
