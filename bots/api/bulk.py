"""One act on many conversations, and taking it back."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.selectors import desk
from bots.services import actions, bulk
from tenants.api.jobs import JobOut
from tenants.workspace.models import User


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
