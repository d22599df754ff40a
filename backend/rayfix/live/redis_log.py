"""The live log shared by several services: Redis Streams (Redis 7 or newer).

Keys, all below one prefix with one hash tag (they stay together in a cluster):
    epoch, last         the epoch word and the newest offset
    bytes               size of what is held, as counted by `append`
    fixes               stream; entry `<offset>-0` with the record, without detail
    details             hash: fix_id -> "<offset>:<record>\\n<detail>"
    latest              hash: ue_id -> "<offset>:<record>"
    track:<ue_id>       sorted set by time_s of "<offset>:<record>"
Each change is one Lua script, so that readers never see half of one and a retry changes nothing.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from rayfix.live.log import LiveLogUnavailableError, LogState, Retention
from rayfix.live.record import FixRecord, TrackPoint

PAGE = 1000
TRIM_STEP = 500
APPEND_STEP = 200
CONNECT_TIMEOUT_S = 2.0
REPLY_TIMEOUT_S = 5.0

_STATE = """
local function key(name) return KEYS[1] .. name end
redis.call('SET', key('epoch'), ARGV[1], 'NX')
local function state()
  local last = redis.call('GET', key('last')) or '0'
  local first = redis.call('XRANGE', key('fixes'), '-', '+', 'COUNT', 1)[1]
  local floor = last
  if first then floor = string.format('%.0f', tonumber(string.match(first[1], '^%d+')) - 1) end
  return {redis.call('GET', key('epoch')), floor, last}
end
"""
_APPEND = (
    _STATE
    + """
