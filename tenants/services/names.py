"""Short names and hosts a merchant may have."""

from __future__ import annotations

import re

import idna
from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from tenants.models import Domain, Merchant

# Names the platform needs itself, or that would pass for it.
RESERVED = frozenset(  # a word a host begins with
    """
    about abuse account accounts admin administrator api app apps assets auth autodiscover billing
    blog cdn chat cloud console dashboard demo-data dev docs download email files ftp gateway go
    help hooks host imap info internal io live localhost login mail media metrics mobile mx my news
    noreply ns ns1 ns2 oauth ops partner partners pay payments platform pop portal postmaster
    prilavok private prod production public root sales secure security server shop signup smtp
    sso ssl staff staging static status store support sys system test-api tls webhook webhooks
    webmail widget www www1 www2 xn
    """.split()  # noqa: SIM905 - eighty quoted words read worse
)
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


def slug_clean(slug: str, *, besides: Merchant | None = None) -> str:
    """The short name as a host's first label. Raises ValidationError naming what is wrong."""
    slug = slug.strip().lower()
    if not _SLUG.fullmatch(slug) or slug.startswith("xn--") or "--" in slug:
        raise ValidationError(
            {"slug": _("2 to 40 Latin letters, digits and hyphens; a hyphen only in between.")}
        )
    if len(slug) < 2:
        raise ValidationError({"slug": _("At least 2 characters.")})
    if slug in RESERVED or slug.startswith("m-"):
        raise ValidationError({"slug": _("This name is reserved. Choose another.")})
    taken = Merchant.objects.filter(slug=slug)
    if besides is not None:
        taken = taken.exclude(pk=besides.pk)
    if taken.exists():
        raise ValidationError({"slug": _("This name is taken. Choose another.")})
    return slug


def host_clean(host: str, *, besides: Merchant | None = None) -> str:
    """A host in the form browsers send it (punycode, lower case). Raises ValidationError."""
    host = host.strip().rstrip(".").lower()
    try:
        plain = idna.encode(host, uts46=True).decode()
    except idna.IDNAError:
        raise ValidationError({"host": _("“%s” is not a host name.") % host[:80]}) from None
    if "." not in plain or len(plain) > 253 or plain.replace(".", "").isdigit():
        raise ValidationError({"host": _("A full host name is needed, like shop.example.com.")})
    if plain == settings.PLATFORM_HOST:
        raise ValidationError({"host": _("This host is the platform's own.")})
    taken = Domain.objects.filter(host=plain)
    if besides is not None:
        taken = taken.exclude(merchant=besides)
    if taken.exists():
        raise ValidationError({"host": _("This host is in use.")})
    return plain
