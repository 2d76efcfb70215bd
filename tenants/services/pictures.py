"""Pictures of a brand: small, checked, kept as text, so that a page needs no second request."""

from __future__ import annotations

import base64
import io
from typing import IO
from xml.etree.ElementTree import tostring

from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from PIL import Image, UnidentifiedImageError

LARGEST_BYTES = 200_000
LARGEST_SIDE = 2000
_SVG = "{http://www.w3.org/2000/svg}"
# Nothing that runs, embeds or fetches.
_BANNED = frozenset({"script", "foreignObject", "iframe", "embed", "object", "handler", "style"})
_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}


def picture_read(file: IO[bytes], *, longest: int = LARGEST_SIDE) -> str:
    """An uploaded picture as text: SVG source, or a data address of a raster one.

    Raises: ValidationError in words.
    """
    data = file.read(LARGEST_BYTES + 1)
    if len(data) > LARGEST_BYTES:
        raise ValidationError(_("The picture is larger than 200 KB."))
    if data.lstrip()[:5] in (b"<?xml", b"<svg ") or b"<svg" in data[:400]:
        return _svg(data)
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.verify()
            kind = _TYPES.get(image.format or "")
            too_large = max(image.size) > longest
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError):
        kind, too_large = None, False
    if kind is None:
        raise ValidationError(_("This is not a picture we read: send SVG, PNG, JPEG or WebP."))
    if too_large:
        raise ValidationError(_("The picture is larger than %s pixels.") % longest)
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _svg(data: bytes) -> str:
    try:
        root = ElementTree.fromstring(data, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError):
        raise ValidationError(_("This SVG cannot be read.")) from None
    if root.tag != f"{_SVG}svg":
        raise ValidationError(_("This is not an SVG picture."))
    for element in root.iter():
        name = str(element.tag).rpartition("}")[2]
        if name in _BANNED:
            raise ValidationError(_("The SVG holds “%s”, which a logo must not.") % name)
        for attribute, value in element.attrib.items():
            plain = attribute.rpartition("}")[2].lower()
            outside = plain == "href" and not value.startswith(("#", "data:image/"))
            if plain.startswith("on") or outside or "javascript:" in value.lower():
                raise ValidationError(_("The SVG holds “%s”, which a logo must not.") % plain)
    return tostring(root, encoding="unicode")
