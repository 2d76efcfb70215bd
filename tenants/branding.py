"""Callables Unfold asks for what a page shows of a brand. A page without a brand stays neutral."""

from __future__ import annotations

import base64
import io
import re
from functools import lru_cache
from html import escape
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from PIL import Image

from tenants.kernel.colour import scale
from tenants.selectors.requests import site_or_none

NEUTRAL = "#3b5bdb"
WIDE = 1.6  # width to height
_VIEW_BOX = re.compile(r"""viewBox=["']([-\d., ]+)["']""")
_WIDTH = re.compile(r"""\swidth=["'](\d+(?:\.\d+)?)(?:px)?["']""")
_HEIGHT = re.compile(r"""\sheight=["'](\d+(?:\.\d+)?)(?:px)?["']""")


def _value(request: HttpRequest, name: str) -> str:
    site = site_or_none(request)
    return site.brand.get(name, "") if site else ""


def data_address(svg: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()


def picture(value: str) -> str:
    """A brand's stored picture as the address of an <img>: there, no script in an SVG runs."""
    value = value.strip()
    return data_address(value) if value.startswith("<") else value


def letter_mark(name: str, colour: str) -> str:
    """A picture for a brand that has none: its first letter on its colour."""
    letter = next((char for char in name if char.isalnum()), "•").upper()
    fill = scale(colour)["600"]
    return data_address(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        f'<rect width="32" height="32" rx="7" style="fill:{colour};fill:{fill}"/>'
        '<text x="16" y="22" text-anchor="middle" fill="#fff" font-size="18" font-weight="600" '
        f'font-family="system-ui,-apple-system,Segoe UI,Roboto,sans-serif">{escape(letter)}</text>'
        "</svg>"
    )


def site_title(request: HttpRequest) -> str:
    return _value(request, "name")


def site_subheader(request: HttpRequest) -> str:
    return ""


def site_url(request: HttpRequest) -> str | None:
    """ "Return to site": a merchant's host has no page of its own to return to."""
    site = site_or_none(request)
    return "/" if site and site.merchant is None else None


@lru_cache(maxsize=256)
def is_wide(value: str) -> bool:
    """Whether a picture carries words: a square one is shown beside the brand's name."""
    value = value.strip()
    if value.startswith("<"):
        head = value[:2000]
        if (box := _VIEW_BOX.search(head)) is not None:
            try:
                _x, _y, width, height = map(float, re.split(r"[ ,]+", box[1].strip()))
            except ValueError:
                return False  # browsers pass it over, too
        elif (sizes := (_WIDTH.search(head), _HEIGHT.search(head))) and all(sizes):
            width, height = (float(size[1]) for size in sizes if size)
        else:
            return False
        return height > 0 and width / height > WIDE
    if value.startswith("data:image/") and ";base64," in value:
        try:
            with Image.open(io.BytesIO(base64.b64decode(value.partition(",")[2]))) as image:
                return bool(image.width / image.height > WIDE)
        except (OSError, ValueError):
            return False
    return False


def site_logo(request: HttpRequest) -> dict[str, Any] | None:
    """A logo that carries the name; otherwise a square mark and the name (`site_icon`)."""
    logo = _value(request, "logo")
    if not logo or not is_wide(logo):
        return None
    light, dark = picture(logo), picture(_value(request, "logo_dark") or logo)
    return {"light": lambda _request: light, "dark": lambda _request: dark}


def site_icon(request: HttpRequest) -> str | None:
    site = site_or_none(request)
    return mark_of(site.brand) if site else None


def mark_of(brand: dict[str, Any]) -> str:
    """The small square picture of a brand."""
    if icon := brand.get("favicon"):
        return picture(icon)
    if (logo := brand.get("logo")) and not is_wide(logo):
        return picture(logo)
    return letter_mark(brand.get("name", ""), brand.get("colour") or NEUTRAL)


def favicon(request: HttpRequest) -> str:
    return site_icon(request) or ""


def colours(request: HttpRequest) -> dict[str, dict[str, str]]:
    """Unfold's palette: its neutrals, the brand's own eleven steps."""
    return {
        "base": {
            "50": "oklch(98.5% .002 247.839)",
            "100": "oklch(96.7% .003 264.542)",
            "200": "oklch(92.8% .006 264.531)",
            "300": "oklch(87.2% .01 258.338)",
            "400": "oklch(70.7% .022 261.325)",
            "500": "oklch(55.1% .027 264.364)",
            "600": "oklch(44.6% .03 256.802)",
            "700": "oklch(37.3% .034 259.733)",
            "800": "oklch(27.8% .033 256.848)",
            "900": "oklch(21% .034 264.665)",
            "950": "oklch(13% .028 261.692)",
        },
        "primary": dict(scale(_value(request, "colour") or NEUTRAL)),
        "font": {
            "subtle-light": "oklch(50% .027 264.364)",
            "subtle-dark": "oklch(74% .022 261.325)",
            "default-light": "var(--color-base-600)",
            "default-dark": "var(--color-base-300)",
            "important-light": "var(--color-base-900)",
            "important-dark": "var(--color-base-100)",
        },
    }


def stylesheet(request: HttpRequest) -> str:
    return static("desk/admin.css")


def script(request: HttpRequest) -> str:
    return static("desk/admin.js")


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    from tenants.admin.menu import merchant_menu, platform_menu

    site = site_or_none(request)
    menu = merchant_menu if site and site.merchant else platform_menu
    return menu.render(request)


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The home page asks whoever registered for it (`tenants.admin.home`)."""
    from tenants.admin.home import fill

    return fill(request, context)
