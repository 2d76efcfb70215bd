"""How the merchant looks: name, colour, pictures, addresses; seen before it is saved."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import branding
from tenants.admin.base import settled
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.colour import AA, WHITE, contrast, scale
from tenants.kernel.posted import posted, uploads
from tenants.models import Brand
from tenants.selectors.hosts import brand_of
from tenants.selectors.requests import merchant_branded
from tenants.services.pictures import picture_read
from tenants.services.shops import shop_brand_save

PICTURES = ("logo", "logo_dark", "favicon")
SENDER_EMAIL_HELP = gettext_lazy(
    "Answers to your letters go here. Readers see it as the sender only where a mail server of "
    "your own is set up (“E-mail”): through ours anybody could write in your name."
)
_HEX = re.compile(r"#[0-9a-fA-F]{6}")


class BrandForm(forms.ModelForm):
    """An empty field is inherited from the partner; a picture is replaced or taken away."""

    logo_file = forms.FileField(
        label=gettext_lazy("Logo"),
        required=False,
        widget=forms.FileInput({"accept": ".svg,.png,.jpg,.jpeg,.webp"}),
        help_text=gettext_lazy("SVG or PNG, to 200 KB. Shown 32 pixels high."),
    )
    logo_dark_file = forms.FileField(
        label=gettext_lazy("Logo for dark pages"),
        required=False,
        widget=forms.FileInput({"accept": ".svg,.png,.jpg,.jpeg,.webp"}),
        help_text=gettext_lazy("Only where the first one cannot be seen on dark."),
    )
    favicon_file = forms.FileField(
        label=gettext_lazy("Icon"),
        required=False,
        widget=forms.FileInput({"accept": ".svg,.png,.ico,.webp"}),
        help_text=gettext_lazy("A small square, for the tab of the browser and the chat."),
    )

    class Meta:
        model = Brand
        fields = (
            *("name", "colour", "support_email", "support_url", "privacy_url", "legal_name"),
            *("sender_name", "sender_email"),
        )
        help_texts = {"sender_email": SENDER_EMAIL_HELP}
        widgets = {"colour": forms.TextInput({"data-colour": "", "maxlength": 7})}

    def pictures(self) -> dict[str, str]:
        """Stored texts of the pictures sent, by field; "" for one taken away."""
        found = {}
        for name in PICTURES:
            if upload := self.cleaned_data.get(f"{name}_file"):
                found[name] = picture_read(upload)
            elif self.data.get(f"{name}_clear"):
                found[name] = ""
        return found


@merchant_site.page("brand/", name="brand")
def brand_page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("tenants.change_brand"):
        raise PermissionDenied
    merchant, partner = merchant_branded(request)
    brand = merchant.brand or Brand()
    form = BrandForm(posted(request), uploads(request), instance=brand)
    if request.method == "POST" and form.is_valid():
        values = {name: form.cleaned_data[name] for name in BrandForm.Meta.fields}
        try:
            values |= form.pictures()
            shop_brand_save(merchant, **values)
        except ValidationError as error:
            form.add_error(None, error.messages)
        else:
            return settled(
                request,
                "merchant:brand",
                "brand.changed",
                merchant.name,
                _("Saved. Pages change within half a minute."),
                fields=sorted({*form.changed_data}),
            )
    shown = brand_of(partner, merchant)
    inherited = brand_of(partner)
    return TemplateResponse(
        request,
        "desk/brand.html",
        merchant_site.context(
            request,
            _("Brand"),
            form=form,
            pictures=[
                (name, form[f"{name}_file"], branding.picture(getattr(brand, name, "") or ""))
                for name in PICTURES
            ],
            inherited=inherited,
            shown=shown,
            mark=branding.mark_of(shown),
            **colour_facts(shown["colour"]),
        ),
    )


def colour_facts(colour: str) -> dict[str, Any]:
    """The steps made of a colour, and whether white can be read on it as it is."""
    ratio = contrast(colour, WHITE)
    return {
        "steps": scale(colour),
        "ratio": round(ratio, 1),
        "is_readable": ratio >= AA,
    }


@merchant_site.page("brand/colour/", name="brand_colour")
def brand_colour(request: HttpRequest) -> HttpResponse:
    """For the live preview: `?colour=#rrggbb` → the steps and the contrast."""
    colour = request.GET.get("colour", "")
    if not _HEX.fullmatch(colour):
        return JsonResponse({"error": _("A colour like #2f6f4f.")}, status=400)
    return JsonResponse(colour_facts(colour))


merchant_menu.add(
    Entry("settings", 40, gettext_lazy("Brand"), "palette", "brand", may("tenants.change_brand")),
)
