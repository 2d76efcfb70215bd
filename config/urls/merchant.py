"""Paths of a merchant's host."""

from django.urls import path  # noqa: F401

urlpatterns: list = []
