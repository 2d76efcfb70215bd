"""Returns and repeats that agents have noted: what waits to be carried out, and settling it."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.models import OrderRequest
from integrations.services.order_requests import request_settle
from tenants.api.permissions import IsSupervisor
from tenants.selectors.requests import actor_of


class RequestOut(serializers.ModelSerializer):
    number = serializers.CharField(source="order.number", help_text="Of the order")

    class Meta:
        model = OrderRequest
        fields = (
            "id", "number", "kind", "state", "lines", "sum", "currency", "note", "answer",
            "created_at", "settled_at",
        )  # fmt: skip


class SettleIn(serializers.Serializer):
    is_done = serializers.BooleanField(help_text="Carried out; false: refused")
    answer = serializers.CharField(
        max_length=300, required=False, allow_blank=True, default="",
        help_text="Colleagues read it in the dialogue; the buyer does not",
    )  # fmt: skip


@extend_schema(
    tags=["orders"],
    parameters=[
        OpenApiParameter("state", str, enum=OrderRequest.State.values),
        OpenApiParameter("kind", str, enum=OrderRequest.Kind.values),
        OpenApiParameter("number", str, description="Of the order"),
    ],
)
class RequestList(generics.ListAPIView):
    """Returns and repeats, newest first."""

    serializer_class = RequestOut

    def get_queryset(self):
        asked = self.request.query_params
        names = {"state": "state", "kind": "kind", "number": "order__number"}
        given = {field: asked[name] for name, field in names.items() if asked.get(name)}
        return OrderRequest.objects.filter(**given).select_related("order").order_by("-pk")


class RequestSettle(APIView):
    permission_classes = [IsSupervisor]

    @extend_schema(tags=["orders"], request=SettleIn, responses={200: RequestOut})
    def post(self, request, pk: int) -> Response:
        """It is carried out, or refused; the dialogue where it was asked says so. The first word
        counts: one settled before is answered as it is."""
        given = SettleIn(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            settled = request_settle(pk, by=actor_of(request), **given.validated_data)
        except OrderRequest.DoesNotExist:
            raise Http404 from None
        return Response(RequestOut(settled).data)
