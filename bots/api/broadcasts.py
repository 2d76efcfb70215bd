"""Broadcasts: drafts, who gets them, sending, results, figures for an advertising-data operator."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import generics, serializers
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.templates import ButtonIn
from bots.models import Broadcast, BroadcastItem, Contact, Template
from bots.selectors import audience
from bots.selectors.broadcasts import RESULTS, Shows, broadcasts, figures_of, result_of, results
from bots.selectors.broadcasts import shows as shows_found
from bots.services import broadcasts as services
from bots.services.broadcast_export import XLSX, shows_csv, shows_xlsx
from bots.services.broadcast_text import previews
from tenants.api.permissions import IsAdmin
from tenants.workspace.models import User


class AdField(serializers.Serializer):
    """Russian law: who advertises, and the identifier its data operator gave."""

    advertiser = serializers.CharField(max_length=200, required=False, allow_blank=True)
    inn = serializers.CharField(max_length=12, required=False, allow_blank=True)
    erid = serializers.CharField(max_length=64, required=False, allow_blank=True)


class BroadcastIn(serializers.Serializer):
    kind = serializers.ChoiceField(Broadcast.Kind.choices)
    name = serializers.CharField(max_length=120)
    channels = serializers.ListField(
        child=serializers.IntegerField(), required=False, max_length=100,
        help_text="Ids of channels; a person is written to in the first of them they have",
    )  # fmt: skip
    audience = serializers.DictField(
        required=False,
        help_text='`{"who": "all"}`, `{"who": "segment", "segment": 1}`, '
        '`{"who": "labels", "labels": ["vip"]}`, `{"who": "contacts", "contacts": [1]}`, '
        '`{"who": "orders", "statuses": ["ready"], "from": "2026-11-01", "to": null}`, '
        '`{"who": "requests", "kinds": ["return"], "states": ["done"]}`',
    )
    template = serializers.PrimaryKeyRelatedField(
        queryset=Template.objects.all(), required=False, allow_null=True
    )
    texts = serializers.DictField(
        child=serializers.CharField(max_length=4_000, trim_whitespace=False, allow_blank=True),
        required=False,
        help_text='{"ru": "Заказ {{order.number}} {{order.status}}"}',
    )
    buttons = ButtonIn(many=True, required=False)
    files = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=10)
    ad = AdField(required=False)
    throttle = serializers.IntegerField(
        min_value=0, max_value=services.THROTTLE_AT_MOST, required=False,
        help_text="At most so many a minute; 0: as the channels allow",
    )  # fmt: skip
    quiet_from = serializers.IntegerField(min_value=0, max_value=23, required=False)
    quiet_to = serializers.IntegerField(min_value=0, max_value=23, required=False)
    scheduled_at = serializers.DateTimeField(required=False, allow_null=True)


class BroadcastOut(serializers.ModelSerializer):
    channels = serializers.ListField(child=serializers.IntegerField())
    audience = serializers.DictField()
    texts = serializers.DictField(child=serializers.CharField())
    buttons = ButtonIn(many=True)
    files = serializers.ListField(child=serializers.IntegerField())
    ad = AdField()

    class Meta:
        model = Broadcast
        fields: tuple[str, ...] = (
            "id", "kind", "name", "state", "detail", "channels", "audience", "template", "texts",
            "buttons", "files", "ad", "throttle", "quiet_from", "quiet_to", "scheduled_at",
            "started_at", "finished_at", "created_at",
        )  # fmt: skip


class BroadcastFiguresOut(serializers.Serializer):
    """How far it is. `reasons`: why somebody was skipped → how many."""

    total = serializers.IntegerField()
    done = serializers.IntegerField()
    waiting = serializers.IntegerField()
    sending = serializers.IntegerField()
    sent = serializers.IntegerField()
    delivered = serializers.IntegerField()
    read = serializers.IntegerField()
    failed = serializers.IntegerField()
    skipped = serializers.IntegerField()
    reasons = serializers.DictField(child=serializers.IntegerField())


class BroadcastMore(BroadcastOut):
    figures = serializers.SerializerMethodField()

    class Meta(BroadcastOut.Meta):
        fields = (*BroadcastOut.Meta.fields, "figures")

    def get_figures(self, broadcast: Broadcast) -> BroadcastFiguresOut:
        return figures_of(broadcast).as_json()  # type: ignore[return-value]


class Newest(CursorPagination):
    ordering = "-pk"
    page_size = 50


class InOrder(CursorPagination):
    ordering = "pk"
    page_size = 100


@extend_schema(tags=["broadcasts"])
class BroadcastList(generics.ListCreateAPIView):
    """Broadcasts, the newest first."""

    permission_classes = [IsAdmin]
    serializer_class = BroadcastOut
    pagination_class = Newest

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str),
            OpenApiParameter("kind", str, enum=Broadcast.Kind.values),
            OpenApiParameter("state", str, enum=Broadcast.State.values),
        ]
    )
    def get(self, request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self):
        asked = self.request.query_params
        return broadcasts(
            query=asked.get("q", ""), kind=asked.get("kind", ""), state=asked.get("state", "")
        )

    @extend_schema(request=BroadcastIn, responses={201: BroadcastOut})
    def post(self, request, *args: Any, **kwargs: Any) -> Response:
        """Make a draft. Nothing is sent."""
        given = BroadcastIn(data=request.data)
        given.is_valid(raise_exception=True)
        saved = services.broadcast_save(given.validated_data, by=request.user)
        return Response(BroadcastOut(saved).data, status=201)


@extend_schema(tags=["broadcasts"])
class BroadcastDetail(generics.RetrieveUpdateDestroyAPIView):
    """One broadcast with how far it is. What was sent is a record: only a draft is deleted."""

    permission_classes = [IsAdmin]
    serializer_class = BroadcastMore
    queryset = Broadcast.objects.all()
    http_method_names = ["get", "patch", "delete", "head", "options"]

    @extend_schema(request=BroadcastIn(partial=True), responses={200: BroadcastOut})
    def patch(self, request, *args: Any, **kwargs: Any) -> Response:
        """Change a draft, or one that waits for its time."""
        row = self.get_object()
        given = BroadcastIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        saved = services.broadcast_save(given.validated_data, broadcast=row)
        return Response(BroadcastOut(saved).data)

    def perform_destroy(self, instance: Broadcast) -> None:
        services.broadcast_delete(instance.pk, by=cast(User, self.request.user))


class BroadcastAudienceOut(serializers.Serializer):
    gets = serializers.IntegerField()
    skipped = serializers.DictField(child=serializers.IntegerField())
    by_channel = serializers.DictField(child=serializers.IntegerField())


class BroadcastPreviewOut(serializers.Serializer):
    channel = serializers.IntegerField()
    lang = serializers.CharField()
    text = serializers.CharField()
    buttons = serializers.ListField(child=serializers.CharField())
    size = serializers.IntegerField(help_text="In the channel's own unit, of `limit`")
    limit = serializers.IntegerField()
    faults = serializers.ListField(child=serializers.CharField())


class OneBroadcast(APIView):
    permission_classes = [IsAdmin]
    queryset = Broadcast.objects.all()

    def row(self, pk: int) -> Broadcast:
        return get_object_or_404(Broadcast.objects.select_related("template"), pk=pk)


class BroadcastAudience(OneBroadcast):
    @extend_schema(tags=["broadcasts"], responses=BroadcastAudienceOut)
    def get(self, request, pk: int) -> Response:
        """Who would get it now, and who would not and why. Nothing is sent."""
        found = audience.counted(self.row(pk))
        return Response(
            {
                "gets": found.gets,
                "skipped": dict(found.skipped),
                "by_channel": {str(channel): n for channel, n in found.by_channel.items()},
            }
        )


class BroadcastPreview(OneBroadcast):
    @extend_schema(tags=["broadcasts"], responses=BroadcastPreviewOut(many=True))
    def get(self, request, pk: int) -> Response:
        """As each channel shows it in each language, with values of an invented buyer."""
        row = self.row(pk)
        return Response(
            [
                {
                    "channel": one.channel, "lang": one.lang, "text": one.text, "size": one.size,
                    "limit": one.limit, "faults": list(one.faults),
                    "buttons": [button.title for button in one.buttons],
                }
                for one in previews(row, audience.channels_of(row))
            ]
        )  # fmt: skip


class BroadcastTestIn(serializers.Serializer):
    contact = serializers.PrimaryKeyRelatedField(
        queryset=Contact.objects.filter(conversation__isnull=False).select_related("channel")
    )


class BroadcastTestOut(serializers.Serializer):
    message = serializers.IntegerField()


class BroadcastTest(OneBroadcast):
    @extend_schema(tags=["broadcasts"], request=BroadcastTestIn, responses={201: BroadcastTestOut})
    def post(self, request, pk: int) -> Response:
        """Send it to one contact of your own, with an invented order."""
        row = self.row(pk)
        given = BroadcastTestIn(data=request.data)
        given.is_valid(raise_exception=True)
        message = services.test_send(row.pk, given.validated_data["contact"], by=request.user)
        return Response({"message": message}, status=201)


class BroadcastStartIn(serializers.Serializer):
    confirm = serializers.CharField(
        max_length=120, required=False, allow_blank=True,
        help_text="The broadcast's name, asked for where many get it",
    )  # fmt: skip


class BroadcastStart(OneBroadcast):
    @extend_schema(tags=["broadcasts"], request=BroadcastStartIn, responses=BroadcastOut)
    def post(self, request, pk: int) -> Response:
        """Send it, now or at `scheduled_at`. 400 `not_ready` names what is missing, by field."""
        row = self.row(pk)
        given = BroadcastStartIn(data=request.data)
        given.is_valid(raise_exception=True)
        confirm = given.validated_data.get("confirm", "")
        found = services.broadcast_start(row.pk, by=request.user, confirm=confirm)
        return Response(BroadcastOut(found).data)


class BroadcastPause(OneBroadcast):
    @extend_schema(tags=["broadcasts"], request=None, responses=BroadcastOut)
    def post(self, request, pk: int) -> Response:
        """Hold it. What was handed to the channel still goes out."""
        found = services.broadcast_pause(self.row(pk).pk, by=request.user)
        return Response(BroadcastOut(found).data)


class BroadcastResume(OneBroadcast):
    @extend_schema(tags=["broadcasts"], request=None, responses=BroadcastOut)
    def post(self, request, pk: int) -> Response:
        """Go on with the rest."""
        found = services.broadcast_resume(self.row(pk).pk, by=request.user)
        return Response(BroadcastOut(found).data)


class BroadcastStop(OneBroadcast):
    @extend_schema(tags=["broadcasts"], request=None, responses=BroadcastOut)
    def post(self, request, pk: int) -> Response:
        """End it for good: what has not left is taken back."""
        found = services.broadcast_stop(self.row(pk).pk, by=request.user)
        return Response(BroadcastOut(found).data)


class BroadcastCopy(OneBroadcast):
    @extend_schema(tags=["broadcasts"], request=None, responses={201: BroadcastOut})
    def post(self, request, pk: int) -> Response:
        """The same again as a draft."""
        found = services.broadcast_copy(self.row(pk).pk, by=request.user)
        return Response(BroadcastOut(found).data, status=201)


class BroadcastResultOut(serializers.ModelSerializer):
    name = serializers.CharField(source="contact.name")
    channel = serializers.IntegerField(source="contact.channel_id")
    conversation = serializers.IntegerField(source="contact.conversation.pk")
    result = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()

    class Meta:
        model = BroadcastItem
        fields = (
            "id", "contact", "name", "channel", "conversation", "order", "message", "result",
            "reason", "failure", "at",
        )  # fmt: skip

    def get_result(self, item: BroadcastItem) -> str:
        return result_of(item)

    def get_failure(self, item: BroadcastItem) -> str:
        return item.message.failure if item.message else ""


@extend_schema(tags=["broadcasts"])
class BroadcastResults(generics.ListAPIView):
    """What became of each message."""

    permission_classes = [IsAdmin]
    serializer_class = BroadcastResultOut
    pagination_class = InOrder
    queryset = BroadcastItem.objects.none()
    model = Broadcast

    @extend_schema(
        parameters=[
            OpenApiParameter("result", str, enum=list(RESULTS)),
            OpenApiParameter("q", str, description="Name of a buyer, number of an order"),
        ]
    )
    def get(self, request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return self.queryset
        row = get_object_or_404(Broadcast, pk=self.kwargs["pk"])
        asked = self.request.query_params
        return results(row, result=asked.get("result", ""), query=asked.get("q", ""))


class ShowsIn(serializers.Serializer):
    since = serializers.DateField(required=False)
    until = serializers.DateField(required=False)
    broadcast = serializers.PrimaryKeyRelatedField(queryset=Broadcast.objects.all(), required=False)
    table = serializers.ChoiceField(["json", "csv", "xlsx"], default="json")


class ShowsOut(serializers.Serializer):
    """One creative in one channel in one month."""

    erid = serializers.CharField()
    advertiser = serializers.CharField()
    inn = serializers.CharField()
    broadcast = serializers.IntegerField()
    name = serializers.CharField()
    channel = serializers.CharField()
    channel_name = serializers.CharField()
    first = serializers.DateField()
    last = serializers.DateField()
    shows = serializers.IntegerField()


class AdShows(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(
        tags=["broadcasts"],
        parameters=[ShowsIn],
        responses={
            200: ShowsOut(many=True),
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY, "The table."),
            (200, XLSX): OpenApiResponse(OpenApiTypes.BINARY, "The table."),
        },
    )
    def get(self, request) -> Response | HttpResponse | StreamingHttpResponse:
        """Shows of advertising by erid, channel and month, for an advertising-data operator."""
        given = ShowsIn(data=request.query_params)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        found = list(shows_found(asked.get("since"), asked.get("until"), asked.get("broadcast")))
        return shows_answer(found, asked["table"]) or Response(
            [dict(zip(Shows.COLUMNS, one.row(), strict=True)) for one in found]
        )


def shows_answer(found: list[Shows], table: str) -> HttpResponse | None:
    """The file of a table; None where none was asked for."""
    if table == "csv":
        answer = HttpResponse(b"".join(shows_csv(found)), content_type="text/csv; charset=utf-8")
    elif table == "xlsx":
        answer = HttpResponse(shows_xlsx(found), content_type=XLSX)
    else:
        return None
    answer["Content-Disposition"] = f'attachment; filename="shows.{table}"'
    return answer
