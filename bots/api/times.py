"""Working time and answer times."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.core.exceptions import ValidationError as Refused
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.models import Calendar, Holiday, OpeningHours, SlaPolicy
from bots.selectors.russia import YEARS, is_settled
from bots.services.calendars import calendar_delete, calendar_save, holidays_fill
from bots.services.policies import policy_save
from tenants.api.permissions import MemberReadsAdminWrites


def refused(error: Refused) -> serializers.ValidationError:
    """A service's faults by field, as the API says them."""
    if hasattr(error, "error_dict"):
        return serializers.ValidationError(error.message_dict)
    return serializers.ValidationError({"error": error.messages})


class IntervalIn(serializers.Serializer):
    weekday = serializers.IntegerField(min_value=0, max_value=6, help_text="0 is Monday")
    opens = serializers.TimeField(format="%H:%M")
    closes = serializers.TimeField(format="%H:%M", help_text="23:59 is midnight")

    def validate(self, row: dict[str, Any]) -> dict[str, Any]:
        if row["opens"] >= row["closes"]:
            raise serializers.ValidationError(_("It has to close after it opens."))
        return row


class DayIn(serializers.ModelSerializer):
    opens = serializers.TimeField(format="%H:%M", required=False, allow_null=True)
    closes = serializers.TimeField(format="%H:%M", required=False, allow_null=True)
    as_weekday = serializers.IntegerField(
        min_value=0, max_value=6, required=False, allow_null=True, help_text="Works like this day"
    )

    class Meta:
        model = Holiday
        fields = ("day", "name", "opens", "closes", "as_weekday", "shorter_min")


class CalendarIn(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    time_zone = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    hours = IntervalIn(many=True)
    days = DayIn(many=True, required=False)


def calendar_out(calendar: Calendar) -> dict[str, Any]:
    return {
        "id": calendar.pk,
        "name": calendar.name,
        "time_zone": calendar.time_zone,
        "hours": IntervalIn(
            OpeningHours.objects.filter(calendar=calendar).order_by("weekday", "opens"), many=True
        ).data,
        "days": DayIn(Holiday.objects.filter(calendar=calendar).order_by("day"), many=True).data,
    }


def _saved(calendar: Calendar | None, values: dict[str, Any]) -> Calendar:
    week: dict[int, list[tuple[time, time]]] = {}
    for row in values["hours"]:
        week.setdefault(row["weekday"], []).append((row["opens"], row["closes"]))
    days = {row["day"]: Holiday(**row) for row in values.get("days") or ()}
    try:
        return calendar_save(
            calendar, name=values["name"], time_zone=values["time_zone"], week=week,
            days=days.values(),
        )  # fmt: skip
    except Refused as error:
        raise refused(error) from error


class CalendarList(APIView):
    permission_classes = [MemberReadsAdminWrites]

    @extend_schema(tags=["time"], responses={200: CalendarIn(many=True)})
    def get(self, request) -> Response:
        """Calendars beside the shop's own hours."""
        return Response([calendar_out(one) for one in Calendar.objects.all()])

    @extend_schema(tags=["time"], request=CalendarIn, responses={201: CalendarIn})
    def post(self, request) -> Response:
        """Make one: intervals by weekday, and days unlike the others."""
        given = CalendarIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(calendar_out(_saved(None, given.validated_data)), status=201)


class CalendarDetail(APIView):
    permission_classes = [MemberReadsAdminWrites]
    queryset = Calendar.objects.all()

    @extend_schema(tags=["time"], responses={200: CalendarIn})
    def get(self, request, pk: int) -> Response:
        """One calendar."""
        return Response(calendar_out(get_object_or_404(Calendar, pk=pk)))

    @extend_schema(tags=["time"], request=CalendarIn, responses={200: CalendarIn})
    def put(self, request, pk: int) -> Response:
        """Replace its hours and days."""
        found = get_object_or_404(Calendar, pk=pk)
        given = CalendarIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(calendar_out(_saved(found, given.validated_data)))

    @extend_schema(tags=["time"], responses={204: None})
    def delete(self, request, pk: int) -> Response:
        """Forget it: its teams keep the shop's hours."""
        calendar_delete(get_object_or_404(Calendar, pk=pk))
        return Response(status=204)


class HolidaysIn(serializers.Serializer):
    year = serializers.ChoiceField(YEARS)


class HolidaysOut(serializers.Serializer):
    added = serializers.IntegerField()
    is_settled = serializers.BooleanField(help_text="What the Government moved is in it")


class CalendarHolidays(APIView):
    permission_classes = [MemberReadsAdminWrites]
    queryset = Calendar.objects.all()

    @extend_schema(tags=["time"], request=HolidaysIn, responses={200: HolidaysOut})
    def post(self, request, pk: int) -> Response:
        """Put in the production calendar of Russia; days you have written stay."""
        found = get_object_or_404(Calendar, pk=pk)
        given = HolidaysIn(data=request.data)
        given.is_valid(raise_exception=True)
        year = given.validated_data["year"]
        return Response({"added": holidays_fill(found, year), "is_settled": is_settled(year)})


# ── Answer times ─────────────────────────────────────────────────────────────────────────────
def rows(help_text: str) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.DictField(), required=False, max_length=20, help_text=help_text
    )


