"""Paths of the platform's and the partners' hosts."""

from django.urls import include, path

from tenants.admin.sites import platform_site
from tenants.pages import front, health

urlpatterns = [
    path("", front.landing, name="landing"),
    path("admin/", platform_site.urls),
    path("api/v1/", include("config.urls.partner_api")),
    path("healthz", health.healthz),
    path("readyz", health.readyz),
    path("signup/", front.signup, name="signup"),
    path("signup/slug/", front.signup_slug, name="signup_slug"),
    path("i18n/", include("django.conf.urls.i18n")),
]
