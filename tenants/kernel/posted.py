"""What a form is given, and what a service finds wrong with it.

An empty POST is still a POST: `request.POST or None` would forget it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, QueryDict


def posted(request: HttpRequest) -> QueryDict | None:
    return request.POST if request.method == "POST" else None


def asks_to(request: HttpRequest, act: str) -> bool:
    """Whether the button of that name sent the form."""
    return request.method == "POST" and act in request.POST


def uploads(request: HttpRequest) -> Any:
    return request.FILES if request.method == "POST" else None


def offer(form: forms.BaseForm, name: str, choices: Iterable[tuple[Any, Any]]) -> None:
    """What a field offers where that is known only when the form is shown."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = list(choices)


def add_faults(
    form: forms.BaseForm, error: ValidationError, renamed: Mapping[str, str] | None = None
) -> None:
    """Put a service's faults beside the fields they are about; what has no field goes on top."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, faults in error.message_dict.items():
        target = (renamed or {}).get(name, name)
        for fault in faults:
            form.add_error(target if target in form.fields else None, fault)
