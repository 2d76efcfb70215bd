"""Paths of the site's chat and of the console on a merchant's host."""

from django.urls import path

from bots import console, downloads, linking, pages

urlpatterns = [
    path("console/", console.console, name="console"),
    path("console/sw.js", console.worker, name="console_worker"),
    path("console/manifest.webmanifest", console.manifest, name="console_manifest"),
    path("console/icon.svg", console.icon, name="console_icon"),
    path("console/icon-192.png", console.icon, {"side": 192}, name="console_icon_192"),
    path("console/icon-512.png", console.icon, {"side": 512}, name="console_icon_512"),
    path("files/<int:pk>/", console.attachment, name="attachment"),
    path("recordings/<int:pk>/", console.call_recording, name="call_recording"),
    path("files/sent/<str:signed>/", downloads.sent, name="sent_file"),
    path("link/", linking.page, name="link"),
    path("link/token/", linking.token, name="link_token"),
    path("link/revoke/", linking.revoke, name="link_revoke"),
    path("widget.js", pages.widget_js, name="widget"),
    path("chat/<str:key>/", pages.chat_page, name="chat"),
    path("chat/<str:key>/qr.svg", pages.chat_qr, name="chat_qr"),
    path("chat/<str:key>/privacy/", pages.chat_privacy, name="chat_privacy"),
]
