"""Bots and talking to one without a buyer."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.engine.base import Asker, Decision, Said
from bots.models import Bot, Identity
from bots.services.preview import preview
from bots.services.reviews import Review, review_preview
from tenants.kernel.phones import phone_normalised


class BotOut(serializers.ModelSerializer):
    version = serializers.IntegerField(
        source="published.number", default=None, allow_null=True, help_text="The one that answers"
    )

    class Meta:
        model = Bot
        fields = ("id", "name", "language", "is_active", "greeting", "version", "created_at")


@extend_schema(tags=["bots"])
class BotList(generics.ListAPIView):
    """The merchant's bots."""

    serializer_class = BotOut
    queryset = Bot.objects.select_related("published")


@extend_schema(tags=["bots"])
class BotDetail(generics.RetrieveAPIView):
    """One bot."""

    serializer_class = BotOut
    queryset = Bot.objects.select_related("published")


# ── Preview ──────────────────────────────────────────────────────────────────────────────────
class SaidIn(serializers.Serializer):
    role = serializers.ChoiceField(choices=["buyer", "bot"])
    text = serializers.CharField(max_length=8000, allow_blank=True, trim_whitespace=False)


class PreviewContact(serializers.Serializer):
    """`verified`: as if the buyer had proven that phone and e-mail are theirs."""

    name = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=120)
    phone = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=60)
    email = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=254)
    verified = serializers.BooleanField(required=False, default=False, allow_null=True)


class PreviewIn(serializers.Serializer):
    messages = SaidIn(many=True, allow_empty=False)
    contact = PreviewContact(required=False, allow_null=True)
    draft = serializers.BooleanField(
        required=False, default=False, help_text="Answer by what is being edited, not published"
    )

    def validate_messages(self, value: list[dict[str, str]]) -> list[dict[str, str]]:
        if len(value) > 100:
            raise serializers.ValidationError(_("At most 100 messages."))
        if not any(one["role"] == "buyer" and one["text"].strip() for one in value):
            raise serializers.ValidationError(_("There must be a message of the buyer."))
        return value


class SourceOut(serializers.Serializer):
    kind = serializers.CharField()
    id = serializers.IntegerField()
    external_id = serializers.CharField(allow_blank=True)
    title = serializers.CharField(allow_blank=True)


class ClaimOut(serializers.Serializer):
    """A fact of the text and the record it comes from."""

    text = serializers.CharField()
    kind = serializers.CharField()
    value = serializers.CharField(allow_blank=True)
    source = serializers.CharField(help_text="kind:external_id")  # type: ignore[assignment]


class PreviewOut(serializers.Serializer):
    text = serializers.CharField(allow_blank=True)
    lang = serializers.CharField()
    sources = SourceOut(many=True)
    claims = ClaimOut(many=True)
    decision = serializers.ChoiceField(choices=[str(one) for one in Decision])
    reason = serializers.CharField(allow_blank=True)
    buttons = serializers.ListField(child=serializers.CharField(), required=False)
    links = serializers.ListField(
        child=serializers.DictField(child=serializers.CharField()),
        required=False,
        help_text="Those of the buttons that open a page: title and url",
    )
    provider = serializers.CharField(allow_blank=True)
    ms = serializers.IntegerField()


class PreviewView(APIView):
    throttle_scope = "answer"

    @extend_schema(tags=["bots"], request=PreviewIn, responses={200: PreviewOut})
    def post(self, request, pk: int) -> Response:
        """What the bot would answer. Nothing is stored or sent."""
        bot = get_object_or_404(Bot.objects.select_related("published"), pk=pk)
        given = PreviewIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        answer = preview(
            bot=bot,
            messages=[Said(one["role"], one["text"]) for one in values["messages"]],
            asker=asker_of(values.get("contact") or {}),
            use_draft=values["draft"],
        )
        return Response(answer)


def asker_of(contact: dict) -> Asker:
    proof = Identity.Proof.SIGNED if contact.get("verified") else Identity.Proof.CLAIMED
    proofs = []
    if phone := (contact.get("phone") or "").strip():
        proofs.append((str(Identity.Kind.PHONE), phone_normalised(phone) or phone, str(proof)))
    if email := (contact.get("email") or "").strip().lower():
        proofs.append((str(Identity.Kind.EMAIL), email, str(proof)))
    return Asker(name=(contact.get("name") or "").strip(), proofs=tuple(proofs))


# ── Reviews ──────────────────────────────────────────────────────────────────────────────────
class ReviewProduct(serializers.Serializer):
    external_id = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=120
    )
    name = serializers.CharField(required=False, allow_blank=True, allow_null=True, max_length=500)


class ReviewIn(serializers.Serializer):
    marketplace = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=40
    )
    rating = serializers.IntegerField(required=False, allow_null=True, min_value=1, max_value=5)
    text = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=20_000
    )
    pros = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=20_000
    )
    cons = serializers.CharField(
        required=False, allow_blank=True, allow_null=True, max_length=20_000
    )
    product = ReviewProduct(required=False, allow_null=True)


class CheckOut(serializers.Serializer):
    name = serializers.CharField()
    ok = serializers.BooleanField()
    detail = serializers.CharField(allow_blank=True)


class ReviewOut(serializers.Serializer):
    text = serializers.CharField()
    decision = serializers.ChoiceField(choices=["publish", "draft", "person"])
    checks = CheckOut(many=True)


class ReviewPreview(APIView):
    throttle_scope = "answer"

    @extend_schema(tags=["reviews"], request=ReviewIn, responses={200: ReviewOut})
    def post(self, request) -> Response:
        """A public reply to a review, and whether it may be published by itself."""
        given = ReviewIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        product = values.get("product") or {}
        review = Review(
            rating=values.get("rating"),
            **{name: values.get(name) or "" for name in ("marketplace", "text", "pros", "cons")},
            product_id=product.get("external_id") or "",
            product_name=product.get("name") or "",
        )
        return Response(review_preview(review))
