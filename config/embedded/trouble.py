"""What a person at the terminal has to know, in words."""

from __future__ import annotations


class Trouble(Exception):
    """Something a person has to put right: what is wrong, then what to do about it."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"{what}\n  → {remedy}")
        self.what = what
        self.remedy = remedy
