"""Rules, what they did, and macros."""

from __future__ import annotations

from typing import Any, cast

from django.core.exceptions import ValidationError as Refused
from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.pagination import CursorPagination
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.conversations import seen_or_404
from bots.api.times import refused, rows
from bots.models import Conversation, Macro, Rule, RuleFiring, Team
from bots.selectors.policy import of_visible
from bots.services import macros
from bots.services.rules import EVENTS, builtin_rules, rule_delete, rule_save
from bots.services.tryout import LAST, MOST, told, try_rule
from tenants.api.permissions import IsAdmin, IsSupervisor, MemberReadsAdminWrites
from tenants.kernel.text import whole
from tenants.workspace.models import User


class RuleIn(serializers.ModelSerializer):
    event = serializers.ChoiceField(sorted(EVENTS), required=False)
    when = rows("Conditions: {field, op, value}; all have to hold")
    then = rows("Acts in their order: {act, …}")
    silence_s = serializers.IntegerField(min_value=0, max_value=30 * 86_400, required=False)

    class Meta:
        model = Rule
        fields = (
            "id", "name", "is_on", "position", "event", "silence_s", "when", "then", "builtin",
            "on_since",
        )  # fmt: skip
        read_only_fields = ("builtin", "on_since")


def _rule(rule: Rule | None, values: dict[str, Any]) -> Rule:
    try:
        return rule_save(rule, **values)
    except Refused as error:
        raise refused(error) from error


class RuleList(APIView):
    permission_classes = [MemberReadsAdminWrites]

    @extend_schema(tags=["automation"], responses={200: RuleIn(many=True)})
    def get(self, request) -> Response:
        """Rules in their order, the engine's own among them."""
        builtin_rules()
        return Response(RuleIn(Rule.objects.all(), many=True).data)

    @extend_schema(tags=["automation"], request=RuleIn, responses={201: RuleIn})
    def post(self, request) -> Response:
        """Make one; it is switched off until you say."""
        given = RuleIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(RuleIn(_rule(None, given.validated_data)).data, status=201)


class RuleDetail(APIView):
    permission_classes = [MemberReadsAdminWrites]
    queryset = Rule.objects.all()

    @extend_schema(tags=["automation"], responses={200: RuleIn})
    def get(self, request, pk: int) -> Response:
        """One rule."""
        return Response(RuleIn(get_object_or_404(Rule, pk=pk)).data)

    @extend_schema(tags=["automation"], request=RuleIn(partial=True), responses={200: RuleIn})
    def patch(self, request, pk: int) -> Response:
        """Change it, switch it on or off."""
        found = get_object_or_404(Rule, pk=pk)
        given = RuleIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        return Response(RuleIn(_rule(found, given.validated_data)).data)

    @extend_schema(tags=["automation"], responses={204: None})
    def delete(self, request, pk: int) -> Response:
        """Forget it; what it did stays in the log. A built-in one is only switched off."""
        try:
            rule_delete(get_object_or_404(Rule, pk=pk))
        except Refused as error:
            raise refused(error) from error
        return Response(status=204)


class TryIn(serializers.Serializer):
    last = serializers.IntegerField(min_value=1, max_value=MOST, default=LAST)


