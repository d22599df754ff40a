"""Google's own Python client, unmodified, gets its positions from us."""

from __future__ import annotations

from collections.abc import Iterator

import googlemaps
import googlemaps.geolocation
import pytest
from tests.api.server import served
from tests.api.test_geolocate import tower
from tests.conftest import Town, settings_of

from rayfix.api.access import Scope
from rayfix.api.keys import KeyStore


@pytest.fixture(scope="module")
def google(town: Town, tmp_path_factory: pytest.TempPathFactory) -> Iterator[googlemaps.Client]:
    """The client with a key that we made, pointed at our server instead of www.googleapis.com."""
    settings = settings_of(town, tmp_path_factory.mktemp("google"))
    key = KeyStore(settings.keys_file).create("google", frozenset({Scope.LOCATE}), prefix="AIza")
    with served(settings) as url, pytest.MonkeyPatch.context() as patch:
        patch.setattr(googlemaps.geolocation, "_GEOLOCATION_BASE_URL", url)
        yield googlemaps.Client(key=key, retry_timeout=2)


def test_a_position(google: googlemaps.Client, town: Town) -> None:
    towers = [
        tower(town, town.radio_map.cell_index[cell["cell_id"]], signalStrength=cell["rsrp_dbm"])
        for cell in town.report(-20, 0)["cells"]
    ]
    answer = google.geolocate(radio_type="nr", consider_ip=False, cell_towers=towers)
    assert set(answer) == {"location", "accuracy"}
    lat, lon = answer["location"]["lat"], answer["location"]["lng"]
    x_m, y_m = town.radio_map.scene.georeference.to_local(lat, lon)
    assert town.radio_map.scene.extent.contains(x_m, y_m)
    assert answer["accuracy"] > 0


def test_errors_are_those_that_the_client_knows(google: googlemaps.Client, town: Town) -> None:
    nowhere = google.geolocate(cell_towers=[tower(town, 0, newRadioCellId=5)])
    assert nowhere["error"]["errors"][0]["reason"] == "notFound"
    with pytest.raises(googlemaps.exceptions.ApiError) as refused:
        google.geolocate(cell_towers=[{"age": "old"}])
    assert refused.value.status == 400
    stranger = googlemaps.Client(key="AIza-not-ours")
    with pytest.raises(googlemaps.exceptions.ApiError) as refused:
        stranger.geolocate(cell_towers=[])
    assert refused.value.status == 400
