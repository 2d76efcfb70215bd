"""Connections to outside systems."""

from __future__ import annotations

from typing import Any, cast

from django.conf import settings as django_settings
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.models import Connection
from integrations.services import connections
from tenants.api.forms import KindOut, kind_of, settings_checked
from tenants.api.jobs import JobOut, job_answer
from tenants.api.permissions import IsAdmin, IsSupervisor, MemberReadsAdminWrites
from tenants.kernel import forms


class ConnectionIn(serializers.Serializer):
    kind = serializers.CharField(max_length=32)
    name = serializers.CharField(max_length=80)
    settings = serializers.DictField(required=False, default=dict)
    base_url = serializers.URLField(required=False, allow_blank=True, default="")


class ConnectionOut(serializers.ModelSerializer):
    kind = serializers.CharField(source="connector")
    settings = serializers.SerializerMethodField(help_text="Secrets are shown as hints")

    class Meta:
        model = Connection
        fields = (
            "id", "kind", "name", "settings", "base_url", "state", "state_detail", "synced_at",
            "created_at",
        )  # fmt: skip

    def get_settings(self, connection: Connection) -> dict[str, Any]:
        manifest = connections.manifests().get(connection.connector)
        fields = manifest.settings if manifest else ()
        secrets = cast("dict[str, str]", connection.secrets or {})
        return forms.shown(fields, connection.settings, secrets)


class ConnectionKinds(APIView):
    @extend_schema(tags=["connections"], responses={200: KindOut(many=True)})
    def get(self, request) -> Response:
        """Systems a merchant can connect, and what each asks for."""
        return Response([kind_of(one) for one in connections.manifests().values()])


@extend_schema(tags=["connections"])
class ConnectionList(generics.ListCreateAPIView):
    """A merchant's accounts in outside systems."""

    permission_classes = [MemberReadsAdminWrites]
    queryset = Connection.objects.all()
    serializer_class = ConnectionOut

    @extend_schema(request=ConnectionIn, responses={201: ConnectionOut})
    def post(self, request, *args: Any, **kwargs: Any) -> Response:
        """Connect a system. Nothing is fetched yet: `sync` does that."""
        given = ConnectionIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        filled = settings_checked(
            connections.manifest_of(values["kind"]).settings, values["settings"]
        )
        base_url_checked(values["base_url"])
        found = connections.connection_create(
            kind=values["kind"],
            name=values["name"],
            settings=filled.settings,
            secrets=filled.secrets,
            base_url=values["base_url"],
        )
        return Response(ConnectionOut(found).data, status=201)


def base_url_checked(base_url: str) -> None:
    if base_url and not django_settings.ALLOW_PRIVATE_ADDRESSES:
        message = _("The operator does not allow other addresses here.")
        raise serializers.ValidationError({"base_url": [message]})


@extend_schema(tags=["connections"])
class ConnectionDetail(generics.RetrieveDestroyAPIView):
    """One account."""

    permission_classes = [IsAdmin]
    queryset = Connection.objects.all()
    serializer_class = ConnectionOut


class ConnectionSync(APIView):
    permission_classes = [IsSupervisor]
    throttle_scope = "import"

    @extend_schema(tags=["connections"], request=None, responses={202: JobOut})
    def post(self, request, pk: int) -> Response:
        """Fetch everything the system has for us."""
        connection = get_object_or_404(Connection, pk=pk)
        return job_answer(
            connections.connection_sync_start(connection=connection, user=request.user)
        )
