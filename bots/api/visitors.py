"""Visitors of the sites, and greetings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.models import Channel, Greeting, Segment
from bots.services import visits
from tenants.api.permissions import MemberReadsAdminWrites


class Visitors(APIView):
    @extend_schema(tags=["visitors"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """Who is on the sites now: page, how long, pages seen, cart, where from."""
        return Response({"visitors": visits.online(request.user)})


class InviteIn(serializers.Serializer):
    channel = serializers.IntegerField()
    visitor = serializers.CharField(max_length=120)
    text = serializers.CharField(max_length=1000)


class Invite(APIView):
    @extend_schema(tags=["visitors"], request=InviteIn, responses={202: OpenApiTypes.OBJECT})
    def post(self, request) -> Response:
        """Write first to somebody on the site; it becomes a chat of mine if they answer."""
        given = InviteIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        visits.invite(request.user, values["channel"], values["visitor"], values["text"])
        return Response({"ok": True}, status=202)


class WhenIn(serializers.Serializer):
    page = serializers.CharField(max_length=200, required=False, help_text="Path with *")
    seconds = serializers.IntegerField(min_value=1, max_value=3600, required=False)
    cart_from = serializers.DecimalField(
        max_digits=12, decimal_places=2, min_value=Decimal(0), required=False
    )
    returning = serializers.BooleanField(required=False)
    open = serializers.BooleanField(required=False, help_text="Within opening hours")
    known = serializers.BooleanField(required=False, help_text="Has written before")
    segment = serializers.PrimaryKeyRelatedField(
        queryset=Segment.objects.all(), required=False, help_text="Their card is in this segment"
    )


def _kept(value: Any) -> Any:
    if isinstance(value, Segment):
        return value.pk
    return str(value) if isinstance(value, Decimal) else value


class GreetingOut(serializers.ModelSerializer):
    when = serializers.DictField(required=False)
    text = serializers.DictField(child=serializers.CharField(max_length=500))
    channel = serializers.PrimaryKeyRelatedField(
        queryset=Channel.objects.filter(kind="web"), allow_null=True, required=False
    )
    cap = serializers.IntegerField(min_value=1, max_value=20, required=False)

    class Meta:
        model = Greeting
        fields = (
            "id", "name", "is_on", "position", "channel", "when", "text", "cap",
            "shown", "opened", "answered",
        )  # fmt: skip
        read_only_fields = ("shown", "opened", "answered")

    def validate_when(self, when: dict[str, Any]) -> dict[str, Any]:
        if unknown := set(when) - set(visits.CONDITIONS):
            raise serializers.ValidationError(
                _("There is no condition “%s”.") % ", ".join(sorted(unknown))
            )
        given = WhenIn(data=when)
        given.is_valid(raise_exception=True)
        return {name: _kept(value) for name, value in given.validated_data.items()}

    def validate_text(self, text: dict[str, str]) -> dict[str, str]:
        if not text or set(text) - {"ru", "en"}:
            raise serializers.ValidationError(_("Give the text in Russian, English, or both."))
        return text


@extend_schema(tags=["visitors"])
class GreetingList(generics.ListCreateAPIView):
    permission_classes = [MemberReadsAdminWrites]
    pagination_class = None
    queryset = Greeting.objects.all()
    serializer_class = GreetingOut


@extend_schema(tags=["visitors"])
class GreetingDetail(generics.RetrieveUpdateDestroyAPIView):
    permission_classes = [MemberReadsAdminWrites]
    queryset = Greeting.objects.all()
    serializer_class = GreetingOut
