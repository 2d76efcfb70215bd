"""`/api/v1/`: each app brings its own paths."""

from django.urls import include, path

from tenants.api.schema import Missing

app_name = "api"

urlpatterns = [
    path("", include("tenants.api.urls")),
    path("", include("integrations.api.urls")),
    path("", include("bots.api.urls")),
    path("", include("analytics.api.urls")),
    path("", Missing.as_view()),
    path("<path:rest>", Missing.as_view()),
]
