"""Conversations, and what people do in them. Each button is one service call."""

from __future__ import annotations

import uuid
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.answerer.fields import card_of
from bots.api.fields import SendableFile
from bots.api.files import file_url
from bots.models import Attachment, Channel, Contact, Conversation, Message
from bots.selectors.desk_thread import call_shown
from bots.selectors.policy import visible
from bots.selectors.whispers import heard_by
from bots.services import conversations
from integrations.models import Product
from tenants.api.filters import updated_since
from tenants.kernel.text import whole
from tenants.workspace.models import User

_SHOWN_META = (
    "decision", "reason", "sources", "claims", "checks", "buttons", "provider", "ms", "template",
    "code", "change", "before", "original", "translations", "later",
)  # fmt: skip


class PersonOut(serializers.ModelSerializer):
    class Meta:
        model = User
        fields = ("id", "name")


class ConversationChannel(serializers.ModelSerializer):
    class Meta:
        model = Channel
        fields = ("id", "kind", "name")


class ConversationContact(serializers.ModelSerializer):
    class Meta:
        model = Contact
        fields = ("id", "external_id", "name", "username", "language", "is_reachable")


class ConversationOut(serializers.ModelSerializer):
    channel = ConversationChannel()
    contact = ConversationContact()
    agent = PersonOut(allow_null=True)
    labels = serializers.ListField(child=serializers.CharField())
    followers = serializers.ListField(child=serializers.IntegerField())

    class Meta:
        model = Conversation
        fields = (
            "id", "channel", "contact", "status", "speaker", "agent", "language", "preview",
            "preview_author", "unread", "last_seq", "waiting_since", "deadline_at", "sla_due_at",
            "sla_kind",
            "handover_reason", "labels", "team", "priority", "followers", "offered_to",
            "offer_until", "previous_agent", "snoozed_until", "queued_at", "updated_at",
            "created_at",
        )  # fmt: skip


class AttachmentOut(serializers.ModelSerializer):
    """`url`: where the bytes are, with the same token; null until they are here."""

    url = serializers.SerializerMethodField()

    class Meta:
        model = Attachment
        fields = ("id", "file", "url", "kind", "name", "error", "transcript", "speech")

    def get_url(self, attachment: Attachment) -> str | None:
        return file_url(attachment.file_id)


class MessageOut(serializers.ModelSerializer):
    user = PersonOut(allow_null=True)
    meta = serializers.SerializerMethodField(help_text="How the bot came to it")
    attachments = AttachmentOut(many=True)

    class Meta:
        model = Message
        fields = (
            "id", "seq", "author", "kind", "user", "text", "language", "state", "failure",
            "reply_to", "attachments", "meta", "sent_at", "created_at", "edited_at", "deleted_at",
        )  # fmt: skip

    def get_meta(self, message: Message) -> dict[str, Any]:
        meta = message.meta
        shown = {name: meta[name] for name in _SHOWN_META if name in meta}
        return {**shown, "call": call_shown(meta["call"])} if "call" in meta else shown


def _conversations(user: Any) -> QuerySet[Conversation]:
    return visible(user).select_related("channel", "contact", "agent")


def seen_or_404(user: Any, pk: int) -> Conversation:
    """The gate of every address of one conversation: what is hidden reads as what is not there."""
    return get_object_or_404(_conversations(user), pk=pk)


def answer(pk: int) -> Response:
    """A conversation after an act. Whoever did it may see what became of it."""
    found = Conversation.objects.select_related("channel", "contact", "agent").get(pk=pk)
    return Response(ConversationOut(found).data)


class Recent(CursorPagination):
    ordering = ("-updated_at", "-id")
    page_size_query_param = "page_size"
    max_page_size = 200


class BySeq(CursorPagination):
    ordering = "-seq"
    page_size_query_param = "page_size"
    max_page_size = 200


