"""`/api/v1/` of reports and of the live board."""

from django.urls import path

from analytics.api import board, reports

urlpatterns = [
    path("board/", board.BoardView.as_view(), name="board"),
    path("board/list/", board.BoardList.as_view(), name="board_list"),
    path("board/rebalance/", board.Rebalance.as_view(), name="board_rebalance"),
    path("conversations/<int:pk>/whisper/", board.Whisper.as_view(), name="whisper"),
    path("reports/", reports.Reports.as_view(), name="reports"),
    path("reports/export/", reports.ReportExport.as_view(), name="report_export"),
    path("reports/export/<int:pk>/", reports.ReportFile.as_view(), name="report_file"),
]
