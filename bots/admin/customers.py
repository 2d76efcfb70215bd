"""Buyers: the list with search, one to export or forget, the shop's own fields, segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import formats, timezone
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.admin.rows import Row, posted_rows, shown
from bots.models import Label, Message, Person, PersonField, Segment
from bots.selectors import people as reading
from bots.selectors.segments import NUMBERS
from bots.services import forgetting, people, person_settings
from bots.services.channels import manifests
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.errors import RuleBroken
from tenants.kernel.posted import add_faults, asks_to, offer, posted
from tenants.kernel.text import whole
from tenants.selectors.requests import actor_of
from tenants.workspace.models import Job, StoredFile

YES, NO = gettext_lazy("yes"), gettext_lazy("no")
# What a segment asks for, as people read it.
ASKS: dict[str, Any] = {
    "channel": gettext_lazy("kind of channel"),
    "label": gettext_lazy("label of a dialogue"),
    "language": gettext_lazy("language"),
    "last_seen_days": gettext_lazy("days since the last dialogue"),
    "orders_count": gettext_lazy("number of orders"),
    "orders_sum": gettext_lazy("sum of orders"),
    "is_blocked": gettext_lazy("blocked"),
}
OPS: dict[str, Any] = {
    "is": gettext_lazy("is"),
    "not": gettext_lazy("is not"),
    "gte": gettext_lazy("at least"),
    "lte": gettext_lazy("at most"),
    "contains": gettext_lazy("contains"),
    "known": gettext_lazy("is filled in"),
    "unknown": gettext_lazy("is empty"),
}


KINDS = [
    (key, gettext_lazy("a figure") if key == PersonField.Kind.NUMBER else title)
    for key, title in PersonField.Kind.choices
]


def _may(request: HttpRequest) -> None:
    if not request.user.has_perm("bots.change_person"):
        raise PermissionDenied


# ── Buyers ───────────────────────────────────────────────────────────────────────────────────
@merchant_site.page("customers/", name="customers")
def customers_page(request: HttpRequest) -> HttpResponse:
    _may(request)
    people.people_complete()
    asked = {name: request.GET.get(name, "")[:120] for name in ("q", "segment")}
    segment = Segment.objects.filter(pk=whole(asked["segment"]) or 0).first()
    page = reading.people_page(
        actor_of(request), query=asked["q"], segment=segment, after=request.GET.get("after", "")
    )
    return TemplateResponse(
        request,
        "desk/customers.html",
        merchant_site.context(
            request, _("Customers"), rows=page["results"], asked=asked,
            next=urlencode({**asked, "after": page["next"]}) if page["next"] else "",
            is_first=not request.GET.get("after"), segments=Segment.objects.all(),
        ),
    )  # fmt: skip


class ForgetForm(forms.Form):
    texts = forms.ChoiceField(
        label=gettext_lazy("What they wrote"),
        choices=(
            ("remove", gettext_lazy("remove the texts")),
            ("keep", gettext_lazy("keep the texts without a name")),
        ),
    )
    proof = forms.ChoiceField(
        label=gettext_lazy("How they proved that it is their wish"),
        choices=(
            ("thread", gettext_lazy("they asked for it in the dialogue")),
            ("identity", gettext_lazy("their telephone or e-mail is proven")),
            ("document", gettext_lazy("a colleague has seen a document")),
        ),
    )
    message = forms.TypedChoiceField(
        label=gettext_lazy("The message in which they ask for it"), required=False, coerce=int,
        empty_value=None, widget=forms.Select(attrs={"data-when": "proof=thread"}),
    )  # fmt: skip

    def __init__(self, *args: Any, said: Sequence[Message] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "message", [("", _("choose")), *map(_said, said)])

    def clean(self) -> dict[str, Any]:
        given: dict[str, Any] = super().clean() or {}
        if given.get("proof") != "thread":
            given["message"] = None
        elif "message" in given and given["message"] is None:
            self.add_error("message", _("Choose the message in which they ask for it."))
        return given


def _said(message: Message) -> tuple[int, str]:
    at = formats.date_format(timezone.localtime(message.sent_at), "j E, H:i")
    return message.pk, f"{at} · {Truncator(' '.join(message.text.split())).chars(80)}"


@merchant_site.page("customers/<int:pk>/", name="customer")
def customer_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One buyer: what is kept, a copy of it, and forgetting in two steps."""
    _may(request)
    actor = actor_of(request)
    try:
        person = reading.person_seen(actor, pk)
    except Person.DoesNotExist:
        raise Http404 from None
    card = reading.card_of(actor, person)
    name = card["name"] or _("Buyer no. %s") % person.pk
    said = reading.said_lately(actor, person)
    form, asked = ForgetForm(said=said), None
    if request.method == "POST":
        do = request.POST.get("do")
        if do == "export":
            forgetting.export_start(person.pk, by=actor)
            return redirect("merchant:customer", person.pk)
        if do == "ask":
            form = ForgetForm(request.POST, said=said)
            if form.is_valid():
                try:
                    asked = forgetting.forget_ask(person.pk, by=actor, **form.cleaned_data)
                except RuleBroken as fault:
                    form.add_error("proof", str(fault))
        elif do == "remove" and request.POST.get("typed", "").strip() == name:
            try:
                forgetting.forget(person.pk, request.POST.get("code", ""), by=actor)
            except RuleBroken as fault:
                messages.error(request, str(fault))
                return redirect("merchant:customer", person.pk)
            messages.success(request, _("The buyer is forgotten."))
            return redirect("merchant:customers")
        elif do == "remove":
            messages.error(request, _("The name was not typed as it is."))
            return redirect("merchant:customer", person.pk)
    job = Job.objects.filter(kind="person_export", params__person=person.pk).order_by("-pk").first()
    kept = job and StoredFile.objects.filter(pk=job.result.get("file") or 0).first()
    return TemplateResponse(
        request,
        "desk/customer.html",
        merchant_site.context(
            request, name, person=person, card=card, name=name, form=form, asked=asked, job=job,
            kept=kept, is_over=job is None or job.state in (Job.State.DONE, Job.State.FAILED),
            fields=[f for f in card["fields"] if f["value"] not in (None, "")],
        ),
    )  # fmt: skip


