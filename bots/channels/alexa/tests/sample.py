"""Alexa for the conformance suite. Composed from the documentation's fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bots.channels.alexa import chains
from bots.channels.alexa.simulator import CHAIN_URL, SKILL_ID, AlexaSimulator, authority
from bots.channels.base import ChannelAdapter, Inbound
from tests.channels.sample import Sample


class AlexaSample(Sample):
    kind = "alexa"
    settings = {"skill_id": SKILL_ID, "invocation": "warm sweater"}
    secrets = {"hook": "hook-of-alpha"}

    def adapter(self, base_url: str = "", **more: Any) -> ChannelAdapter:
        """With the chain at hand, as `prepare` leaves it."""
        ca = authority()
        chains.keep(CHAIN_URL, ca.chain, ca.root)
        return super().adapter(base_url, ca_bundle=ca.root, **more)

    def sign(self, body: bytes) -> Inbound:
        return AlexaSimulator().signed(body)

    def forged(self, body: bytes) -> list[Inbound]:
        good = self.sign(body).headers
        other = AlexaSimulator(ca=authority("echo-api.amazon.com", days=31)).signed(body).headers
        return [
            Inbound(body),
            Inbound(body + b" ", good),
            Inbound(body, other),
            *(
                Inbound(body, {**good, name: value})
                for name, value in (
                    ("signature-256", ""), ("signature-256", "AAAA"), ("signature-256", "подпись"),
                    ("signaturecertchainurl", ""),
                    ("signaturecertchainurl", CHAIN_URL.replace("https", "http")),
                    ("signaturecertchainurl", CHAIN_URL.replace("amazonaws", "amazonaws.evil")),
                )
            ),
        ]  # fmt: skip

    def says(self, text: str, *, chat: str = "101", number: int = 1) -> Any:
        body = AlexaSimulator(user=chat).intent("AskIntent", query=text)
        body["request"]["requestId"] = f"amzn1.echo-api.request.{number}"
        return body

    def kinds(self) -> Mapping[str, Any]:
        device = AlexaSimulator(user="101")
        intents = {
            name: device.intent(name)
            for name in (
                "AMAZON.HelpIntent", "AMAZON.StopIntent", "AMAZON.CancelIntent",
                "AMAZON.FallbackIntent", "AMAZON.NavigateHomeIntent", "AMAZON.YesIntent",
                "OrderStatusIntent", "of.Tomorrow",
            )
        }  # fmt: skip
        others: tuple[tuple[str, dict[str, Any]], ...] = (
            ("LaunchRequest", {}),
            ("SessionEndedRequest", {"reason": "EXCEEDED_MAX_REPROMPTS"}),
            ("SessionEndedRequest", {"reason": "ERROR", "error": {"type": "INVALID_RESPONSE"}}),
            ("CanFulfillIntentRequest", {"intent": {"name": "AskIntent", "slots": {}}}),
            ("System.ExceptionEncountered", {"error": {"type": "X"}, "cause": {"requestId": "1"}}),
            ("AudioPlayer.PlaybackStarted", {"token": "t", "offsetInMilliseconds": 0}),
            ("AlexaSkillEvent.SkillEnabled", {}),
            ("AlexaSkillEvent.SkillDisabled", {"body": {"userInformationPersistenceStatus": "X"}}),
            ("AlexaSkillEvent.SkillAccountLinked", {"body": {"accessToken": "t"}}),
        )
        return intents | {
            f"{kind} {number}": device.envelope({"type": kind, **more})
            for number, (kind, more) in enumerate(others)
        }
