"""Channels: pick a kind, paste a token, see the account, write to it, watch the answer."""

from __future__ import annotations

import io
import zipfile
from datetime import timedelta
from typing import Any

import segno
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.decorators import display

from bots.admin.channel_form import ChannelForm, channel_form
from bots.admin.platform_templates import PlatformTemplatePages
from bots.channels.base import ChannelManifest
from bots.models import Bot, Channel, Message
from bots.selectors.conduct import KEY
from bots.services.channels import (
    channel_connect,
    channel_create,
    channel_delete,
    channel_pause,
    channel_rejoined,
    expires_at,
    hook_url,
    manifests,
    offered,
    package_of,
    route_sync,
)
from tenants.admin import manifest_form
from tenants.admin.base import Empty, when
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RuleBroken
from tenants.kernel.posted import posted
from tenants.selectors.hosts import merchant_of, url_of
from tenants.selectors.requests import actor_of, site_here
from tenants.services.audit import audit

# Tiles from this place on are for buyers abroad, where the merchant is in Russia.
ABROAD = 90


@admin.register(Channel, site=merchant_site)
class ChannelAdmin(PlatformTemplatePages):
    came_at = when("last_in_at", gettext_lazy("Last message in"))
    went_at = when("last_out_at", gettext_lazy("Last message out"))
    list_display = ("title", "kind_label", "state_label", "came_at", "went_at")
    actions = None
    add_label = gettext_lazy("Connect a channel")
    list_select_related = ("bot",)
    empty = Empty(
        gettext_lazy("No channel is connected"),
        gettext_lazy("A channel is where buyers write: a chat on your site, a Telegram bot."),
        gettext_lazy("Connect a channel"),
        icon="forum",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Channel]:
        return super().get_queryset(request).exclude(settings__has_key="removed").order_by("pk")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/status/", wrap(self.status_view), name="channel_status"),
            path("<int:pk>/pause/", wrap(require_POST(self.pause_view)), name="channel_pause"),
            path("<int:pk>/check/", wrap(require_POST(self.check_view)), name="channel_check"),
            path("<int:pk>/package/", wrap(self.package_view), name="channel_package"),
            path("<int:pk>/remove/", wrap(require_POST(self.remove_view)), name="channel_remove"),
            *self.template_urls(),
            *super().get_urls(),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Channel | None = None) -> bool:
        return False  # `remove_view` takes the webhook away, too

    @display(description=gettext_lazy("Channel"), header=True, ordering="name")
    def title(self, channel: Channel) -> list[str]:
        account = channel.account or {}
        name = account.get("name") or ""
        username = account.get("username") or ""
        return [channel.name, " ".join(filter(None, [name, username and f"@{username}"]))]

    @display(description=gettext_lazy("Kind"), ordering="kind")
    def kind_label(self, channel: Channel) -> Any:
        manifest = manifests().get(channel.kind)
        return manifest.title if manifest else channel.kind

    @display(
        description=gettext_lazy("State"),
        label={"live": "success", "new": "info", "paused": "warning", "broken": "danger"},
        ordering="state",
    )
    def state_label(self, channel: Channel) -> tuple[str, str]:
        return channel.state, channel.get_state_display()

    # ── The wizard ──
    def edit(self, request: HttpRequest, channel: Channel | None) -> HttpResponse:
        return self._connect(request) if channel is None else self._change(request, channel)

    def _connect(self, request: HttpRequest) -> HttpResponse:
        kind = request.GET.get("kind", "")
        if kind not in offered():
            return self._tiles(request)
        manifest = offered()[kind]
        form = channel_form(manifest, None, posted(request))
        if request.method == "POST" and form.is_valid():
            plain, secrets = manifest_form.split(manifest.settings, form.cleaned_data)
            try:
                channel = channel_create(
                    kind=kind,
                    name=form.cleaned_data["name"],
                    bot=form.cleaned_data.get("bot") or Bot.objects.order_by("pk")[0],
                    settings={**plain, **_common(form)},
                    secrets=secrets,
                    base_url=form.cleaned_data.get("base_url", ""),
                    proxy=form.cleaned_data.get("proxy", ""),
                )
            except RuleBroken as refused:
                form.add_error(None, str(refused))
                return self._page(request, manifest, form, None)
            audit("channel.added", f"{channel} ({kind})", actor=actor_of(request))
            check = channel_connect(channel)
            if check.ok:
                channel = channel_rejoined(channel)
                audit("channel.connected", str(channel), actor=actor_of(request))
                return redirect("merchant:bots_channel_change", channel.pk)
            # What was typed stays on the page; nothing half connected is left behind.
            channel_delete(channel)
            form.add_error(None, check.detail or _("The service does not accept these settings."))
        return self._page(request, manifest, form, None)

    def _tiles(self, request: HttpRequest) -> HttpResponse:
        """In the order of the merchant's country; what is for buyers abroad stands apart."""
        here = merchant_of(current_schema())
        kinds = sorted(offered().items(), key=lambda item: (item[1].place, item[0]))
        if here.region != "RU":
            kinds.sort(key=lambda item: item[1].region == "ru" and item[0] != "web")
        tiles = [(key, manifest, _note(manifest)) for key, manifest in kinds]
        abroad = [one for one in tiles if here.region == "RU" and one[1].place >= ABROAD]
        return self.choose(
            request,
            _("Where do your buyers write?"),
            [one for one in tiles if one not in abroad],
            groups=[(_("Buyers abroad"), abroad)] if abroad else [],
        )

    def _change(self, request: HttpRequest, channel: Channel) -> HttpResponse:
        manifest = manifests().get(channel.kind)
        if manifest is None:
            messages.error(request, _("This kind of channel is no longer served."))
            return redirect("merchant:bots_channel_changelist")
        form = channel_form(manifest, channel, posted(request))
        if request.method == "POST" and form.is_valid():
            plain, secrets = manifest_form.split(
                manifest.settings, form.cleaned_data, kept=channel.secrets
            )
            channel.name = form.cleaned_data["name"]
            channel.bot = form.cleaned_data.get("bot") or channel.bot
            channel.settings = {**channel.settings, **plain, **_common(form)}
            channel.secrets = secrets
            channel.base_url = form.cleaned_data.get("base_url", channel.base_url)
            channel.proxy = form.cleaned_data.get("proxy", channel.proxy)
            channel.save()
            route_sync(channel)
            audit("channel.changed", str(channel), actor=actor_of(request))
            check = channel_connect(channel)
            if check.ok:
                messages.success(request, _("Saved. The channel works."))
                return redirect("merchant:bots_channel_change", channel.pk)
            form.add_error(None, check.detail or _("The service does not accept these settings."))
        return self._page(request, manifest, form, channel)

    def _page(
        self,
        request: HttpRequest,
        manifest: ChannelManifest,
        form: ChannelForm,
        channel: Channel | None,
    ) -> HttpResponse:
        more: dict[str, Any] = {}
        if channel is not None:
            host = site_here(request).host
            chat = url_of(host, f"/chat/{channel.route_key}/")
            more = {
                "hook": hook_url(channel),
                "package": [name for name, _ in package_of(channel)],
                "chat_url": chat if channel.kind == "web" else "",
                "qr": _qr(chat) if channel.kind == "web" else "",
                "snippet": (
                    f'<script src="{url_of(host, "/widget.js")}" '
                    f'data-key="{channel.route_key}" async></script>'
                    if channel.kind == "web"
                    else ""
                ),
                "opened_at": timezone.now().isoformat(),
                "is_first": channel.last_in_at is None,
                "expires_at": expires_at(channel),
            }
        return TemplateResponse(
            request,
            "desk/channel.html",
            self.admin_site.context(
                request,
                channel.name if channel else manifest.title,
                form=form,
                manifest=manifest,
                rules=channel_rules(manifest.of_account(channel.settings if channel else {})),
                channel=channel,
                opts=self.opts,
                original=channel,
                **more,
            ),
        )

    def status_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What came in since the page was opened, and what was answered."""
        channel = self._allowed(request, pk)
        try:
            since = parse_datetime(request.GET.get("since", "").replace(" ", "+"))
        except ValueError:
            since = None
        if since is None or since.tzinfo is None:
            since = timezone.now() - timedelta(minutes=5)
        found = list(
            Message.objects.filter(conversation__channel=channel, created_at__gte=since)
            .exclude(kind__in=(Message.Kind.NOTE, Message.Kind.SYSTEM))
            .select_related("conversation__contact")
            .order_by("created_at", "pk")[:20]
        )
        came = next((m for m in found if m.author == Message.Author.BUYER), None)
        reply = came and next(
            (
                m
                for m in found
                if m.author != Message.Author.BUYER
                and m.conversation_id == came.conversation_id
                and m.seq > came.seq
            ),
            None,
        )
        return JsonResponse(
            {
                "state": channel.state,
                "detail": channel.state_detail,
                "message": came
                and {"text": came.text[:300], "name": str(came.conversation.contact)},
                "reply": came
                and reply
                and {
                    "text": reply.text[:600],
                    "seconds": round((reply.created_at - came.created_at).total_seconds(), 1),
                    "state": reply.get_state_display(),
                    "failure": reply.failure,
                    "sources": [s.get("title", "") for s in reply.meta.get("sources", [])][:3],
                },
            },
            headers={"Cache-Control": "no-store"},
        )

    def package_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the other side is made with, as one archive. It holds the hook's address."""
        channel = self._allowed(request, pk)
        files = package_of(channel)
        if not files:
            raise Http404
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
            for name, content in files:
                packed.writestr(name, content)
        audit("channel.package", str(channel), actor=actor_of(request))
        return HttpResponse(
            archive.getvalue(),
            content_type="application/zip",
            headers={
                "Content-Disposition": f'attachment; filename="{channel.kind}.zip"',
                "Cache-Control": "no-store",
            },
        )

    def pause_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        channel = self._allowed(request, pk)
        paused = channel.state != Channel.State.PAUSED
        channel_pause(channel, paused=paused)
        audit("channel.paused" if paused else "channel.resumed", str(channel),
              actor=actor_of(request))  # fmt: skip
        messages.success(
            request,
            _("Paused: messages of this channel are not accepted.") if paused else _("It works."),
        )
        return redirect("merchant:bots_channel_change", pk)

    def check_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        check = channel_connect(self._allowed(request, pk))
        if check.ok:
            messages.success(request, _("The service answers, the channel works."))
        else:
            messages.error(request, check.detail or _("The service does not accept the settings."))
        return redirect("merchant:bots_channel_change", pk)

    def remove_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        channel = self._allowed(request, pk)
        if request.POST.get("typed", "").strip() != channel.name:
            messages.error(request, _("This is not the name. Nothing was changed."))
            return redirect("merchant:bots_channel_change", pk)
        name = channel.name
        try:
            channel_delete(channel)
        except RuleBroken as refused:
            messages.error(request, str(refused))
            return redirect("merchant:bots_channel_change", pk)
        audit("channel.deleted", name, actor=actor_of(request))
        messages.success(
            request, _("“%(name)s” is disconnected. Its dialogues stay.") % {"name": name}
        )
        return redirect("merchant:bots_channel_changelist")

    def _allowed(self, request: HttpRequest, pk: int) -> Channel:
        channel: Channel | None = self.get_object(request, str(pk))
        if channel is None or not self.has_change_permission(request, channel):
            raise PermissionDenied
        return channel


