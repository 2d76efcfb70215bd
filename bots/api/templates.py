"""Prepared replies."""

from __future__ import annotations

from typing import Any, cast

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.api.fields import VisibleConversation
from bots.api.files import FileRef, file_url
from bots.models import Template
from bots.services import templates
from bots.services.template_intents import INTENTS
from bots.services.template_text import VARIABLES, template_render
from bots.services.template_values import context_for
from integrations.models import Order, Variant
from tenants.api.permissions import MemberReadsSupervisorWrites
from tenants.workspace.models import StoredFile


class ButtonIn(serializers.Serializer):
    title = serializers.CharField(max_length=64)
    url = serializers.CharField(required=False, max_length=500)


class ScheduleIn(serializers.Serializer):
    """Days are in the merchant's time zone. `only`: while people answer, or while they do not."""

    vars()["from"] = serializers.DateField(required=False, allow_null=True)
    to = serializers.DateField(required=False, allow_null=True)
    weekdays = serializers.ListField(
        child=serializers.IntegerField(min_value=0, max_value=6), required=False
    )
    only = serializers.ChoiceField(choices=["open", "closed"], required=False)


class TemplateIn(serializers.Serializer):
    code = serializers.RegexField(r"^[-\w]+$", max_length=40)
    name = serializers.CharField(max_length=120)
    category = serializers.CharField(max_length=60, required=False, allow_blank=True)
    texts = serializers.DictField(
        child=serializers.CharField(max_length=templates.TEXT_LIMIT, trim_whitespace=False),
        help_text='{"ru": "Здравствуйте, {{contact.name}}."}',
    )
    intents = serializers.ListField(child=serializers.CharField(), required=False)
    phrases = serializers.ListField(child=serializers.CharField(max_length=200), required=False)
    buttons = ButtonIn(many=True, required=False)
    attachments = serializers.ListField(child=serializers.IntegerField(), required=False)
    schedule = ScheduleIn(required=False)
    is_active = serializers.BooleanField(required=False)


