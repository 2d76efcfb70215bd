"""Teams, people's profiles and shifts, labels."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.models import AgentProfile, Label, Shift, Team, TeamMember
from bots.selectors.teams import CARDS, load_of, presence_shown
from bots.services import agents
from tenants.api.permissions import MemberReadsAdminWrites, MemberReadsSupervisorWrites
from tenants.workspace.models import User


def words(**more: Any) -> serializers.ListField:
    return serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, max_length=50, **more
    )


# ── Teams ────────────────────────────────────────────────────────────────────────────────────
class MemberIn(serializers.Serializer):
    user = serializers.PrimaryKeyRelatedField(queryset=User.objects.filter(is_active=True))
    is_lead = serializers.BooleanField(default=False)


class TeamIn(serializers.ModelSerializer):
    name = serializers.CharField(max_length=80, required=False, allow_blank=True)
    accept_s = serializers.IntegerField(min_value=0, max_value=3600, required=False)
    languages = words()
    skills = words()
    cards = serializers.ListField(
        child=serializers.ChoiceField(list(CARDS)), required=False, max_length=len(CARDS),
        help_text="Cards about the buyer that come first beside a dialogue",
    )  # fmt: skip
    members = MemberIn(many=True, required=False)

    class Meta:
        model = Team
        fields = (
            "name", "assignment", "accept_s", "sees_colleagues", "is_sticky", "languages",
            "skills", "cards", "calendar", "members",
        )  # fmt: skip


class MemberOut(serializers.ModelSerializer):
    name = serializers.CharField(source="user.get_full_name")

    class Meta:
        model = TeamMember
        fields = ("user", "name", "is_lead")


class TeamOut(serializers.ModelSerializer):
    name = serializers.CharField(source="__str__")
    languages = serializers.ListField(child=serializers.CharField())
    skills = serializers.ListField(child=serializers.CharField())
    members = MemberOut(many=True)

    class Meta:
        model = Team
        fields = (
            "id", "name", "is_default", "assignment", "accept_s", "sees_colleagues", "is_sticky",
            "languages", "skills", "calendar", "members",
        )  # fmt: skip


def _teams():
    return Team.objects.prefetch_related("members__user")


def _team_given(request, *, team: Team | None = None) -> Team:
    given = TeamIn(instance=team, data=request.data, partial=team is not None)
    given.is_valid(raise_exception=True)
    values = dict(given.validated_data)
    members = values.pop("members", None)
    pairs = None if members is None else [(one["user"], one["is_lead"]) for one in members]
    saved = agents.team_save(values, team=team, members=pairs)
    return _teams().get(pk=saved.pk)


@extend_schema(tags=["teams"])
class TeamList(generics.ListCreateAPIView):
    """Teams with their people, the default one first."""

    permission_classes = [MemberReadsAdminWrites]
    serializer_class = TeamOut
    pagination_class = None

    def get_queryset(self):
        return _teams()

    @extend_schema(request=TeamIn, responses={201: TeamOut})
    def post(self, request, *args: Any, **kwargs: Any) -> Response:
        """Make a team."""
        return Response(TeamOut(_team_given(request)).data, status=201)


@extend_schema(tags=["teams"])
class TeamDetail(generics.RetrieveUpdateDestroyAPIView):
    """One team. What a deleted one has becomes the default team's."""

    permission_classes = [MemberReadsAdminWrites]
    serializer_class = TeamOut
    http_method_names = ["get", "patch", "delete", "head", "options"]

    def get_queryset(self):
        return _teams()

    @extend_schema(request=TeamIn(partial=True), responses={200: TeamOut})
    def patch(self, request, *args: Any, **kwargs: Any) -> Response:
        """Change a team; `members` replaces all of them."""
        return Response(TeamOut(_team_given(request, team=self.get_object())).data)

    def perform_destroy(self, instance: Team) -> None:
        agents.team_delete(instance)


# ── People who answer ────────────────────────────────────────────────────────────────────────
class ProfileIn(serializers.ModelSerializer):
    capacity = serializers.IntegerField(min_value=0, max_value=500, required=False)
    channel_capacity = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=500), required=False,
        help_text="Kind of channel → at most so many of it",
    )  # fmt: skip
    skills = words()
    languages = words()

    class Meta:
        model = AgentProfile
        fields = ("capacity", "channel_capacity", "skills", "languages")


class ShiftIn(serializers.ModelSerializer):
    """`ends` before `starts` is on the next day. The merchant's time zone."""

    class Meta:
        model = Shift
        fields = ("weekday", "starts", "ends")


