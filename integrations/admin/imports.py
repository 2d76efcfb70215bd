"""Bringing a catalogue in: a file or an address, progress, the rows that were refused."""

from __future__ import annotations

import csv
import io
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.models import Product
from integrations.services.catalogue import catalogue_import_start
from tenants.admin.sites import merchant_site
from tenants.kernel.errors import RuleBroken
from tenants.kernel.files import TooLarge, file_save
from tenants.kernel.posted import posted, uploads
from tenants.selectors.requests import actor_of
from tenants.services.audit import audit
from tenants.workspace.models import Job

KIND = "catalogue.import"
LARGEST = 200 * 1024 * 1024
ENDINGS = (".xml", ".yml", ".csv", ".xlsx", ".zip", ".gz")


class ImportForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        widget=forms.ClearableFileInput({"accept": ",".join(ENDINGS)}),
        help_text=gettext_lazy(
            "YML (the Yandex Market format), CSV, Excel or CommerceML; to 200 MB."
        ),
    )  # fmt: skip
    url = forms.URLField(
        label=gettext_lazy("or the address of a feed"),
        required=False,
        assume_scheme="https",
        max_length=600,
        widget=forms.URLInput({"placeholder": "https://shop.ru/feed.yml"}),
    )
    is_full = forms.BooleanField(
        label=gettext_lazy("This is the whole catalogue"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Goods that are not in it are marked as not sold."),
    )
    confirm = forms.BooleanField(
        label=gettext_lazy("Even if more than half of the goods vanish"),
        required=False,
        help_text=gettext_lazy("Without this a feed that is suddenly short is refused."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.errors and bool(cleaned.get("file")) == bool(cleaned.get("url")):
            raise forms.ValidationError(_("Choose a file or give an address, one of the two."))
        upload = cleaned.get("file")
        if upload is not None and not upload.name.lower().endswith(ENDINGS):
            self.add_error("file", _("This kind of file is not read: send %(kinds)s.")
                           % {"kinds": ", ".join(ENDINGS)})  # fmt: skip
        return cleaned


@merchant_site.page("catalogue/import/", name="catalogue_import")
def import_page(request: HttpRequest) -> HttpResponse:
    _guard(request)
    form = ImportForm(posted(request), uploads(request))
    if request.method == "POST" and form.is_valid():
        try:
            job = _start(request, form.cleaned_data)
        except TooLarge:
            form.add_error("file", _("The file is larger than 200 MB."))
        except RuleBroken as refused:
            form.add_error(None, str(refused))
        else:
            return redirect("merchant:job", job.pk)
    return TemplateResponse(
        request,
        "desk/import.html",
        merchant_site.context(
            request,
            _("Import of the catalogue"),
            form=form,
            jobs=Job.objects.filter(kind=KIND).order_by("-pk")[:10],
            products=Product.objects.filter(is_active=True).count(),
        ),
    )


def _start(request: HttpRequest, cleaned: dict[str, Any]) -> Job:
    stored = None
    if upload := cleaned["file"]:
        stored = file_save(upload.chunks(), name=upload.name, purpose="import", limit=LARGEST)
    job = catalogue_import_start(
        file=stored,
        url=cleaned["url"],
        user=actor_of(request),
        is_full=cleaned["is_full"],
        confirm=cleaned["confirm"],
    )
    audit("import.started", upload.name if upload else cleaned["url"],
          actor=actor_of(request), job=job.pk)  # fmt: skip
    return job


def _guard(request: HttpRequest) -> None:
    if not request.user.has_perm("integrations.change_product"):
        raise PermissionDenied


@merchant_site.page("jobs/<int:pk>/", name="job")
def job_page(request: HttpRequest, pk: int) -> HttpResponse:
    _guard(request)
    job = get_object_or_404(Job, pk=pk)
    return TemplateResponse(
        request,
        "desk/job.html",
        merchant_site.context(
            request, _("Import of the catalogue"), job=job, progress=state_of(job)
        ),
    )


@merchant_site.page("jobs/<int:pk>/state/", name="job_state")
def job_state(request: HttpRequest, pk: int) -> HttpResponse:
    _guard(request)
    job = get_object_or_404(Job, pk=pk)
    return JsonResponse(state_of(job), headers={"Cache-Control": "no-store"})


@merchant_site.page("jobs/<int:pk>/refused.csv", name="job_refused")
def job_refused(request: HttpRequest, pk: int) -> HttpResponse:
    """The refused rows as a table that Excel opens: UTF-8 with a mark, semicolons."""
    _guard(request)
    job = get_object_or_404(Job, pk=pk)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";")
    writer.writerow([_("Row"), _("Field"), _("What is wrong")])
    for error in job.errors:
        writer.writerow([_cell(error.get(name, "")) for name in ("row", "field", "message")])
    return HttpResponse(
        "\ufeff" + text.getvalue(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="refused-{job.pk}.csv"'},
    )


def _cell(value: Any) -> str:
    """Text from a feed must not become a formula in a table."""
    text = str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def state_of(job: Job) -> dict[str, Any]:
    """What the page shows of a job: done, of how much, how fast, what is left."""
    spent = None
    if job.started_at:
        spent = ((job.finished_at or timezone.now()) - job.started_at).total_seconds()
    rate = job.done / spent if spent and spent > 0.2 and job.done else None
    return {
        "id": job.pk,
        "state": job.state,
        "state_label": job.get_state_display(),
        "done": job.done,
        "total": job.total,
        "share": min(100, round(100 * job.done / job.total)) if job.total else None,
        "refused": job.refused,
        "rate": round(rate) if rate else None,
        "seconds": round(spent, 1) if spent is not None else None,
        "seconds_left": round(left) if (left := job.seconds_left) is not None else None,
        "message": job.message,
        "is_over": job.state in (Job.State.DONE, Job.State.FAILED),
        "result": job.result,
    }