def seconds() -> serializers.IntegerField:
    return serializers.IntegerField(
        min_value=60, max_value=90 * 86_400, required=False, allow_null=True
    )


class PolicyIn(serializers.ModelSerializer):
    """Times are seconds of working time; null: no promise."""

    when = rows("Conditions: {field, op, value}; all have to hold")
    escalate = serializers.DictField(required=False, help_text="{warned: [acts], breached: [acts]}")
    first_reply_s = seconds()
    next_reply_s = seconds()
    resolve_s = seconds()
    warn_percent = serializers.IntegerField(min_value=1, max_value=99, required=False)

    class Meta:
        model = SlaPolicy
        fields = (
            "id", "name", "is_on", "position", "when", "first_reply_s", "next_reply_s", "resolve_s",
            "warn_percent", "escalate", "calendar",
        )  # fmt: skip


def _policy(policy: SlaPolicy | None, values: dict[str, Any]) -> SlaPolicy:
    try:
        return policy_save(policy, **values)
    except Refused as error:
        raise refused(error) from error


class PolicyList(APIView):
    permission_classes = [MemberReadsAdminWrites]

    @extend_schema(tags=["time"], responses={200: PolicyIn(many=True)})
    def get(self, request) -> Response:
        """Answer times, the first that fits holds."""
        return Response(PolicyIn(SlaPolicy.objects.all(), many=True).data)

    @extend_schema(tags=["time"], request=PolicyIn, responses={201: PolicyIn})
    def post(self, request) -> Response:
        """Make one."""
        given = PolicyIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(PolicyIn(_policy(None, given.validated_data)).data, status=201)


class PolicyDetail(APIView):
    permission_classes = [MemberReadsAdminWrites]
    queryset = SlaPolicy.objects.all()

    @extend_schema(tags=["time"], responses={200: PolicyIn})
    def get(self, request, pk: int) -> Response:
        """One of them."""
        return Response(PolicyIn(get_object_or_404(SlaPolicy, pk=pk)).data)

    @extend_schema(tags=["time"], request=PolicyIn(partial=True), responses={200: PolicyIn})
    def patch(self, request, pk: int) -> Response:
        """Change it; promises already given stay."""
        found = get_object_or_404(SlaPolicy, pk=pk)
        given = PolicyIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        return Response(PolicyIn(_policy(found, given.validated_data)).data)

    @extend_schema(tags=["time"], responses={204: None})
    def delete(self, request, pk: int) -> Response:
        """Forget it."""
        get_object_or_404(SlaPolicy, pk=pk).delete()
        return Response(status=204)