# ── Fields ───────────────────────────────────────────────────────────────────────────────────
class FieldForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, required=False)
    code = forms.SlugField(label=gettext_lazy("Code"), max_length=40, required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Type"), choices=KINDS)
    choices = forms.CharField(
        label=gettext_lazy("Choices, with commas"), max_length=4_000, required=False
    )

    def __init__(self, *args: Any, field: PersonField | None = None, **kwargs: Any) -> None:
        if field is not None:
            kwargs["initial"] = {
                "name": field.name, "code": field.code, "kind": field.kind,
                "choices": ", ".join(map(str, field.choices)),
            }  # fmt: skip
        super().__init__(*args, **kwargs)
        if field is not None:
            self.fields["code"].disabled = self.fields["kind"].disabled = True

    def values(self) -> dict[str, Any]:
        return {**self.cleaned_data, "choices": self.cleaned_data["choices"].split(",")}


@merchant_site.page("customer-fields/", name="customer_fields")
def fields_page(request: HttpRequest) -> HttpResponse:
    """All fields and an empty line; a name that is emptied removes its field."""
    _may(request)
    data, actor = posted(request), actor_of(request)
    rows = [
        (one, FieldForm(data, prefix=f"f{one.pk}", field=one)) for one in PersonField.objects.all()
    ]
    new = FieldForm(data, prefix="new")
    every = [form for _one, form in rows] + [new]
    if request.method == "POST" and not any(not form.is_valid() for form in every):
        kept = [_field_kept(one, form, actor) for one, form in rows]
        is_fine = all(kept)
        if new.cleaned_data["name"].strip() or new.cleaned_data["code"]:
            is_fine &= _field_kept(None, new, actor)
        if is_fine:
            messages.success(request, _("Saved."))
            return redirect("merchant:customer_fields")
    return TemplateResponse(
        request,
        "desk/customer_fields.html",
        merchant_site.context(request, _("Customers' fields"), forms=every[:-1], new=new),
    )


def _field_kept(field: PersonField | None, form: FieldForm, actor: Any) -> bool:
    if field is not None and not form.cleaned_data["name"].strip():
        person_settings.field_delete(field, by=actor)
        return True
    if field is not None and not form.has_changed():
        return True
    try:
        person_settings.field_save(field, by=actor, **form.values())
    except ValidationError as error:
        add_faults(form, error)
        return False
    return True


# ── Segments ─────────────────────────────────────────────────────────────────────────────────
class SegmentForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)


