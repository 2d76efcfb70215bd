"""Teams, the people in them with their week, and labels."""

from __future__ import annotations

import re
from datetime import time
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.admin.hours import WeekForm, read_figures, time_of
from bots.models import (
    AgentProfile,
    Calendar,
    Channel,
    Label,
    Shift,
    Team,
    TeamMember,
)
from bots.selectors.teams import CARDS, load_of, presence_shown
from bots.services import agents
from tenants.admin.base import settled
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.errors import RuleBroken
from tenants.kernel.posted import asks_to, offer, posted
from tenants.selectors.requests import actor_of
from tenants.services.audit import audit
from tenants.workspace.models import User


def _may(request: HttpRequest) -> None:
    if not request.user.has_perm("bots.change_team"):
        raise PermissionDenied


class WordsField(forms.CharField):
    """“returns, sizes” ↔ ["returns", "sizes"]."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, max_length=600, **kwargs)

    def prepare_value(self, value: Any) -> str:
        return ", ".join(value) if isinstance(value, list) else value

    def clean(self, value: Any) -> Any:
        words = [word.strip().lower() for word in re.split(r"[,;\n]", super().clean(value) or "")]
        return [word[:40] for word in dict.fromkeys(words) if word][:50]


_CARDS = ("card_1", "card_2", "card_3", "card_4")


class TeamForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, required=False)
    assignment = forms.ChoiceField(
        label=gettext_lazy("How chats are given out"), choices=Team.Assignment.choices
    )
    accept_s = forms.IntegerField(
        label=gettext_lazy("Seconds to accept"),
        min_value=0,
        max_value=3600,
        help_text=gettext_lazy("0: the chat is given without asking."),
    )
    is_sticky = forms.BooleanField(
        label=gettext_lazy("A returning buyer goes to whoever answered before"), required=False
    )
    sees_colleagues = forms.BooleanField(
        label=gettext_lazy("People see their colleagues' chats"), required=False
    )
    languages = WordsField(
        label=gettext_lazy("Languages"),
        help_text=gettext_lazy("Codes with commas: ru, en. Empty: any."),
    )
    skills = WordsField(
        label=gettext_lazy("Skills"),
        help_text=gettext_lazy("With commas: returns, sizes. Chats that need one come here."),
    )
    calendar = forms.ModelChoiceField(
        label=gettext_lazy("Working hours"),
        queryset=Calendar.objects.all(),
        required=False,
        empty_label=gettext_lazy("the shop's"),
    )
    card_1 = forms.ChoiceField(
        label=gettext_lazy("Beside a dialogue of this team"),
        required=False,
        help_text=gettext_lazy(
            "Which cards about the buyer come first; the others follow in their usual order. "
            "Whoever has an order of their own keeps it."
        ),
    )
    card_2 = forms.ChoiceField(label=gettext_lazy("And then"), required=False)
    card_3 = forms.ChoiceField(label=gettext_lazy("And then"), required=False)
    card_4 = forms.ChoiceField(label=gettext_lazy("And then"), required=False)
    members = forms.MultipleChoiceField(
        label=gettext_lazy("People"), required=False, widget=forms.CheckboxSelectMultiple
    )
    leads = forms.MultipleChoiceField(
        label=gettext_lazy("Leads"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("They see and give out everything of this team."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        people = [(str(u.pk), str(u)) for u in User.objects.filter(is_active=True).order_by("name")]
        for name in ("members", "leads"):
            offer(self, name, people)
        for name in _CARDS:
            offer(self, name, [("", _("as usual")), *CARDS.items()])

    def values(self) -> dict[str, Any]:
        """As the team keeps them."""
        apart = ("members", "leads", *_CARDS)
        chosen = [self.cleaned_data[name] for name in _CARDS if self.cleaned_data[name]]
        kept = {name: value for name, value in self.cleaned_data.items() if name not in apart}
        return {**kept, "cards": list(dict.fromkeys(chosen))}

    def people(self) -> list[tuple[User, bool]]:
        leads = set(self.cleaned_data["leads"])
        chosen = {int(pk) for pk in leads | set(self.cleaned_data["members"])}
        return [(user, str(user.pk) in leads) for user in User.objects.filter(pk__in=chosen)]


@merchant_site.page("teams/", name="teams")
def teams_page(request: HttpRequest) -> HttpResponse:
    """Teams and people on one page, each leading to its own."""
    _may(request)
    me = request.user
    assert isinstance(me, User)
    people = list(User.objects.filter(is_active=True).order_by("name", "pk"))
    profiles = {p.user_id: p for p in AgentProfile.objects.all()}
    shifts: dict[int, int] = {}
    for user_id in Shift.objects.values_list("user_id", flat=True):
        shifts[user_id] = shifts.get(user_id, 0) + 1
    loads = load_of([one.pk for one in people])
    rows = [
        {
            "user": one,
            "presence": User.Presence(presence_shown(one, me)).label,
            "capacity": (profiles.get(one.pk) or AgentProfile()).capacity,
            "load": loads.get(one.pk, 0),
            "shifts": shifts.get(one.pk, 0),
        }
        for one in people
    ]
    return TemplateResponse(
        request,
        "desk/teams.html",
        merchant_site.context(
            request, _("Teams and people"), rows=rows,
            teams=Team.objects.prefetch_related("members__user"),
        ),
    )  # fmt: skip


@merchant_site.page("teams/add/", name="team_add")
@merchant_site.page("teams/<int:pk>/", name="team")
def team_page(request: HttpRequest, pk: int | None = None) -> HttpResponse:
    _may(request)
    team = get_object_or_404(Team, pk=pk) if pk is not None else None
    if team is not None and asks_to(request, "remove"):
        return _removed(request, team)
    form = TeamForm(posted(request), initial=_team_initial(team))
    if request.method == "POST" and form.is_valid():
        try:
            saved = agents.team_save(form.values(), team=team, members=form.people())
        except RuleBroken as exc:
            form.add_error("name", str(exc))
        else:
            return settled(request, "merchant:teams", "team.changed", f"team:{saved.pk}")
    return TemplateResponse(
        request,
        "desk/team.html",
        merchant_site.context(request, str(team) if team else _("New team"), form=form, team=team),
    )


def _removed(request: HttpRequest, team: Team) -> HttpResponse:
    try:
        agents.team_delete(team)
    except RuleBroken as exc:
        messages.error(request, str(exc))
    else:
        audit("team.deleted", f"team:{team.pk}", actor=actor_of(request))
        messages.success(request, _("Removed. Its chats are the main team's now."))
    return redirect("merchant:teams")


def _team_initial(team: Team | None) -> dict[str, Any]:
    one = team or Team(assignment=Team.Assignment.LEAST_LOADED)
    names = ("name", "assignment", "accept_s", "is_sticky", "sees_colleagues", "languages")
    members = list(TeamMember.objects.filter(team=team)) if team else []
    return {
        **{name: getattr(one, name) for name in (*names, "skills")},
        "calendar": one.calendar_id,
        "members": [str(m.user_id) for m in members],
        "leads": [str(m.user_id) for m in members if m.is_lead],
        **dict(zip(_CARDS, one.cards, strict=False)),
    }


# ── A person ─────────────────────────────────────────────────────────────────────────────────
def read_shifts(text: str) -> list[tuple[time, time]]:
    """“10:00–18:00, 22-6”: one that ends before it starts goes past midnight."""
    found = []
    for hour, minute, end_hour, end_minute in read_figures(text):
        starts, ends = time_of(hour, minute), time_of(end_hour % 24, end_minute)
        if starts == ends:
            raise forms.ValidationError(_("A shift has to end at another time."))
        found.append((starts, ends))
    return found


class AgentForm(WeekForm):
    capacity = forms.IntegerField(
        label=gettext_lazy("Chats at once"), min_value=0, max_value=500,
        help_text=gettext_lazy("0: none is given; chats can still be taken by hand."),
    )  # fmt: skip
    skills = WordsField(label=gettext_lazy("Skills"))
    languages = WordsField(
        label=gettext_lazy("Languages"),
        help_text=gettext_lazy("Codes with commas: ru, en. Empty: those of the team."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.kinds = sorted(set(Channel.objects.values_list("kind", flat=True)))
        for kind in self.kinds:
            self.fields[f"kind_{kind}"] = forms.IntegerField(
                label=_("At most of “%s”") % kind, required=False, min_value=0, max_value=500
            )

    @property
    def plain(self) -> list[Any]:
        names = ("capacity", *(f"kind_{kind}" for kind in self.kinds), "skills", "languages")
        return [self[name] for name in names]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        cleaned["week"] = [
            (day, starts, ends)
            for day, shifts in self.read_week(cleaned, read_shifts).items()
            for starts, ends in shifts
        ]
        cleaned["channel_capacity"] = {
            kind: most for kind in self.kinds if (most := cleaned.get(f"kind_{kind}")) is not None
        }
        return cleaned


@merchant_site.page("agents/<int:pk>/", name="agent")
def agent_page(request: HttpRequest, pk: int) -> HttpResponse:
    """How much a person takes at once, what of, and when."""
    _may(request)
    user = get_object_or_404(User, pk=pk, is_active=True)
    form = AgentForm(posted(request), initial=_agent_initial(user))
    if request.method == "POST" and form.is_valid():
        names = ("capacity", "channel_capacity", "skills", "languages")
        agents.profile_save(user, {name: form.cleaned_data[name] for name in names})
        agents.shifts_save(user, form.cleaned_data["week"])
        return settled(request, "merchant:teams", "agent.changed", f"user:{user.pk}")
    return TemplateResponse(
        request,
        "desk/agent.html",
        merchant_site.context(
            request, str(user), form=form, user_shown=user,
            teams=Team.objects.filter(members__user=user),
        ),
    )  # fmt: skip


def _agent_initial(user: User) -> dict[str, Any]:
    profile = AgentProfile.objects.filter(user=user).first() or AgentProfile()
    week: dict[int, list[str]] = {}
    for shift in Shift.objects.filter(user=user).order_by("weekday", "starts"):
        week.setdefault(shift.weekday, []).append(f"{shift.starts:%H:%M}–{shift.ends:%H:%M}")
    return {
        "capacity": profile.capacity,
        "skills": profile.skills,
        "languages": profile.languages,
        **{f"kind_{kind}": most for kind, most in profile.channel_capacity.items()},
        **{f"day_{day}": ", ".join(parts) for day, parts in week.items()},
    }


# ── Labels ───────────────────────────────────────────────────────────────────────────────────
class LabelForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=40, required=False)
    colour = forms.ChoiceField(label=gettext_lazy("Colour"), choices=Label.Colour.choices)


@merchant_site.page("labels/", name="labels")
def labels_page(request: HttpRequest) -> HttpResponse:
    """All labels and an empty line; a name that is emptied removes its label."""
    _may(request)
    labels = list(Label.objects.all())
    data = posted(request)
    rows = [
        (label, LabelForm(data, prefix=f"label{label.pk}", initial=vars(label))) for label in labels
    ]
    new = LabelForm(data, prefix="new", initial={"colour": Label.Colour.BLUE})
    every = [form for _label, form in rows] + [new]
    if request.method == "POST" and not any(not form.is_valid() for form in every):
        try:
            for label, form in rows:
                if not form.cleaned_data["name"].strip():
                    agents.label_delete(label)
                elif form.has_changed():
                    agents.label_save(form.cleaned_data, label=label)
            if new.cleaned_data["name"].strip():
                values = {**new.cleaned_data, "position": len(labels)}
                agents.label_save(values)
        except RuleBroken as exc:
            messages.error(request, str(exc))
        else:
            messages.success(request, _("Saved."))
        return redirect("merchant:labels")
    return TemplateResponse(
        request, "desk/labels.html", merchant_site.context(request, _("Labels"), forms=every)
    )


merchant_menu.add(
    Entry("settings", 20, gettext_lazy("Teams and people"), "groups", "teams",
          may("bots.change_team")),
    Entry("settings", 21, gettext_lazy("Labels"), "label", "labels", may("bots.change_label")),
)  # fmt: skip
