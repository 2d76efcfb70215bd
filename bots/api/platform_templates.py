"""Texts a platform has to approve: the list, handing in, and ours behind them."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.models import Channel, Template
from bots.services import platform_templates as service
from bots.services.vendor_words import in_words
from tenants.api.permissions import MemberReadsAdminWrites
from tenants.kernel.errors import NeedsMerchant, Rejected, VendorError
from tenants.services.audit import audit


class PlatformTemplateOut(serializers.Serializer):
    """`template`: ours that goes out as this one past the window."""

    name = serializers.CharField()
    language = serializers.CharField()
    body = serializers.CharField(help_text="{{1}}, {{2}}… stand for values")
    category = serializers.ChoiceField(choices=["utility", "marketing", "authentication"])
    state = serializers.ChoiceField(choices=["approved", "pending", "rejected", "paused"])
    reason = serializers.CharField(allow_blank=True)
    external_id = serializers.CharField(allow_blank=True)
    template = serializers.IntegerField(allow_null=True)
    template_name = serializers.CharField(allow_blank=True)


class PlatformTemplatesOut(serializers.Serializer):
    templates = PlatformTemplateOut(many=True)
    trouble = serializers.CharField(
        allow_blank=True, help_text="Why the platform could not be asked: then as it last said"
    )


class PlatformTemplateIn(serializers.Serializer):
    template = serializers.PrimaryKeyRelatedField(queryset=Template.objects.all())
    lang = serializers.RegexField(r"^[a-z]{2,3}$", required=False, default="ru")
    category = serializers.ChoiceField(
        choices=["utility", "marketing"], required=False, default="utility"
    )
    name = serializers.RegexField(
        r"^[a-z0-9_]+$", required=False, max_length=100, default="", allow_blank=True,
        help_text="The platform's name for it; made of the short code where it is not given",
    )  # fmt: skip


class PlatformLinkIn(serializers.Serializer):
    """`template` null: what was linked to this text is let go."""

    name = serializers.CharField(max_length=512)
    language = serializers.CharField(max_length=16)
    template = serializers.PrimaryKeyRelatedField(queryset=Template.objects.all(), allow_null=True)
    lang = serializers.RegexField(r"^[a-z]{2,3}$", required=False, default="ru")


def _channel(pk: int) -> Channel:
    channel = get_object_or_404(Channel.objects.exclude(settings__has_key="removed"), pk=pk)
    if not service.has_templates(channel):
        raise service.NoTemplates(_("This channel has no templates to be approved."))
    return channel


def _shown(channel: Channel, trouble: str = "") -> Response:
    rows = service.rows_of(channel)
    return Response(PlatformTemplatesOut({"templates": rows, "trouble": trouble}).data)


class ChannelTemplates(APIView):
    permission_classes = [MemberReadsAdminWrites]

    @extend_schema(tags=["channels"], responses={200: PlatformTemplatesOut})
    def get(self, request: Any, pk: int) -> Response:
        """The platform's texts with their states, asked now."""
        channel = _channel(pk)
        try:
            service.templates_refresh(channel)
        except VendorError as exc:
            return _shown(channel, in_words(exc.detail))
        return _shown(channel)

    @extend_schema(
        tags=["channels"], request=PlatformTemplateIn, responses={201: PlatformTemplateOut}
    )
    def post(self, request: Any, pk: int) -> Response:
        """Hand one of our templates in for approval; it is linked at once."""
        channel = _channel(pk)
        given = PlatformTemplateIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        try:
            made = service.template_submit(
                channel,
                values["template"],
                values["lang"],
                category=values["category"],
                name=values["name"],
            )
        except (Rejected, NeedsMerchant) as exc:
            raise serializers.ValidationError({"template": [in_words(exc.detail)]}) from exc
        audit("template.handed_in", f"{channel}: {made.name}", actor=request.user)
        row = next(
            one
            for one in service.rows_of(channel)
            if (one["name"], one["language"]) == (made.name, made.language)
        )
        return Response(PlatformTemplateOut(row).data, status=201)


class ChannelTemplateLink(APIView):
    permission_classes = [MemberReadsAdminWrites]

    @extend_schema(tags=["channels"], request=PlatformLinkIn, responses={200: PlatformTemplatesOut})
    def post(self, request: Any, pk: int) -> Response:
        """Say which of our templates goes out as a text that the platform has already."""
        channel = _channel(pk)
        given = PlatformLinkIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        name, language = values["name"], values["language"]
        if values["template"] is None:
            service.template_unlink(channel, name, language)
        else:
            one = service.one_of(channel, name, language)
            service.template_link(channel, values["template"], values["lang"], one)
        audit("template.linked", f"{channel}: {name}", actor=request.user)
        return _shown(channel)
