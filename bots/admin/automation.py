"""Rules with their trial and log, answer times, macros."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.admin.rows import (
    ACTS,
    Names,
    Row,
    choices,
    from_actions,
    from_conditions,
    posted_rows,
    shown,
    to_actions,
    to_conditions,
    unnamed,
)
from bots.models import Calendar, Macro, Rule, RuleFiring, SlaPolicy, Team
from bots.selectors.conditions import LASTING, in_words
from bots.selectors.policy import of_visible
from bots.services import macros
from bots.services.policies import policy_save
from bots.services.rules import EVENTS, SILENCES, builtin_rules, rule_delete, rule_save
from bots.services.tryout import LAST, MOST, try_rule
from tenants.admin.base import settled
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.posted import asks_to, posted
from tenants.kernel.text import whole
from tenants.selectors.requests import actor_of
from tenants.services.audit import audit

PAGE = 50


def _may(request: HttpRequest, model: str) -> None:
    if not request.user.has_perm(f"bots.change_{model}"):
        raise PermissionDenied


def _refuse(form: forms.Form, error: ValidationError, rows: dict[str, list[str]]) -> None:
    """The service's faults beside the fields, or above the rows they are about."""
    for name, faults in error.message_dict.items():
        for fault in faults:
            if name in form.fields:
                form.add_error(name, fault)
            else:
                rows.setdefault(name, []).append(fault)
                form.add_error(None, fault)


class Rows:
    """The rows of a form: as typed when they were posted, else as they are kept."""

    def __init__(self, request: HttpRequest, names: Names) -> None:
        self.names, self.faults = names, {}
        self.post = request.POST if request.method == "POST" else None

    def conditions(self, prefix: str, kept: Any) -> list[Row]:
        if self.post is not None:
            return posted_rows(self.post, prefix)
        return from_conditions(kept, self.names)

    def actions(self, prefix: str, kept: Any) -> list[Row]:
        if self.post is not None:
            return posted_rows(self.post, prefix)
        return from_actions(kept, self.names)

    faults: dict[str, list[str]]


def _place(help_text: Any = "", least: int = 0) -> forms.IntegerField:
    return forms.IntegerField(
        label=gettext_lazy("Place"), required=False, min_value=least, max_value=1000, initial=0,
        help_text=help_text,
    )  # fmt: skip


# ── Rules ────────────────────────────────────────────────────────────────────────────────────
class RuleForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    event = forms.ChoiceField(
        label=gettext_lazy("When"), required=False,
        choices=[(key, event.title) for key, event in EVENTS.items()],
    )  # fmt: skip
    silence_min = forms.IntegerField(
        label=gettext_lazy("After so many minutes of silence"), required=False, min_value=1,
        max_value=43_200, help_text=gettext_lazy("Only for silence."),
    )  # fmt: skip
    position = _place(gettext_lazy("Rules act one after another, the smaller first."), -1000)
    is_on = forms.BooleanField(label=gettext_lazy("Switched on"), required=False)


@merchant_site.page("rules/", name="rules")
def rules_page(request: HttpRequest) -> HttpResponse:
    _may(request, "rule")
    builtin_rules()
    if request.method == "POST":
        rule = get_object_or_404(Rule, pk=whole(request.POST.get("rule", "")) or 0)
        # What the button said, should a colleague have pressed it meanwhile.
        is_on = request.POST.get("on") == "1"
        if rule.is_on != is_on:
            rule_save(rule, is_on=is_on)
            audit("rule.changed", rule.name, actor=actor_of(request))
        said = _("“%s” is switched on.") if is_on else _("“%s” is switched off.")
        messages.success(request, said % rule.name)
        return redirect("merchant:rules")
    rows = [
        {"rule": rule, "event": EVENTS[rule.event].title if rule.event in EVENTS else rule.event,
         "when": [in_words(row) for row in rule.when if isinstance(row, dict)],
         "then": _then_words(rule.then)}
        for rule in Rule.objects.all()
    ]  # fmt: skip
    return TemplateResponse(
        request, "desk/rules.html", merchant_site.context(request, _("Rules"), rows=rows)
    )


def _then_words(then: Any) -> str:
    acts = [row["act"] for row in then if isinstance(row, dict) and row.get("act") in ACTS]
    return ", ".join(str(ACTS[act][0]) for act in acts)


