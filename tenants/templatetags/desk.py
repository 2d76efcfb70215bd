"""Bricks of the desk's pages: fields, brand, numbers as people write them."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from tenants import branding

register = template.Library()

THIN = "\u202f"


@register.simple_tag(takes_context=True)
def brand_mark(context: template.Context) -> SafeString:
    """The brand's logo, else its letter and name."""
    site = getattr(context["request"], "site", None)
    brand: dict[str, Any] = site.brand if site else {}
    name = brand.get("name", "")
    logo = brand.get("logo", "")
    if branding.is_wide(logo):
        light = branding.picture(logo)
        dark = branding.picture(brand.get("logo_dark") or logo)
        return format_html(
            '<img class="only-light" src="{}" alt="{}"><img class="only-dark" src="{}" alt="{}">',
            light,
            name,
            dark,
            name,
        )
    return format_html(
        '<img src="{}" alt="" width="32" height="32"><span>{}</span>', branding.mark_of(brand), name
    )


@register.simple_tag(takes_context=True)
def brand_icon(context: template.Context) -> SafeString:
    site = getattr(context["request"], "site", None)
    return format_html('<link rel="icon" href="{}">', branding.mark_of(site.brand if site else {}))


@register.simple_tag(takes_context=True)
def brand_colours(context: template.Context) -> SafeString:
    """The custom properties our stylesheet is written with."""
    steps = branding.colours(context["request"])
    lines = "".join(
        f"--color-{name}-{step}:{value};"
        for name in ("base", "primary")
        for step, value in steps[name].items()
    )
    return format_html("<style>:root{{{}}}</style>", mark_safe(lines))  # noqa: S308 - our numbers


@register.simple_tag
def field_control(bound: Any) -> SafeString:
    """The control alone, where a page lays label and error out itself."""
    control: SafeString = _parts(bound)["control"]
    return control


@register.inclusion_tag("desk/field.html")
def field(bound: Any, **more: Any) -> dict[str, Any]:
    """Label above, control, help below, error beside it."""
    return {**_parts(bound), **more}


def _parts(bound: Any) -> dict[str, Any]:
    widget = bound.field.widget
    described = []
    if bound.help_text:
        described.append(f"{bound.auto_id}_help")
    if bound.errors:
        described.append(f"{bound.auto_id}_error")
    is_tick = getattr(widget, "input_type", "") in ("checkbox", "radio")
    is_choice = is_tick and hasattr(widget, "choices")
    is_check = is_tick and not is_choice
    attrs = {"class": "" if is_tick else "desk-input"}
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    control = bound.as_widget(attrs={**widget.attrs, **attrs} if not is_check else attrs)
    return {"field": bound, "control": control, "is_check": is_check, "is_choice": is_choice}


@register.filter
def number(value: Any) -> str:
    """12345 → 12 345 (Russian, thin no-break space) or 12,345 (English)."""
    if value is None or value == "":
        return "–"
    separator = THIN if (get_language() or "ru").startswith("ru") else ","
    text = (
        f"{value:,}" if isinstance(value, int) else f"{float(value):,.2f}".rstrip("0").rstrip(".")
    )
    whole, dot, rest = text.partition(".")
    decimal = "," if separator == THIN else "."
    return whole.replace(",", separator) + (decimal + rest if dot else "")


@register.filter
def signed(value: int) -> str:
    """+7, −7 (a real minus), 0."""
    return f"+{number(value)}" if value > 0 else f"−{number(-value)}" if value < 0 else "0"


@register.filter
def money(value: Any, currency: str = "RUB") -> str:
    """1999.5 → 1 999,50 ₽ (Russian), ₽1,999.50 (English); kopecks only where there are some."""
    if value is None or value == "":
        return "–"
    sign = {"RUB": "₽", "USD": "$", "EUR": "€", "KZT": "₸", "BYN": "Br"}.get(currency, currency)
    amount = float(value)
    text = f"{amount:,.0f}" if amount == int(amount) else f"{amount:,.2f}"
    if (get_language() or "ru").startswith("ru"):
        return text.replace(",", THIN).replace(".", ",") + f"\u00a0{sign}"
    return f"{sign}{text}" if len(sign) == 1 else f"{text}\u00a0{sign}"


@register.filter
def seconds(value: Any) -> str:
    """Milliseconds as people say them: 0,8 с; 12 с; 4 мин; 2 ч."""
    if value is None:
        return "–"
    total = float(value) / 1000
    if total < 10:
        text = f"{total:.1f}"
        comma = (get_language() or "ru").startswith("ru")
        return _("%(n)s s") % {"n": text.replace(".", ",") if comma else text}
    if total < 90:
        return _("%(n)s s") % {"n": round(total)}
    if total < 5400:
        return _("%(n)s min") % {"n": round(total / 60)}
    return _("%(n)s h") % {"n": round(total / 3600)}


@register.filter
def size(value: Any) -> str:
    return filesizeformat(value)


@register.filter
def get(mapping: Any, key: Any) -> Any:
    return mapping.get(key) if mapping else None


@register.simple_tag
def chart_x(x: float, width: float) -> str:
    """Where the grey bar of the period before stands: half behind the coloured one."""
    return f"{x + width * 0.45:.1f}"


@register.simple_tag
def chart_middle(x: float, width: float) -> str:
    return f"{x + width / 2:.1f}"


@register.simple_tag
def chart_above(y: float) -> str:
    return f"{y - 5:.1f}"
