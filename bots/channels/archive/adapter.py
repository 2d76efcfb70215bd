"""Conversations that were moved in from elsewhere: to be read and found, never to be written to."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from bots.channels.base import (
    Call,
    ChannelAdapter,
    Check,
    Envelope,
    Inbound,
    Occurrence,
    Reply,
    Sent,
    SignatureMismatch,
    Unreachable,
    Unsupported,
)


class Archive(ChannelAdapter):
    def verify(self, request: Inbound) -> None:
        raise SignatureMismatch("history has no hook")

    def envelopes(self, request: Inbound) -> list[Envelope]:
        raise ValueError("history has no hook")

    def parse(self, payload: Any) -> list[Occurrence]:
        raise Unsupported("history")

    def render(self, reply: Reply) -> list[Call]:
        return [Call("none", {})]

    def send(self, call: Call) -> Sent:
        raise Unreachable("history is for reading")

    def connect(self) -> Check:
        return Check(ok=True, detail=_("This is history that was moved in."))
