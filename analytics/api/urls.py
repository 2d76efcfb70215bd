"""`/api/v1/` of reports and of the live board."""

from django.urls import path

from analytics.api import reports

urlpatterns = [
    path("reports/", reports.Reports.as_view(), name="reports"),
    path("reports/export/", reports.ReportExport.as_view(), name="report_export"),
    path("reports/export/<int:pk>/", reports.ReportFile.as_view(), name="report_file"),
]
