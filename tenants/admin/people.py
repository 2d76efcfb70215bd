"""People of a merchant, of the platform and of a partner; their tokens; the audit log."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import FieldDoesNotExist
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RangeDateTimeFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from tenants.admin.base import ModelAdmin, ReadOnly, row_action, when
from tenants.admin.menu import Entry, may, merchant_menu, platform_menu
from tenants.admin.sites import merchant_site, platform_site
from tenants.kernel.posted import offer
from tenants.selectors.hosts import Site
from tenants.selectors.requests import actor_of, site_here
from tenants.services.audit import audit
from tenants.services.limits import LimitReached
from tenants.services.people import (
    LastOwner,
    may_come_in,
    owners_besides,
    password_link_send,
    person_delete,
    person_invite,
    person_save,
    set_password_url,
)
from tenants.services.tokens import token_create
from tenants.workspace.models import ApiToken, AuditEntry, User

ROLE_HELP = gettext_lazy(
    "Owner and administrator see and change everything; only an owner makes owners. A supervisor "
    "works on templates and knowledge and sees all dialogues. An agent answers buyers."
)


class PersonForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("email", "name", "role", "language", "is_active")
        labels = {"name": gettext_lazy("Full name")}
        help_texts = {"role": ROLE_HELP}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "role" in self.fields and not self.is_by_owner:
            offer(self, "role", [one for one in User.Role.choices if one[0] != User.Role.OWNER])

    is_by_owner = True

    def clean_email(self) -> str:
        email = str(self.cleaned_data["email"]).lower()
        if User.objects.filter(email=email).exclude(pk=self.instance.pk).exists():
            raise forms.ValidationError(_("Somebody with this e-mail is here already."))
        return email

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        before = User.objects.filter(pk=self.instance.pk).first() if self.instance.pk else None
        stays = cleaned.get("role", User.Role.OWNER) == User.Role.OWNER and cleaned.get(
            "is_active", True
        )
        if before and before.role == User.Role.OWNER and not stays and not owners_besides(before):
            raise forms.ValidationError(
                _("This is the only owner. Make somebody else an owner first.")
            )
        if before is None or (cleaned.get("is_active") and not before.is_active):
            try:
                may_come_in()
            except LimitReached as refused:
                raise forms.ValidationError(str(refused)) from None
        return cleaned


class PersonAdmin(ModelAdmin):
    form = PersonForm
    came_in = when("last_login", gettext_lazy("Last log-in"))
    list_display: tuple[str, ...] = ("person", "role_label", "access", "came_in")
    list_filter = (("role", ChoicesDropdownFilter), "is_active")
    search_fields = ("email", "name")
    ordering = ("-is_active", "name", "email")
    actions_detail = ("send_link",)
    actions = None

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        fields = ["email", "name", "role", "language"]
        return [(None, {"fields": [*fields, "is_active"] if obj else fields})]

    def get_form(self, request: HttpRequest, obj: User | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.is_by_owner = _rules(request)
        if "language" in form.base_fields:
            form.base_fields["language"] = forms.ChoiceField(
                label=_("Language"),
                required=False,
                choices=[("", _("As the browser")), ("ru", "Русский"), ("en", "English")],
                widget=UnfoldAdminSelectWidget,
            )
        return form

    @display(description=gettext_lazy("Person"), ordering="name", header=True)
    def person(self, user: User) -> list[str]:
        return [user.name or user.email, user.email if user.name else ""]

    @display(
        description=gettext_lazy("Role"),
        ordering="role",
        label={"owner": "primary", "admin": "info", "supervisor": "info", "agent": ""},
    )
    def role_label(self, user: User) -> tuple[str, str]:
        return user.role, user.get_role_display()

    @display(
        description=gettext_lazy("Access"),
        label={"yes": "success", "invited": "warning", "no": "danger"},
    )
    def access(self, user: User) -> tuple[str, Any]:
        if not user.is_active:
            return "no", _("switched off")
        if not user.has_usable_password():
            return "invited", _("invited, no password yet")
        return "yes", _("may log in")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or obj.role != User.Role.OWNER or _rules(request))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if not super().has_delete_permission(request, obj):
            return False
        if obj is None:
            return True
        is_last = obj.role == User.Role.OWNER and obj.is_active and not owners_besides(obj)
        return (
            obj.pk != request.user.pk
            and not is_last
            and (obj.role != User.Role.OWNER or _rules(request))
        )

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if change:
            person_save(obj)
            return
        site = self._site_of(request, obj)
        invited = person_invite(
            email=obj.email,
            name=obj.name,
            role=obj.role,
            language=obj.language,
            partner_id=self._partner_id(request, form),
        )
        obj.pk, obj.password, obj.partner_id = invited.pk, invited.password, invited.partner_id
        self._send(request, site, invited, is_invitation=True)

    def delete_model(self, request: HttpRequest, obj: User) -> None:
        try:
            person_delete(obj)
        except LastOwner as refused:
            messages.error(request, str(refused))

    @row_action(
        gettext_lazy("Send a password link"),
        icon="key",
        ask=gettext_lazy("Send a link that sets a password?"),
        text=gettext_lazy(
            "It goes to the person's e-mail, works once and for three days. The password in "
            "use stays until then."
        ),
        button=gettext_lazy("Send"),
    )
    def send_link(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        user = self.get_object(request, str(object_id))
        self._send(request, self._site_of(request, user), user, is_invitation=False)
        return self.back_to(object_id)

    def has_send_link_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if object_id is None:
            return self.has_change_permission(request)
        user = self.get_object(request, str(object_id))
        return user is not None and self.has_change_permission(request, user)

    def _send(self, request: HttpRequest, site: Site, user: User, *, is_invitation: bool) -> None:
        link = set_password_url(site, user)
        try:
            password_link_send(site=site, user=user, link=link, is_invitation=is_invitation)
        except OSError:
            messages.warning(
                request,
                _("The letter could not be sent. Hand over this link yourself: %(link)s")
                % {"link": link},
            )
        else:
            messages.success(
                request,
                _("A letter with a link is on its way to %(email)s. You may also hand it over: "
                  "%(link)s") % {"email": user.email, "link": link},
            )  # fmt: skip
        audit("user.invited" if is_invitation else "user.link_sent", user.email,
              actor=actor_of(request))  # fmt: skip

    def _site_of(self, request: HttpRequest, user: User | None) -> Site:
        return site_here(request)

    def _partner_id(self, request: HttpRequest, form: Any) -> int | None:
        return None


def _rules(request: HttpRequest) -> bool:
    """Whether the person may make and change owners."""
    user = actor_of(request)
    return bool(user.is_superuser or user.role == User.Role.OWNER)


@admin.register(User, site=merchant_site)
class MerchantPersonAdmin(PersonAdmin):
    pass


class TokenForm(forms.ModelForm):
    class Meta:
        model = ApiToken
        fields = ("name", "expires_at", "is_active")
        help_texts = {"name": gettext_lazy("What uses it, for example “site, stock import”.")}


@admin.register(ApiToken, site=merchant_site)
class TokenAdmin(ModelAdmin):
    form = TokenForm
    used = when("last_used_at", gettext_lazy("Last used"))
    added_at = when("created_at", gettext_lazy("Added"))
    list_display = ("name", "hint_label", "user_label", "state", "used", "added_at")
    search_fields = ("name",)
    ordering = ("-is_active", "-pk")
    actions = None
    list_select_related = ("user",)

    def get_fieldsets(self, request: HttpRequest, obj: ApiToken | None = None) -> Any:
        fields = ["name", "expires_at", *(["is_active"] if obj else [])]
        return [(None, {"fields": fields})]

    @display(description=gettext_lazy("Ends with"))
    def hint_label(self, token: ApiToken) -> str:
        return token.hint

    @display(description=gettext_lazy("Made by"))
    def user_label(self, token: ApiToken) -> str:
        return str(token.user or "–")

    @display(description=gettext_lazy("State"), label={True: "success", False: "danger"})
    def state(self, token: ApiToken) -> tuple[bool, Any]:
        return token.is_active, _("works") if token.is_active else _("switched off")

    def save_model(self, request: HttpRequest, obj: ApiToken, form: Any, change: bool) -> None:
        if change:
            obj.save(update_fields=["name", "expires_at", "is_active"])
            return
        text = token_create(user=actor_of(request), name=obj.name)
        made = ApiToken.objects.order_by("-pk").filter(user=actor_of(request)).first()
        assert made is not None
        made.expires_at = obj.expires_at
        made.save(update_fields=["expires_at"])
        obj.pk, obj.hint = made.pk, made.hint
        obj.shown_once = text

    def response_add(
        self, request: HttpRequest, obj: ApiToken, post_url_continue: str | None = None
    ) -> HttpResponse:
        return TemplateResponse(
            request,
            "desk/token_shown.html",
            self.admin_site.context(
                request,
                _("Token “%(name)s”") % {"name": obj.name},
                token=obj.shown_once,
                opts=self.opts,
            ),
            headers={"Cache-Control": "no-store"},
        )


ACTIONS = {
    "added": gettext_lazy("added"),
    "changed": gettext_lazy("changed"),
    "deleted": gettext_lazy("deleted"),
    "created": gettext_lazy("created"),
    "suspended": gettext_lazy("suspended"),
    "resumed": gettext_lazy("resumed"),
    "renamed": gettext_lazy("renamed"),
    "exported": gettext_lazy("exported"),
    "published": gettext_lazy("published"),
    "rolled_back": gettext_lazy("rolled back"),
    "paused": gettext_lazy("paused"),
    "connected": gettext_lazy("connected"),
    "invited": gettext_lazy("invited"),
    "link_sent": gettext_lazy("password link sent"),
    "link_asked": gettext_lazy("password link asked for"),
    "set": gettext_lazy("set"),
    "throttled": gettext_lazy("too many attempts"),
    "near": gettext_lazy("nearly used up"),
    "reached": gettext_lazy("used up"),
}
OBJECTS = {
    "login": gettext_lazy("log-in"),
    "password": gettext_lazy("password"),
    "user": gettext_lazy("person"),
    "apitoken": gettext_lazy("API token"),
    "merchant": gettext_lazy("merchant"),
    "import": gettext_lazy("import"),
    "hours": gettext_lazy("opening hours"),
    "limit": gettext_lazy("dialogues of the month"),
}


# What `AuditEntry.data` holds, by key.
DETAILS = {
    "fields": gettext_lazy("fields"),
    "version": gettext_lazy("version"),
    "to": gettext_lazy("back to"),
    "plan": gettext_lazy("plan"),
    "limit": gettext_lazy("limit"),
    "month": gettext_lazy("month"),
    "job": gettext_lazy("job"),
}


def action_in_words(code: str) -> str:
    """“article.changed” → “article: changed”, in the reader's language where we know it."""
    from django.apps import apps

    kind, _dot, verb = code.partition(".")
    name: object = OBJECTS.get(kind)
    if name is None:
        found = [m for m in apps.get_models() if m._meta.model_name == kind]
        name = found[0]._meta.verbose_name if found else kind.replace("_", " ")
    return f"{name}: {ACTIONS.get(verb, verb.replace('_', ' '))}"


