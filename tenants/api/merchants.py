"""Merchants, for programs of the platform and of partners; on their hosts, not on a merchant's."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.api.jobs import JobOut
from tenants.kernel.context import merchant_context
from tenants.models import Merchant, Partner
from tenants.selectors.hosts import primary_host, url_of
from tenants.selectors.requests import actor_of
from tenants.selectors.scope import is_boss, scope_of
from tenants.services.audit import audit
from tenants.services.export import KIND, export_open, merchant_export_start
from tenants.services.merchants import (
    merchant_create,
    merchant_delete,
    merchant_delete_cancel,
    merchant_owner,
    merchant_rename,
    merchant_resume,
    merchant_suspend,
)
from tenants.services.tokens import token_create
from tenants.workspace.models import Job, StoredFile


class SetsUp(BasePermission):
    """Owner or administrator of the platform, or of a partner."""

    def has_permission(self, request: Any, view: Any) -> bool:
        return is_boss(request)


class MerchantIn(serializers.Serializer):
    slug = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=120)
    email = serializers.EmailField()
    password = serializers.CharField(max_length=200, trim_whitespace=False)
    partner = serializers.SlugField(max_length=40, required=False)
    host = serializers.CharField(max_length=253, required=False, default="")
    language = serializers.ChoiceField(choices=["ru", "en"], required=False, default="")


class RenameIn(serializers.Serializer):
    """What is left out stays. A new short name moves the host below the partner's with it."""

    name = serializers.CharField(max_length=120, required=False)
    slug = serializers.CharField(max_length=40, required=False)
    host = serializers.CharField(max_length=253, required=False)

    def to_internal_value(self, data: Any) -> Any:
        unknown = set(data) - set(self.fields) if isinstance(data, dict) else set()
        if unknown:
            raise serializers.ValidationError(
                {one: [_("This cannot be changed here.")] for one in sorted(unknown)}
            )
        return super().to_internal_value(data)


class ReasonIn(serializers.Serializer):
    reason = serializers.CharField(max_length=200)


class ConfirmIn(serializers.Serializer):
    confirm = serializers.CharField(
        max_length=40, help_text="The merchant's short name, as a person would type it"
    )


class MerchantOut(serializers.Serializer):
    """`host` and `admin`: where its people log in."""

    id = serializers.IntegerField()
    slug = serializers.CharField()
    name = serializers.CharField()
    partner = serializers.CharField(allow_null=True)
    host = serializers.CharField()
    admin = serializers.CharField()
    language = serializers.CharField()
    state = serializers.ChoiceField(choices=Merchant.State.choices)
    state_reason = serializers.CharField(allow_blank=True)
    delete_after = serializers.DateTimeField(
        allow_null=True, help_text="While it is being deleted: when everything is erased"
    )
    created_at = serializers.DateTimeField()


class MerchantMade(MerchantOut):
    token = serializers.CharField(help_text="API token of its owner, shown once")


class MerchantPage(serializers.Serializer):
    results = MerchantOut(many=True)
    before = serializers.IntegerField(
        allow_null=True, help_text="For `?before=` of the next page; null: this is the last"
    )


class ExportOut(JobOut):
    """A job; `file` is where its archive is, once it is done and while it is kept."""

    file = serializers.SerializerMethodField()

    class Meta(JobOut.Meta):
        fields = (*JobOut.Meta.fields, "file")
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.STR)
    def get_url(self, job: Job) -> str:
        return reverse("partner_api:export", args=[job.params["merchant"], job.pk])

    @extend_schema_field({"type": "string", "nullable": True})
    def get_file(self, job: Job) -> str | None:
        if job.state != Job.State.DONE or not job.result.get("file"):
            return None
        return reverse("partner_api:export_file", args=[job.params["merchant"], job.pk])


def merchants_in_scope(request: Any) -> QuerySet[Merchant]:
    found = Merchant.objects.exclude(state=Merchant.State.SPARE).select_related("partner")
    scope = scope_of(request)
    return found if scope is None else found.filter(partner=scope)


