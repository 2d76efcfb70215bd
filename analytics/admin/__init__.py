"""The merchant's home page and the list of dialogues its figures lead to."""

from analytics.admin import conversations, home

__all__ = ["conversations", "home"]
