"""Buyers' chat without a websocket: calls of the widget, and frames by long polling."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from io import BytesIO
from typing import Any
from urllib.parse import quote

from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError

from bots.live.hub import Told, hub
from bots.live.pace import Meter, Pace
from bots.live.scope import BodyFailed, address_of, body_of, header
from bots.live.visit import (
    EXPIRED,
    Visit,
    events_of,
    inside,
    per_address,
    per_visitor,
    place_at,
    visit_of,
)
from bots.services import uploads, visitors, visits
from bots.services.consents import ConsentChanged
from bots.services.places import Place, config, consents
from tenants.kernel.files import file_open
from tenants.kernel.text import storable
from tenants.workspace.models import StoredFile

MAX_BODY = 64 * 1024
MAX_FRAMES = 40
LONGEST_WAIT_S = 25.0
LOOK_EVERY_S = 5.0  # a long poll looks by itself, should Redis be away

_sessions = Meter(Pace(burst=30, per_s=0.5))
_uploads = Meter(Pace(burst=8, per_s=0.2))


class Answer(Exception):
    """An HTTP answer on its way out."""

    def __init__(
        self,
        status: int,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        raw: bytes | None = None,
    ) -> None:
        super().__init__(status)
        self.status, self.headers = status, dict(headers or {})
        if raw is not None:
            self.body = raw
        else:
            self.headers["content-type"] = "application/json"
            self.body = json.dumps(body, ensure_ascii=False).encode()


def _error(status: int, code: str, **more: Any) -> Answer:
    return Answer(status, {"error": {"code": code, **more}})


async def answer(scope: dict[str, Any], receive: Any, send: Any) -> None:
    origin = header(scope, b"origin")
    try:
        await _route(scope, receive)
        found = _error(404, "not_found")
    except Answer as answered:
        found = answered
    headers = {
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "vary": "Origin, Accept-Encoding",
        **found.headers,
    }
    if origin:
        # No cookie and no credential goes with these calls, so any origin may read the answer;
        # sites a merchant did not allow have been refused above.
        headers["access-control-allow-origin"] = origin
        headers["access-control-max-age"] = "86400"
    body = found.body
    if len(body) > 1000 and "gzip" in header(scope, b"accept-encoding") and _packs(headers):
        body, headers["content-encoding"] = gzip.compress(body, 5), "gzip"
    headers["content-length"] = str(len(body))
    await send(
        {
            "type": "http.response.start",
            "status": found.status,
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body})


def _packs(headers: dict[str, str]) -> bool:
    return headers.get("content-type", "").startswith("application/json")


async def _route(scope: dict[str, Any], receive: Any) -> None:
    """Always leaves by an Answer, unless there is nothing under this path."""
    place, key, rest = await place_at(scope)
    if place is None:
        return
    if not place.allows(header(scope, b"origin")):
        raise _error(403, "origin")
    match (scope["method"], rest):
        case ("OPTIONS", _):
            raise Answer(204, raw=b"", headers={"access-control-allow-methods": "GET, POST"})
        case ("GET", ["config"]):
            found = await inside(place.schema, config, place, key)
            raise Answer(200, found, headers={"cache-control": "public, max-age=60"})
        case ("GET", ["files", signed]):
            await _file(place, signed)
        case ("POST", ["session"]):
            await _session(place, scope)
        case ("POST", ["upload"]):
            await _upload(place, key, scope, receive)
        case ("POST", ["visit"]):
            await _beat(place, key, scope, receive)
        case ("POST", ["contact"]):
            await _contact(place, key, scope, receive)
        case ("POST", []):
            await _exchange(place, key, scope, receive)


async def _session(place: Place, scope: dict[str, Any]) -> None:
    if wait := _sessions.wait_s(address_of(scope)):
        raise _error(429, "pace", wait=round(wait, 1))
    _visitor, token = visitors.visitor_token(place.schema, place.channel_id)
    raise Answer(200, {"token": token})


async def _json(scope: dict[str, Any], receive: Any) -> dict[str, Any]:
    body = await _read(receive, MAX_BODY)
    try:
        found = storable(json.loads(body))
    except ValueError:
        raise _error(400, "malformed") from None
    if not isinstance(found, dict):
        raise _error(400, "malformed")
    return found


async def _read(receive: Any, limit: int) -> bytes:
    try:
        return await body_of(receive, limit)
    except BodyFailed as failed:
        raise _error(413 if failed.reason == "size" else 400, failed.reason) from None


async def _exchange(place: Place, key: str, scope: dict[str, Any], receive: Any) -> None:
    """`{"token", "me", "after", "frames": […], "wait"?: seconds, "hello"?}` → `{"events": […]}`."""
    body = await _json(scope, receive)
    visit = visit_of(place, key, body, address_of(scope))
    if visit is None:
        raise _error(401, "expired")
    events: list[dict[str, Any]] = []
    if body.get("identity"):
        told = await visit.identify(body["identity"], keep=bool(body.get("hello")))
        if told == EXPIRED:
            raise _error(401, "expired")
        if body.get("hello"):
            events.append(told)
    if isinstance(body.get("about"), dict):
        visit.about = visitors.about_of(body["about"])
        if body.get("hello"):
            await visit.note({"about": body["about"]})
    frames = body.get("frames")
    for frame in frames[:MAX_FRAMES] if isinstance(frames, list) else []:
        events += await visit.handle(frame)
    wait = body.get("wait")
    wait_s = min(float(wait), LONGEST_WAIT_S) if isinstance(wait, int | float) else 0.0
    events += await visit.catch_up(always=bool(body.get("hello")), quiet=True)
    if not events and wait_s > 0:
        events = await _wait(visit, wait_s)
    raise Answer(200, {"events": events})


class _Waiting:
    """A long poll's seat."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def hear(self, told: Told) -> None:
        self.heard.put_nowait(told.message)

    def lapsed(self) -> None:
        self.heard.put_nowait({"type": "chat.nudge"})