def merchant_out(merchant: Merchant) -> dict[str, Any]:
    host = primary_host(merchant)
    return {
        "id": merchant.pk,
        "slug": merchant.slug,
        "name": merchant.name,
        "partner": merchant.partner.slug if merchant.partner else None,
        "host": host,
        "admin": url_of(host, "/admin/"),
        "language": merchant.language,
        "state": merchant.state,
        "state_reason": merchant.state_reason,
        "delete_after": merchant.delete_after,
        "created_at": merchant.created_at,
    }


class MerchantList(APIView):
    """GET: the merchants of whoever asks, newest first. POST: one more, ready at once."""

    permission_classes = [SetsUp]
    PAGE = 100

    @extend_schema(
        tags=["merchants"],
        operation_id="merchants_list",
        parameters=[OpenApiParameter("slug", str), OpenApiParameter("before", int)],
        responses=MerchantPage,
    )
    def get(self, request: Request) -> Response:
        """`?slug=` one of them; `?before=<id>` the next page."""
        found = merchants_in_scope(request).order_by("-pk")
        if slug := request.query_params.get("slug"):
            found = found.filter(slug=slug)
        if (before := request.query_params.get("before", "")).isdecimal() and len(before) < 19:
            found = found.filter(pk__lt=int(before))
        rows = list(found[: self.PAGE + 1])
        page = rows[: self.PAGE]
        more = page[-1].pk if len(rows) > len(page) else None
        return Response({"results": [merchant_out(row) for row in page], "before": more})

    @extend_schema(tags=["merchants"], request=MerchantIn, responses={201: MerchantMade})
    def post(self, request: Request) -> Response:
        """Besides the merchant: `token`, its owner's API token, shown once."""
        given = MerchantIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        partner = self._partner(request, values.pop("partner", ""))
        merchant = merchant_create(**values, partner=partner, actor=actor_of(request))
        owner = merchant_owner(merchant)
        with merchant_context(merchant.schema_name):
            token = token_create(user=owner, name="API")
            audit("token.created", "token:API", actor=actor_of(request).email)
        answer = {**merchant_out(merchant), "token": token}
        return Response(answer, status=status.HTTP_201_CREATED)

    @staticmethod
    def _partner(request: Any, slug: str) -> Partner | None:
        """None: the platform itself."""
        found = Partner.objects.filter(is_active=True)
        if (scope := scope_of(request)) is not None:
            found = found.filter(pk=scope)
            if not slug:
                return get_object_or_404(found)
        elif not slug:
            return None
        if (partner := found.filter(slug=slug).first()) is None:
            raise serializers.ValidationError({"partner": [_("There is no such partner.")]})
        return partner


class MerchantDetail(APIView):
    permission_classes = [SetsUp]

    @extend_schema(tags=["merchants"], responses=MerchantOut)
    def get(self, request: Request, pk: int) -> Response:
        """One merchant."""
        return Response(merchant_out(_merchant(request, pk)))

    @extend_schema(tags=["merchants"], request=RenameIn, responses=MerchantOut)
    def patch(self, request: Request, pk: int) -> Response:
        """Rename: what people see, the short name, the host. Old addresses stop at once."""
        merchant = _merchant(request, pk)
        given = RenameIn(data=request.data)
        given.is_valid(raise_exception=True)
        if given.validated_data:
            merchant_rename(merchant, **given.validated_data, actor=actor_of(request))
        return Response(merchant_out(merchant))


class MerchantSuspend(APIView):
    permission_classes = [SetsUp]

    @extend_schema(tags=["merchants"], request=ReasonIn, responses=MerchantOut)
    def post(self, request: Request, pk: int) -> Response:
        """Its hosts show a plain page, its bots are silent; nothing is lost."""
        merchant = _merchant(request, pk)
        given = ReasonIn(data=request.data)
        given.is_valid(raise_exception=True)
        reason = given.validated_data["reason"]
        merchant_suspend(merchant, reason=reason, actor=actor_of(request))
        return Response(merchant_out(merchant))


