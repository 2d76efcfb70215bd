"""Orders: import, list."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.exceptions import ParseError
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.models import Order, OrderLine, Parcel
from integrations.services.orders import orders_import
from tenants.api.filters import updated_since
from tenants.api.jobs import JobOut, job_url
from tenants.api.permissions import IsSupervisor
from tenants.kernel.phones import phone_normalised
from tenants.workspace.models import Job

LIMIT = 5_000


class LineIn(serializers.Serializer):
    offer_id = serializers.CharField(required=False)
    name = serializers.CharField(required=False)
    qty = serializers.DecimalField(max_digits=10, decimal_places=3, required=False)
    price = serializers.DecimalField(max_digits=14, decimal_places=2)


class DeliveryIn(serializers.Serializer):
    service = serializers.CharField(required=False)
    track = serializers.CharField(required=False)
    eta = serializers.DateField(required=False)
    address = serializers.CharField(required=False)
    cost = serializers.DecimalField(max_digits=12, decimal_places=2, required=False)


class OrderIn(serializers.Serializer):
    """Describes the shape; numbers may also be texts as people write them ("1 990,50 ₽")."""

    number = serializers.CharField()
    name = serializers.CharField(required=False)
    phone = serializers.CharField(required=False)
    email = serializers.CharField(required=False)
    status = serializers.CharField(required=False)
    items = LineIn(many=True, required=False)
    sum = serializers.DecimalField(max_digits=14, decimal_places=2, required=False)
    currency = serializers.CharField(required=False, default="RUB")
    delivery = DeliveryIn(required=False)
    created = serializers.DateTimeField(required=False)


class OrdersReportOut(JobOut):
    """A job that is done already, with what became of the rows."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()

    class Meta(JobOut.Meta):
        fields = (*JobOut.Meta.fields, "created", "updated", "unchanged")
        read_only_fields = fields


class OrdersImport(APIView):
    permission_classes = [IsSupervisor]
    throttle_scope = "import"

    @extend_schema(
        tags=["orders"],
        operation_id="orders_import",
        request=OrderIn(many=True),
        responses={200: OrdersReportOut},
    )
    def post(self, request) -> Response:
        """Take a list of orders; a number that is known already is brought up to date.

        A bad row is told in `errors` and the rest is taken.
        """
        rows = request.data
        if isinstance(rows, dict) and isinstance(rows.get("orders"), list):
            rows = rows["orders"]
        elif isinstance(rows, dict):
            rows = [rows]
        if not isinstance(rows, list):
            raise ParseError(_("A list of orders is expected."))
        if len(rows) > LIMIT:
            raise ParseError(_("At most %s orders at once: send them in parts.") % LIMIT)
        report = orders_import(rows)
        job = Job(kind="orders.import", user_id=request.user.pk)
        job.start(total=len(rows))
        for error in report.errors:
            job.refuse(**error)
        job.done = len(rows)
        figures = {name: getattr(report, name) for name in ("created", "updated", "unchanged")}
        job.finish(**figures)
        body = {**JobOut(job).data, **figures}
        return Response(body, headers={"Location": job_url(job)})


class LineOut(serializers.ModelSerializer):
    class Meta:
        model = OrderLine
        fields = ("offer_id", "name", "qty", "price")


class ParcelOut(serializers.ModelSerializer):
    class Meta:
        model = Parcel
        fields = ("service", "track", "eta", "address", "cost")


class OrderOut(serializers.ModelSerializer):
    items = LineOut(many=True, source="lines")
    delivery = serializers.SerializerMethodField()
    created = serializers.DateTimeField(source="placed_at")

    class Meta:
        model = Order
        fields = (
            "id", "number", "status", "status_text", "name", "phone", "email", "sum", "currency",
            "items", "delivery", "created", "updated_at",
        )  # fmt: skip

    @extend_schema_field(ParcelOut(allow_null=True))
    def get_delivery(self, order: Order) -> dict[str, Any] | None:
        parcel = getattr(order, "parcel", None)
        return dict(ParcelOut(parcel).data) if parcel else None


@extend_schema(
    tags=["orders"],
    parameters=[
        OpenApiParameter("number", str),
        OpenApiParameter("phone", str, description="In any spelling"),
        OpenApiParameter("email", str),
        OpenApiParameter("status", str, enum=Order.Status.values),
        OpenApiParameter("updated_since", str, description="ISO 8601 with an offset"),
    ],
)
class OrderList(generics.ListAPIView):
    """Orders, newest first."""

    serializer_class = OrderOut

    def get_queryset(self):
        found = Order.objects.select_related("parcel").prefetch_related("lines")
        asked = self.request.query_params
        if number := asked.get("number"):
            found = found.filter(number=number)
        if phone := asked.get("phone"):
            found = found.filter(phone=phone_normalised(phone) or "-")
        if email := asked.get("email"):
            found = found.filter(email=email.lower())
        if status := asked.get("status"):
            found = found.filter(status=status)
        return updated_since(found, self.request)


@extend_schema(tags=["orders"])
class OrderDetail(generics.RetrieveAPIView):
    """One order."""

    serializer_class = OrderOut
    queryset = Order.objects.select_related("parcel").prefetch_related("lines")
