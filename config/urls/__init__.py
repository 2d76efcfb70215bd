"""Addresses of the product. Whoever serves them needs the admins' pages registered."""

from django.contrib import admin

admin.autodiscover()
