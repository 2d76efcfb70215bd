"""What the console reads: lists by view, a thread with its context, drafts."""

from __future__ import annotations

from django.http import Http404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.models import Conversation
from bots.selectors import desk
from bots.services import conversations
from tenants.kernel.files import TooLarge, file_save
from tenants.kernel.text import whole
from tenants.workspace.models import User


class Desk(APIView):
    @extend_schema(tags=["desk"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """Who I am, my colleagues, and how many conversations each view holds."""
        me = request.user
        return Response(
            {
                "me": {
                    "id": me.pk,
                    "name": str(me),
                    "role": me.role,
                    "presence": me.presence,
                },
                "people": [
                    {"id": u.pk, "name": str(u), "presence": u.presence}
                    for u in User.objects.filter(is_active=True).order_by("name")[:200]
                ],
                "counters": desk.counters(me),
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
        User.objects.filter(pk=request.user.pk).update(presence=given.validated_data["presence"])
        return Response({"presence": given.validated_data["presence"]})


class DeskList(APIView):
    @extend_schema(
        tags=["desk"],
        operation_id="desk_conversations_list",
        parameters=[
            OpenApiParameter("view", str, enum=list(desk.VIEWS)),
            OpenApiParameter("q", str, description="Name, phone or words of a message"),
            OpenApiParameter("after", str, description="`next` of the page before"),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request) -> Response:
        """A page of a view: the nearest deadline first where somebody waits."""
        view = request.query_params.get("view", "waiting")
        return Response(
            desk.page_of(
                request.user,
                view if view in desk.VIEWS else "waiting",
                query=request.query_params.get("q", "")[:200],
                cursor=request.query_params.get("after", ""),
            )
        )


class DeskThread(APIView):
    @extend_schema(
        tags=["desk"],
        parameters=[
            OpenApiParameter("before", int, description="Older than this number"),
            OpenApiParameter("after", int, description="Newer than this number"),
        ],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request, pk: int) -> Response:
        """A conversation with its newest messages, context and my drafts."""
        asked = request.query_params
        edges = {name: whole(asked.get(name, "")) or 0 for name in ("before", "after")}
        try:
            return Response(desk.thread_of(request.user, pk, **edges))
        except Conversation.DoesNotExist:
            raise Http404 from None


FILE_LIMIT = 20 * 1024 * 1024


class DeskFileIn(serializers.Serializer):
    file = serializers.FileField()


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
        try:
            stored = file_save(sent, name=sent.name, purpose="message", limit=FILE_LIMIT)
        except TooLarge:
            raise ParseError(_("The file is larger than 20 MB.")) from None
        return Response({"id": stored.pk, "name": stored.name, "size": stored.size}, status=201)


class DraftIn(serializers.Serializer):
    text = serializers.CharField(max_length=20_000, allow_blank=True, trim_whitespace=False)
    mode = serializers.ChoiceField(["reply", "note"], default="reply")
    base_seq = serializers.IntegerField(default=0, min_value=0)


class DraftView(APIView):
    @extend_schema(tags=["desk"], request=DraftIn, responses={204: None})
    def put(self, request, pk: int) -> Response:
        """Keep what I have typed; an empty text forgets it."""
        given = DraftIn(data=request.data)
        given.is_valid(raise_exception=True)
        if not desk.visible_to(request.user).filter(pk=pk).exists():
            raise Http404
        conversations.draft_save(conversation_id=pk, agent=request.user, **given.validated_data)
        return Response(status=204)
