"""Paths of a merchant's host."""

from django.urls import include, path

from tenants.admin.sites import merchant_site
from tenants.pages import front

urlpatterns = [
    path("", include("bots.urls")),
    path("", front.merchant_front),
    path("admin/", merchant_site.urls),
    path("api/v1/", include("config.urls.api", namespace="api")),
    path("i18n/", include("django.conf.urls.i18n")),
]
