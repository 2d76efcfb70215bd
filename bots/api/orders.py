"""What an agent does with the order of whoever writes: look first, then do."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from drf_spectacular.utils import OpenApiTypes, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.conversations import MessageOut, seen_or_404
from bots.services import order_acts
from integrations.api.order_requests import RequestOut

LINES = 200


class WantedIn(serializers.Serializer):
    line = serializers.IntegerField(
        min_value=0, max_value=LINES, help_text="Its place in the order"
    )
    qty = serializers.DecimalField(max_digits=10, decimal_places=3, min_value=Decimal(0))


class OrderLookIn(serializers.Serializer):
    number = serializers.CharField(max_length=64)
    kind = serializers.ChoiceField(order_acts.KINDS)
    lines = serializers.ListField(
        child=WantedIn(), required=False, max_length=LINES,
        help_text="Without: all that may be asked for",
    )  # fmt: skip


class OrderActIn(OrderLookIn):
    mark = serializers.CharField(max_length=32, help_text="Of the order as it was looked at")
    text = serializers.CharField(
        max_length=20_000, required=False, allow_blank=True, default="",
        help_text="To the buyer; empty: nothing is written to them",
    )  # fmt: skip
    note = serializers.CharField(max_length=2000, required=False, allow_blank=True, default="")
    client_key = serializers.CharField(max_length=64)


class OrderActOut(serializers.Serializer):
    request = RequestOut(allow_null=True)
    message = MessageOut(allow_null=True)


def _wanted(values: dict[str, Any]) -> dict[int, Decimal]:
    return {one["line"]: one["qty"] for one in values.get("lines", ())}


class OrderLook(APIView):
    @extend_schema(
        tags=["conversations"], request=OrderLookIn, responses={200: OpenApiTypes.OBJECT}
    )
    def post(self, request, pk: int) -> Response:
        """What would be done: goods, sums, doubts, the buyer's words, the order's `mark`."""
        talk = seen_or_404(request.user, pk)
        given = OrderLookIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        return Response(
            order_acts.order_look(
                user=request.user,
                talk=talk,
                number=values["number"],
                kind=values["kind"],
                wanted=_wanted(values) if "lines" in values else None,
            )
        )


class OrderAct(APIView):
    @extend_schema(
        tags=["conversations"],
        request=OrderActIn,
        responses={201: OrderActOut, 200: OrderActOut},
    )
    def post(self, request, pk: int) -> Response:
        """Tell the buyer where it is, or note a return or a repeat: 201 done, 200 it was done by
        that key before. 404 for an order that this buyer has not proven to be theirs."""
        talk = seen_or_404(request.user, pk)
        given = OrderActIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        wanted = _wanted(values)
        values.pop("lines", None)
        done = order_acts.order_act(user=request.user, talk=talk, wanted=wanted, **values)
        return Response(OrderActOut(done).data, status=201 if done["is_new"] else 200)
