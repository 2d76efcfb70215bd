"""Catalogue: import, products."""

from __future__ import annotations

from django.db.models import Q
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import generics, serializers
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from integrations.models import Product, Variant
from integrations.services.catalogue import catalogue_import_start
from integrations.services.feed_file import MAX_FILE
from tenants.api.bodies import RawFile, flag, upload_save
from tenants.api.jobs import JobOut, job_answer
from tenants.api.permissions import IsSupervisor


class ImportIn(serializers.Serializer):
    """Either `file` or `url`."""

    file = serializers.FileField(required=False, help_text="YML, CSV, XLSX or CommerceML")
    url = serializers.CharField(required=False, help_text="Where we fetch the feed")
    full = serializers.BooleanField(
        default=True, help_text="Offers the feed does not name are taken off sale"
    )
    confirm = serializers.BooleanField(
        default=False, help_text="…even when that is more than half of the catalogue"
    )
    price_type = serializers.CharField(
        required=False, help_text="CommerceML: id or name of the price type"
    )


class ImportView(APIView):
    permission_classes = [IsSupervisor]
    parser_classes = [MultiPartParser, FormParser, JSONParser, RawFile]
    throttle_scope = "import"

    @extend_schema(
        tags=["catalogue"],
        operation_id="catalog_import",
        request={
            "multipart/form-data": ImportIn,
            "application/json": ImportIn,
            "application/octet-stream": OpenApiTypes.BINARY,
        },
        responses={202: JobOut},
    )
    def post(self, request) -> Response:
        """Import a catalogue: the job tells how far it is and which rows were refused."""
        stored = upload_save(request, purpose="import", limit=MAX_FILE)
        url, price_type = (
            str(request.data.get(name) or request.query_params.get(name) or "").strip()
            for name in ("url", "price_type")
        )
        job = catalogue_import_start(
            file=stored,
            url="" if stored else url,
            user=request.user,
            is_full=flag(request, "full", True),
            confirm=flag(request, "confirm", False),
            price_type=price_type[:200],
        )
        return job_answer(job)


class VariantOut(serializers.ModelSerializer):
    params = serializers.DictField(child=serializers.CharField())

    class Meta:
        model = Variant
        fields = (
            "id", "external_id", "sku", "barcode", "name", "price", "old_price", "currency",
            "is_available", "stock", "params", "url", "picture", "is_active",
        )  # fmt: skip


class ProductOut(serializers.ModelSerializer):
    category = serializers.CharField(source="category.name", default="", allow_blank=True)
    params = serializers.DictField(child=serializers.CharField())
    pictures = serializers.ListField(child=serializers.CharField())
    variants = VariantOut(many=True)

    class Meta:
        model = Product
        fields = (
            "id", "external_id", "name", "description", "vendor", "category", "url", "pictures",
            "params", "is_active", "updated_at", "variants",
        )  # fmt: skip


@extend_schema(
    tags=["catalogue"],
    parameters=[
        OpenApiParameter("q", str, description="Words of the name, an id, a code or a barcode"),
        OpenApiParameter("external_id", str, description="Exact id of a card or of an offer"),
        OpenApiParameter("category", str, description="Exact name of the category"),
        OpenApiParameter("active", bool, description="true: sold now; false: no longer sold"),
    ],
)
class ProductList(generics.ListAPIView):
    """Cards with their variants, newest first."""

    serializer_class = ProductOut

    def get_queryset(self):
        found = Product.objects.select_related("category").prefetch_related("variants")
        asked = self.request.query_params
        for word in asked.get("q", "").split()[:8]:
            found = found.filter(
                Q(name__icontains=word)
                | Q(external_id=word)
                | Q(variants__external_id=word)
                | Q(variants__sku__iexact=word)
                | Q(variants__barcode=word)
            )
        if external_id := asked.get("external_id"):
            found = found.filter(Q(external_id=external_id) | Q(variants__external_id=external_id))
        if category := asked.get("category"):
            found = found.filter(category__name__iexact=category)
        if "active" in asked:
            found = found.filter(is_active=asked["active"].lower() in ("true", "1", "yes"))
        return found.distinct()


@extend_schema(tags=["catalogue"])
class ProductDetail(generics.RetrieveAPIView):
    """One card."""

    serializer_class = ProductOut
    queryset = Product.objects.select_related("category").prefetch_related("variants")
