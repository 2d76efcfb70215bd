"""Paths of the platform's and the partners' hosts."""

urlpatterns: list = []