def _common(form: ChannelForm) -> dict[str, Any]:
    """What every kind of channel keeps beside its own settings."""
    kept: dict[str, Any] = {KEY: form.conduct()}
    if "ca_bundle" in form.fields:
        kept["ca_bundle"] = form.cleaned_data["ca_bundle"].strip()
    return kept


def _note(manifest: ChannelManifest) -> Any:
    if manifest.note:
        return manifest.note
    if manifest.key == "web":
        return _("One line on your site, or a page with a link and a QR code. Works at once.")
    if any(field.kind == "secret" for field in manifest.settings):
        return _("A token is needed; the next page says where to get it.")
    return ""


def channel_rules(manifest: ChannelManifest) -> list[str]:
    """What this kind of channel lets people do, and for how long, in sentences."""
    window = manifest.reply_window_s
    if window is None:
        rules = [_("You may write to a buyer at any time.")]
    else:
        rules = [
            _("You may write for %(hours)s h after the buyer's last message.")
            % {"hours": window // 3600},
            _("Past that only a template goes out.")
            if "template" in manifest.past_window
            else _("Past that nothing goes out until the buyer writes again."),
        ]
    for can, within, always, hours, never in (
        (
            manifest.can_edit, manifest.edit_within_s, _("A sent text can be changed."),
            _("A sent text can be changed for %(hours)s h."), _("A sent text cannot be changed."),
        ),
        (
            manifest.can_delete, manifest.delete_within_s, _("A sent message can be taken back."),
            _("A sent message can be taken back for %(hours)s h."),
            _("A sent message cannot be taken back."),
        ),
    ):  # fmt: skip
        rules.append(never if not can else hours % {"hours": within // 3600} if within else always)
    return rules


def _qr(address: str) -> str:
    uri: str = segno.make(address, error="m").svg_data_uri(scale=4, border=2, light="#fff")
    return uri


merchant_menu.add(
    Entry("assistant", 20, gettext_lazy("Channels"), "forum", "bots_channel_changelist",
          may("bots.view_channel")),
)  # fmt: skip