@extend_schema(
    tags=["conversations"],
    parameters=[
        OpenApiParameter("status", str, enum=Conversation.Status.values),
        OpenApiParameter("speaker", str, enum=Conversation.Speaker.values),
        OpenApiParameter("channel", int),
        OpenApiParameter("agent", str, description="A person's id, or “me”"),
        OpenApiParameter("updated_since", str, description="ISO 8601 with an offset"),
    ],
)
class ConversationList(generics.ListAPIView):
    """Conversations, the last moved first."""

    serializer_class = ConversationOut
    pagination_class = Recent

    def get_queryset(self):
        found = _conversations(self.request.user)
        asked = self.request.query_params
        for name in ("status", "speaker"):
            if value := asked.get(name):
                found = found.filter(**{name: value})
        for name in ("channel", "agent"):
            value = asked.get(name)
            if name == "agent" and value == "me":
                value = str(self.request.user.pk)
            if value:
                found = found.filter(**{name: whole(value) or 0})
        return updated_since(found, self.request)


@extend_schema(tags=["conversations"])
class ConversationDetail(generics.RetrieveAPIView):
    """One conversation."""

    serializer_class = ConversationOut

    def get_queryset(self):
        return _conversations(self.request.user)


@extend_schema(
    tags=["conversations"],
    parameters=[OpenApiParameter("after", int, description="Only messages past this `seq`")],
)
class MessageList(generics.ListAPIView):
    """Messages of a conversation with notes and inner lines, newest first."""

    serializer_class = MessageOut
    pagination_class = BySeq
    queryset = Message.objects.none()

    def get_queryset(self):
        conversation = seen_or_404(self.request.user, self.kwargs["pk"])
        found = (
            Message.objects.filter(heard_by(self.request.user.pk), conversation=conversation)
            .select_related("user")
            .prefetch_related("attachments")
        )
        if after := self.request.query_params.get("after"):
            seq = whole(after)
            found = found.none() if seq is None else found.filter(seq__gt=seq)
        return found


class TakeOverIn(serializers.Serializer):
    force = serializers.BooleanField(
        default=False, help_text="Take it even from a colleague who holds it"
    )


class TakeOver(APIView):
    @extend_schema(tags=["conversations"], request=TakeOverIn, responses={200: ConversationOut})
    def post(self, request, pk: int) -> Response:
        """Answer this buyer yourself; the bot falls silent. 409 when a colleague holds it."""
        given = TakeOverIn(data=request.data)
        given.is_valid(raise_exception=True)
        seen_or_404(request.user, pk)
        take = (
            conversations.conversation_force_take
            if given.validated_data["force"]
            else conversations.conversation_take_over
        )
        take(conversation_id=pk, agent=request.user)
        return answer(pk)


class OwnWords(serializers.Serializer):
    """What a person wrote where `text` is its translation."""

    original = serializers.CharField(
        max_length=20_000, required=False,
        help_text="My own words, where `text` is their translation: kept beside it, not sent",
    )  # fmt: skip
    original_language = serializers.CharField(max_length=8, required=False, default="")


def own_words(values: dict[str, Any]) -> dict[str, str]:
    """`{"text", "language"}` of the words before translation, empty where they are the text."""
    text = values.get("original", "")
    if not text or text == values["text"]:
        return {}
    return {"text": text, "language": values.get("original_language", "")}


class ReplyIn(OwnWords):
    text = serializers.CharField(max_length=20_000, allow_blank=True, required=False, default="")
    client_key = serializers.CharField(
        max_length=64, required=False, help_text="The same key is sent once, however often repeated"
    )
    base_seq = serializers.IntegerField(
        required=False,
        help_text="The newest message when the draft was begun: a newer one answers 409",
    )
    files = serializers.ListField(
        child=SendableFile(),
        required=False,
        max_length=10,
    )
    template_id = serializers.IntegerField(required=False)
    reply_to = serializers.IntegerField(
        required=False, help_text="The message it answers, by `id`; another conversation's is none"
    )
    cards = serializers.PrimaryKeyRelatedField(
        queryset=Product.objects.prefetch_related("variants"), many=True, required=False,
        help_text="Products to show below the text",
    )  # fmt: skip


