"""Merchants, for programs of the platform and of partners; on their hosts, not on a merchant's."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tenants.kernel.context import merchant_context
from tenants.models import Merchant, Partner
from tenants.selectors.hosts import primary_host, url_of
from tenants.selectors.requests import actor_of
from tenants.selectors.scope import is_boss, scope_of
from tenants.services.audit import audit
from tenants.services.merchants import (
    merchant_create,
    merchant_owner,
    merchant_resume,
    merchant_suspend,
)
from tenants.services.tokens import token_create


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


class ReasonIn(serializers.Serializer):
    reason = serializers.CharField(max_length=200)


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

    def get(self, request: Request, pk: int) -> Response:
        return Response(merchant_out(_merchant(request, pk)))


class MerchantSuspend(APIView):
    """`{"reason"}`. Its hosts show a plain page, its bots are silent; nothing is lost."""

    permission_classes = [SetsUp]

    def post(self, request: Request, pk: int) -> Response:
        merchant = _merchant(request, pk)
        given = ReasonIn(data=request.data)
        given.is_valid(raise_exception=True)
        reason = given.validated_data["reason"]
        merchant_suspend(merchant, reason=reason, actor=actor_of(request))
        return Response(merchant_out(merchant))


class MerchantResume(APIView):
    """After a suspension, or inside the grace period of a deletion."""

    permission_classes = [SetsUp]

    def post(self, request: Request, pk: int) -> Response:
        merchant = _merchant(request, pk)
        merchant_resume(merchant, actor=actor_of(request))
        return Response(merchant_out(merchant))


def _merchant(request: Any, pk: int) -> Merchant:
    """Raises NotFound for another partner's, as for one that is not there."""
    if (found := merchants_in_scope(request).filter(pk=pk).first()) is None:
        raise NotFound
    return found