@merchant_site.page("rules/add/", name="rule_add")
@merchant_site.page("rules/<int:pk>/", name="rule")
def rule_page(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    _may(request, "rule")
    rule = get_object_or_404(Rule, pk=pk) if pk is not None else None
    if rule is not None and asks_to(request, "remove"):
        rule_delete(rule)
        return settled(request, "merchant:rules", "rule.deleted", rule.name, _("Removed."))
    kept = rule or Rule(event="buyer_wrote")
    rows = Rows(request, Names())
    form = RuleForm(
        posted(request),
        initial={"name": kept.name, "event": kept.event, "position": kept.position,
                 "silence_min": kept.silence_s // 60 or None, "is_on": kept.is_on},
    )  # fmt: skip
    when, then = rows.conditions("when", kept.when), rows.actions("then", kept.then)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        acts = to_actions(then, rows.names)
        try:
            if fault := unnamed(acts):
                raise ValidationError({"then": fault})
            saved = rule_save(
                rule, name=given["name"], event=given["event"] or kept.event,
                silence_s=(given["silence_min"] or 0) * 60, position=given["position"] or 0,
                is_on=given["is_on"], when=to_conditions(when, rows.names), then=acts,
            )  # fmt: skip
        except ValidationError as error:
            if rule is not None:
                rule.refresh_from_db()
            _refuse(form, error, rows.faults)
        else:
            audit("rule.changed" if rule else "rule.added", saved.name, actor=actor_of(request))
            messages.success(request, _("Saved."))
            if "try" in request.POST:
                return redirect("merchant:rule_try", saved.pk)
            return redirect("merchant:rules")
    return TemplateResponse(
        request,
        "desk/rule.html",
        merchant_site.context(
            request, rule.name if rule else _("New rule"), form=form, rule=rule,
            when=shown(when), then=shown(then), choices=choices(), lists=rows.names.lists,
            silences=SILENCES,
        ),
    )  # fmt: skip


@merchant_site.page("rules/<int:pk>/try/", name="rule_try")
def rule_try(request: HttpRequest, pk: int) -> HttpResponse:
    """What it would have done; nothing is changed."""
    _may(request, "rule")
    rule = get_object_or_404(Rule, pk=pk)
    last = min(whole(request.GET.get("last", "")) or LAST, MOST)
    tried = try_rule(rule, last)
    return TemplateResponse(
        request,
        "desk/rule_try.html",
        merchant_site.context(
            request, _("Trial: %s") % rule.name, rule=rule, tried=tried, last=last,
            counts=(50, 100, 300, 500), then=_then_words(rule.then),
        ),
    )  # fmt: skip


@merchant_site.page("rules/log/", name="rule_log")
def rule_log(request: HttpRequest) -> HttpResponse:
    """What rules did, the newest first."""
    _may(request, "rule")
    asked = {name: request.GET.get(name, "")[:80] for name in ("q", "rule", "outcome")}
    found = of_visible(
        actor_of(request), RuleFiring.objects.select_related("conversation__contact")
    )
    if asked["q"]:
        found = found.filter(
            Q(detail__name__icontains=asked["q"])
            | Q(conversation__contact__name__icontains=asked["q"])
        )
    if pk := whole(asked["rule"]):
        found = found.filter(rule=pk)
    if asked["outcome"]:
        found = found.filter(outcome=asked["outcome"])
    page = Paginator(found.order_by("-pk"), PAGE).get_page(request.GET.get("page"))
    for one in page.object_list:
        detail = one.detail if isinstance(one.detail, dict) else {}
        one.done = _then_words([{"act": act} for act in detail.get("done") or []])
        one.refused = [
            (ACTS[act][0] if act in ACTS else act, why) for act, why in detail.get("refused") or []
        ]
        one.name = detail.get("name", "")
    return TemplateResponse(
        request,
        "desk/rule_log.html",
        merchant_site.context(
            request, _("Log of rules"), page=page, asked=asked,
            rules=Rule.objects.all(), outcomes=RuleFiring.Outcome.choices,
        ),
    )  # fmt: skip


# ── Answer times ─────────────────────────────────────────────────────────────────────────────
def _minutes(label: Any) -> forms.IntegerField:
    return forms.IntegerField(label=label, required=False, min_value=1, max_value=129_600)


class PolicyForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    first_reply = _minutes(gettext_lazy("First reply, minutes"))
    next_reply = _minutes(gettext_lazy("Next reply, minutes"))
    resolve = _minutes(gettext_lazy("Resolution, minutes"))
    warn_percent = forms.IntegerField(
        label=gettext_lazy("Warn at, %"), min_value=1, max_value=99, initial=70
    )
    calendar = forms.ModelChoiceField(
        Calendar.objects.all(), label=gettext_lazy("Calendar"), required=False,
        empty_label=gettext_lazy("the team's, else the shop's hours"),
    )  # fmt: skip
    position = _place(gettext_lazy("The first that fits holds."))
    is_on = forms.BooleanField(label=gettext_lazy("In use"), required=False, initial=True)


@merchant_site.page("answer-times/", name="policies")
def policies_page(request: HttpRequest) -> HttpResponse:
    _may(request, "slapolicy")
    rows = [
        {"policy": one, "when": [in_words(row) for row in one.when if isinstance(row, dict)],
         "times": [(t or 0) // 60 for t in (one.first_reply_s, one.next_reply_s, one.resolve_s)]}
        for one in SlaPolicy.objects.all()
    ]  # fmt: skip
    return TemplateResponse(
        request, "desk/policies.html", merchant_site.context(request, _("Answer times"), rows=rows)
    )


@merchant_site.page("answer-times/add/", name="policy_add")
@merchant_site.page("answer-times/<int:pk>/", name="policy")
def policy_page(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    _may(request, "slapolicy")
    policy = get_object_or_404(SlaPolicy, pk=pk) if pk is not None else None
    if policy is not None and asks_to(request, "remove"):
        policy.delete()
        return settled(
            request, "merchant:policies", "slapolicy.deleted", policy.name, _("Removed.")
        )
    kept = policy or SlaPolicy(first_reply_s=900, next_reply_s=900)
    rows = Rows(request, Names())
    form = PolicyForm(
        posted(request),
        initial={
            "name": kept.name, "warn_percent": kept.warn_percent, "calendar": kept.calendar_id,
            "position": kept.position, "is_on": kept.is_on,
            **{n: (getattr(kept, f"{n}_s") or 0) // 60 or None
               for n in ("first_reply", "next_reply", "resolve")},
        },
    )  # fmt: skip
    escalate = kept.escalate if isinstance(kept.escalate, dict) else {}
    when = rows.conditions("when", kept.when)
    acts = {mark: rows.actions(mark, escalate.get(mark)) for mark in ("warned", "breached")}
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        then = {mark: to_actions(found, rows.names) for mark, found in acts.items()}
        try:
            if fault := unnamed(then["warned"]) or unnamed(then["breached"]):
                raise ValidationError({"escalate": fault})
            saved = policy_save(
                policy, name=given["name"], warn_percent=given["warn_percent"],
                calendar=given["calendar"], position=given["position"] or 0, is_on=given["is_on"],
                when=to_conditions(when, rows.names), escalate=then,
                **{f"{n}_s": given[n] * 60 if given[n] else None
                   for n in ("first_reply", "next_reply", "resolve")},
            )  # fmt: skip
        except ValidationError as error:
            faults = error.message_dict
            if "first_reply_s" in faults:
                faults["first_reply"] = faults.pop("first_reply_s")
            _refuse(form, ValidationError(faults), rows.faults)
        else:
            return settled(
                request,
                "merchant:policies",
                "slapolicy.changed",
                saved.name,
                _("Saved. Promises already given stay as they are."),
            )
    return TemplateResponse(
        request,
        "desk/policy.html",
        merchant_site.context(
            request, policy.name if policy else _("New answer time"), form=form, policy=policy,
            when=shown(when), warned=shown(acts["warned"], 2), breached=shown(acts["breached"], 2),
            choices=choices(LASTING), lists=rows.names.lists,
        ),
    )  # fmt: skip


# ── Macros ───────────────────────────────────────────────────────────────────────────────────
class MacroForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80)
    team = forms.ModelChoiceField(
        Team.objects.all(), label=gettext_lazy("For the team"), required=False,
        empty_label=gettext_lazy("for everybody"),
    )  # fmt: skip
    position = _place()


@merchant_site.page("macros/", name="macros")
def macros_page(request: HttpRequest) -> HttpResponse:
    """Those of everybody and of teams; personal ones are their owners' own."""
    _may(request, "macro")
    rows = [
        {"macro": one, "then": _then_words(one.then), "lasting": bool(macros.lasting(one.then))}
        for one in Macro.objects.filter(owner=None).select_related("team")
    ]
    return TemplateResponse(
        request, "desk/macros.html", merchant_site.context(request, _("Macros"), rows=rows)
    )


@merchant_site.page("macros/add/", name="macro_add")
@merchant_site.page("macros/<int:pk>/", name="macro")
def macro_page(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    _may(request, "macro")
    macro = get_object_or_404(Macro, pk=pk, owner=None) if pk is not None else None
    if macro is not None and asks_to(request, "remove"):
        macro.delete()
        return settled(request, "merchant:macros", "macro.deleted", macro.name, _("Removed."))
    kept = macro or Macro()
    rows = Rows(request, Names())
    form = MacroForm(
        posted(request),
        initial={"name": kept.name, "team": kept.team_id, "position": kept.position},
    )
    then = rows.actions("then", kept.then)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        acts = to_actions(then, rows.names)
        try:
            if fault := unnamed(acts):
                raise ValidationError({"then": fault})
            saved = macros.macro_save(
                macro, by=actor_of(request), name=given["name"], then=acts, team=given["team"],
                position=given["position"] or 0,
            )  # fmt: skip
        except ValidationError as error:
            _refuse(form, error, rows.faults)
        else:
            return settled(request, "merchant:macros", "macro.changed", saved.name)
    return TemplateResponse(
        request,
        "desk/macro.html",
        merchant_site.context(
            request, macro.name if macro else _("New macro"), form=form, macro=macro,
            then=shown(then), choices=choices(), lists=rows.names.lists,
        ),
    )  # fmt: skip


merchant_menu.add(
    Entry("settings", 22, gettext_lazy("Answer times"), "timer", "policies",
          may("bots.change_slapolicy")),
    Entry("settings", 23, gettext_lazy("Rules"), "bolt", "rules", may("bots.change_rule")),
    Entry("settings", 24, gettext_lazy("Macros"), "playlist_add_check", "macros",
          may("bots.change_macro")),
)  # fmt: skip