class AgentOut(serializers.ModelSerializer):
    """`load`: chats held and offered now."""

    name = serializers.CharField()
    load = serializers.IntegerField()
    profile = ProfileIn()
    shifts = ShiftIn(many=True)

    class Meta:
        model = User
        fields = ("id", "name", "role", "presence", "load", "profile", "shifts")


def _agents(found, me: User) -> list[dict[str, Any]]:
    """People with profile, shifts and load, whatever their number in four queries."""
    people = list(found)
    ids = [one.pk for one in people]
    profiles = {one.user_id: one for one in AgentProfile.objects.filter(user__in=ids)}
    shifts: dict[int, list[Shift]] = {}
    for shift in Shift.objects.filter(user__in=ids).order_by("weekday", "starts"):
        shifts.setdefault(shift.user_id, []).append(shift)
    loads = load_of(ids)
    return [
        {
            "id": one.pk,
            "name": one.get_full_name(),
            "role": one.role,
            "presence": presence_shown(one, me),
            "load": loads.get(one.pk, 0),
            "profile": profiles.get(one.pk) or AgentProfile(user=one),
            "shifts": shifts.get(one.pk, []),
        }
        for one in people
    ]


@extend_schema(tags=["teams"])
class AgentList(APIView):
    @extend_schema(responses={200: AgentOut(many=True)})
    def get(self, request) -> Response:
        """People who answer: how much each has, takes and can."""
        found = User.objects.filter(is_active=True).order_by("name", "pk")[:500]
        return Response(AgentOut(_agents(found, request.user), many=True).data)


@extend_schema(tags=["teams"])
class AgentDetail(APIView):
    permission_classes = [MemberReadsAdminWrites]

    @extend_schema(responses={200: AgentOut})
    def get(self, request, pk: int) -> Response:
        """One person."""
        return self._answer(request, pk)

    @extend_schema(request=ProfileIn(partial=True), responses={200: AgentOut})
    def patch(self, request, pk: int) -> Response:
        """Change how much a person takes at once, and what of."""
        user = get_object_or_404(User, pk=pk, is_active=True)
        given = ProfileIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        agents.profile_save(user, given.validated_data)
        return self._answer(request, pk)

    def _answer(self, request, pk: int) -> Response:
        get_object_or_404(User, pk=pk, is_active=True)
        (found,) = _agents(User.objects.filter(pk=pk), request.user)
        return Response(AgentOut(found).data)


@extend_schema(tags=["teams"])
class AgentShifts(APIView):
    permission_classes = [MemberReadsSupervisorWrites]

    @extend_schema(request=ShiftIn(many=True), responses={200: ShiftIn(many=True)})
    def put(self, request, pk: int) -> Response:
        """Replace a person's week; an empty list: on shift whenever online."""
        user = get_object_or_404(User, pk=pk, is_active=True)
        given = ShiftIn(data=request.data, many=True)
        given.is_valid(raise_exception=True)
        if len(given.validated_data) > 50:
            raise serializers.ValidationError(_("At most 50 shifts."))
        week = [(one["weekday"], one["starts"], one["ends"]) for one in given.validated_data]
        return Response(ShiftIn(agents.shifts_save(user, week), many=True).data)


# ── Labels ───────────────────────────────────────────────────────────────────────────────────
class LabelOut(serializers.ModelSerializer):
    # The service says of a name that is taken what to do.
    name = serializers.CharField(max_length=40)

    class Meta:
        model = Label
        fields = ("id", "name", "colour", "position")


@extend_schema(tags=["labels"])
class LabelList(generics.ListCreateAPIView):
    """Labels that can be put on conversations."""

    permission_classes = [MemberReadsSupervisorWrites]
    serializer_class = LabelOut
    pagination_class = None
    queryset = Label.objects.all()

    def perform_create(self, serializer) -> None:
        serializer.instance = agents.label_save(serializer.validated_data)


@extend_schema(tags=["labels"])
class LabelDetail(generics.RetrieveUpdateDestroyAPIView):
    """One label. A new name goes to the conversations that have it; deleting takes it off them."""

    permission_classes = [MemberReadsSupervisorWrites]
    serializer_class = LabelOut
    queryset = Label.objects.all()
    http_method_names = ["get", "patch", "delete", "head", "options"]

    def perform_update(self, serializer) -> None:
        serializer.instance = agents.label_save(
            serializer.validated_data, label=serializer.instance
        )

    def perform_destroy(self, instance: Label) -> None:
        agents.label_delete(instance)
