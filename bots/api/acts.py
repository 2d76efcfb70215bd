"""Acts on one conversation: to whom it goes, what it is marked with, when it comes back."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.conversations import ConversationOut, answer, seen_or_404
from bots.models import Conversation, Team
from bots.selectors.policy import leads
from bots.services import acts, assignment, followup
from tenants.workspace.models import User


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


def _documented(takes: type[serializers.Serializer] | None, said: str):
    """What the one method of an act is called in the API's description."""
    told = extend_schema(
        tags=["conversations"], request=takes, responses={200: ConversationOut}, description=said
    )
    return extend_schema_view(post=told)


class AssignIn(serializers.Serializer):
    """A person, a team, both, or neither: back to the queue."""

    agent = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_active=True), required=False, allow_null=True
    )
    team = serializers.PrimaryKeyRelatedField(
        queryset=Team.objects.all(), required=False, allow_null=True
    )


@_documented(AssignIn, "Give it to a person or to a team's queue; neither: out of one's hands.")
class Assign(_Act):
    takes = AssignIn

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        assignment.assign(pk, values.get("agent"), values.get("team"), user)


@_documented(None, "Take what is offered to me. 409 when it went to a colleague.")
class Accept(_Act):
    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        assignment.accept(pk, user)


@_documented(None, "Let the next person be asked.")
class Decline(_Act):
    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        assignment.decline(pk, user)


class FollowIn(serializers.Serializer):
    agent = serializers.PrimaryKeyRelatedField(
        queryset=User.objects.filter(is_active=True), required=False, allow_null=True,
        help_text="A colleague; supervisors and leads only. Without: me",
    )  # fmt: skip


@_documented(FollowIn, "Be told what happens here, and see it whatever its team.")
class Follow(_Act):
    takes = FollowIn
    follows = True

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        who = values.get("agent") or user
        if who.pk != user.pk:
            team_id = Conversation.objects.values_list("team_id", flat=True).get(pk=pk)
            if not leads(user, team_id):
                raise assignment.NotYours(_("Only a supervisor can do that for a colleague."))
        acts.follow(pk, who, follows=self.follows, by=user)


@_documented(FollowIn, "Follow it no longer.")
class Unfollow(Follow):
    follows = False


class SnoozeIn(serializers.Serializer):
    until = serializers.DateTimeField()
    wake_on_reply = serializers.BooleanField(default=True)


@_documented(SnoozeIn, "Out of the lists until then, or until the buyer writes.")
class Snooze(_Act):
    takes = SnoozeIn

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.snooze(pk, values["until"], wake_on_reply=values["wake_on_reply"], by=user)


@_documented(None, "Back into the lists.")
class Wake(_Act):
    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.wake(pk, by=user)


class LabelsIn(serializers.Serializer):
    labels = serializers.ListField(
        child=serializers.CharField(max_length=40), max_length=50, help_text="Names"
    )


@_documented(LabelsIn, "Put labels on.")
class LabelAct(_Act):
    takes = LabelsIn

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.label(pk, add=values["labels"], by=user)


@_documented(LabelsIn, "Take labels off.")
class UnlabelAct(_Act):
    takes = LabelsIn

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.label(pk, remove=values["labels"], by=user)


class PriorityIn(serializers.Serializer):
    priority = serializers.ChoiceField(Conversation.Priority.choices)


@_documented(PriorityIn, "0 normal, 1 high, 2 urgent: the more urgent is given out first.")
class PriorityAct(_Act):
    takes = PriorityIn

    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.prioritise(pk, values["priority"], by=user)


@_documented(None, "The buyer's newest message counts as not seen.")
class Unread(_Act):
    def act(self, pk: int, user: User, values: dict[str, Any]) -> None:
        acts.mark_unread(pk, by=user)


@_documented(None, "Open a closed one again and answer it yourself.")
class Reopen(_Act):
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
