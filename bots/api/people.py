"""People: list, card, merging with undo, what is remembered, forgetting, fields and segments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import generics, serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from bots.models import Person, PersonFact, PersonField, PersonMerge, Segment
from bots.selectors import people as reading
from bots.selectors.policy import visible
from bots.services import forgetting, people, person_settings
from tenants.api.jobs import JobOut, job_answer
from tenants.api.permissions import IsAdmin, MemberReadsAdminWrites
from tenants.workspace.models import User


def seen_or_404(request: Any, pk: int) -> Person:
    try:
        return reading.person_seen(request.user, pk)
    except Person.DoesNotExist:
        raise Http404 from None


def _actor(request: Any) -> User:
    return request.user


def _card(request: Any, pk: int) -> Response:
    return Response(reading.card_of(request.user, seen_or_404(request, pk)))


class PeopleIn(serializers.Serializer):
    q = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    segment = serializers.PrimaryKeyRelatedField(queryset=Segment.objects.all(), required=False)
    channel = serializers.IntegerField(required=False, min_value=1)
    label = serializers.CharField(required=False, max_length=40)  # type: ignore[assignment]
    is_blocked = serializers.BooleanField(required=False, allow_null=True, default=None)
    after = serializers.CharField(required=False, max_length=100, allow_blank=True)


class PeopleList(APIView):
    @extend_schema(
        tags=["people"],
        operation_id="people_list",
        parameters=[PeopleIn],
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request) -> Response:
        """Buyers of the conversations I may see, the newest first: by name, telephone, e-mail."""
        given = PeopleIn(data=request.query_params)
        given.is_valid(raise_exception=True)
        values = dict(given.validated_data)
        people.people_complete()
        return Response(reading.people_page(request.user, query=values.pop("q"), **values))


class PersonIn(serializers.Serializer):
    name = serializers.CharField(max_length=120, required=False, allow_blank=True)
    language = serializers.CharField(max_length=8, required=False, allow_blank=True)
    fields = serializers.DictField(  # type: ignore[assignment]
        required=False, help_text="Values by code; null takes one away"
    )


class PersonDetail(APIView):
    @extend_schema(tags=["people"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request, pk: int) -> Response:
        """The card: contacts, proofs, fields, facts, consents, orders, episodes, suggestions."""
        return _card(request, pk)

    @extend_schema(tags=["people"], request=PersonIn, responses={200: OpenApiTypes.OBJECT})
    def patch(self, request, pk: int) -> Response:
        """Change name, language or the merchant's own fields."""
        person = seen_or_404(request, pk)
        name, language, values = (request.data.get(k) for k in ("name", "language", "fields"))
        for value, kind in ((name, str), (language, str), (values, dict)):
            if value is not None and not isinstance(value, kind):
                raise serializers.ValidationError(_("Not understood."))
        people.person_save(person.pk, by=request.user, name=name, language=language, values=values)
        return _card(request, pk)


class TalkPerson(APIView):
    @extend_schema(tags=["people"], responses={200: OpenApiTypes.OBJECT})
    def get(self, request, pk: int) -> Response:
        """The card of who writes in a conversation; made where there is none yet."""
        found = visible(request.user).select_related("contact__person__merged_into")
        talk = get_object_or_404(found, pk=pk)
        return Response(reading.card_of(request.user, people.person_of(talk.contact)))


class OtherIn(serializers.Serializer):
    other = serializers.IntegerField(min_value=1, help_text="Number of the other card")


class _OfOther(APIView):
    def _both(self, request, pk: int) -> tuple[Person, Person]:
        given = OtherIn(data=request.data)
        given.is_valid(raise_exception=True)
        return seen_or_404(request, pk), seen_or_404(request, given.validated_data["other"])


