from rest_framework.pagination import CursorPagination


class ByCursor(CursorPagination):
    """Newest first, `?cursor=` and `?page_size=` (at most 200)."""

    ordering = "-pk"
    page_size_query_param = "page_size"
    max_page_size = 200
