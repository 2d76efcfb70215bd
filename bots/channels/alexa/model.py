"""The interaction model: how people put what a shop is asked, in the platform's shape.

A slot for free words (AMAZON.SearchQuery) needs words before it, and those words are lost. So each
such beginning is an intent of its own and is put back by `words_of`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bots.channels.assistant import Kind
from bots.channels.voice import INTENTS, say, sentence

LOCALES = ("en-US", "en-GB", "en-AU", "en-CA", "en-IN")
# Intent → the words before what was said freely.
BEGINNINGS = {
    "HowIntent": "how", "WhatIntent": "what", "WhenIntent": "when", "WhereIntent": "where",
    "WhichIntent": "which", "WhyIntent": "why", "WhoIntent": "who", "CanIntent": "can",
    "CouldIntent": "could", "DoIntent": "do", "DoesIntent": "does", "IsIntent": "is",
    "AreIntent": "are", "WillIntent": "will", "WouldIntent": "would", "HaveIntent": "have",
    "WantIntent": "i want", "NeedIntent": "i need", "LikeIntent": "i would like",
    "TellIntent": "tell me", "FindIntent": "find", "ShowIntent": "show me",
    "ReturnIntent": "return",
    "MyIntent": "my", "ItIsIntent": "it is", "NumberIsIntent": "the number is",
    "SizeIntent": "size", "OrderIntent": "order", "YesAndIntent": "yes", "NoButIntent": "no",
}  # fmt: skip
FREE = "AskIntent"
FREE_SAMPLES = ("ask {query}", "question {query}", "ask the shop {query}")
_SHOP = {
    "order_status": "OrderStatusIntent",
    "in_stock": "InStockIntent",
    "order_again": "OrderAgainIntent",
    "hours": "HoursIntent",
    "person": "PersonIntent",
}
_CODES = {name: code for code, name in _SHOP.items()}
CHOICE = "ChoiceIntent"
READY = "ReadyIntent"
LINK = "LinkIntent"
_FIXED = {
    READY: ("is it ready", "are you ready", "well", "what is the answer", "go on", "any news"),
    LINK: ("link my account", "connect my account", "sign in"),
}
_SAID = {READY: "is it ready", LINK: "link my account"}
BUILT_IN: dict[str, Kind] = {
    "AMAZON.HelpIntent": "help", "AMAZON.StopIntent": "stop", "AMAZON.CancelIntent": "stop",
    "AMAZON.NavigateHomeIntent": "stop", "AMAZON.FallbackIntent": "no_match",
    "AMAZON.RepeatIntent": "repeat",
}  # fmt: skip
YES_NO = {"AMAZON.YesIntent": "yes", "AMAZON.NoIntent": "no"}


def words_of(intent: str, slots: Mapping[str, str]) -> str | None:
    """What the buyer has said; None for an intent we do not know."""
    if intent == FREE:
        return slots.get("query", "")
    if intent in BEGINNINGS:
        return f"{BEGINNINGS[intent]} {slots.get('query', '')}".strip()
    if intent in _CODES:
        return sentence(_CODES[intent], "en", slots.get("order") or slots.get("product") or "")
    if intent == CHOICE:
        return f"option {slots.get('number', '')}".strip()
    return YES_NO.get(intent) or _SAID.get(intent)


def interaction_model(invocation: str) -> dict[str, Any]:
    intents: list[dict[str, Any]] = [{"name": name, "samples": []} for name in (*BUILT_IN, *YES_NO)]
    for one in INTENTS:
        made: dict[str, Any] = {"name": _SHOP[one.code], "samples": list(one.samples["en"])}
        if one.slot:
            made["slots"] = [{"name": one.slot, "type": "AMAZON.SearchQuery"}]
        intents.append(made)
    for name, beginning in BEGINNINGS.items():
        intents.append(_free(name, [f"{beginning} {{query}}"]))
    intents.append(_free(FREE, list(FREE_SAMPLES)))
    intents.append(
        {
            "name": CHOICE,
            "slots": [{"name": "number", "type": "AMAZON.NUMBER"}],
            "samples": ["option {number}", "number {number}", "the number {number}", "{number}"],
        }
    )
    intents += [{"name": name, "samples": list(samples)} for name, samples in _FIXED.items()]
    return {
        "interactionModel": {
            "languageModel": {
                "invocationName": invocation,
                "intents": intents,
                "types": [],
            }
        }
    }


def _free(name: str, samples: list[str]) -> dict[str, Any]:
    slots = [{"name": "query", "type": "AMAZON.SearchQuery"}]
    return {"name": name, "slots": slots, "samples": samples}


def package(*, invocation: str, hook: str) -> list[tuple[str, bytes]]:
    """A skill package as the command line of Alexa (ASK CLI) and the console's editor take it."""
    name = invocation.title()
    texts = {
        "name": name,
        "summary": f"Ask {name} about orders, goods in stock and opening hours.",
        "description": say("help", "en"),
        "examplePhrases": [
            f"Alexa, open {invocation}",
            f"Alexa, ask {invocation} where is my order",
            f"Alexa, ask {invocation} for opening hours",
        ],
        "keywords": ["shop", "order", "delivery", "support"],
    }
    skill = {
        "manifest": {
            "manifestVersion": "1.0",
            "apis": {
                "custom": {"endpoint": {"uri": hook, "sslCertificateType": "Trusted"}},
            },
            "publishingInformation": {
                "category": "SHOPPING",
                "distributionCountries": [],
                "isAvailableWorldwide": True,
                "testingInstructions": (
                    "Open the skill and ask “opening hours”. “Help” tells what can be asked, "
                    "“stop” leaves. No payment is made in the skill; details of an order are "
                    "told only to somebody who has proven that it is theirs."
                ),
                "locales": dict.fromkeys(LOCALES, texts),
            },
            "privacyAndCompliance": {
                "allowsPurchases": False,
                "isExportCompliant": True,
                "containsAds": False,
                "isChildDirected": False,
                "usesPersonalInfo": True,
            },
        }
    }
    model = interaction_model(invocation)
    files = {"skill-package/skill.json": skill}
    for locale in LOCALES:
        files[f"skill-package/interactionModels/custom/{locale}.json"] = model
    return [
        (path, json.dumps(value, ensure_ascii=False, indent=2).encode())
        for path, value in files.items()
    ]
