"""What helps to write and what becomes of it: send later, limits, changes to what was sent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from django.http import Http404, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.conversations import MessageOut, OwnWords, PersonOut, own_words, seen_or_404
from bots.api.fields import SendableFile
from bots.api.streaming import streamed
from bots.models import LaterMessage, Message, Rating
from bots.selectors.policy import may_see, visible
from bots.selectors.ratings import ratings_found
from bots.selectors.sendable import limits_of
from bots.services import assist, edits, later, transcribe, translate
from integrations.models import Product
from tenants.kernel.context import current_schema
from tenants.selectors.hosts import merchant_of
from tenants.workspace.models import User


# ── Send later ───────────────────────────────────────────────────────────────────────────────
class LaterOut(serializers.ModelSerializer):
    """`reason` of one that is not sent: buyer_wrote, person, no_person, window_closed,
    already_taken, unreachable…; `original`: {text, language} where `text` is a translation;
    `cards`: [{id, title}]."""

    user = PersonOut()
    original = serializers.JSONField()
    files = serializers.ListField(child=serializers.IntegerField())
    cards = serializers.SerializerMethodField()

    class Meta:
        model = LaterMessage
        fields = (
            "id", "user", "text", "original", "files", "cards", "template", "send_at",
            "cancels_on_reply", "state", "reason", "message", "created_at", "ended_at",
        )  # fmt: skip

    def get_cards(self, row: LaterMessage) -> list[dict[str, Any]]:
        names = self.context["products"]
        return [{"id": pk, "title": names[pk]} for pk in row.cards if pk in names]


def _told(rows: Iterable[LaterMessage]) -> list[dict[str, Any]]:
    found = list(rows)
    products = Product.objects.filter(pk__in={pk for row in found for pk in row.cards})
    names = dict(products.values_list("pk", "name"))
    return [dict(LaterOut(row, context={"products": names}).data) for row in found]


class LaterIn(OwnWords):
    text = serializers.CharField(max_length=20_000, allow_blank=True, required=False, default="")
    send_at = serializers.DateTimeField(help_text="ISO 8601 with an offset")
    files = serializers.ListField(child=SendableFile(), required=False, max_length=10)
    cards = serializers.PrimaryKeyRelatedField(
        queryset=Product.objects.all(), many=True, required=False,
        help_text="Products to show below the text, as they are when it is sent; three at most",
    )  # fmt: skip
    template_id = serializers.IntegerField(required=False)
    cancels_on_reply = serializers.BooleanField(
        default=True, help_text="Give it up when the buyer writes before"
    )


class LaterChange(OwnWords):
    text = serializers.CharField(max_length=20_000, allow_blank=True, required=False)
    send_at = serializers.DateTimeField(required=False)
    files = serializers.ListField(child=SendableFile(), required=False, max_length=10)
    cards = serializers.PrimaryKeyRelatedField(
        queryset=Product.objects.all(), many=True, required=False,
        help_text="Products to show below the text, as they are when it is sent; three at most",
    )  # fmt: skip
    cancels_on_reply = serializers.BooleanField(required=False)


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """As the service takes it; own words count only beside the text that they became."""
    if "files" in values:
        values["files"] = [one.pk for one in values["files"]]
    if "cards" in values:
        values["cards"] = [one.pk for one in values["cards"][:3]]
    if "original" in values and "text" in values:
        values["original"] = own_words(values)
    else:
        values.pop("original", None)
    values.pop("original_language", None)
    return values


class LaterList(APIView):
    @extend_schema(tags=["composer"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request, pk: int) -> Response:
        """`results`: what waits and what became of the last ones; `presets`: times worth offering
        ({key, at}: hour, evening, opening, monday), all while people answer."""
        conversation = seen_or_404(request.user, pk)
        rows = LaterMessage.objects.filter(conversation=conversation).select_related("user")
        zone = merchant_of(current_schema()).time_zone
        return Response(
            {
                "results": _told(rows.order_by("-pk")[:50]),
                "presets": later.presets(timezone.now(), zone),
            }
        )

    @extend_schema(tags=["composer"], request=LaterIn, responses={201: LaterOut})
    def post(self, request, pk: int) -> Response:
        """Write now, send then. 409 `window_closed` when the channel's window is shut by then."""
        given = LaterIn(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        seen_or_404(request.user, pk)
        row = later.later_add(
            conversation_id=pk, agent=request.user, **_plain(dict(given.validated_data))
        )
        return Response(_told([row])[0], status=201)


class LaterDetail(APIView):
    def _found(self, request, pk: int) -> LaterMessage:
        row = LaterMessage.objects.filter(pk=pk).first()
        if row is None or not may_see(request.user, row.conversation_id):
            raise Http404
        return row

    @extend_schema(tags=["composer"], request=LaterChange, responses={200: LaterOut})
    def patch(self, request, pk: int) -> Response:
        """Change what waits; 409 `over_already` when it no longer does."""
        self._found(request, pk)
        given = LaterChange(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        values = _plain(dict(given.validated_data))
        return Response(_told([later.later_edit(later_id=pk, agent=request.user, **values)])[0])

    @extend_schema(tags=["composer"], responses={200: LaterOut})
    def delete(self, request, pk: int) -> Response:
        """Give it up; the row stays in the thread."""
        self._found(request, pk)
        return Response(_told([later.later_cancel(later_id=pk, by=request.user)])[0])


# ── What the channel takes ───────────────────────────────────────────────────────────────────
class Limits(APIView):
    @extend_schema(tags=["composer"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request, pk: int) -> Response:
        """Before sending or uploading: length of a text, kinds and size of files, the reply
        window with what may be done past it, whether a sent message can be changed."""
        return Response(limits_of(seen_or_404(request.user, pk)))


# ── Own messages ─────────────────────────────────────────────────────────────────────────────
class EditIn(serializers.Serializer):
    text = serializers.CharField(max_length=20_000)


class MessageDetail(APIView):
    def _seen(self, request, pk: int) -> None:
        found = Message.objects.filter(pk=pk).values_list("conversation_id", flat=True).first()
        if found is None or not may_see(request.user, found):
            raise Http404

    @extend_schema(tags=["composer"], request=EditIn, responses={202: MessageOut})
    def patch(self, request, pk: int) -> Response:
        """Change my own sent text. `meta.change` says that it is under way or why it was refused;
        409 `cannot_change` with `why`: channel, late, author, state, kind."""
        self._seen(request, pk)
        given = EditIn(data=request.data)
        given.is_valid(raise_exception=True)
        message = edits.message_edit(
            message_id=pk, user=request.user, text=given.validated_data["text"]
        )
        return Response(MessageOut(message).data, status=202)

    @extend_schema(tags=["composer"], responses={202: MessageOut})
    def delete(self, request, pk: int) -> Response:
        """Take my own message back; what was not sent yet never is."""
        self._seen(request, pk)
        message = edits.message_delete(message_id=pk, user=request.user)
        return Response(MessageOut(message).data, status=202)


# ── Translation ──────────────────────────────────────────────────────────────────────────────
class TranslationIn(serializers.Serializer):
    on = serializers.BooleanField(required=False)
    buyer = serializers.CharField(
        max_length=8, required=False, allow_blank=True, help_text="Empty: by what the buyer writes"
    )


class Translation(APIView):
    @extend_schema(tags=["composer"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request, pk: int) -> Response:
        """The language strip: on, buyer, mine, differ, available (why_not in words), languages."""
        return Response(translate.state_of(seen_or_404(request.user, pk), request.user))

    @extend_schema(tags=["composer"], request=TranslationIn, responses={200: OpenApiTypes.OBJECT})
    def put(self, request, pk: int) -> Response:
        """Switch translation of this dialogue, or say what the buyer writes in."""
        given = TranslationIn(data=request.data)
        given.is_valid(raise_exception=True)
        seen_or_404(request.user, pk)
        translate.translation_set(conversation_id=pk, **given.validated_data)
        return Response(translate.state_of(seen_or_404(request.user, pk), request.user))


class TranslateMessage(APIView):
    @extend_schema(tags=["composer"], request=None, responses={202: MessageOut})
    def post(self, request, pk: int) -> Response:
        """Translate one message for me, or try again: `meta.translations` holds it by language
        ({state: waiting | done | failed, text, detail}) and message.edited tells of the text."""
        found = Message.objects.filter(pk=pk).values_list("conversation_id", flat=True).first()
        if found is None or not may_see(request.user, found):
            raise Http404
        message = translate.message_translate(message_id=pk, user=request.user)
        return Response(MessageOut(message).data, status=202)


class Listen(APIView):
    @extend_schema(tags=["composer"], request=None, responses={202: MessageOut})
    def post(self, request, pk: int) -> Response:
        """Put a message's voice notes into words (again): the thread's `files` have `transcript`
        and `speech` {state: waiting | done | none | failed, detail}."""
        found = Message.objects.filter(pk=pk).values_list("conversation_id", flat=True).first()
        if found is None or not may_see(request.user, found):
            raise Http404
        return Response(MessageOut(transcribe.message_listen(pk)).data, status=202)


# ── A model's help ───────────────────────────────────────────────────────────────────────────
class AssistIn(serializers.Serializer):
    act = serializers.ChoiceField(assist.ACTS)
    text = serializers.CharField(max_length=20_000, required=False, allow_blank=True, default="")
    to = serializers.CharField(
        max_length=8, required=False, allow_blank=True, default="",
        help_text="For translate: into which language; empty is the buyer's",
    )  # fmt: skip
    stream = serializers.BooleanField(
        default=False, help_text="Lines of JSON as it is written: {t: text | done | error}"
    )


class Assist(APIView):
    @extend_schema(tags=["composer"], request=AssistIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> HttpResponseBase:
        """A draft for me: {act, text, lang, provider, decision, reason, sources, checks, ms}.
        Nothing is stored or sent. Refusals say what to do: no_model, model_budget, model_failed,
        nothing_to_do."""
        given = AssistIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        stream = values.pop("stream")
        conversation = (
            visible(request.user)
            .select_related("contact", "channel__bot__published", "episode")
            .filter(pk=pk)
            .first()
        )
        if conversation is None:
            raise Http404
        if not stream:
            return Response(assist.assist(conversation=conversation, user=request.user, **values))
        lines = streamed(
            lambda show: assist.assist(
                conversation=conversation, user=request.user, show=show, **values
            )
        )
        answer = StreamingHttpResponse(lines, content_type="application/x-ndjson")
        answer["Cache-Control"], answer["X-Accel-Buffering"] = "no-store", "no"
        return answer


# ── What was thought of it ───────────────────────────────────────────────────────────────────
class RatingOut(serializers.ModelSerializer):
    agent = PersonOut(allow_null=True)
    name = serializers.CharField(source="conversation.contact.name")

    class Meta:
        model = Rating
        fields = (
            "id", "conversation", "episode", "name", "about", "agent", "score", "comment",
            "asked_at", "rated_at",
        )  # fmt: skip


class RatingPages(CursorPagination):
    ordering = ("-asked_at", "-id")
    page_size_query_param = "page_size"
    max_page_size = 200


@extend_schema(
    tags=["composer"],
    parameters=[
        OpenApiParameter("about", str, enum=Rating.About.values),
        OpenApiParameter("agent", int),
        OpenApiParameter("score", int, description="1 to 5; several with commas"),
        OpenApiParameter("rated", bool, description="Only answered ones"),
        OpenApiParameter("q", str, description="Words of the comment or the buyer's name"),
    ],
)
class RatingList(generics.ListAPIView):
    """What buyers think, newest first: only of dialogues I may see."""

    serializer_class = RatingOut
    pagination_class = RatingPages
    queryset = Rating.objects.none()

    def get_queryset(self):
        return ratings_found(cast(User, self.request.user), self.request.query_params)