class PersonMergeView(_OfOther):
    @extend_schema(tags=["people"], request=OtherIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """Make two cards one; `merge` takes it back. 409 where they proved to be two people."""
        one, other = self._both(request, pk)
        suggested = reading.card_of(request.user, one)["suggestions"]
        reasons = {other["person"]: other["reason"] for other in suggested}
        merge = people.people_merge(
            pk, int(request.data["other"]), by=request.user, reason=reasons.get(other.pk, "")
        )
        card = reading.card_of(request.user, seen_or_404(request, pk))
        return Response({**card, "merge": merge.pk})


class PersonDiffer(_OfOther):
    @extend_schema(tags=["people"], request=OtherIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """These are different people: do not suggest it again."""
        one, other = self._both(request, pk)
        people.people_differ(one.pk, other.pk, by=request.user)
        return _card(request, pk)


class UnmergeIn(serializers.Serializer):
    merge = serializers.IntegerField(min_value=1, help_text="Number of the merge")


class PersonUnmerge(APIView):
    @extend_schema(tags=["people"], request=UnmergeIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """Take one merge back; others stay."""
        person = seen_or_404(request, pk)
        given = UnmergeIn(data=request.data)
        given.is_valid(raise_exception=True)
        cards = reading.cards_of(person)
        merge = get_object_or_404(
            PersonMerge, pk=given.validated_data["merge"], one__in=cards, other__in=cards
        )
        people.people_unmerge(merge.pk, by=request.user)
        return _card(request, pk)


class SplitIn(serializers.Serializer):
    contact = serializers.IntegerField(min_value=1)


class PersonSplit(APIView):
    @extend_schema(tags=["people"], request=SplitIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """Give one contact a card of its own; the answer is that card."""
        person = seen_or_404(request, pk)
        given = SplitIn(data=request.data)
        given.is_valid(raise_exception=True)
        seen = {c["id"] for c in reading.card_of(request.user, person)["contacts"]}
        if given.validated_data["contact"] not in seen:
            raise Http404
        made = people.person_split(person.pk, given.validated_data["contact"], by=request.user)
        return _card(request, made.pk)


class PersonBlock(APIView):
    @extend_schema(tags=["people"], request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """What they write is kept and answered by nobody."""
        people.person_block(seen_or_404(request, pk).pk, True, by=request.user)
        return _card(request, pk)


class PersonUnblock(APIView):
    @extend_schema(tags=["people"], request=None, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """Answer them again."""
        people.person_block(seen_or_404(request, pk).pk, False, by=request.user)
        return _card(request, pk)


class FactIn(serializers.Serializer):
    text = serializers.CharField(max_length=1000)
    kind = serializers.ChoiceField(PersonFact.Kind.choices, default=PersonFact.Kind.FACT)
    message = serializers.IntegerField(required=False, min_value=1, help_text="Where it was said")
    expires_at = serializers.DateTimeField(required=False)


class PersonFacts(APIView):
    @extend_schema(tags=["people"], request=FactIn, responses={201: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """Remember a fact, or write a note for colleagues."""
        person = seen_or_404(request, pk)
        given = FactIn(data=request.data)
        given.is_valid(raise_exception=True)
        fact = people.fact_add(person.pk, by=request.user, **given.validated_data)
        (told,) = (one for one in reading.facts_of([person.pk]) if one["id"] == fact.pk)
        return Response(told, status=201)


class PersonFactDetail(APIView):
    @extend_schema(tags=["people"], responses={204: None})
    def delete(self, request, pk: int, id: int) -> Response:
        """Forget one fact or note."""
        cards = reading.cards_of(seen_or_404(request, pk))
        people.fact_delete(get_object_or_404(PersonFact, pk=id, person__in=cards), by=request.user)
        return Response(status=204)


class ForgetIn(serializers.Serializer):
    """The first call says how the buyer proved the wish; the second brings its `code`."""

    texts = serializers.ChoiceField(["keep", "remove"], required=False)
    proof = serializers.ChoiceField(list(forgetting.PROOFS), required=False)
    message = serializers.IntegerField(
        required=False, min_value=1, help_text="Of the buyer, who asks for it in it (“thread”)"
    )
    code = serializers.CharField(required=False, max_length=400)


class PersonForget(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(tags=["people"], request=ForgetIn, responses={200: OpenApiTypes.OBJECT})
    def post(self, request, pk: int) -> Response:
        """Forget a person: without `code` it counts and gives one, with it it does."""
        person = seen_or_404(request, pk)
        given = ForgetIn(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        if code := values.get("code"):
            return Response({"forgotten": forgetting.forget(person.pk, code, by=request.user)})
        return Response(
            forgetting.forget_ask(
                person.pk,
                by=request.user,
                texts=values.get("texts", ""),
                proof=values.get("proof", ""),
                message=values.get("message"),
            )
        )


class PersonExport(APIView):
    permission_classes = [IsAdmin]

    @extend_schema(tags=["people"], request=None, responses={202: JobOut})
    def post(self, request, pk: int) -> Response:
        """Everything kept of a person as an archive, made by a job; it is kept for a week."""
        return job_answer(forgetting.export_start(seen_or_404(request, pk).pk, by=request.user))


# ── Fields and segments ──────────────────────────────────────────────────────────────────────
class FieldOut(serializers.ModelSerializer):
    choices = serializers.ListField(
        child=serializers.CharField(max_length=80), required=False, max_length=100
    )

    class Meta:
        model = PersonField
        fields = ("id", "code", "name", "kind", "choices", "position")


def _kept(save: Callable[..., Any], *args: Any, **given: Any) -> Any:
    """A service's faults as the API tells them."""
    try:
        return save(*args, **given)
    except ValidationError as error:
        raise serializers.ValidationError(error.message_dict) from None


@extend_schema(tags=["people"])
class FieldList(generics.ListCreateAPIView):
    """The merchant's own fields on each card."""

    permission_classes = [MemberReadsAdminWrites]
    serializer_class = FieldOut
    pagination_class = None
    queryset = PersonField.objects.all()

    def perform_create(self, serializer) -> None:
        given = serializer.validated_data
        serializer.instance = _kept(
            person_settings.field_save, None, by=_actor(self.request), **given
        )


@extend_schema(tags=["people"])
class FieldDetail(generics.RetrieveUpdateDestroyAPIView):
    """One field. Values of a deleted one are no longer shown."""

    permission_classes = [MemberReadsAdminWrites]
    serializer_class = FieldOut
    queryset = PersonField.objects.all()
    http_method_names = ["get", "patch", "delete", "head", "options"]

    def perform_update(self, serializer) -> None:
        given = serializer.validated_data
        _kept(person_settings.field_save, serializer.instance, by=_actor(self.request), **given)

    def perform_destroy(self, instance: PersonField) -> None:
        person_settings.field_delete(instance, by=_actor(self.request))


class ConditionIn(serializers.Serializer):
    field = serializers.CharField(max_length=60)
    op = serializers.CharField(max_length=10)
    value = serializers.JSONField(required=False, allow_null=True, default=None)


class SegmentOut(serializers.ModelSerializer):
    conditions = ConditionIn(many=True)
    count = serializers.SerializerMethodField()

    class Meta:
        model = Segment
        fields = ("id", "name", "conditions", "position", "count")

    def get_count(self, one: Segment) -> int:
        return reading.segment_count(self.context["request"].user, one.conditions)

    def validate_conditions(self, conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [dict(one) for one in conditions]


@extend_schema(tags=["people"])
class SegmentList(generics.ListCreateAPIView):
    """Saved conditions, each with how many people of those I may see it holds."""

    permission_classes = [MemberReadsAdminWrites]
    serializer_class = SegmentOut
    pagination_class = None
    queryset = Segment.objects.all()

    def perform_create(self, serializer) -> None:
        given = serializer.validated_data
        serializer.instance = _kept(
            person_settings.segment_save, None, by=_actor(self.request), **given
        )


@extend_schema(tags=["people"])
class SegmentDetail(generics.RetrieveUpdateDestroyAPIView):
    """One segment."""

    permission_classes = [MemberReadsAdminWrites]
    serializer_class = SegmentOut
    queryset = Segment.objects.all()
    http_method_names = ["get", "patch", "delete", "head", "options"]

    def perform_update(self, serializer) -> None:
        given = serializer.validated_data
        _kept(person_settings.segment_save, serializer.instance, by=_actor(self.request), **given)

    def perform_destroy(self, instance: Segment) -> None:
        person_settings.segment_delete(instance, by=_actor(self.request))
