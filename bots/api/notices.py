"""What I am told about and how: choices, browsers, my Telegram, the list, and a try."""

from __future__ import annotations

from typing import Any

from django.http import Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.models import PushSubscription
from bots.services import agent_telegram, focus, notice_choices, notices, push
from tenants.kernel.errors import VendorError
from tenants.kernel.text import whole
from tenants.kernel.words import vendor_words

TAG = "notices"


class QuietIn(serializers.Serializer):
    is_on = serializers.BooleanField(required=False)
    zone = serializers.CharField(max_length=60, required=False)

    def get_fields(self) -> dict[str, Any]:
        clock: dict[str, Any] = {
            "required": False,
            "format": "%H:%M",
            "input_formats": ["%H:%M", "%H:%M:%S"],
        }
        return {
            **super().get_fields(),
            "from": serializers.TimeField(**clock),
            "to": serializers.TimeField(**clock),
        }


class ChoicesIn(serializers.Serializer):
    """What is not named stays as it is."""

    ways = serializers.DictField(
        child=serializers.DictField(child=serializers.BooleanField()),
        required=False,
        help_text="{event: {app | sound | push | email | telegram: yes or no}}",
    )
    muted = serializers.ListField(
        child=serializers.IntegerField(), required=False, max_length=200,
        help_text="Channels that only show on the page",
    )  # fmt: skip
    quiet = QuietIn(required=False)
    text = serializers.ChoiceField(
        ["show", "hide"], required=False, help_text="Names and words outside of the page"
    )
    email_every_min = serializers.IntegerField(min_value=1, max_value=1440, required=False)
    is_checked = serializers.BooleanField(required=False, help_text="The sound was tried")


def _session(request: Any) -> str:
    session = getattr(request._request, "session", None)
    return (session.session_key if session is not None else "") or ""


def _all(request: Any) -> dict[str, Any]:
    me, here = request.user, push.session_mark(_session(request))
    return {
        **notices.shown(me),
        "push": {
            "key": push.public_key(),
            "browsers": [
                {
                    "id": one.pk,
                    "device": one.device,
                    "created_at": one.created_at,
                    "ok_at": one.ok_at,
                    "failure": vendor_words(one.failure),
                    "is_this": bool(here) and one.session == here,
                }
                for one in PushSubscription.objects.filter(user=me).order_by("pk")
            ],
        },
        "telegram": agent_telegram.state_of(me),
    }


class NoticeChoices(APIView):
    @extend_schema(tags=[TAG], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """What I am told, by event and way; my browsers; my Telegram; the key for a browser."""
        return Response(_all(request))

    @extend_schema(tags=[TAG], request=ChoicesIn, responses={200: OpenApiTypes.OBJECT})
    def put(self, request) -> Response:
        """Change some of it."""
        given = ChoicesIn(data=request.data)
        given.is_valid(raise_exception=True)
        changes = dict(given.validated_data)
        if "quiet" in changes:
            changes["quiet"] = {
                name: value.strftime("%H:%M") if hasattr(value, "strftime") else value
                for name, value in changes["quiet"].items()
            }
        notice_choices.choices_save(request.user, changes)
        return Response(_all(request))


class KeysIn(serializers.Serializer):
    p256dh = serializers.CharField(max_length=200)
    auth = serializers.CharField(max_length=60)


class BrowserIn(serializers.Serializer):
    """What `PushSubscription.toJSON()` gives."""

    endpoint = serializers.CharField(max_length=1000)
    keys = KeysIn()
    device = serializers.CharField(max_length=80, required=False, allow_blank=True)


class BrowserOutIn(serializers.Serializer):
    endpoint = serializers.CharField(max_length=1000, required=False)
    id = serializers.IntegerField(required=False, min_value=1)


class Browser(APIView):
    @extend_schema(tags=[TAG], request=BrowserIn, responses={201: OpenApiTypes.OBJECT})
    def post(self, request) -> Response:
        """Tell this browser, too, until its session ends."""
        given = BrowserIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        row = push.subscribe(
            request.user,
            endpoint=values["endpoint"],
            device=values.get("device", ""),
            session=_session(request),
            **values["keys"],
        )
        return Response({"id": row.pk, "device": row.device}, status=201)

    @extend_schema(tags=[TAG], request=BrowserOutIn, responses={204: None})
    def delete(self, request) -> Response:
        """Tell it no more: by its address or its number."""
        given = BrowserOutIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        if not push.unsubscribe(
            request.user, endpoint=values.get("endpoint", ""), pk=values.get("id")
        ):
            raise Http404
        return Response(status=204)


class NoticeTest(APIView):
    @extend_schema(tags=[TAG], request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request) -> Response:
        """Try it now: a push to each browser of mine; the page plays the sound by itself."""
        told = []
        shown = {
            "id": 0, "event": "test", "conversation": None, "tag": "test",
            "title": _("Notices work here"), "body": "", "url": "/console/",
            "at": timezone.now().isoformat(),
        }  # fmt: skip
        for one in PushSubscription.objects.filter(user=request.user).order_by("pk"):
            result: dict[str, Any] = {"id": one.pk, "device": one.device, "ok": True, "detail": ""}
            try:
                push.send(one, shown)
            except push.Gone:
                result |= {"ok": False, "detail": _("This browser no longer wants to be told.")}
            except VendorError as exc:
                result |= {"ok": False, "detail": vendor_words(exc.detail)}
            told.append(result)
        return Response({"push": told})


class SeenIn(serializers.Serializer):
    """Neither: all of them."""

    ids = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=500)
    conversation = serializers.IntegerField(required=False)


class NoticeList(APIView):
    @extend_schema(
        tags=[TAG],
        parameters=[
            OpenApiParameter("before", int, description="Number of the last one seen"),
            OpenApiParameter("after", int, description="Only news since this number"),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request) -> Response:
        """What I was told, the newest first. `sound`, `repeat_s`: whether it is to be heard now."""
        asked = request.query_params
        after = whole(asked["after"]) if asked.get("after") else None
        rows = notices.list_of(request.user, whole(asked.get("before", "")) or 0, after=after)
        return Response({"notices": rows, "unseen": notices.unseen_of(request.user).count()})


class NoticeSeen(APIView):
    @extend_schema(tags=[TAG], request=SeenIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request) -> Response:
        """I looked: what was not told yet goes nowhere any more."""
        given = SeenIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response({"seen": notices.seen(request.user, **given.validated_data)})


class FocusIn(serializers.Serializer):
    conversation = serializers.IntegerField(allow_null=True)


class Focus(APIView):
    @extend_schema(tags=[TAG], request=FocusIn, responses={204: None})
    def post(self, request) -> Response:
        """What I have before my eyes, where there is no socket to say it; null: nothing."""
        given = FocusIn(data=request.data)
        given.is_valid(raise_exception=True)
        focus.note(request.user.pk, given.validated_data["conversation"])
        return Response(status=204)


class TelegramIn(serializers.Serializer):
    channel = serializers.IntegerField(
        required=False, help_text="A bot of the shop; else the first"
    )


class MyTelegram(APIView):
    @extend_schema(tags=[TAG], request=TelegramIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request) -> Response:
        """A link that connects my own Telegram: once, within 15 minutes."""
        given = TelegramIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(agent_telegram.link(request.user, given.validated_data.get("channel")))

    @extend_schema(tags=[TAG], responses={204: None})
    def delete(self, request) -> Response:
        """No longer tell me there."""
        agent_telegram.disconnect(request.user)
        return Response(status=204)
