"""Broadcasts: the list, the editor with its preview and its count, the page of one under way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.decorators import display

from bots.admin.templates import LANGUAGES, button_read
from bots.models import Broadcast, BroadcastItem, Channel, Contact, Segment, Template
from bots.selectors.advertising import bans, is_marked
from bots.selectors.audience import REASONS, channels_of, counted
from bots.selectors.broadcasts import RESULTS, Figures, figures_of, result_of, results, shows
from bots.selectors.failures import failure_in_words
from bots.selectors.sendable import manifest_of
from bots.services import broadcasts
from bots.services.broadcast_export import XLSX, results_csv, shows_csv, shows_xlsx
from bots.services.broadcast_text import ABOUT_BUYER, ABOUT_ORDER, ABOUT_SHOP, previews
from bots.services.template_text import VARIABLES
from integrations.models import Order, OrderRequest
from tenants.admin.base import Empty, OwnPage, settled, when
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.errors import RuleBroken
from tenants.kernel.posted import add_faults, offer, posted
from tenants.kernel.text import whole
from tenants.selectors.requests import actor_of

State = Broadcast.State
PAGE = 50
WHO_TITLES = (
    ("orders", gettext_lazy("buyers with an order")),
    ("requests", gettext_lazy("buyers with a return or a repeat")),
    ("segment", gettext_lazy("a segment")),
    ("labels", gettext_lazy("dialogues with a label")),
    ("contacts", gettext_lazy("these buyers")),
    ("all", gettext_lazy("everybody who has written to us")),
)
HOURS = [(str(hour), f"{hour:02}:00") for hour in range(24)]
# What keeps one from going on by itself.
DETAILS = {
    "channel": gettext_lazy("A channel is paused or broken: its buyers wait until it works again."),
}


class BroadcastForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"), max_length=120, help_text=gettext_lazy("Buyers do not see it.")
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("What it is"),
        choices=[
            ("service", gettext_lazy("About an order: each buyer reads of their own")),
            ("advertising", gettext_lazy("Advertising: only to whoever agreed to it")),
        ],
        widget=forms.RadioSelect,
        initial="service",
    )
    channels = forms.MultipleChoiceField(
        label=gettext_lazy("Channels"),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("A buyer gets it once, in the first of these they write in."),
    )
    who = forms.ChoiceField(label=gettext_lazy("Who gets it"), choices=WHO_TITLES)
    segment = forms.ChoiceField(label=gettext_lazy("Segment"), required=False)
    labels = forms.CharField(
        label=gettext_lazy("Labels"), required=False, max_length=400,
        help_text=gettext_lazy("Several with commas; any of them will do."),
    )  # fmt: skip
    contacts = forms.CharField(
        label=gettext_lazy("Numbers of buyers"),
        required=False,
        widget=forms.Textarea({"rows": 2}),
        help_text=gettext_lazy("As the API calls them, with commas."),
    )
    statuses = forms.MultipleChoiceField(
        label=gettext_lazy("Orders that are"), required=False, choices=Order.Status.choices,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    date_from = forms.DateField(
        label=gettext_lazy("Ordered from"), required=False,
        widget=forms.DateInput({"type": "date"}),
    )  # fmt: skip
    date_to = forms.DateField(
        label=gettext_lazy("Ordered to"), required=False, widget=forms.DateInput({"type": "date"})
    )
    kinds = forms.MultipleChoiceField(
        label=gettext_lazy("Requests"), required=False, choices=OrderRequest.Kind.choices,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    states = forms.MultipleChoiceField(
        label=gettext_lazy("that are"), required=False, choices=OrderRequest.State.choices,
        widget=forms.CheckboxSelectMultiple,
    )  # fmt: skip
    template = forms.ChoiceField(
        label=gettext_lazy("Prepared reply"), required=False,
        help_text=gettext_lazy(
            "Instead of a text written here, with its buttons and files. Past a channel's reply "
            "window only one that the platform has approved goes out."
        ),
    )  # fmt: skip
    text_ru = forms.CharField(
        label=gettext_lazy("Text in Russian"), required=False, widget=forms.Textarea({"rows": 5})
    )
    text_en = forms.CharField(
        label=gettext_lazy("Text in English"), required=False, widget=forms.Textarea({"rows": 4})
    )
    buttons = forms.CharField(
        label=gettext_lazy("Buttons under it"),
        required=False,
        widget=forms.Textarea({"rows": 2}),
        help_text=gettext_lazy("A title a line; with an address after it the button is a link."),
    )
    advertiser = forms.CharField(
        label=gettext_lazy("Advertiser"), required=False, max_length=200,
        help_text=gettext_lazy("As in its registration: ООО «Ромашка»."),
    )  # fmt: skip
    inn = forms.CharField(label=gettext_lazy("INN"), required=False, max_length=12)
    erid = forms.CharField(
        label=gettext_lazy("erid"), required=False, max_length=64,
        help_text=gettext_lazy("The operator of advertising data gives it for this text."),
    )  # fmt: skip
    throttle = forms.IntegerField(
        label=gettext_lazy("At most a minute"), required=False, min_value=0,
        max_value=broadcasts.THROTTLE_AT_MOST,
        help_text=gettext_lazy("Empty: as fast as the channels allow, behind buyers who wait."),
    )  # fmt: skip
    quiet_from = forms.ChoiceField(label=gettext_lazy("Advertising rests from"), choices=HOURS)
    quiet_to = forms.ChoiceField(
        label=gettext_lazy("to"), choices=HOURS,
        help_text=gettext_lazy("By the shop's clock. Equal hours: never."),
    )  # fmt: skip
    scheduled_at = forms.DateTimeField(
        label=gettext_lazy("Begin at"), required=False,
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        widget=forms.DateTimeInput({"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Empty: as soon as you send it."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        forbidden = bans()
        channels = []
        for channel in Channel.objects.order_by("pk"):
            manifest = manifest_of(channel)
            if manifest is not None and manifest.can_write_first and manifest.is_offered:
                note = _("no advertising") if channel.kind in forbidden else ""
                channels.append((str(channel.pk), f"{channel.name} ({note})" if note else channel))
        offer(self, "channels", channels)
        offer(self, "segment", [("", "–"), *((str(s.pk), s.name) for s in Segment.objects.all())])
        replies = Template.objects.filter(is_active=True).order_by("name")
        offer(
            self, "template", [("", _("none: the text below")), *((str(t.pk), t) for t in replies)]
        )

    def data_of(self) -> dict[str, Any]:
        """What `broadcast_save` takes."""
        given = self.cleaned_data
        return {
            "name": given["name"],
            "kind": given["kind"],
            "channels": [int(pk) for pk in given["channels"]],
            "audience": self._audience(given),
            "template": Template.objects.filter(pk=whole(given["template"]) or 0).first(),
            "texts": {lang: given[f"text_{lang}"] for lang, _title in LANGUAGES},
            "buttons": [button_read(one) for one in given["buttons"].splitlines() if one.strip()],
            "ad": {name: given[name] for name in ("advertiser", "inn", "erid")},
            "throttle": given["throttle"] or 0,
            "quiet_from": int(given["quiet_from"]),
            "quiet_to": int(given["quiet_to"]),
            "scheduled_at": given["scheduled_at"],
        }

    @staticmethod
    def _audience(given: dict[str, Any]) -> dict[str, Any]:
        who = given["who"]
        match who:
            case "segment":
                return {"who": who, "segment": whole(given["segment"])}
            case "labels":
                return {
                    "who": who,
                    "labels": [one.strip() for one in given["labels"].split(",") if one.strip()],
                }
            case "contacts":
                found = (whole(one.strip()) for one in given["contacts"].split(","))
                return {"who": who, "contacts": [one for one in found if one]}
            case "orders":
                days = {"from": given["date_from"], "to": given["date_to"]}
                return {
                    "who": who,
                    "statuses": given["statuses"],
                    **{name: day.isoformat() for name, day in days.items() if day},
                }
            case "requests":
                return {"who": who, "kinds": given["kinds"], "states": given["states"]}
        return {"who": who}


def initial_of(row: Broadcast) -> dict[str, Any]:
    audience = row.audience
    begins = row.scheduled_at and timezone.localtime(row.scheduled_at)
    return {
        "name": row.name, "kind": row.kind, "channels": [str(pk) for pk in row.channels],
        "who": audience.get("who", "orders"), "segment": str(audience.get("segment") or ""),
        "labels": ", ".join(audience.get("labels", ())),
        "contacts": ", ".join(str(pk) for pk in audience.get("contacts", ())),
        "statuses": audience.get("statuses", []), "date_from": audience.get("from"),
        "date_to": audience.get("to"), "kinds": audience.get("kinds", []),
        "states": audience.get("states", []), "template": str(row.template_id or ""),
        **{f"text_{lang}": row.texts.get(lang, "") for lang, _title in LANGUAGES},
        "buttons": "\n".join(
            " ".join(filter(None, [b.get("title", ""), b.get("url", "")])) for b in row.buttons
        ),
        **{name: row.ad.get(name, "") for name in ("advertiser", "inn", "erid")},
        "throttle": row.throttle or None, "quiet_from": str(row.quiet_from),
        "quiet_to": str(row.quiet_to), "scheduled_at": begins,
    }  # fmt: skip


RENAMED = {
    "audience": "who", "texts": "text_ru", "from": "date_from", "to": "date_to", "files": "template"
}  # fmt: skip


@admin.register(Broadcast, site=merchant_site)
class BroadcastAdmin(OwnPage):
    begun = when("started_at", gettext_lazy("Begun"))
    list_display = ("title", "kind_label", "state_label", "result", "begun")
    list_filter = ("kind", "state")
    search_fields = ("name",)
    ordering = ("-pk",)
    actions = None
    add_label = gettext_lazy("New broadcast")
    empty = Empty(
        gettext_lazy("No broadcasts yet"),
        gettext_lazy(
            "One message to many buyers: news of their orders, or advertising to whoever agreed "
            "to it. You see who gets it before it is sent."
        ),
        gettext_lazy("New broadcast"),
        icon="campaign",
    )

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("preview/", wrap(require_POST(self.preview_view)), name="broadcast_preview"),
            path("shows/", wrap(self.shows_view), name="broadcast_shows"),
            path("<int:pk>/state/", wrap(self.state_view), name="broadcast_state"),
            path("<int:pk>/results.csv", wrap(self.results_view), name="broadcast_results"),
            path("<int:pk>/act/", wrap(require_POST(self.act_view)), name="broadcast_act"),
            *super().get_urls(),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False  # a draft is removed on its own page; what was sent is a record

    @display(description=gettext_lazy("Broadcast"), ordering="name")
    def title(self, row: Broadcast) -> str:
        return row.name

    @display(description=gettext_lazy("Kind"), ordering="kind")
    def kind_label(self, row: Broadcast) -> str:
        return row.get_kind_display()

    @display(
        description=gettext_lazy("State"),
        ordering="state",
        label={
            State.SENDING: "info", State.READY: "info", State.PAUSED: "warning",
            State.STOPPED: "danger", State.DONE: "success",
        },
    )  # fmt: skip
    def state_label(self, row: Broadcast) -> tuple[str, str]:
        return row.state, row.get_state_display()

    @display(description=gettext_lazy("Sent"))
    def result(self, row: Broadcast) -> str:
        if row.state == State.DRAFT:
            return "–"
        figures = figures_of(row)
        return _("%(n)s of %(total)s") % {"n": figures.arrived, "total": figures.total}

    # ── Editor ──
    def edit(self, request: HttpRequest, row: Broadcast | None) -> HttpResponse:
        if row is not None and row.state != State.DRAFT:
            return self._under_way(request, row)
        start = initial_of(row) if row else {"who": "orders", "quiet_from": "21", "quiet_to": "9"}
        form = BroadcastForm(posted(request), initial=start)
        if request.method == "POST" and form.is_valid():
            try:
                saved = broadcasts.broadcast_save(
                    form.data_of(), broadcast=row, by=actor_of(request)
                )
            except ValidationError as error:
                add_faults(form, error, RENAMED)
            except RuleBroken as refused:
                form.add_error(None, str(refused))
            else:
                code = "broadcast.changed" if row else "broadcast.added"
                target = f"{saved} (#{saved.pk})"
                answer = settled(request, "merchant:bots_broadcast_changelist", code, target)
                answer["Location"] = self._url(saved.pk)
                return answer
        found = counted(row) if row else None
        return TemplateResponse(
            request,
            "desk/broadcast.html",
            self.admin_site.context(
                request,
                row.name if row else _("New broadcast"),
                form=form, row=row, is_marked=is_marked(), variables=_variables(),
                faults=_faults(row) if row else (),
                audience=found, skipped=_skipped(found.skipped) if found else (),
                by_channel=_by_channel(row, found) if row and found else (),
                is_large=bool(found and found.gets >= broadcasts.LARGE),
                may_change=self.has_change_permission(request, row),
                opts=self.opts, original=row,
            ),
        )  # fmt: skip

    @staticmethod
    def _url(pk: int) -> str:
        return reverse("merchant:bots_broadcast_change", args=[pk])

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """What is on the page now, as each channel shows it; nothing is kept."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        form = BroadcastForm(request.POST)
        form.is_valid()
        given = form.cleaned_data
        row = Broadcast(
            kind=given.get("kind", "service"),
            texts={lang: given.get(f"text_{lang}", "") for lang, _title in LANGUAGES},
            template=Template.objects.filter(pk=whole(given.get("template", "")) or 0).first(),
            buttons=[button_read(o) for o in given.get("buttons", "").splitlines() if o.strip()],
            ad={name: given.get(name, "") for name in ("advertiser", "inn", "erid")},
        )
        chosen = [int(pk) for pk in given.get("channels", ())]
        row.channels = chosen or [pk for pk, _t in form.fields["channels"].choices][:1]  # type: ignore[attr-defined]
        row.channels = [int(pk) for pk in row.channels]
        return JsonResponse(
            {
                "shown": [
                    {
                        "channel": one.channel_name, "lang": one.lang, "text": one.text,
                        "buttons": [button.title for button in one.buttons],
                        "faults": list(one.faults),
                        "size": _("%(n)s of %(limit)s") % {"n": one.size, "limit": one.limit},
                        "is_long": one.size > one.limit,
                    }
                    for one in previews(row, channels_of(row))
                ]
            }
        )  # fmt: skip

    # ── Acts ──
    def act_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = get_object_or_404(Broadcast, pk=pk)
        if not self.has_change_permission(request, row):
            raise PermissionDenied
        by, act = actor_of(request), request.POST.get("act", "")
        try:
            match act:
                case "start":
                    confirm = request.POST.get("confirm", "")
                    broadcasts.broadcast_start(pk, by=by, confirm=confirm)
                    messages.success(request, _("“%s” is on its way.") % row.name)
                case "pause":
                    broadcasts.broadcast_pause(pk, by=by)
                case "resume":
                    broadcasts.broadcast_resume(pk, by=by)
                case "stop":
                    broadcasts.broadcast_stop(pk, by=by)
                    messages.success(request, _("Stopped. What has left stays with the buyers."))
                case "copy":
                    return redirect(self._url(broadcasts.broadcast_copy(pk, by=by).pk))
                case "delete":
                    broadcasts.broadcast_delete(pk, by=by)
                    messages.success(request, _("Removed."))
                    return redirect("merchant:bots_broadcast_changelist")
                case "test":
                    contact = _own(row, request.POST.get("contact", ""))
                    broadcasts.test_send(pk, contact, by=by)
                    messages.success(request, _("Sent to %s. Look how it reads.") % contact)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        except RuleBroken as refused:
            messages.error(request, str(refused))
        return redirect(self._url(pk))

    # ── Under way and after ──
    def _under_way(self, request: HttpRequest, row: Broadcast) -> HttpResponse:
        asked = {name: request.GET.get(name, "")[:80] for name in ("q", "result")}
        found = results(row, result=asked["result"], query=asked["q"])
        page = Paginator(found, PAGE).get_page(request.GET.get("page"))
        rows = [_row(item) for item in page.object_list]
        return TemplateResponse(
            request,
            "desk/broadcast_run.html",
            self.admin_site.context(
                request,
                row.name,
                row=row, progress=_progress(row), page=page, rows=rows, asked=asked,
                results=RESULTS, detail=DETAILS.get(row.detail, row.detail),
                may_change=self.has_change_permission(request, row),
                opts=self.opts, original=row,
            ),
        )  # fmt: skip

    def state_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """How far it is, for the bar."""
        row = get_object_or_404(Broadcast, pk=pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        return JsonResponse(_progress(row))

    def results_view(self, request: HttpRequest, pk: int) -> HttpResponse | StreamingHttpResponse:
        row = get_object_or_404(Broadcast, pk=pk)
        if not self.has_view_permission(request, row):
            raise PermissionDenied
        # Read here: a streamed answer is read after the request has left its merchant.
        body = b"".join(results_csv(row))
        answer = HttpResponse(body, content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="broadcast-{row.pk}.csv"'
        return answer

    def shows_view(self, request: HttpRequest) -> HttpResponse:
        """Shows by erid, channel and month for an operator of advertising data, CSV or XLSX."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        pk = whole(request.GET.get("broadcast", ""))
        row = get_object_or_404(Broadcast, pk=pk) if pk else None
        found = list(shows(broadcast=row))
        if request.GET.get("table") == "xlsx":
            answer = HttpResponse(shows_xlsx(found), content_type=XLSX)
            name = "shows.xlsx"
        else:
            answer = HttpResponse(
                b"".join(shows_csv(found)), content_type="text/csv; charset=utf-8"
            )
            name = "shows.csv"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        return answer


def _variables() -> dict[str, Any]:
    return {name: VARIABLES[name] for name in (*ABOUT_BUYER, *ABOUT_ORDER, *ABOUT_SHOP)}


def _faults(row: Broadcast) -> list[str]:
    """A fault that several fields share is told once."""
    found = broadcasts.faults_of(row)
    return list(dict.fromkeys(one for faults in found.values() for one in faults))


def _skipped(reasons: Any) -> list[tuple[Any, int]]:
    return [(REASONS.get(reason, reason), n) for reason, n in reasons.most_common()]


def _by_channel(row: Broadcast, found: Any) -> list[tuple[str, int]]:
    return [(channel.name, found.by_channel[channel.pk]) for channel in channels_of(row)]


def _row(item: BroadcastItem) -> dict[str, Any]:
    result = result_of(item)
    failure = item.message.failure if item.message and result == "failed" else ""
    words = failure_in_words(failure) if failure else REASONS.get(item.reason, item.reason)
    return {"item": item, "result": result, "title": RESULTS[result], "words": words}


def _progress(row: Broadcast) -> dict[str, Any]:
    figures: Figures = figures_of(row)
    left = (
        (figures.total - figures.done) / (figures.done / figures.seconds)
        if row.state == State.SENDING and figures.done and figures.seconds
        else 0
    )
    return {
        "state": row.state,
        "state_label": str(row.get_state_display()),
        "is_over": row.is_over,
        "is_running": row.state in (State.SENDING, State.READY),
        "done": figures.done,
        "total": figures.total,
        "share": 100 if row.state == State.DONE else figures.share,
        "rate": figures.rate_per_min if row.state in (State.SENDING, State.DONE) else 0,
        "left": str(timedelta(seconds=round(left))) if left else "",
        "detail": str(DETAILS.get(row.detail, "")),
        "results": [
            {"key": key, "title": str(title), "n": figures.results[key]}
            for key, title in RESULTS.items()
        ],
        "reasons": [{"title": str(title), "n": n} for title, n in _skipped(figures.skipped)],
    }


def _own(row: Broadcast, query: str) -> Contact:
    """One contact of one's own by name, user name, id or telephone. Raises ValidationError."""
    query = query.strip()[:120]
    if not query:
        raise ValidationError(_("Say to whom: a name, a user name, or an id in the channel."))
    found = (
        Contact.objects.filter(channel__in=row.channels, conversation__isnull=False)
        .filter(
            Q(username__iexact=query.removeprefix("@"))
            | Q(external_id=query)
            | Q(name__iexact=query)
            | Q(identities__value=query)
        )
        .select_related("channel")
        .distinct()
    )
    several = list(found.order_by("-pk")[:2])
    if not several:
        raise ValidationError(
            _("Nobody is called so in these channels. Write to the shop from there first.")
        )
    if len(several) > 1:
        raise ValidationError(_("Several are called so: give the user name or the id."))
    return several[0]


merchant_menu.add(
    Entry("assistant", 35, gettext_lazy("Broadcasts"), "campaign", "bots_broadcast_changelist",
          may("bots.view_broadcast")),
)  # fmt: skip