class TemplateOut(serializers.ModelSerializer):
    texts = serializers.SerializerMethodField()
    intents = serializers.ListField(child=serializers.CharField())
    phrases = serializers.ListField(child=serializers.CharField())
    buttons = ButtonIn(many=True)
    attachments = serializers.ListField(child=serializers.IntegerField())
    files = serializers.SerializerMethodField(help_text="The attachments, with their addresses")
    schedule = serializers.DictField()

    class Meta:
        model = Template
        fields = (
            "id", "code", "name", "category", "texts", "intents", "phrases", "buttons",
            "attachments", "files", "schedule", "is_active", "used", "used_at", "created_at",
        )  # fmt: skip

    @extend_schema_field(FileRef(many=True))
    def get_files(self, template: Template) -> list[dict[str, Any]]:
        # One look for a whole page of templates.
        names: dict[int, str] = cast(dict[str, Any], self.context).setdefault("names", {})
        if missing := set(template.attachments or ()) - set(names):
            names |= dict(StoredFile.objects.filter(pk__in=missing).values_list("pk", "name"))
        return [
            {"id": pk, "name": names[pk], "url": file_url(pk)}
            for pk in template.attachments or ()
            if pk in names
        ]

    def get_texts(self, template: Template) -> dict[str, str]:
        return {one.lang: one.text for one in template.texts.all()}


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Validated values as JSON keeps them."""
    if schedule := values.get("schedule"):
        values["schedule"] = {
            name: value.isoformat() if hasattr(value, "isoformat") else value
            for name, value in schedule.items()
            if value not in (None, [])
        }
    return values


@extend_schema(tags=["templates"])
class TemplateList(generics.ListCreateAPIView):
    """Prepared replies."""

    permission_classes = [MemberReadsSupervisorWrites]
    serializer_class = TemplateOut

    @extend_schema(parameters=[OpenApiParameter("q", str), OpenApiParameter("category", str)])
    def get(self, request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self):
        found = Template.objects.prefetch_related("texts")
        asked = self.request.query_params
        if category := asked.get("category"):
            found = found.filter(category=category)
        for word in asked.get("q", "").split()[:5]:
            found = found.filter(name__icontains=word) | found.filter(code__icontains=word)
        return found

    @extend_schema(request=TemplateIn, responses={201: TemplateOut})
    def post(self, request, *args: Any, **kwargs: Any) -> Response:
        """Add a prepared reply. Unknown variables are named under `texts`."""
        given = TemplateIn(data=request.data)
        given.is_valid(raise_exception=True)
        found = templates.template_save(_plain(given.validated_data))
        return Response(TemplateOut(found).data, status=201)


@extend_schema(tags=["templates"])
class TemplateDetail(generics.RetrieveUpdateDestroyAPIView):
    """One prepared reply."""

    permission_classes = [MemberReadsSupervisorWrites]
    serializer_class = TemplateOut
    queryset = Template.objects.prefetch_related("texts")
    http_method_names = ["get", "patch", "delete", "head", "options"]

    @extend_schema(request=TemplateIn(partial=True), responses={200: TemplateOut})
    def patch(self, request, *args: Any, **kwargs: Any) -> Response:
        """Change a prepared reply; `texts` replaces all its texts."""
        given = TemplateIn(data=request.data, partial=True)
        given.is_valid(raise_exception=True)
        found = templates.template_save(_plain(given.validated_data), template=self.get_object())
        fresh = Template.objects.prefetch_related("texts").get(pk=found.pk)
        return Response(TemplateOut(fresh).data)


class VariableOut(serializers.Serializer):
    name = serializers.CharField()
    title = serializers.CharField()


class VocabularyOut(serializers.Serializer):
    variables = VariableOut(many=True)
    intents = serializers.ListField(child=serializers.CharField())


class TemplateVocabulary(APIView):
    @extend_schema(tags=["templates"], responses={200: VocabularyOut})
    def get(self, request) -> Response:
        """Variables a text may use, and intents that may trigger one."""
        return Response(
            {
                "variables": [
                    {"name": name, "title": str(title)} for name, title in VARIABLES.items()
                ],
                "intents": list(INTENTS),
            }
        )


class RenderIn(serializers.Serializer):
    conversation = VisibleConversation()
    lang = serializers.CharField(required=False, max_length=8)
    asked = serializers.DictField(child=serializers.CharField(max_length=500), required=False)
    order = serializers.CharField(required=False, max_length=64, help_text="Order number")
    offer = serializers.CharField(required=False, max_length=120, help_text="Offer id")


class RenderOut(serializers.Serializer):
    """`text` is empty until nothing is missing; `draft` shows the gaps as ⟦…⟧."""

    text = serializers.CharField(allow_blank=True)
    draft = serializers.CharField(allow_blank=True)
    lang = serializers.CharField()
    asks = serializers.ListField(child=serializers.CharField())
    missing = serializers.ListField(child=serializers.CharField())
    attachments = serializers.ListField(child=serializers.IntegerField())


class TemplateRender(APIView):
    @extend_schema(tags=["templates"], request=RenderIn, responses={200: RenderOut})
    def post(self, request, pk: int) -> Response:
        """The reply with the values of a conversation put in. Nothing is sent."""
        template = get_object_or_404(Template.objects.prefetch_related("texts"), pk=pk)
        given = RenderIn(data=request.data, context={"request": request})
        given.is_valid(raise_exception=True)
        values = given.validated_data
        conversation = values["conversation"]
        lang = values.get("lang") or conversation.language
        order = variant = None
        if number := values.get("order"):
            order = get_object_or_404(Order.objects.select_related("parcel"), number=number)
        if offer := values.get("offer"):
            variant = get_object_or_404(
                Variant.objects.select_related("product"), external_id=offer
            )
        context = context_for(
            conversation, lang=lang, agent=request.user, order=order, variant=variant
        )
        found = template_render(template, lang, context, values.get("asked"))
        return Response(RenderOut(found).data)