async def _wait(visit: Visit, wait_s: float) -> list[dict[str, Any]]:
    """Until something happens or the time is over. Redis only makes it quicker."""
    seat = _Waiting()
    deadline = time.monotonic() + wait_s
    await hub().join(visit.group, seat)
    try:
        # Once more, now that the room is heard: nothing falls between.
        if events := await visit.catch_up():
            return events
        while (left := deadline - time.monotonic()) > 0:
            try:
                message = await asyncio.wait_for(seat.heard.get(), min(left, LOOK_EVERY_S))
            except TimeoutError:
                events = await visit.catch_up()
            else:
                events = await events_of(visit, message)
            if events:
                return events
        return []
    finally:
        await hub().leave(visit.group, seat)


async def _upload(place: Place, key: str, scope: dict[str, Any], receive: Any) -> None:
    if wait := _uploads.wait_s(address_of(scope)):
        raise _error(429, "pace", wait=round(wait, 1))
    body = await _read(receive, uploads.MAX_BYTES + 16 * 1024)
    meta = {"CONTENT_TYPE": header(scope, b"content-type"), "CONTENT_LENGTH": len(body)}
    token, name, content = await asyncio.to_thread(_parts, meta, body)
    visitor = visitors.visitor_of(place.schema, place.channel_id, token)
    if visitor is None:
        raise _error(401, "expired")
    try:
        stored, kind = await inside(place.schema, uploads.upload_keep, content, name)
    except uploads.Refused as exc:
        raise _error(400, exc.code, limit=uploads.MAX_BYTES) from None
    raise Answer(
        200,
        {
            "handle": uploads.handle(place.schema, visitor, stored.pk, kind),
            "name": stored.name,
            "mime": stored.mime,
            "size": stored.size,
            "kind": kind,
            "url": uploads.link(place.schema, key, stored.pk),
        },
    )