class Words:
    """Conditions as they are typed and read: titles of channels, “yes”, figures."""

    def __init__(self) -> None:
        self.fields = {f"field:{one.code}": one for one in PersonField.objects.all()}
        self.channels = {key: str(one.title) for key, one in manifests().items()}

    @property
    def names(self) -> list[tuple[str, Any]]:
        return [*ASKS.items(), *((key, one.name) for key, one in self.fields.items())]

    @property
    def known(self) -> list[str]:
        """What a value may be, offered as it is typed."""
        choices = [one for field in self.fields.values() for one in field.choices]
        labels = Label.objects.values_list("name", flat=True)[:200]
        return [*self.channels.values(), *labels, str(YES), str(NO), *map(str, choices)]

    def read(self, row: Row) -> dict[str, Any]:
        return {"field": row.name, "op": row.op, "value": self._value(row)}

    def _value(self, row: Row) -> Any:
        if row.op in ("known", "unknown"):
            return None
        field = self.fields.get(row.name)
        kind = field.kind if field else ""
        if row.name == "channel":
            by_title = {title.casefold(): key for key, title in self.channels.items()}
            return by_title.get(row.value.casefold(), row.value)
        if row.name == "is_blocked" or kind == PersonField.Kind.BOOL:
            return row.value.casefold() in (str(YES).casefold(), "yes", "да", "true", "1")
        if row.name in NUMBERS or kind == PersonField.Kind.NUMBER:
            return _number(row.value)
        return row.value

    def write(self, condition: Mapping[str, Any]) -> Row:
        name, value = str(condition.get("field", "")), condition.get("value")
        if name == "channel":
            text = self.channels.get(str(value), str(value))
        elif isinstance(value, bool):
            text = str(YES if value else NO)
        else:
            text = "" if value is None else str(value)
        return Row(name, str(condition.get("op", "")), text)

    def say(self, conditions: Sequence[Mapping[str, Any]]) -> list[str]:
        titles = dict(self.names)
        rows = [self.write(one) for one in conditions]
        return [
            " ".join(filter(None, (str(titles.get(row.name, row.name)),
                                   str(OPS.get(row.op, row.op)), row.value)))
            for row in rows
        ]  # fmt: skip


def _number(text: str) -> Any:
    try:
        number = Decimal(text.replace(",", ".").replace(" ", ""))
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    return int(number) if number == number.to_integral_value() else float(number)


@merchant_site.page("segments/", name="segments")
def segments_page(request: HttpRequest) -> HttpResponse:
    _may(request)
    words, actor = Words(), actor_of(request)
    rows = [
        {"one": one, "when": words.say(one.conditions),
         "count": reading.segment_count(actor, one.conditions)}
        for one in Segment.objects.all()
    ]  # fmt: skip
    return TemplateResponse(
        request, "desk/segments.html", merchant_site.context(request, _("Segments"), rows=rows)
    )


@merchant_site.page("segments/add/", name="segment_add")
def segment_add(request: HttpRequest) -> HttpResponse:
    return _segment(request, None)


@merchant_site.page("segments/<int:pk>/", name="segment")
def segment_page(request: HttpRequest, pk: int) -> HttpResponse:
    _may(request)
    found = Segment.objects.filter(pk=pk).first()
    if found is None:
        raise Http404
    return _segment(request, found)


def _segment(request: HttpRequest, segment: Segment | None) -> HttpResponse:
    _may(request)
    actor, words = actor_of(request), Words()
    if segment is not None and asks_to(request, "remove"):
        person_settings.segment_delete(segment, by=actor)
        messages.success(request, _("Removed."))
        return redirect("merchant:segments")
    form = SegmentForm(posted(request), initial={"name": segment.name if segment else ""})
    if request.method == "POST":
        rows = posted_rows(request.POST, "when")
        conditions = [words.read(row) for row in rows]
    else:
        conditions = list(segment.conditions) if segment else []
        rows = [words.write(one) for one in conditions]
    fault = person_settings.conditions_fault(conditions) if request.method == "POST" else ""
    if request.method == "POST" and "count" not in request.POST and form.is_valid():
        try:
            person_settings.segment_save(
                segment, by=actor, name=form.cleaned_data["name"], conditions=conditions
            )
        except ValidationError as error:
            if segment is not None:
                segment.refresh_from_db()
            add_faults(form, error)
        else:
            messages.success(request, _("Saved."))
            return redirect("merchant:segments")
    seen = [] if fault or not conditions else _first(actor, conditions)
    return TemplateResponse(
        request,
        "desk/segment.html",
        merchant_site.context(
            request, segment.name if segment else _("New segment"), form=form, segment=segment,
            when=shown(rows), fault=fault, seen=seen, known=words.known,
            choices={"fields": words.names, "ops": list(OPS.items())},
            count=None if fault or not conditions else reading.segment_count(actor, conditions),
        ),
    )  # fmt: skip


def _first(actor: Any, conditions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    unsaved = Segment(conditions=conditions)
    found: list[dict[str, Any]] = reading.people_page(actor, segment=unsaved, limit=5)["results"]
    return found


merchant_menu.add(
    Entry("shop", 30, gettext_lazy("Customers"), "contacts", "customers",
          may("bots.change_person")),
    Entry("settings", 24, gettext_lazy("Customers' fields"), "badge", "customer_fields",
          may("bots.change_person")),
    Entry("settings", 25, gettext_lazy("Segments"), "filter_alt", "segments",
          may("bots.change_person")),
)  # fmt: skip
