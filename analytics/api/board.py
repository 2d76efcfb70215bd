"""The live board of who leads teams: numbers, the lists behind them, whispers, rebalancing."""

from __future__ import annotations

import uuid
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.response import Response
from rest_framework.views import APIView

from analytics.selectors.board import LISTS, NOTED, board, lists, seen, short_ids, today_ids
from analytics.selectors.scope import Scope, scope_of
from analytics.services.rebalance import AT_MOST, plan, rebalance
from bots.api.conversations import MessageOut, seen_or_404
from bots.selectors.policy import visible
from bots.selectors.rows import row_of, rows_ready
from bots.services.whispers import whisper
from tenants.api.jobs import JobOut
from tenants.selectors.requests import merchant_here

ROWS_AT_MOST = 200


def _scope(request) -> Scope:
    if not (scope := scope_of(request.user)):
        raise PermissionDenied(_("The board is for those who lead a team."))
    return scope


def _zone(request) -> ZoneInfo:
    return ZoneInfo(merchant_here(request).time_zone)


class BoardView(APIView):
    @extend_schema(tags=["board"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """What happens at this minute in the teams you lead. The main team is 0."""
        return Response(board(_scope(request), request.user, _zone(request)))


class ListIn(serializers.Serializer):
    what = serializers.ChoiceField(list(LISTS))
    team = serializers.IntegerField(required=False, min_value=0)
    agent = serializers.IntegerField(required=False, min_value=1)
    channel = serializers.IntegerField(required=False, min_value=1)
    reason = serializers.SlugField(required=False, max_length=24, help_text="Of “handed”: why")


class BoardList(APIView):
    @extend_schema(tags=["board"], parameters=[ListIn], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """The dialogues behind a number of the board, the longest waiting first."""
        scope = _scope(request)
        asked = ListIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        given: dict[str, Any] = asked.validated_data
        mine = visible(request.user)
        found = seen(scope).filter(pk__in=mine.values("pk"))
        if given["what"] in (*NOTED, "closed_alone"):  # of today, closed ones, too
            ids = today_ids(scope, _zone(request), given["what"], given.get("reason", ""))
            found = mine.filter(pk__in=ids)
        elif given["what"] == "short":
            ids = short_ids(scope, request.user, _zone(request), given.get("team"))
            found = found.filter(pk__in=ids)
        else:
            found = found.filter(lists(timezone.now())[given["what"]])
            if (team := given.get("team")) is not None:
                found = found.filter(
                    Scope(teams=frozenset({team}), default=scope.default).conversations()
                )
        for name in ("agent", "channel"):
            if (pk := given.get(name)) is not None:
                found = found.filter(**{name: pk})
        order = (F("waiting_since").asc(nulls_last=True), "pk")
        shown = rows_ready(found, request.user).order_by(*order)[:ROWS_AT_MOST]
        rows = [row_of(row) for row in shown]
        return Response({"rows": rows, "total": found.count()})


class MoveIn(serializers.Serializer):
    conversation = serializers.IntegerField(min_value=1)
    to = serializers.IntegerField(min_value=1)


class RebalanceIn(serializers.Serializer):
    moves = serializers.ListField(child=MoveIn(), max_length=AT_MOST)


class TeamIn(serializers.Serializer):
    team = serializers.IntegerField(required=False, min_value=0)


class Rebalance(APIView):
    @extend_schema(tags=["board"], parameters=[TeamIn], responses={200: OpenApiTypes.OBJECT})
    def get(self, request) -> Response:
        """Which unanswered chats would go to whom. Nothing is moved by looking."""
        scope = _scope(request)
        asked = TeamIn(data=request.query_params)
        asked.is_valid(raise_exception=True)
        moves = plan(scope, request.user, asked.validated_data.get("team"))
        return Response({"moves": [one.shown() for one in moves]})

    @extend_schema(tags=["board"], request=RebalanceIn, responses={202: JobOut})
    def post(self, request) -> Response:
        """Move what was shown, as a job; `undo` goes to `/conversations/bulk/undo/`."""
        scope = _scope(request)
        given = RebalanceIn(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = {one["conversation"]: one["to"] for one in given.validated_data["moves"]}
        job, undo = rebalance(scope, request.user, wanted)
        return Response({**JobOut(job).data, "undo": undo}, status=202)


class WhisperIn(serializers.Serializer):
    text = serializers.CharField(max_length=4000)
    client_key = serializers.CharField(max_length=64, required=False)


class Whisper(APIView):
    @extend_schema(tags=["conversations"], request=WhisperIn, responses={201: MessageOut})
    def post(self, request, pk: int) -> Response:
        """A note for whoever answers this buyer now, and for nobody else."""
        given = WhisperIn(data=request.data)
        given.is_valid(raise_exception=True)
        seen_or_404(request.user, pk)
        message = whisper(
            conversation_id=pk,
            by=request.user,
            text=given.validated_data["text"],
            client_key=given.validated_data.get("client_key") or uuid.uuid4().hex,
        )
        return Response(MessageOut(message).data, status=201)
