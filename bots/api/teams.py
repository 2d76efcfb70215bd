"""Teams, people's profiles and shifts, labels; acts that give conversations out, one or many."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.conversations import ConversationOut, answer, seen_or_404
from bots.models import AgentProfile, Conversation, Label, Shift, Team, TeamMember
from bots.selectors import desk
from bots.selectors.policy import leads
from bots.selectors.teams import load_of
from bots.services import actions, acts, agents, assignment, bulk, followup
from tenants.api.jobs import JobOut
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
    members = MemberIn(many=True, required=False)

    class Meta:
        model = Team
        fields = (
            "name", "assignment", "accept_s", "sees_colleagues", "is_sticky", "languages",
            "skills", "calendar", "members",
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

    name = serializers.CharField(source="get_full_name")
    load = serializers.IntegerField()
    profile = ProfileIn()
    shifts = ShiftIn(many=True)

    class Meta:
        model = User
        fields = ("id", "name", "role", "presence", "load", "profile", "shifts")


def _agents(found) -> list[User]:
    """People with profile, shifts and load, whatever their number in four queries."""
    people = list(found)
    ids = [one.pk for one in people]
    profiles = {one.user_id: one for one in AgentProfile.objects.filter(user__in=ids)}
    shifts: dict[int, list[Shift]] = {}
    for shift in Shift.objects.filter(user__in=ids).order_by("weekday", "starts"):
        shifts.setdefault(shift.user_id, []).append(shift)
    loads = load_of(ids)
    for one in people:
        one.profile = profiles.get(one.pk) or AgentProfile(user=one)  # type: ignore[attr-defined]
        one.shifts, one.load = shifts.get(one.pk, []), loads.get(one.pk, 0)  # type: ignore[attr-defined]
    return people


@extend_schema(tags=["teams"])
class AgentList(APIView):
    @extend_schema(responses={200: AgentOut(many=True)})
    def get(self, request) -> Response:
        """People who answer: how much each has, takes and can."""
        found = User.objects.filter(is_active=True).order_by("name", "pk")[:500]
        return Response(AgentOut(_agents(found), many=True).data)


@extend_schema(tags=["teams"])
class AgentDetail(APIView):
    permission_classes = [MemberReadsAdminWrites]

    @extend_schema(responses={200: AgentOut})
    def get(self, request, pk: int) -> Response:
        """One person."""
        return self._answer(pk)

    @extend_schema(request=ProfileIn(partial=True), responses={200: AgentOut})
    def patch(self, request, pk: int) -> Response:
        """Change how much a person takes at once, and what of."""
        user = get_object_or_404(User, pk=pk, is_active=True)
        given = ProfileIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        agents.profile_save(user, given.validated_data)
        return self._answer(pk)

    def _answer(self, pk: int) -> Response:
        get_object_or_404(User, pk=pk, is_active=True)
        return Response(AgentOut(_agents(User.objects.filter(pk=pk))[0]).data)


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


# ── Acts on one conversation ─────────────────────────────────────────────────────────────────
class _Act(APIView):
    """The gate, the input, one service call, the conversation as it is then."""

    takes: type[serializers.Serializer] | None = None

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        raise NotImplementedError

    def post(self, request, pk: int) -> Response:
        values: dict[str, Any] = {}
        if self.takes is not None:
            given = self.takes(data=request.data)
            given.is_valid(raise_exception=True)
            values = given.validated_data
        seen_or_404(request.user, pk)
        self.act(pk, request.user, values)
        return answer(pk)


def _documented(takes: Any, said: str):
    return extend_schema(
        tags=["conversations"], request=takes, responses={200: ConversationOut}, description=said
    )


class AssignIn(serializers.Serializer):
    """A person, a team, both, or neither: back to the queue."""

    agent = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_active=True), required=False, allow_null=True
    )
    team = serializers.PrimaryKeyRelatedField(
        queryset=Team.objects.all(), required=False, allow_null=True
    )


class Assign(_Act):
    takes = AssignIn

    @_documented(AssignIn, "Give it to a person or to a team's queue; neither: out of one's hands.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        assignment.assign(pk, values.get("agent"), values.get("team"), user)


class Accept(_Act):
    @_documented(None, "Take what is offered to me. 409 when it went to a colleague.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        assignment.accept(pk, user)


class Decline(_Act):
    @_documented(None, "Let the next person be asked.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        assignment.decline(pk, user)


class FollowIn(serializers.Serializer):
    agent = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_active=True), required=False, allow_null=True,
        help_text="A colleague; supervisors and leads only. Without: me",
    )  # fmt: skip


class Follow(_Act):
    takes = FollowIn
    follows = True

    @_documented(FollowIn, "Be told what happens here, and see it whatever its team.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        who = values.get("agent") or user
        if who.pk != user.pk:
            team_id = Conversation.objects.values_list("team_id", flat=True).get(pk=pk)
            if not leads(user, team_id):
                raise assignment.NotYours(_("Only a supervisor can do that for a colleague."))
        acts.follow(pk, who, follows=self.follows, by=user)


class Unfollow(Follow):
    follows = False

    @_documented(FollowIn, "Follow it no longer.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)


class SnoozeIn(serializers.Serializer):
    until = serializers.DateTimeField()
    wake_on_reply = serializers.BooleanField(default=True)


class Snooze(_Act):
    takes = SnoozeIn

    @_documented(SnoozeIn, "Out of the lists until then, or until the buyer writes.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.snooze(pk, values["until"], wake_on_reply=values["wake_on_reply"], by=user)


class Wake(_Act):
    @_documented(None, "Back into the lists.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.wake(pk, by=user)


class LabelsIn(serializers.Serializer):
    labels = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=50, help_text="Names"
    )


class LabelAct(_Act):
    takes = LabelsIn

    @_documented(LabelsIn, "Put labels on.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.label(pk, add=values["labels"], by=user)


class UnlabelAct(_Act):
    takes = LabelsIn

    @_documented(LabelsIn, "Take labels off.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.label(pk, remove=values["labels"], by=user)


class PriorityIn(serializers.Serializer):
    priority = serializers.ChoiceField(Conversation.Priority.choices)


class PriorityAct(_Act):
    takes = PriorityIn

    @_documented(PriorityIn, "0 normal, 1 high, 2 urgent: the more urgent is given out first.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.prioritise(pk, values["priority"], by=user)


class Unread(_Act):
    @_documented(None, "The buyer's newest message counts as not seen.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.mark_unread(pk, by=user)


class Reopen(_Act):
    @_documented(None, "Open a closed one again and answer it yourself.")
    def post(self, request, pk: int) -> Response:
        return super().post(request, pk)

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.reopen(pk, by=user)


class FollowUpIn(serializers.Serializer):
    text = serializers.CharField(max_length=4000, required=False, allow_blank=True)


class FollowUp(APIView):
    @extend_schema(tags=["acts"], request=FollowUpIn, responses={200: ConversationOut})
    def post(self, request, pk: int) -> Response:
        """Take a missed chat and write to its buyer; without a text, in prepared words."""
        conversation = seen_or_404(request.user, pk)
        given = FollowUpIn(data=request.data)
        given.is_valid(raise_exception=True)
        followup.follow_up(conversation, request.user, given.validated_data.get("text", ""))
        return answer(pk)


# ── Acts on many ─────────────────────────────────────────────────────────────────────────────
class BulkFilter(serializers.Serializer):
    """A list of the desk: a view or a saved one, and what narrows it."""

    view = serializers.ChoiceField(list(desk.VIEWS), default="all")
    saved = serializers.IntegerField(required=False)
    q = serializers.CharField(max_length=200, required=False, allow_blank=True)


class BulkIn(serializers.Serializer):
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1), required=False, max_length=bulk.AT_MOST
    )
    filter = BulkFilter(required=False)
    act = serializers.ChoiceField(sorted(actions.ACTIONS))
    params = serializers.DictField(required=False, help_text="As the act of one conversation")

    def validate(self, values: dict[str, Any]) -> dict[str, Any]:
        if ("ids" in values) == ("filter" in values):
            raise serializers.ValidationError(_("Name the chats, or a filter."))
        return values


class BulkOut(serializers.Serializer):
    job = JobOut()
    undo = serializers.CharField(help_text="For …/bulk/undo/, within a minute of the end")


class Bulk(APIView):
    @extend_schema(tags=["conversations"], request=BulkIn, responses={202: BulkOut})
    def post(self, request) -> Response:
        """One act on many conversations, as a job. What you may not see is refused row by row."""
        given = BulkIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        ids = values["ids"] if "ids" in values else self._found(request.user, values["filter"])
        job, token = bulk.bulk_start(ids, values["act"], values.get("params", {}), request.user)
        return Response({"job": JobOut(job).data, "undo": token}, status=202)

    def _found(self, user: User, asked: dict[str, Any]) -> list[int]:
        saved = None
        if pk := asked.get("saved"):
            saved = next((one for one in desk.views_of(user) if one.pk == pk), None)
            if saved is None:
                raise serializers.ValidationError({"filter": [_("There is no such list.")]})
        found = desk.in_view(user, asked["view"], saved=saved)
        if query := asked.get("q", "").strip():
            found = found.filter(desk.matching(user, query))
        return list(found.order_by("pk").values_list("pk", flat=True)[: bulk.AT_MOST])


class UndoIn(serializers.Serializer):
    token = serializers.CharField(max_length=400)


class BulkUndo(APIView):
    @extend_schema(tags=["conversations"], request=UndoIn, responses={202: JobOut})
    def post(self, request) -> Response:
        """Take a bulk act back. What somebody has moved on since stays, and is told as refused."""
        given = UndoIn(data=request.data)
        given.is_valid(raise_exception=True)
        job = bulk.undo_start(given.validated_data["token"], request.user)
        return Response(JobOut(job).data, status=202)
