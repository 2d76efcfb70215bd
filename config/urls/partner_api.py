"""`/api/v1/` of the platform and of partners: their merchants."""

from django.urls import path

from tenants.api import merchants, schema

app_name = "partner_api"

urlpatterns = [
    path("schema/", schema.PlatformSchemaView.as_view(), name="schema"),
    path("docs/", schema.PlatformDocsView.as_view(), name="docs"),
    path("merchants/", merchants.MerchantList.as_view(), name="merchants"),
    path("merchants/<int:pk>/", merchants.MerchantDetail.as_view(), name="merchant"),
    path("merchants/<int:pk>/suspend/", merchants.MerchantSuspend.as_view(), name="suspend"),
    path("merchants/<int:pk>/resume/", merchants.MerchantResume.as_view(), name="resume"),
    path("merchants/<int:pk>/deletion/", merchants.MerchantDeletion.as_view(), name="deletion"),
    path("merchants/<int:pk>/exports/", merchants.MerchantExports.as_view(), name="exports"),
    path(
        "merchants/<int:pk>/exports/<int:job_id>/",
        merchants.MerchantExport.as_view(),
        name="export",
    ),
    path(
        "merchants/<int:pk>/exports/<int:job_id>/file/",
        merchants.MerchantExportFile.as_view(),
        name="export_file",
    ),
    path("", schema.Missing.as_view()),
    path("<path:rest>", schema.Missing.as_view()),
]
