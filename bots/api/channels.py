"""Channels: kinds, accounts, connecting."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings as django_settings
from django.db import transaction
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.models import Bot, Channel
from bots.selectors.conduct import KEY, Answers, conduct_kept
from bots.services import channels
from tenants.api.forms import KindOut, kind_of, settings_checked
from tenants.api.permissions import IsAdmin, MemberReadsAdminWrites
from tenants.kernel import forms
from tenants.kernel.errors import VendorError
from tenants.kernel.words import vendor_words
from tenants.services.audit import audit


class ConductSerializer(serializers.Serializer):
    """How the bot behaves in this channel."""

    answers = serializers.ChoiceField(choices=Answers.choices, required=False)
    greeting_ru = serializers.CharField(required=False, allow_blank=True, max_length=500)
    greeting_en = serializers.CharField(required=False, allow_blank=True, max_length=500)
    quiet_from = serializers.TimeField(required=False, allow_null=True, format="%H:%M")
    quiet_to = serializers.TimeField(required=False, allow_null=True, format="%H:%M")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if bool(attrs.get("quiet_from")) != bool(attrs.get("quiet_to")):
            message = _("Quiet hours need a beginning and an end.")
            raise serializers.ValidationError({"quiet_to": [message]})
        return conduct_kept(attrs)


class ChannelIn(serializers.Serializer):
    """Secrets go into `settings` with the rest and are never shown again."""

    kind = serializers.CharField(max_length=32)
    name = serializers.CharField(max_length=80)
    bot = serializers.PrimaryKeyRelatedField(queryset=Bot.objects.all())
    settings = serializers.DictField(required=False, default=dict)
    base_url = serializers.URLField(required=False, allow_blank=True, default="")
    proxy = serializers.CharField(required=False, allow_blank=True, default="", max_length=300)
    conduct = ConductSerializer(required=False)
    connect = serializers.BooleanField(
        required=False, default=True, help_text="Check the account and set the webhook at once"
    )


class ChannelChange(serializers.Serializer):
    name = serializers.CharField(max_length=80, required=False)
    bot = serializers.PrimaryKeyRelatedField(queryset=Bot.objects.all(), required=False)
    settings = serializers.DictField(required=False)
    base_url = serializers.URLField(required=False, allow_blank=True)
    proxy = serializers.CharField(required=False, allow_blank=True, max_length=300)
    conduct = ConductSerializer(required=False, help_text="Replaces what was kept")
    paused = serializers.BooleanField(required=False)


class ChannelOut(serializers.ModelSerializer):
    settings = serializers.SerializerMethodField(help_text="Secrets are shown as hints")
    hook_url = serializers.SerializerMethodField(help_text="Where the platform calls us")
    account = serializers.DictField(help_text="name, username, picture, link")
    conduct = serializers.SerializerMethodField()

    class Meta:
        model = Channel
        fields = (
            "id", "kind", "name", "bot", "settings", "base_url", "route_key", "hook_url", "state",
            "state_detail", "account", "conduct", "last_in_at", "last_out_at", "created_at",
        )  # fmt: skip

    def get_settings(self, channel: Channel) -> dict[str, Any]:
        manifest = channels.manifests().get(channel.kind)
        fields = manifest.settings if manifest else ()
        return forms.shown(fields, channel.settings, cast("dict[str, str]", channel.secrets or {}))

    @extend_schema_field(ConductSerializer)
    def get_conduct(self, channel: Channel) -> dict[str, Any]:
        return {"answers": Answers.EVERYONE, **channel.settings.get(KEY, {})}

    def get_hook_url(self, channel: Channel) -> str:
        return channels.hook_url(channel)


class ChannelCheckOut(serializers.Serializer):
    ok = serializers.BooleanField()
    detail = serializers.CharField(allow_blank=True)
    account = serializers.DictField()


class ChannelKinds(APIView):
    @extend_schema(tags=["channels"], responses={200: KindOut(many=True)})
    def get(self, request) -> Response:
        """Kinds of channels, and what each asks for."""
        return Response(
            [kind_of(one, capabilities=one.files) for one in channels.offered().values()]
        )


def _shown_channels():
    return Channel.objects.exclude(settings__has_key="removed")


def _may_redirect(values: dict[str, Any]) -> None:
    """Another address or a proxy is the operator's to allow: it decides where secrets go."""
    if django_settings.ALLOW_PRIVATE_ADDRESSES:
        return
    if values.get("base_url"):
        message = _("The operator does not allow other addresses here.")
        raise serializers.ValidationError({"base_url": [message]})


