"""Reading the live feed: server-sent events, and where to go on after a break."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import TypeAdapter

from rayfix.api.schemas_live import LiveFix

PATH = "/api/v1/live/events"
SILENCE_S = 45.0
"""The service says something every 10 s; a longer silence is a dead connection."""

_FIXES = TypeAdapter(list[LiveFix])


@dataclass(frozen=True)
class LiveEvent:
    """What happened on the feed.

    Attributes:
        kind: `snapshot` = the newest fix of each UE, anew: at the start, and after a break that
            could not be bridged; `fixes` = new ones, in order, none missing since the last event.
        fixes: those that the filter wants.
        epoch, offset: give them to `live` to go on after this event.
    """

    kind: Literal["snapshot", "fixes"]
    fixes: list[LiveFix]
    epoch: str
    offset: int


@dataclass
class EventReader:
    """Puts the lines of an event stream together (HTML standard, 9.2.6).

    Attributes:
        last_id: id of the last event, for `Last-Event-ID`.
    """

    last_id: str | None = None
    _fields: dict[str, str] = field(default_factory=dict)

    def read(self, line: str) -> LiveEvent | None:
        """The event that a line completes; None = none yet, or one without fixes."""
        if line:
            name, _, value = line.partition(":")
            if name:
                self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        if "id" in fields:
            self.last_id = fields["id"]
        if fields.get("event") not in ("snapshot", "fixes"):
            return None
        epoch, _, offset = fields["id"].rpartition(":")
        document = TypeAdapter(dict[str, object]).validate_json(fields["data"])
        return LiveEvent(
            kind="snapshot" if fields["event"] == "snapshot" else "fixes",
            fixes=_FIXES.validate_python(document["features"]),
            epoch=epoch,
            offset=int(offset),
        )

    def broken(self) -> None:
        """Forget an event that a break cut short."""
        self._fields = {}

    @property
    def headers(self) -> dict[str, str]:
        """What a connection sends to go on where the last one stopped."""
        resume = {} if self.last_id is None else {"last-event-id": self.last_id}
        return {"accept": "text/event-stream", **resume}


def query_of(
    ue_id: str | None, bbox: tuple[float, float, float, float] | None
) -> Mapping[str, str]:
    """The filter of a subscription."""
    query = {} if ue_id is None else {"ue_id": ue_id}
    return query if bbox is None else {**query, "bbox": ",".join(map(str, bbox))}
