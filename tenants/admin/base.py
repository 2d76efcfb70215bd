"""What our admin classes share: quick lists, an audit note for every change, honest empty pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from unfold.admin import ModelAdmin as UnfoldModelAdmin

from tenants.services.audit import audit
from tenants.workspace.models import User


@dataclass(frozen=True)
class Empty:
    """What a page says while it has nothing to show: its use in a sentence, and the next step."""

    title: Any
    text: Any
    button: Any = ""
    url: str = "add/"
    icon: str = "inbox"


class ModelAdmin(UnfoldModelAdmin):
    show_full_result_count = False
    list_per_page = 50
    list_filter_submit = True
    warn_unsaved_form = True
    compressed_fields = False
    empty: Empty | None = None
    change_form_show_cancel_button = True

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        return super().changelist_view(request, {"empty": self.empty, **(extra_context or {})})

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


def actor_of(request: HttpRequest) -> User:
    """Who does it, for services that ask. Pages of the admin are behind the log-in."""
    return request.user  # type: ignore[return-value]


def _fields(message: Any) -> list[str]:
    """Names of the fields a change touched, from Django's change message."""
    if not isinstance(message, list):
        return []
    return sorted({str(f) for part in message for f in part.get("changed", {}).get("fields", ())})


class ReadOnly(ModelAdmin):
    """For looking: rows that other parts write."""

    warn_unsaved_form = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