for i = 2, #ARGV, 5 do
  local fix_id, ue_id, time_s, record, detail = unpack(ARGV, i, i + 4)
  if redis.call('HEXISTS', key('details'), fix_id) == 0 then
    local offset = string.format('%.0f', redis.call('INCR', key('last')))
    local entry = offset .. ':' .. record
    redis.call('XADD', key('fixes'), offset .. '-0', 'r', record)
    redis.call('HSET', key('details'), fix_id, entry .. '\\n' .. detail)
    redis.call('INCRBY', key('bytes'), 4 * #record + #detail)
    if ue_id ~= '' then
      redis.call('HSET', key('latest'), ue_id, entry)
      redis.call('ZADD', key('track:' .. ue_id), time_s, entry)
    end
  end
end
"""
)
_BEGIN_EPOCH = (
    _STATE
    + """
if redis.call('GET', key('epoch')) == ARGV[2] then redis.call('SET', key('epoch'), ARGV[1]) end
"""
)
_LATEST = _STATE + "return {state(), redis.call('HVALS', key('latest'))}"
_TRIM = (
    _STATE
    + """
local now_minus_age, max_bytes = tonumber(ARGV[2]), tonumber(ARGV[3])
local too_large = tonumber(redis.call('GET', key('bytes')) or '0') > max_bytes
local dropped = 0
for _, entry in ipairs(redis.call('XRANGE', key('fixes'), '-', '+', 'COUNT', ARGV[4])) do
  local offset, text = string.match(entry[1], '^%d+'), entry[2][2]
  local record = cjson.decode(text)
  if not too_large and record.received_s >= now_minus_age then break end
  local detail = redis.call('HGET', key('details'), record.fix_id) or ''
  redis.call('INCRBY', key('bytes'), -(3 * #text + #detail - #offset - 2))
  redis.call('XDEL', key('fixes'), entry[1])
  redis.call('HDEL', key('details'), record.fix_id)
  if type(record.ue_id) == 'string' then
    local held = offset .. ':' .. text
    redis.call('ZREM', key('track:' .. record.ue_id), held)
    if redis.call('HGET', key('latest'), record.ue_id) == held then
      redis.call('HDEL', key('latest'), record.ue_id)
    end
  end
  dropped = dropped + 1
end
return dropped
"""
)


class RedisLog:
    """`LiveLog` in Redis. Connects when first used, and again after a loss."""

    def __init__(self, url: str, retention: Retention, prefix: str = "{rayfix}:live:") -> None:
        self._retention = retention
        self._prefix = prefix
        self._redis: redis.Redis = redis.Redis.from_url(
            url,
            decode_responses=True,
            protocol=2,
            retry=Retry(NoBackoff(), 0),
            socket_connect_timeout=CONNECT_TIMEOUT_S,
            socket_timeout=REPLY_TIMEOUT_S,
        )
        self._scripts = {
            name: self._redis.register_script(text)
            for name, text in {
                "append": _APPEND,
                "state": _STATE + "return state()",
                "begin_epoch": _BEGIN_EPOCH,
                "latest": _LATEST,
                "trim": _TRIM,
            }.items()
        }

    def _run(self, script: str, *arguments: str | int | float) -> Any:
        with _translated():
            new_epoch = secrets.token_hex(8)
            return self._scripts[script](keys=[self._prefix], args=[new_epoch, *arguments])

    def append(self, records: Sequence[FixRecord]) -> None:
        for start in range(0, len(records), APPEND_STEP):
            arguments: list[str | float] = []
            for record in records[start : start + APPEND_STEP]:
                fix_id, ue_id = record.fix_id, record.ue_id or ""
                arguments += [fix_id, ue_id, record.time_s, _encode(record), record.detail]
            self._run("append", *arguments)

    def state(self) -> LogState:
        return _state(self._run("state"))

    def begin_epoch(self, old: str) -> None:
        self._run("begin_epoch", old)

    def since(self, offset: int, limit: int) -> list[FixRecord]:
        with _translated():
            entries: Any = self._redis.xrange(
                self._prefix + "fixes", min=f"{offset + 1}-0", count=limit
            )
        return _entries(entries)

    def wait(self, offset: int, timeout_s: float) -> list[FixRecord]:
        block_ms = max(1, round(min(timeout_s, REPLY_TIMEOUT_S / 2) * 1000))
        with _translated():
            streams: Any = self._redis.xread(
                {self._prefix + "fixes": f"{offset}-0"}, count=PAGE, block=block_ms
            )
        return _entries(streams[0][1]) if streams else []

    def latest(self) -> tuple[LogState, list[FixRecord]]:
        state, values = self._run("latest")
        records = sorted((_decode(value) for value in values), key=lambda record: record.offset)
        return _state(state), records

    def track(
        self, ue_id: str, since_s: float | None, until_s: float | None, limit: int
    ) -> list[FixRecord]:
        with _translated():
            values: Any = self._redis.zrange(
                f"{self._prefix}track:{ue_id}",
                "+inf" if until_s is None else repr(until_s),
                "-inf" if since_s is None else repr(since_s),
                desc=True,
                byscore=True,
                offset=0,
                num=limit,
            )
        return sorted((_decode(v) for v in values), key=lambda r: (r.time_s, r.offset))

    def get(self, fix_id: str) -> FixRecord | None:
        with _translated():
            value: Any = self._redis.hget(self._prefix + "details", fix_id)
        if value is None:
            return None
        entry, _, detail = value.partition("\n")
        return _decode(entry, detail)

    def trim(self, now_s: float) -> int:
        oldest_s = repr(now_s - self._retention.max_age_s)
        dropped = 0
        while step := int(self._run("trim", oldest_s, self._retention.max_bytes, TRIM_STEP)):
            dropped += step
        return dropped

    def close(self) -> None:
        self._redis.close()


def _encode(record: FixRecord) -> str:
    fields = asdict(record)
    del fields["detail"], fields["offset"]
    return json.dumps(fields, allow_nan=False, separators=(",", ":"))


def _decode(entry: str, detail: str = "") -> FixRecord:
    offset, _, text = entry.partition(":")
    fields = json.loads(text)
    track = fields.pop("track", None)
    return FixRecord(
        **fields,
        detail=detail,
        offset=int(offset),
        track=None if track is None else TrackPoint(**track),
    )


def _entries(entries: list[tuple[str, dict[str, str]]]) -> list[FixRecord]:
    return [_decode(f"{name.partition('-')[0]}:{fields['r']}") for name, fields in entries]


def _state(values: Sequence[str]) -> LogState:
    epoch, floor, last = values
    return LogState(epoch, int(floor), int(last))


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, redis.ResponseError) as error:
        raise LiveLogUnavailableError(f"Redis: {error}") from error