def _parts(meta: dict[str, Any], body: bytes) -> tuple[str, str, bytes]:
    """(token, name, content) of an upload."""
    handler = MemoryFileUploadHandler()
    handler.handle_raw_input(BytesIO(body), meta, len(body), "")
    handler.activated = True
    try:
        data, sent = MultiPartParser(meta, BytesIO(body), [handler]).parse()
    except (MultiPartParserError, ValueError):
        raise _error(400, "malformed") from None
    upload = sent.get("file")
    if upload is None:
        raise _error(400, "empty")
    return data.get("token", ""), upload.name or "file", upload.read()


async def _file(place: Place, signed: str) -> None:
    file_id = uploads.of_link(place.schema, signed)
    if file_id is None:
        raise _error(404, "not_found")

    def read() -> tuple[StoredFile, bytes] | None:
        stored = StoredFile.objects.filter(pk=file_id).first()
        if stored is None:
            return None
        with file_open(stored) as source:
            return stored, source.read()

    found = await inside(place.schema, read)
    if found is None:
        raise _error(404, "not_found")
    stored, content = found
    inline = stored.mime in uploads.INLINE
    raise Answer(
        200,
        raw=content,
        headers={
            "content-type": stored.mime if inline else "application/octet-stream",
            "content-disposition": f"{'inline' if inline else 'attachment'}; "
            f"filename*=UTF-8''{quote(stored.name)}",
            "content-security-policy": "default-src 'none'; sandbox",
            "cross-origin-resource-policy": "cross-origin",
            "cache-control": "private, max-age=86400",
        },
    )


async def _beat(place: Place, key: str, scope: dict[str, Any], receive: Any) -> None:
    """`{"token", "about", "returning", "open", "opened", "locale"}`: somebody is on the site."""
    if not place.visitors:
        raise Answer(200, {"again": 0})
    body = await _json(scope, receive)
    visit = visit_of(place, key, body, address_of(scope))
    if visit is None:
        raise _error(401, "expired")
    if wait := per_visitor.wait_s(f"beat:{visit.meter}") or per_address.wait_s(visit.address):
        raise _error(429, "pace", wait=round(wait, 1))
    opened = body.get("opened")
    found = await inside(
        place.schema,
        visits.beat,
        place.channel_id,
        visit.visitor,
        visitors.about_of(body.get("about")),
        returning=body.get("returning") is True,
        is_open=body.get("open") is True,
        opened=opened if isinstance(opened, int) else 0,
        locale=str(body.get("locale", ""))[:2],
    )
    raise Answer(200, found)


async def _contact(place: Place, key: str, scope: dict[str, Any], receive: Any) -> None:
    """`{"token", "name", "phone", "email", "given": {"processing": true, …}, "shown"}`.

    `shown`: the version of each consent on the page. Where it is not the current one the answer
    brings what is, and nothing is kept.
    """
    body = await _json(scope, receive)
    visit = visit_of(place, key, body, address_of(scope))
    if visit is None:
        raise _error(401, "expired")
    if wait := per_visitor.wait_s(visit.meter, 3):
        raise _error(429, "pace", wait=round(wait, 1))
    given, shown = (
        found if isinstance(found := body.get(name), dict) else {} for name in ("given", "shown")
    )
    try:
        await inside(
            place.schema,
            visitors.visitor_leave_contact,
            place.channel_id,
            visit.visitor,
            name=str(body.get("name", "")),
            phone=str(body.get("phone", "")),
            email=str(body.get("email", "")),
            given=given,
            shown=shown,
            who=place.who,
            address=visit.address or None,
        )
    except ConsentChanged as exc:
        raise _error(exc.status, exc.code, consents=consents(place)) from None
    except (visitors.ConsentMissing, visitors.ContactInvalid) as exc:
        raise _error(exc.status, exc.code, **exc.data) from None
    raise Answer(200, {"ok": True})
