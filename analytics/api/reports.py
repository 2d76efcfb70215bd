"""Reports of any period, and the same as a table of dialogues."""

from __future__ import annotations

from datetime import timedelta
from zoneinfo import ZoneInfo

from django.http import FileResponse, Http404
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiResponse, OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.selectors.figures import Period
from analytics.selectors.reports import BY, LONGEST, Asked, report
from analytics.selectors.scope import Scope, scope_of
from analytics.services.export import export_of, export_start
from bots.api.files import AsItIs
from tenants.api.jobs import JobOut, job_answer
from tenants.kernel.files import file_open
from tenants.selectors.requests import merchant_here
from tenants.workspace.models import StoredFile


class AskedIn(serializers.Serializer):
    """Both days belong to the period, in the shop's time zone; without them the last seven days.
    The main team is 0."""

    first = serializers.DateField(required=False)
    last = serializers.DateField(required=False)
    team = serializers.IntegerField(required=False, allow_null=True, min_value=0)
    agent = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    channel = serializers.IntegerField(required=False, allow_null=True, min_value=1)
    by = serializers.ChoiceField(list(BY), default="agent")

    def validate(self, given: dict) -> dict:
        today = timezone.now().astimezone(self.context["zone"]).date()
        last = given.get("last") or today
        first = given.get("first") or last - timedelta(days=6)
        if first > last:
            raise serializers.ValidationError({"first": _("The period ends before it begins.")})
        if last - first > LONGEST:
            raise serializers.ValidationError({"first": _("At most a year at once.")})
        if first.year < 2000 or last.year > 2200:
            raise serializers.ValidationError({"first": _("There is no such period.")})
        return {**given, "first": first, "last": last}


def scope_or_403(request) -> Scope:
    if not (scope := scope_of(request.user)):
        raise PermissionDenied(_("Reports are for those who lead a team."))
    return scope


def _asked(request, data) -> tuple[Asked, ZoneInfo]:
    zone = ZoneInfo(merchant_here(request).time_zone)
    found = AskedIn(data=data, context={"zone": zone})
    found.is_valid(raise_exception=True)
    given = found.validated_data
    return (
        Asked(
            Period(given["first"], given["last"]),
            given.get("team"),
            given.get("agent"),
            given.get("channel"),
            given["by"],
        ),
        zone,
    )


class Reports(APIView):
    @extend_schema(tags=["reports"], parameters=[AskedIn], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """Figures of a period beside the one before, each with its formula; rows by `by`."""
        scope = scope_or_403(request)
        asked, zone = _asked(request, request.query_params)
        return Response(report(asked, scope, zone))


class ReportExport(APIView):
    @extend_schema(tags=["reports"], request=AskedIn, responses={202: JobOut})
    def post(self, request) -> Response:
        """A table of the dialogues behind a report, as a job; then `/reports/export/<job>/`."""
        scope_or_403(request)
        asked, _zone = _asked(request, request.data)
        return job_answer(export_start(asked, request.user))


class ReportFile(APIView):
    content_negotiation_class = AsItIs

    @extend_schema(
        tags=["reports"],
        responses={(200, "text/csv"): OpenApiResponse(OpenApiTypes.BINARY, "The table.")},
    )
    def get(self, request, pk: int) -> FileResponse:
        """The table a job has made, for whoever asked for it."""
        scope_or_403(request)
        stored = StoredFile.objects.filter(pk=export_of(request.user, pk) or 0).first()
        if stored is None:
            raise Http404
        return FileResponse(
            file_open(stored),
            as_attachment=True,
            filename=stored.name,
            content_type="text/csv; charset=utf-8",
            headers={"Cache-Control": "private, no-store"},
        )