class RuleTry(APIView):
    permission_classes = [IsAdmin]
    queryset = Rule.objects.all()

    @extend_schema(tags=["automation"], request=TryIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """In which of the last episodes it would have fired; nothing is changed."""
        found = get_object_or_404(Rule, pk=pk)
        given = TryIn(data=request.data)
        given.is_valid(raise_exception=True)
        return Response(told(try_rule(found, given.validated_data["last"]), found.then))


class FiringOut(serializers.ModelSerializer):
    class Meta:
        model = RuleFiring
        fields = ("id", "rule", "conversation", "at", "outcome", "detail")


class Newest(CursorPagination):
    ordering = "-id"
    page_size_query_param = "page_size"
    max_page_size = 200


@extend_schema(
    tags=["automation"],
    parameters=[
        OpenApiParameter("rule", int),
        OpenApiParameter("conversation", int),
        OpenApiParameter("outcome", str, enum=RuleFiring.Outcome.values),
    ],
)
class FiringList(generics.ListAPIView):
    """What rules did in conversations you may see, the newest first; kept 90 days."""

    permission_classes = [IsSupervisor]
    serializer_class = FiringOut
    pagination_class = Newest
    queryset = RuleFiring.objects.none()

    def get_queryset(self) -> QuerySet[RuleFiring]:
        asked = self.request.query_params
        found = of_visible(cast(User, self.request.user), RuleFiring.objects.all())
        for name in ("rule", "conversation"):
            if value := asked.get(name):
                found = found.filter(**{name: whole(value) or 0})
        if value := asked.get("outcome"):
            found = found.filter(outcome=value)
        return found


# ── Macros ───────────────────────────────────────────────────────────────────────────────────
class MacroIn(serializers.Serializer):
    name = serializers.CharField(max_length=80)
    then = rows("Acts in their order: {act, …}")
    is_personal = serializers.BooleanField(default=True, help_text="For me alone")
    team = serializers.PrimaryKeyRelatedField(
        queryset=Team.objects.all(), required=False, allow_null=True, help_text="For a team"
    )
    position = serializers.IntegerField(required=False, min_value=0, max_value=1000, default=0)


def macro_out(macro: Macro, user: Any) -> dict[str, Any]:
    """`lasting`: acts that cannot be undone, to be said before the press."""
    return {
        "id": macro.pk,
        "name": macro.name,
        "then": macro.then,
        "is_personal": macro.owner_id is not None,
        "team": macro.team_id,
        "position": macro.position,
        "lasting": macros.lasting(macro.then),
        "may_change": macros.may_change(user, macro),
    }


def _macro(request, macro: Macro | None) -> Macro:
    given = MacroIn(data=request.data)
    given.is_valid(raise_exception=True)
    values = given.validated_data
    try:
        return macros.macro_save(
            macro, by=request.user, name=values["name"], then=values.get("then") or [],
            owner=request.user if values["is_personal"] else None, team=values.get("team"),
            position=values["position"],
        )  # fmt: skip
    except Refused as error:
        raise refused(error) from error


class MacroList(APIView):
    @extend_schema(tags=["automation"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """Macros I may use: my own, my teams', everybody's."""
        found = macros.macros_of(request.user)
        return Response([macro_out(one, request.user) for one in found])

    @extend_schema(tags=["automation"], request=MacroIn, responses={201: OpenApiTypes.OBJECT})
    def post(self, request) -> Response:
        """Keep one: my own; a team's by its lead, everybody's by a supervisor."""
        return Response(macro_out(_macro(request, None), request.user), status=201)


class MacroDetail(APIView):
    queryset = Macro.objects.all()

    def _found(self, request, pk: int) -> Macro:
        found = macros.macros_of(request.user).filter(pk=pk).first()
        if found is None:
            raise Http404
        if not macros.may_change(request.user, found):
            raise PermissionDenied(_("This macro is not yours to change."))
        return found

    @extend_schema(tags=["automation"], request=MacroIn, responses={200: OpenApiTypes.OBJECT})
    def put(self, request, pk: int) -> Response:
        """Change it."""
        return Response(macro_out(_macro(request, self._found(request, pk)), request.user))

    @extend_schema(tags=["automation"], responses={204: None})
    def delete(self, request, pk: int) -> Response:
        """Forget it."""
        self._found(request, pk).delete()
        return Response(status=204)


class RunIn(serializers.Serializer):
    macro = serializers.IntegerField()


class MacroRunView(APIView):
    queryset = Conversation.objects.all()

    @extend_schema(tags=["automation"], request=RunIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """Do all of a macro here, or nothing of it: `undo` is the number of the press."""
        given = RunIn(data=request.data)
        given.is_valid(raise_exception=True)
        seen_or_404(request.user, pk)
        found = macros.macros_of(request.user).filter(pk=given.validated_data["macro"]).first()
        if found is None:
            raise Http404
        run = macros.macro_run(found, pk, request.user)
        return Response({"undo": run.pk, "lasting": macros.lasting(found.then)})


class MacroUndo(APIView):
    @extend_schema(tags=["automation"], request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """Take a press of mine back; `left` are acts somebody has moved on since."""
        undone = macros.run_undo(pk, request.user)
        return Response({"changed": undone.changed, "left": undone.left})
