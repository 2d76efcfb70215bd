"""What the conformance suite has to know of a channel: how its platform speaks and refuses.

A channel's `tests/sample.py` has a class below `Sample`; the suite finds it by the folder.
"""

from __future__ import annotations

import importlib
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from bots.channels.base import ChannelAdapter, Config, Inbound
from bots.services.channels import manifests, open_adapter
from tenants.kernel.simulate import Answer, Simulator


class Sample(ABC):
    """`secrets`, `settings`: of an account the simulator knows. `chat`: a buyer who may be
    written to."""

    kind: ClassVar[str]
    secrets: ClassVar[Mapping[str, str]] = {}
    settings: ClassVar[Mapping[str, Any]] = {}
    chat: ClassVar[str] = "101"
    # False: no words come or go (telephone calls); `says` is then any delivery.
    speaks: ClassVar[bool] = True
    # What the platform answers to an account that writes too fast (7 s to wait), to one whose
    # token is no longer good, and to a text for somebody who has blocked it. None: it never does.
    busy: ClassVar[Answer | None] = None
    revoked: ClassVar[Answer | None] = None
    blocked: ClassVar[Answer | None] = None

    @abstractmethod
    def sign(self, body: bytes) -> Inbound:
        """These very bytes as the platform would send them."""

    @abstractmethod
    def forged(self, body: bytes) -> list[Inbound]:
        """The same with the proof missing, and with a wrong one."""

    @abstractmethod
    def says(self, text: str, *, chat: str = "101", number: int = 1) -> Any:
        """A delivery in which a buyer writes a text; `number` tells messages apart."""

    @abstractmethod
    def kinds(self) -> Mapping[str, Any]:
        """A delivery of every kind the platform documents, by its name."""

    def simulator(self) -> Simulator | None:
        """A fresh pretend platform; None where the channel has no platform to call."""
        return None

    def seen(self, simulator: Any) -> list[str]:
        """The texts that the buyer of `chat` has on the screen."""
        raise NotImplementedError

    # ── made of these ──
    def adapter(self, base_url: str = "", **more: Any) -> ChannelAdapter:
        config = Config(
            channel_id=1,
            schema="m_x",
            settings=self.settings,
            secrets=self.secrets,
            base_url=base_url,
            **more,
        )
        return open_adapter(self.kind, config)

    def inbound(self, payload: Any) -> Inbound:
        return self.sign(json.dumps(payload, ensure_ascii=False).encode())


# They have no platform: one is spoken to by our own pages, the other by nobody.
OWN = frozenset({"web", "archive"})


def samples() -> list[Sample]:
    """Of every channel with a platform. A folder without a sample is an error."""
    found = []
    for kind in sorted(manifests().keys() - OWN):
        module = importlib.import_module(f"bots.channels.{kind}.tests.sample")
        (made,) = (
            one
            for one in vars(module).values()
            if isinstance(one, type) and issubclass(one, Sample) and one is not Sample
        )
        found.append(made())
    return found
