"""Moving in: from another help desk or a table. A dry run first, then the same for real."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from bots.importers.base import ImporterManifest
from bots.services.moving import (
    ALL,
    JOB,
    NAMES,
    Sample,
    importers,
    may_do,
    moving_check,
    moving_do,
    moving_start,
    moving_stop,
    table_columns,
    table_missing,
    table_sample,
)
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.documents import Unreadable
from tenants.kernel.errors import NeedsMerchant, RetryLater, RuleBroken, VendorError
from tenants.kernel.files import TooLarge, file_delete, file_save
from tenants.kernel.posted import posted, uploads
from tenants.kernel.words import vendor_words
from tenants.selectors.requests import actor_of, merchant_here
from tenants.services.audit import audit
from tenants.workspace.models import Job, StoredFile

LARGEST = 200 * 1024 * 1024
ENDINGS = (".csv", ".xlsx", ".txt", ".tsv")
TABLES = (
    ("contacts", gettext_lazy("contacts, a row each")),
    ("messages", gettext_lazy("messages of dialogues, a row each")),
)


class AccountForm(forms.Form):
    address = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=300,
        widget=forms.URLInput({"placeholder": "https://app.chatwoot.com"}),
        help_text=gettext_lazy("Of your account in the cloud, or of your own server."),
    )
    token = forms.CharField(
        label=gettext_lazy("Access token of an administrator"),
        max_length=200,
        widget=forms.PasswordInput({"autocomplete": "off"}),
        help_text=gettext_lazy(
            "In Chatwoot: your profile, at the bottom. It is kept encrypted while the import "
            "lasts, then forgotten."
        ),
    )
    account = forms.RegexField(
        r"^\d{1,18}$",
        label=gettext_lazy("Number of the account"),
        required=False,
        help_text=gettext_lazy("Only where the token knows several."),
    )
    parts = forms.MultipleChoiceField(
        label=gettext_lazy("What to bring"),
        choices=[(name, NAMES[name]) for name in ALL],
        initial=list(ALL),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy(
            "Colleagues come without a password and as agents; you send them links yourself."
        ),
    )

    def refuse(self, error: VendorError) -> None:
        """Beside the field a person has to look at."""
        is_token = isinstance(error, NeedsMerchant) and error.status in (None, 401, 403)
        if isinstance(error, RetryLater):
            words = _("Nobody answers there: %(why)s.") % {
                "why": vendor_words(error.detail).rstrip(".")
            }
            self.add_error("address", words)
        else:
            self.add_error(
                "token" if is_token and error.vendor else "address", vendor_words(error.detail)
            )


class TableForm(forms.Form):
    table = forms.ChoiceField(
        label=gettext_lazy("What is in the table"), choices=TABLES, widget=forms.RadioSelect
    )
    name = forms.CharField(
        label=gettext_lazy("Where it comes from"),
        max_length=60,
        help_text=gettext_lazy(
            "The name of the system, for example Jivo. The next table with this name adds only "
            "what is new."
        ),
    )
    file = forms.FileField(
        label=gettext_lazy("File"),
        widget=forms.ClearableFileInput({"accept": ",".join(ENDINGS)}),
        help_text=gettext_lazy("CSV or Excel (XLSX), to 200 MB, with a row of headings."),
    )

    def clean_file(self) -> Any:
        upload = self.cleaned_data["file"]
        if not upload.name.lower().endswith(ENDINGS):
            raise forms.ValidationError(_("This kind of file is not read: send CSV or XLSX."))
        return upload


class ColumnsForm(forms.Form):
    """A choice of a column for each thing we know."""

    def __init__(self, table: str, sample: Sample, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table
        choices = [("", _("not in the table"))] + [
            (str(place), _shown(cell) or _("column %(n)s") % {"n": place + 1})
            for place, cell in enumerate(sample.heading)
        ]
        for one in table_columns(table):
            self.fields[one.name] = forms.ChoiceField(
                label=str(one.title).capitalize(),
                choices=choices,
                required=one.is_required,
                initial=str(sample.guess.get(one.name, "")),
            )

    def columns(self) -> dict[str, int]:
        return {name: int(place) for name, place in self.cleaned_data.items() if place != ""}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        taken = [place for place in cleaned.values() if place != ""]
        if len(taken) != len(set(taken)):
            raise forms.ValidationError(_("A column can be one thing only."))
        if not self.errors and (lacking := table_missing(self.columns(), self.table)):
            raise forms.ValidationError(
                _("Say which column is: %(names)s.") % {"names": ", ".join(lacking)}
            )
        return cleaned


def _shown(cell: Any) -> str:
    return " ".join(str(cell if cell is not None else "").split())[:60]


def _guard(request: HttpRequest) -> None:
    if not request.user.has_perm("bots.add_imported"):
        raise PermissionDenied


def _page(request: HttpRequest, name: str, title: Any, **more: Any) -> TemplateResponse:
    return TemplateResponse(request, name, merchant_site.context(request, title, **more))


@merchant_site.page("moving/", name="moving")
def start_page(request: HttpRequest) -> HttpResponse:
    _guard(request)
    return _page(
        request,
        "desk/moving.html",
        _("Moving in"),
        importers=importers().values(),
        jobs=[_line(one) for one in Job.objects.filter(kind=JOB).order_by("-pk")[:20]],
    )


def _line(job: Job) -> dict[str, Any]:
    manifest = importers().get(job.params.get("importer", ""))
    asked = job.params.get("asked", {})
    where = asked.get("address") or asked.get("name") or ""
    return {
        "job": job,
        "title": manifest.title if manifest else "",
        "where": str(where).removeprefix("https://"),
        "is_dry": bool(job.params.get("dry")),
    }


@merchant_site.page("moving/new/<slug:kind>/", name="moving_new")
def new_page(request: HttpRequest, kind: str) -> HttpResponse:
    _guard(request)
    manifest = importers().get(kind)
    if manifest is None:
        raise Http404
    return _account(request, manifest) if manifest.asks == "account" else _file(request, manifest)


# ── An account ───────────────────────────────────────────────────────────────────────────────
def _account(request: HttpRequest, manifest: ImporterManifest) -> HttpResponse:
    after = _after(request, manifest)
    initial = {**after.params["asked"], "parts": after.params["parts"]} if after else None
    form = AccountForm(posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        job = _begin(request, manifest, form, after)
        if job is not None:
            return redirect("merchant:moving_run", job.pk)
    return _page(request, "desk/moving_account.html", manifest.title, form=form, after=after)


def _after(request: HttpRequest, manifest: ImporterManifest) -> Job | None:
    """A run that stopped half-way and is gone on with."""
    pk = request.GET.get("after", "")
    if not pk.isdecimal() or len(pk) > 18:
        return None
    found = Job.objects.filter(pk=int(pk), kind=JOB, state=Job.State.FAILED).first()
    if found is None or found.params.get("importer") != manifest.key or found.params.get("dry"):
        return None
    return found


def _begin(
    request: HttpRequest, manifest: ImporterManifest, form: AccountForm, after: Job | None
) -> Job | None:
    given = form.cleaned_data
    try:
        accounts = moving_check(manifest.key, given["address"], given["token"], given["account"])
        if len(accounts) > 1:
            names = ", ".join(f"{one.account} ({one.title})" for one in accounts[:20])
            form.add_error("account", _("The token knows several: %(names)s.") % {"names": names})
            return None
        account = accounts[0]
        asked = {"address": given["address"].strip(), "account": account.account,
                 "title": account.title}  # fmt: skip
        if after is not None and any(
            after.params["asked"].get(name) != asked[name] for name in ("address", "account")
        ):
            form.add_error("address", _("This is another account. Begin a new import for it."))
            return None
        job = moving_start(
            manifest.key,
            asked=asked,
            user=actor_of(request),
            token=given["token"].strip(),
            parts=tuple(given["parts"]),
            is_dry=after is None,
            after=after,
        )
    except VendorError as error:
        form.refuse(error)
    except RuleBroken as error:
        form.add_error(None, str(error))
    else:
        verb = "moving.tried" if after is None else "moving.started"
        audit(verb, f"{manifest.key} {asked['address']}", actor=actor_of(request), job=job.pk)
        return job
    return None


# ── A table ──────────────────────────────────────────────────────────────────────────────────
def _file(request: HttpRequest, manifest: ImporterManifest) -> HttpResponse:
    form = TableForm(posted(request), uploads(request))
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            stored = file_save(upload.chunks(), name=upload.name, purpose="import", limit=LARGEST)
        except TooLarge:
            form.add_error("file", _("The file is larger than 200 MB."))
        else:
            try:
                table_sample(stored, form.cleaned_data["table"])
            except Unreadable as error:
                file_delete(stored)
                form.add_error("file", str(error))
            else:
                request.session[f"moving-{stored.pk}"] = {
                    "table": form.cleaned_data["table"],
                    "name": " ".join(form.cleaned_data["name"].split()),
                }
                return redirect("merchant:moving_columns", stored.pk)
    return _page(request, "desk/moving_file.html", manifest.title, form=form)


@merchant_site.page("moving/columns/<int:pk>/", name="moving_columns")
def columns_page(request: HttpRequest, pk: int) -> HttpResponse:
    _guard(request)
    about = request.session.get(f"moving-{pk}")
    stored = get_object_or_404(StoredFile, pk=pk, purpose="import")
    if about is None:
        raise Http404
    try:
        sample = table_sample(stored, about["table"])
    except Unreadable as error:
        messages.error(request, str(error))
        return redirect("merchant:moving")
    form = ColumnsForm(about["table"], sample, posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            job = moving_start(
                "table",
                asked={**about, "columns": form.columns(), "header": sample.header,
                       "zone": merchant_here(request).time_zone},
                user=actor_of(request),
                file=stored,
                parts=("contacts", "conversations"),
            )  # fmt: skip
        except RuleBroken as error:
            form.add_error(None, str(error))
        else:
            del request.session[f"moving-{pk}"]
            audit("moving.tried", f"table {about['name']}", actor=actor_of(request), job=job.pk)
            return redirect("merchant:moving_run", job.pk)
    return _page(
        request,
        "desk/moving_columns.html",
        _("Which column is what"),
        form=form,
        heading=[_shown(cell) for cell in sample.heading],
        rows=[[_shown(cell) for cell in cells] for cells in sample.rows],
    )


# ── A run ────────────────────────────────────────────────────────────────────────────────────
@merchant_site.page("moving/jobs/<int:pk>/", name="moving_run")
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    _guard(request)
    job = get_object_or_404(Job, pk=pk, kind=JOB)
    rows = job.result.get("rows", []) if isinstance(job.result, dict) else []
    is_dry = bool(job.params.get("dry"))
    importer = job.params.get("importer", "")
    goes_on = None
    manifest = importers().get(importer)
    if manifest and manifest.asks == "account" and job.state == Job.State.FAILED and not is_dry:
        goes_on = f"{reverse('merchant:moving_new', args=[importer])}?after={job.pk}"
    return _page(
        request,
        "desk/moving_run.html",
        _("Moving in"),
        job=job,
        line=_line(job),
        is_dry=is_dry,
        is_over=job.state in (Job.State.DONE, Job.State.FAILED),
        may_do=may_do(job),
        goes_on=goes_on,
        share=min(100, round(100 * job.done / job.total)) if job.total else 0,
        rows=[{**row, "title": NAMES.get(row["kind"], row["kind"]),
               "is_less": row["ours"] < row["theirs"]} for row in rows],
        notes=job.result.get("notes", []) if isinstance(job.result, dict) else [],
    )  # fmt: skip


@merchant_site.page("moving/jobs/<int:pk>/do/", name="moving_do")
@require_POST
def do_page(request: HttpRequest, pk: int) -> HttpResponse:
    _guard(request)
    tried = get_object_or_404(Job, pk=pk, kind=JOB)
    try:
        job = moving_do(tried, user=actor_of(request))
    except RuleBroken as error:
        messages.error(request, str(error))
        return redirect("merchant:moving_run", tried.pk)
    line = _line(job)
    audit("moving.started", f"{job.params['importer']} {line['where']}",
          actor=actor_of(request), job=job.pk)  # fmt: skip
    return redirect("merchant:moving_run", job.pk)


@merchant_site.page("moving/jobs/<int:pk>/stop/", name="moving_stop")
@require_POST
def stop_page(request: HttpRequest, pk: int) -> HttpResponse:
    _guard(request)
    job = get_object_or_404(Job, pk=pk, kind=JOB)
    if moving_stop(job):
        audit("moving.stopped", _line(job)["where"], actor=actor_of(request), job=job.pk)
    return redirect("merchant:moving_run", job.pk)


merchant_menu.add(
    Entry("settings", 90, gettext_lazy("Moving in"), "move_to_inbox", "moving",
          may("bots.add_imported")),
)  # fmt: skip