class ReplyView(APIView):
    @extend_schema(
        tags=["conversations"],
        request=ReplyIn,
        responses={201: MessageOut, 200: MessageOut},
        parameters=[
            OpenApiParameter("Idempotency-Key", str, OpenApiParameter.HEADER, required=False)
        ],
    )
    def post(self, request, pk: int) -> Response:
        """Write to the buyer as a person: 201 written, 200 it was written by that key before."""
        given = ReplyIn(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        values = given.validated_data
        found = seen_or_404(request.user, pk)
        reply = conversations.reply_send(
            conversation_id=pk,
            agent=request.user,
            text=values["text"],
            client_key=_key(request, values),
            base_seq=values.get("base_seq"),
            files=[one.pk for one in values.get("files", ())],
            template_id=values.get("template_id"),
            reply_to=values.get("reply_to"),
            cards=[vars(card_of(one, found.language)) for one in values.get("cards", ())[:3]],
            meta={"original": words} if (words := own_words(values)) else {},
        )
        return Response(MessageOut(reply.message).data, status=201 if reply.is_new else 200)


def _key(request, values: dict[str, Any]) -> str:
    key = values.get("client_key") or request.headers.get("Idempotency-Key", "")
    return key[:64] or uuid.uuid4().hex


class NoteIn(serializers.Serializer):
    text = serializers.CharField(max_length=20_000, allow_blank=True, required=False, default="")
    files = serializers.ListField(child=SendableFile(), required=False, max_length=10)
    client_key = serializers.CharField(max_length=64, required=False)
    mentions = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        max_length=20,
        help_text="Colleagues it calls",
    )


class NoteView(APIView):
    @extend_schema(tags=["conversations"], request=NoteIn, responses={201: MessageOut})
    def post(self, request, pk: int) -> Response:
        """An inner note; the buyer never sees it."""
        given = NoteIn(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        seen_or_404(request.user, pk)
        message = conversations.note_add(
            conversation_id=pk,
            agent=request.user,
            text=given.validated_data["text"],
            client_key=_key(request, given.validated_data),
            mentions=given.validated_data.get("mentions", ()),
            files=[one.pk for one in given.validated_data.get("files", ())],
        )
        return Response(MessageOut(message).data, status=201)


class ReturnIn(serializers.Serializer):
    instruction = serializers.CharField(max_length=2_000, required=False, allow_blank=True)


class ReturnToBot(APIView):
    @extend_schema(tags=["conversations"], request=ReturnIn, responses={200: ConversationOut})
    def post(self, request, pk: int) -> Response:
        """Let the bot answer again."""
        given = ReturnIn(data=request.data)
        given.is_valid(raise_exception=True)
        seen_or_404(request.user, pk)
        conversations.conversation_return_to_bot(
            conversation_id=pk,
            agent=request.user,
            instruction=given.validated_data.get("instruction", ""),
        )
        return answer(pk)


class Resolve(APIView):
    @extend_schema(tags=["conversations"], request=None, responses={200: ConversationOut})
    def post(self, request, pk: int) -> Response:
        """Close it: nobody speaks, nobody waits."""
        seen_or_404(request.user, pk)
        conversations.conversation_resolve(conversation_id=pk, by=request.user)
        return answer(pk)


class ReadIn(serializers.Serializer):
    seq = serializers.IntegerField(min_value=0)


class Read(APIView):
    @extend_schema(tags=["conversations"], request=ReadIn, responses={200: ConversationOut})
    def post(self, request, pk: int) -> Response:
        """Everything up to `seq` was seen."""
        given = ReadIn(data=request.data)
        given.is_valid(raise_exception=True)
        seen_or_404(request.user, pk)
        conversations.conversation_read(
            conversation_id=pk, agent=request.user, seq=given.validated_data["seq"]
        )
        return answer(pk)