def field_in_words(kind: str, key: str) -> str:
    """“role” of a “user” → “Role”, in the reader's language; what is no field's key stays.

    As the form says it that has the field, else as the row does. Entries written before keys were
    kept hold a form's label: that is translated as the text it is.
    """
    from django.apps import apps

    kind, key = key.split(".", 1) if "." in key else (kind, key)
    for model in apps.get_models():
        if model._meta.model_name != kind:
            continue
        for site in (merchant_site, platform_site):
            form = getattr(site._registry.get(model), "form", None)
            if form is not None and (field := form.base_fields.get(key)) and field.label:
                return capfirst(str(field.label))
        # A picture is sent in a field of its own.
        for name in (key, key.removesuffix("_file")):
            with suppress(FieldDoesNotExist):
                return capfirst(str(getattr(model._meta.get_field(name), "verbose_name", name)))
    return _(key) if key else key


def _value_in_words(kind: str, key: str, value: Any) -> str:
    if not isinstance(value, list):
        return str(value)
    return ", ".join(field_in_words(kind, str(v)) if key == "fields" else str(v) for v in value)


class AuditAdmin(ReadOnly):
    noted_at = when("at", gettext_lazy("When"))
    list_display = ("noted_at", "actor", "what", "target", "details", "where")
    list_filter = (("at", RangeDateTimeFilter),)
    search_fields = ("actor", "action", "target")
    list_display_links = None
    ordering = ("-id",)

    def has_view_permission(self, request: HttpRequest, obj: AuditEntry | None = None) -> bool:
        return request.user.has_perm("workspace.view_auditentry")

    @display(description=gettext_lazy("What"), ordering="action")
    def what(self, entry: AuditEntry) -> str:
        return action_in_words(entry.action)

    @display(description=gettext_lazy("From where"), ordering="address")
    def where(self, entry: AuditEntry) -> str:
        return entry.address or "–"

    @display(description=gettext_lazy("Details"))
    def details(self, entry: AuditEntry) -> str:
        kind = entry.action.partition(".")[0]
        parts = [
            f"{DETAILS.get(key, key)}: {_value_in_words(kind, key, value)}"
            for key, value in entry.data.items()
            if value not in (None, "", [], {})
        ]
        return format_html('<span class="desk-small">{}</span>', "; ".join(parts)) if parts else "–"


admin.register(AuditEntry, site=merchant_site)(AuditAdmin)

merchant_menu.add(
    Entry("settings", 20, gettext_lazy("People"), "group", "workspace_user_changelist",
          may("workspace.view_user")),
    Entry("settings", 50, gettext_lazy("API tokens"), "key", "workspace_apitoken_changelist",
          may("workspace.view_apitoken")),
    Entry("settings", 60, gettext_lazy("Audit log"), "history", "workspace_auditentry_changelist",
          may("workspace.view_auditentry")),
)  # fmt: skip
platform_menu.add(
    Entry("settings", 10, gettext_lazy("People"), "group", "workspace_user_changelist",
          may("workspace.view_user")),
    Entry("settings", 20, gettext_lazy("Audit log"), "history", "workspace_auditentry_changelist",
          may("workspace.view_auditentry")),
)  # fmt: skip
merchant_menu.add(Entry("now", 10, gettext_lazy("Home"), "home", "index"))
platform_menu.add(Entry("now", 10, gettext_lazy("Home"), "home", "index"))
