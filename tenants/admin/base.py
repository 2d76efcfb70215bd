"""What our admin classes share: quick lists, an audit note for every change, honest empty pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import models
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin as UnfoldModelAdmin
from unfold.decorators import action, display
from unfold.forms import BaseDialogForm
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from tenants.admin.sites import BrandedSite
from tenants.selectors.requests import actor_of
from tenants.services.audit import audit

RowAction = TypeVar("RowAction", bound=Callable[..., HttpResponse])


@dataclass(frozen=True)
class Empty:
    """What a page says while it has nothing to show: its use in a sentence, and the next step."""

    title: Any
    text: Any
    button: Any = ""
    url: str = "add/"
    icon: str = "inbox"


class ModelAdmin(UnfoldModelAdmin):
    admin_site: BrandedSite
    show_full_result_count = False
    list_per_page = 50
    list_filter_submit = True
    warn_unsaved_form = True
    compressed_fields = False
    formfield_overrides = {models.TextField: {"widget": UnfoldAdminTextareaWidget({"rows": 5})}}
    empty: Empty | None = None
    add_label: Any = ""
    change_form_show_cancel_button = True

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        title = capfirst(str(self.opts.verbose_name_plural))
        more = {"empty": self.empty, "title": title, **(extra_context or {})}
        return super().changelist_view(request, more)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """One way to save: the others of Django's four only make people wonder."""
        obj = context.get("original")
        context |= {
            "show_save_and_add_another": False,
            "show_save_and_continue": False,
            "title": str(obj) if obj else self.add_label or capfirst(str(self.opts.verbose_name)),
            "subtitle": None,
        }
        return super().render_change_form(request, context, *args, **kwargs)

    def construct_change_message(
        self, request: HttpRequest, form: Any, formsets: Any, add: bool = False
    ) -> list[dict[str, Any]]:
        """Django's own names fields as the editor reads them; a log wants what stays the same."""
        said: list[dict[str, Any]] = super().construct_change_message(request, form, formsets, add)
        return [*said, {"keys": _keys(form, formsets or ())}]

    def log_addition(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._note(request, obj, "added")
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Model, message: Any) -> Any:
        self._note(request, obj, "changed", fields=_fields(message))
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self._note(request, obj, "deleted")
        return super().log_deletions(request, queryset)

    def _note(self, request: HttpRequest, obj: Model, verb: str, **data: Any) -> None:
        audit(
            f"{obj._meta.model_name}.{verb}", f"{obj} (#{obj.pk})", actor=actor_of(request), **data
        )

    def back_to(self, object_id: Any) -> HttpResponse:
        """After a dialog: the page of the row it was opened on."""
        name = f"{self.opts.app_label}_{self.opts.model_name}_change"
        return go_to(reverse(f"{self.admin_site.name}:{name}", args=[object_id]))


class OwnPage(ModelAdmin):
    """Rows made and changed on a page of ours instead of Django's form: `edit`."""

    def edit(self, request: HttpRequest, row: Any) -> HttpResponse:
        """The page of a row, or of a new one (None). The person may open it, and save when POST."""
        raise NotImplementedError

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return self.edit(request, None)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        is_read = request.method in ("GET", "HEAD")
        may = self.has_view_permission if is_read else self.has_change_permission
        if not may(request, row):
            raise PermissionDenied
        return self.edit(request, row)

    def choose(
        self,
        request: HttpRequest,
        title: Any,
        kinds: Iterable[Any],
        *,
        groups: Iterable[tuple[Any, Iterable[Any]]] = (),
    ) -> HttpResponse:
        """Which kind of row: (key, manifest, a note) each; the choice comes back as `?kind=`.

        `groups`: more of them below, each under a title.
        """
        groups = [("", list(kinds)), *groups]
        context = self.admin_site.context(request, title, groups=groups, opts=self.opts)
        return TemplateResponse(request, "desk/kinds.html", context)


def _keys(form: Any, formsets: Iterable[Any]) -> list[str]:
    """Fields a change touched: "role"; "domain.host" of a row on the same page."""
    found = set(form.changed_data)
    for formset in formsets:
        kind = formset.model._meta.model_name
        found |= {f"{kind}.{name}" for one in formset.forms for name in one.changed_data}
    return sorted(found)


def _fields(message: Any) -> list[str]:
    """The keys that `construct_change_message` has put into a change message."""
    if not isinstance(message, list):
        return []
    return sorted({str(key) for part in message for key in part.get("keys", ())})


class ReadOnly(ModelAdmin):
    """For looking: rows that other parts write."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def when(field: str, title: Any) -> Any:
    """A column with a moment as people say it: “12 ноября, 14:05”, with the year where it is not
    this one."""

    @display(description=title, ordering=field)
    def column(self: Any, obj: Any) -> str:
        return moment(getattr(obj, field))

    column.__name__ = field
    return column


def moment(at: datetime | None) -> str:
    if at is None:
        return "–"
    local = timezone.localtime(at)
    day = date_format(local, "j E" if local.year == timezone.localtime().year else "j E Y")
    return f"{day}, {local:%H:%M}".replace(" ", "\u00a0", 1)


def row_action(
    name: Any,
    *,
    icon: str,
    ask: Any,
    text: Any,
    button: Any = "",
    form: type[BaseDialogForm] | None = None,
    needs: str = "",
) -> Callable[[RowAction], RowAction]:
    """A button on the page of a row that asks first; the method is called with the dialog's form.

    Who may press it is said by `has_<needs>_permission`, of the method's own name if not given.
    """
    dialog = {"title": ask, "description": text, "form_submit_text": button or name}
    if form is not None:
        dialog["form_class"] = form

    def add(method: RowAction) -> RowAction:
        permissions = [needs or method.__name__]
        decorated = action(description=name, icon=icon, permissions=permissions, dialog=dialog)
        return cast(RowAction, decorated(method))

    return add


def settled(
    request: HttpRequest, to: str, code: str, target: str = "", text: str = "", **data: Any
) -> HttpResponse:
    """The end of a page's work: noted in the log, told to whoever did it, and on to page `to`."""
    audit(code, target, actor=actor_of(request), **data)
    messages.success(request, text or _("Saved."))
    return redirect(to)


def go_to(url: str) -> HttpResponse:
    """After a dialog: the browser opens the page (the dialog was sent by htmx)."""
    return HttpResponse(headers={"HX-Redirect": url})


class TypedName(BaseDialogForm):
    """A dialog for what cannot be undone: the name has to be typed.

    Subclasses say which name by `expected()`.
    """

    typed = forms.CharField(
        label=_("Type the name to confirm"),
        widget=UnfoldAdminTextInputWidget({"autocomplete": "off"}),
    )

    def expected(self) -> str:
        raise NotImplementedError

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["typed"].help_text = format_html(
            "{} <b>{}</b>", _("Exactly as here:"), self.expected()
        )

    def clean_typed(self) -> str:
        typed = str(self.cleaned_data["typed"]).strip()
        if typed != self.expected():
            raise forms.ValidationError(_("This is not the name. Nothing was changed."))
        return typed