class MerchantResume(APIView):
    permission_classes = [SetsUp]

    @extend_schema(tags=["merchants"], request=None, responses=MerchantOut)
    def post(self, request: Request, pk: int) -> Response:
        """Serve again, after a suspension or inside the grace period of a deletion."""
        merchant = _merchant(request, pk)
        merchant_resume(merchant, actor=actor_of(request))
        return Response(merchant_out(merchant))


class MerchantDeletion(APIView):
    permission_classes = [SetsUp]

    @extend_schema(tags=["merchants"], request=ConfirmIn, responses={202: MerchantOut})
    def post(self, request: Request, pk: int) -> Response:
        """Stop serving now, erase everything at `delete_after`, 14 days from now."""
        merchant = _merchant(request, pk)
        given = ConfirmIn(data=request.data)
        given.is_valid(raise_exception=True)
        merchant_delete(merchant, confirm=given.validated_data["confirm"], actor=actor_of(request))
        return Response(merchant_out(merchant), status=status.HTTP_202_ACCEPTED)

    @extend_schema(tags=["merchants"], responses={200: MerchantOut})
    def delete(self, request: Request, pk: int) -> Response:
        """Call the deletion off: the merchant is as it was, suspended where it was suspended."""
        merchant = _merchant(request, pk)
        merchant_delete_cancel(merchant, actor=actor_of(request))
        return Response(merchant_out(merchant))


class MerchantExports(APIView):
    permission_classes = [SetsUp]

    @extend_schema(
        tags=["merchants"], operation_id="merchants_exports_list", responses=ExportOut(many=True)
    )
    def get(self, request: Request, pk: int) -> Response:
        """The latest archives, newest first. Three are kept."""
        found = _exports(_merchant(request, pk))[:10]
        return Response(ExportOut(found, many=True).data)

    @extend_schema(tags=["merchants"], request=None, responses={202: ExportOut})
    def post(self, request: Request, pk: int) -> Response:
        """Everything of the merchant in one archive: a job. One that is under way is answered."""
        job = merchant_export_start(_merchant(request, pk), actor=actor_of(request))
        body = ExportOut(job).data
        return Response(
            body, status=status.HTTP_202_ACCEPTED, headers={"Location": str(body["url"])}
        )


class MerchantExport(APIView):
    permission_classes = [SetsUp]

    @extend_schema(tags=["merchants"], responses=ExportOut)
    def get(self, request: Request, pk: int, job_id: int) -> Response:
        """How far an archive is."""
        return Response(ExportOut(_export(request, pk, job_id)).data)


class MerchantExportFile(APIView):
    permission_classes = [SetsUp]

    @extend_schema(tags=["merchants"], responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request, pk: int, job_id: int) -> FileResponse:
        """The archive itself."""
        job = _export(request, pk, job_id)
        merchant = _merchant(request, pk)
        try:
            name, archive = export_open(job, merchant)
        except (StoredFile.DoesNotExist, OSError):
            raise NotFound from None
        audit("merchant.export_fetched", f"merchant:{merchant.slug}",
              actor=actor_of(request), job=job.pk)  # fmt: skip
        return FileResponse(
            archive, as_attachment=True, filename=name, content_type="application/zip"
        )


def _exports(merchant: Merchant) -> QuerySet[Job]:
    return Job.objects.filter(kind=KIND, params__merchant=merchant.pk).order_by("-pk")


def _export(request: Any, pk: int, job_id: int) -> Job:
    if (found := _exports(_merchant(request, pk)).filter(pk=job_id).first()) is None:
        raise NotFound
    return found


def _merchant(request: Any, pk: int) -> Merchant:
    """Raises NotFound for another partner's, as for one that is not there."""
    if (found := merchants_in_scope(request).filter(pk=pk).first()) is None:
        raise NotFound
    return found
