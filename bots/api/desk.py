"""What the console reads: lists by view, a thread with its context, drafts."""

from __future__ import annotations

import json
import mimetypes
from datetime import datetime
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError, PermissionDenied
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.fields import SendableFile
from bots.models import Conversation, Label, Message, SavedView, Team, Verdict
from bots.selectors import desk, desk_help, desk_thread, shifts
from bots.selectors.counters import counters
from bots.selectors.policy import may_see, visible
from bots.selectors.sendable import FILE_LIMIT
from bots.selectors.teams import people_of, teams_of
from bots.services import (
    agents,
    conversations,
    desk_prefs,
    later,
    model_down,
    platform_templates,
)
from bots.services.languages import language_of
from bots.services.sendable import file_check
from tenants.kernel.context import current_schema
from tenants.kernel.files import TooLarge, file_save
from tenants.kernel.text import whole
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import User


class Desk(APIView):
    @extend_schema(tags=["desk"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """Who I am, my colleagues, the channels, the lists and how many each of them holds."""
        me = request.user
        agents.seen(me)
        saved = desk.views_of(me)
        return Response(
            {
                "me": {
                    "id": me.pk,
                    "name": str(me),
                    "role": me.role,
                    "presence": me.presence,
                    "shift": shifts.shift_of(me.pk, timezone.now()),
                },
                "people": people_of(me),
                "channels": desk.channels_shown(),
                "teams": teams_of(me),
                "labels": [
                    {"id": one.pk, "name": one.name, "colour": one.colour}
                    for one in Label.objects.all()
                ],
                "prefs": desk_prefs.prefs_of(me),
                "views": [SavedViewOut(one).data for one in saved],
                "counters": counters(me, saved),
                "model_down_since": model_down.since(),
            }
        )


class PresenceIn(serializers.Serializer):
    presence = serializers.ChoiceField(User.Presence.choices)


class Presence(APIView):
    @extend_schema(tags=["desk"], request=PresenceIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request) -> Response:
        """Whether I take new chats."""
        given = PresenceIn(data=request.data)
        given.is_valid(raise_exception=True)
        agents.seen(request.user)
        agents.presence_set(request.user, given.validated_data["presence"])
        return Response({"presence": given.validated_data["presence"]})


class PrefsIn(serializers.Serializer):
    """What is not named stays as it is; null takes a choice back."""

    send = serializers.ChoiceField(["enter", "ctrl"], required=False, allow_null=True)
    font = serializers.IntegerField(min_value=100, max_value=150, required=False, allow_null=True)
    theme = serializers.ChoiceField(["auto", "light", "dark"], required=False, allow_null=True)
    sound = serializers.BooleanField(required=False, allow_null=True)
    hold_s = serializers.IntegerField(min_value=0, max_value=30, required=False, allow_null=True)
    keys = serializers.DictField(
        child=serializers.CharField(max_length=60, allow_blank=True), required=False,
        help_text="Command → keys, e.g. {“take”: “Alt+KeyT”}",
    )  # fmt: skip
    sorts = serializers.DictField(
        child=serializers.ChoiceField(list(desk.SORTS)), required=False, help_text="View → order"
    )
    cards = serializers.ListField(
        child=serializers.CharField(max_length=20), required=False, max_length=20,
        help_text="Order of the cards about the buyer",
    )  # fmt: skip
    folded = serializers.ListField(
        child=serializers.CharField(max_length=20), required=False, max_length=20
    )

    def validate_keys(self, keys: dict[str, str]) -> dict[str, str]:
        if len(keys) > 100:
            raise serializers.ValidationError(_("Too many keys."))
        return keys


class Prefs(APIView):
    @extend_schema(tags=["desk"], request=PrefsIn, responses={200: PrefsIn})
    def put(self, request) -> Response:
        """My choices for the console: keys, size of letters, how a message is sent."""
        given = PrefsIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(desk_prefs.prefs_save(request.user, given.validated_data))


class DeskTimes(APIView):
    @extend_schema(tags=["desk"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """When a chat may come back: `presets` ({key, at}: hour, evening, opening, monday), all
        while people answer."""
        zone = merchant_of(current_schema()).time_zone
        return Response({"presets": later.presets(timezone.now(), zone)})


# ── Lists ────────────────────────────────────────────────────────────────────────────────────
_ASKED = [
    OpenApiParameter("view", str, enum=list(desk.VIEWS)),
    OpenApiParameter("saved", int, description="A saved list instead of a view"),
    OpenApiParameter("q", str, description="Name, phone or words of a message"),
]


def _asked(request) -> tuple[str, dict[str, Any]]:
    """The view, and what narrows it."""
    asked = request.query_params
    view = asked.get("view", "waiting")
    saved = None
    if pk := whole(asked.get("saved", "")):
        saved = next((one for one in desk.views_of(request.user) if one.pk == pk), None)
        if saved is None:
            raise Http404
    return (
        view if view in desk.VIEWS else "waiting",
        {"saved": saved, "query": asked.get("q", "")[:200]},
    )


class DeskList(APIView):
    @extend_schema(
        tags=["desk"],
        operation_id="desk_conversations_list",
        parameters=[
            *_ASKED,
            OpenApiParameter("sort", str, enum=list(desk.SORTS)),
            OpenApiParameter("after", str, description="`next` of the page before"),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request) -> Response:
        """A page of a view: the nearest deadline first where somebody waits."""
        view, more = _asked(request)
        asked = request.query_params
        sort, cursor = asked.get("sort", ""), asked.get("after", "")
        return Response(desk.page_of(request.user, view, sort=sort, cursor=cursor, **more))


class DeskChanges(APIView):
    @extend_schema(
        tags=["desk"],
        parameters=[*_ASKED, OpenApiParameter("ids", str, description="Numbers with commas")],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request) -> Response:
        """What became of these conversations: rows still in the view, and which are gone from it.
        Counters come by the live line."""
        view, more = _asked(request)
        pks = [
            n for one in request.query_params.get("ids", "").split(",")[:200] if (n := whole(one))
        ]
        return Response(desk.changes_of(request.user, view, pks, **more))


class SavedViewIn(serializers.Serializer):
    name = serializers.CharField(max_length=60)
    filters = serializers.DictField(required=False, help_text="view, channels, kinds, labels, …")
    sort = serializers.ChoiceField(choices=list(desk.SORTS), required=False, allow_blank=True)
    position = serializers.IntegerField(required=False, min_value=0, max_value=1000)
    is_shared = serializers.BooleanField(default=False, help_text="For everybody (supervisors)")
    team = serializers.PrimaryKeyRelatedField(
        queryset=Team.objects.all(), required=False, allow_null=True, help_text="For a team"
    )

    def validate_filters(self, filters: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(filters) - set(desk.FILTERS) - {"view"}:
            raise serializers.ValidationError(
                _("A list cannot be narrowed by “%s”.") % ", ".join(sorted(unknown))
            )
        if filters.get("view", "all") not in desk.VIEWS:
            raise serializers.ValidationError(_("There is no such view."))
        if len(json.dumps(filters)) > 4_000:
            raise serializers.ValidationError(_("Too many conditions."))
        return filters


class SavedViewOut(serializers.ModelSerializer):
    filters = serializers.DictField()
    is_shared = serializers.SerializerMethodField()

    class Meta:
        model = SavedView
        fields = ("id", "name", "filters", "sort", "position", "team", "is_shared")

    def get_is_shared(self, one: SavedView) -> bool:
        return one.owner_id is None


def _may_share(user: User) -> None:
    if user.role == User.Role.AGENT:
        raise PermissionDenied(_("Lists for everybody are made by supervisors."))


class SavedViews(APIView):
    @extend_schema(tags=["desk"], responses={200: SavedViewOut(many=True)})
    def get(self, request) -> Response:
        """My own lists and everybody's."""
        return Response(SavedViewOut(desk.views_of(request.user), many=True).data)

    @extend_schema(tags=["desk"], request=SavedViewIn, responses={201: SavedViewOut})
    def post(self, request) -> Response:
        """Keep a list."""
        given = SavedViewIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        is_shared = values.pop("is_shared") or values.get("team") is not None
        if is_shared:
            _may_share(request.user)
        if len(desk.views_of(request.user)) >= desk.VIEWS_AT_MOST:
            raise ParseError(_("At most %s saved lists.") % desk.VIEWS_AT_MOST)
        one = SavedView.objects.create(owner=None if is_shared else request.user, **values)
        return Response(SavedViewOut(one).data, status=201)


class SavedViewDetail(APIView):
    def _found(self, request, pk: int) -> SavedView:
        """My own, or everybody's for those who may change it."""
        one = next((one for one in desk.views_of(request.user) if one.pk == pk), None)
        if one is None and request.user.role != User.Role.AGENT:  # another team's
            one = SavedView.objects.filter(pk=pk, owner=None).first()
        if one is None:
            raise Http404
        if one.owner_id is None:
            _may_share(request.user)
        return one

    @extend_schema(tags=["desk"], request=SavedViewIn(partial=True), responses={200: SavedViewOut})
    def patch(self, request, pk: int) -> Response:
        """Change a list; whose it is stays."""
        one = self._found(request, pk)
        given = SavedViewIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        for name, value in given.validated_data.items():
            if name not in ("is_shared", "team"):
                setattr(one, name, value)
        one.save()
        return Response(SavedViewOut(one).data)

    @extend_schema(tags=["desk"], responses={204: None})
    def delete(self, request, pk: int) -> Response:
        """Forget a list; its conversations stay."""
        self._found(request, pk).delete()
        return Response(status=204)


# ── A thread ─────────────────────────────────────────────────────────────────────────────────
class DeskThread(APIView):
    @extend_schema(
        tags=["desk"],
        parameters=[
            OpenApiParameter("before", int, description="Older than this number"),
            OpenApiParameter("after", int, description="Newer than this number"),
            OpenApiParameter("around", int, description="On both sides of this number"),
            OpenApiParameter("since", str, description="From the first message of this ISO time"),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request, pk: int) -> Response:
        """A conversation with its newest messages, context and my drafts."""
        asked = request.query_params
        edges = {name: whole(asked.get(name, "")) or 0 for name in ("before", "after", "around")}
        since = moment(asked.get("since", ""))
        try:
            found = desk_thread.thread_of(request.user, pk, since=since, **edges)
        except Conversation.DoesNotExist:
            raise Http404 from None
        if context := found["context"]:
            found["writes"] = _writes(found["messages"], context["language"])
        return Response(found)


def _writes(messages: list[dict[str, Any]], hint: str) -> str:
    """Which language the buyer's newest texts are in; empty where they do not tell."""
    texts = [m["text"] for m in messages if m["author"] == Message.Author.BUYER and m["text"]]
    return next((code for text in texts[:-4:-1] if (code := language_of(text, hint))), "")


def moment(text: str) -> datetime | None:
    try:
        found = parse_datetime(text)
    except ValueError:
        return None
    return found if found and found.tzinfo else None


class VerdictIn(serializers.Serializer):
    good = serializers.BooleanField()
    about = serializers.ChoiceField(Verdict.About.choices, required=False, allow_blank=True)
    comment = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class VerdictView(APIView):
    @extend_schema(tags=["desk"], request=VerdictIn, responses={200: VerdictIn})
    def post(self, request, pk: int) -> Response:
        """What I think of an answer of the bot, and what to mend: knowledge, tone or a rule."""
        given = VerdictIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        try:
            verdict = conversations.verdict_give(
                message_id=pk, user=request.user, is_good=values["good"],
                about=values.get("about", ""), comment=values.get("comment", ""),
            )  # fmt: skip
        except Message.DoesNotExist:
            raise Http404 from None
        return Response(
            {"good": verdict.is_good, "about": verdict.about, "comment": verdict.comment}
        )


# ── What helps to write ──────────────────────────────────────────────────────────────────────
_WORDS = [OpenApiParameter("q", str), OpenApiParameter("lang", str)]


class DeskTemplates(APIView):
    @extend_schema(
        tags=["desk"],
        parameters=[*_WORDS, OpenApiParameter("conversation", int)],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request) -> Response:
        """Prepared replies by the beginning of the code, by words and by what they say.

        `conversation`: those alone that may go out there now. Past the window of a channel whose
        platform approves texts these are the approved ones.
        """
        asked = request.query_params
        only = None
        if pk := whole(asked.get("conversation", "")):
            seen = visible(request.user).select_related("channel")
            only = platform_templates.allowed_in(get_object_or_404(seen, pk=pk))
        found = desk_help.templates_found(
            asked.get("q", "")[:100], asked.get("lang", "ru")[:8], only=only
        )
        return Response({"results": found})


class DeskKnowledge(APIView):
    @extend_schema(tags=["desk"], parameters=_WORDS, responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """Articles and goods to put into a reply."""
        asked = request.query_params
        found = desk_help.knowledge_found(asked.get("q", "")[:200], asked.get("lang", "ru")[:8])
        return Response({"results": found})


class DeskPassage(APIView):
    @extend_schema(
        tags=["desk"],
        parameters=[
            OpenApiParameter("kind", str, enum=["article", "product", "template"]),
            OpenApiParameter("id", int),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request) -> Response:
        """What a source of an answer says today."""
        asked = request.query_params
        found = desk_help.passage_of(asked.get("kind", ""), whole(asked.get("id", "")) or 0)
        if found is None:
            raise Http404
        return Response(found)


class DeskFileIn(serializers.Serializer):
    file = serializers.FileField()
    conversation = serializers.IntegerField(
        required=False, help_text="Where it will be sent: the channel's limits are told at once"
    )


class DeskFile(APIView):
    parser_classes = [MultiPartParser]

    @extend_schema(
        tags=["desk"],
        request={"multipart/form-data": DeskFileIn},
        responses={201: OpenApiTypes.OBJECT},
    )
    def post(self, request) -> Response:
        """Upload a file to send: its `id` goes into a reply's `files`."""
        sent = request.FILES.get("file")
        if sent is None:
            raise ParseError(_("Send the file as “file”."))
        if pk := whole(str(request.data.get("conversation", ""))):
            found = visible(request.user).filter(pk=pk).select_related("channel").first()
            if found is None:
                raise Http404
            mime = mimetypes.guess_type(sent.name)[0] or "application/octet-stream"
            file_check(found.channel, mime, sent.size)
        try:
            stored = file_save(sent, name=sent.name, purpose="message", limit=FILE_LIMIT)
        except TooLarge:
            raise ParseError(_("The file is larger than 20 MB.")) from None
        return Response({"id": stored.pk, "name": stored.name, "size": stored.size}, status=201)


DRAFT_MORE = frozenset({"cards", "quote", "mentions", "template", "isInternal", "original"})


class DraftIn(serializers.Serializer):
    text = serializers.CharField(max_length=20_000, allow_blank=True, trim_whitespace=False)
    mode = serializers.ChoiceField(["reply", "note"], default="reply")
    base_seq = serializers.IntegerField(default=0, min_value=0)
    files = serializers.ListField(child=SendableFile(), required=False, max_length=10)
    more = serializers.DictField(
        required=False, help_text="What goes with the words: goods, a quote, whom they call, …"
    )

    def validate_more(self, more: dict[str, Any]) -> dict[str, Any]:
        if set(more) - DRAFT_MORE or len(json.dumps(more)) > 30_000:
            raise serializers.ValidationError(_("This cannot go with a draft."))
        return more


class DraftView(APIView):
    @extend_schema(tags=["desk"], request=DraftIn, responses={204: None})
    def put(self, request, pk: int) -> Response:
        """Keep what I have typed, and what goes with it; nothing at all forgets it."""
        given = DraftIn(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        if not may_see(request.user, pk):
            raise Http404
        values = given.validated_data
        values["files"] = [
            {"id": f.pk, "name": f.name, "size": f.size, "mime": f.mime}
            for f in values.get("files", ())
        ]
        conversations.draft_save(conversation_id=pk, agent=request.user, **values)
        return Response(status=204)
