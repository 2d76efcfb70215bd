"""Paths of the site's chat and of the console on a merchant's host."""

from django.urls import path

from bots import console, pages

urlpatterns = [
    path("console/", console.console, name="console"),
    path("files/<int:pk>/", console.attachment, name="attachment"),
    path("widget.js", pages.widget_js, name="widget"),
    path("chat/<str:key>/", pages.chat_page, name="chat"),
    path("chat/<str:key>/qr.svg", pages.chat_qr, name="chat_qr"),
    path("chat/<str:key>/privacy/", pages.chat_privacy, name="chat_privacy"),
]