@extend_schema(tags=["channels"])
class ChannelList(generics.ListCreateAPIView):
    """Places where buyers talk."""

    permission_classes = [MemberReadsAdminWrites]
    serializer_class = ChannelOut

    def get_queryset(self):
        return _shown_channels()

    @extend_schema(request=ChannelIn, responses={201: ChannelOut})
    def post(self, request, *args: Any, **kwargs: Any) -> Response:
        """Add a channel and connect it; `state` and `state_detail` say how that went."""
        given = ChannelIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        filled = settings_checked(channels.manifest_of(values["kind"]).settings, values["settings"])
        _may_redirect(values)
        with transaction.atomic():
            channel = channels.channel_create(
                kind=values["kind"],
                name=values["name"],
                bot=values["bot"],
                settings={**filled.settings, KEY: values.get("conduct", {})},
                secrets=filled.secrets,
                base_url=values["base_url"],
                proxy=values["proxy"],
            )
            audit("channel.created", f"channel:{channel.pk}", actor=request.user)
        if values["connect"] and channels.channel_connect(channel).ok:
            channel = channels.channel_rejoined(channel)
        return Response(ChannelOut(channel).data, status=201)


@extend_schema(tags=["channels"])
class ChannelDetail(generics.RetrieveUpdateDestroyAPIView):
    """One channel."""

    permission_classes = [MemberReadsAdminWrites]
    serializer_class = ChannelOut
    http_method_names = ["get", "patch", "delete", "head", "options"]

    def get_queryset(self):
        return _shown_channels()

    @extend_schema(request=ChannelChange, responses={200: ChannelOut})
    def patch(self, request, *args: Any, **kwargs: Any) -> Response:
        """Change a channel; settings that are not named stay. New settings are checked at once."""
        channel = self.get_object()
        given = ChannelChange(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        _may_redirect(values)
        reconnect = False
        if "settings" in values:
            filled = settings_checked(
                channels.manifest_of(channel.kind).settings,
                values["settings"],
                settings=channel.settings,
                secrets=channel.secrets or {},
            )
            channel.settings, channel.secrets = filled.settings, filled.secrets
            reconnect = True
        if "conduct" in values:
            channel.settings = {**channel.settings, KEY: values["conduct"]}
        for name in ("name", "bot", "base_url", "proxy"):
            if name in values:
                reconnect = reconnect or name in ("base_url", "proxy")
                setattr(channel, name, values[name])
        with transaction.atomic():
            channel.save()
            channels.route_sync(channel)
            audit("channel.changed", f"channel:{channel.pk}", actor=request.user, fields=[*values])
        if "paused" in values:
            channels.channel_pause(channel, paused=values["paused"])
        elif reconnect and channel.state != Channel.State.PAUSED:
            channels.channel_connect(channel)
        return Response(ChannelOut(channel).data)

    def perform_destroy(self, instance: Channel) -> None:
        key = instance.pk
        channels.channel_delete(instance)
        audit("channel.deleted", f"channel:{key}", actor=str(self.request.user))


class ChannelConnect(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(tags=["channels"], request=None, responses={200: ChannelCheckOut})
    def post(self, request, pk: int) -> Response:
        """Check the account with the platform and set the webhook."""
        channel = get_object_or_404(_shown_channels(), pk=pk)
        check = channels.channel_connect(channel)
        return Response({"ok": check.ok, "detail": check.detail, "account": dict(check.account)})


class ChannelCheck(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(tags=["channels"], request=None, responses={200: ChannelCheckOut})
    def post(self, request, pk: int) -> Response:
        """Ask the platform how our webhook is doing. Changes nothing."""
        channel = get_object_or_404(_shown_channels(), pk=pk)
        try:
            check = channels.adapter_of(channel, hook=channels.hook_url(channel)).health()
        except VendorError as exc:
            return Response({"ok": False, "detail": vendor_words(exc.detail), "account": {}})
        detail = vendor_words(check.detail)
        return Response({"ok": check.ok, "detail": detail, "account": dict(check.account)})
