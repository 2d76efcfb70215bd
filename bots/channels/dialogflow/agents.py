"""Agents a merchant imports: one for Dialogflow ES, one for CX. Both hand every utterance to us.

The layout of the archives follows what the consoles export [general knowledge, not tried against
the live import].
"""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from bots.channels.voice import INTENTS, say

LANGUAGES = ("en", "ru")
WELCOME = "input.welcome"
WORDS = "shop.words"
TAG_WELCOME, TAG_WORDS, TAG_SILENCE = "welcome", "words", "silence"
WEBHOOK = "shop"
TIMEOUT_S = 5
_HELLO = {"en": ("hello", "hi", "good morning"), "ru": ("привет", "здравствуйте", "добрый день")}
_NAMES = {
    "order_status": "Order status",
    "in_stock": "In stock",
    "order_again": "Order again",
    "hours": "Opening hours",
    "person": "Person",
}
_README = """\
dialogflow-es.zip   Dialogflow ES: gear → Export and Import → RESTORE FROM ZIP, then
                    Fulfillment → Webhook: enter user name and password.
dialogflow-cx.zip   Conversational Agents (Dialogflow CX): agent's menu → Restore → JSON package,
                    then Manage → Webhooks → shop: enter user name and password.

Address of the webhook (secret, show it to nobody): {hook}
User name: {username}
Password: the one you have entered on the channel's page. Instead of both a header may be sent:
X-Webhook-Secret with the password.

Every utterance goes to the webhook, those without an intent, too. If nothing comes back within
{timeout} seconds, ES says its static text and CX raises webhook.error.

Google Assistant itself is not reached by this: Conversational Actions were closed on 13 June 2023.
"""


def package(*, name: str, username: str, hook: str) -> list[tuple[str, bytes]]:
    readme = _README.format(hook=hook, username=username, timeout=TIMEOUT_S)
    return [
        ("readme.txt", readme.encode()),
        ("dialogflow-es.zip", _zipped(es_files(name=name, username=username, hook=hook))),
        ("dialogflow-cx.zip", _zipped(cx_files(name=name, hook=hook))),
    ]


def _zipped(files: dict[str, Any]) -> bytes:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as packed:
        for path, value in sorted(files.items()):
            # The same every time: a fixed date, names in order.
            about = zipfile.ZipInfo(path, (2026, 1, 1, 0, 0, 0))
            packed.writestr(about, json.dumps(value, ensure_ascii=False, indent=2))
    return archive.getvalue()


def _id(*names: str) -> str:
    return str(uuid5(NAMESPACE_URL, "/".join(names)))


def _phrases(code: str, language: str) -> list[str]:
    """With an example where the slot is: the whole utterance is what we read."""
    example = {"order": "1234", "product": {"en": "a sweater", "ru": "свитер"}[language]}
    intent = next(one for one in INTENTS if one.code == code)
    return [sample.format(**example) for sample in intent.samples[language]]


# ── ES ──
def es_files(*, name: str, username: str, hook: str) -> dict[str, Any]:
    files: dict[str, Any] = {
        "package.json": {"version": "1.0.0"},
        "agent.json": {
            "displayName": name,
            "description": "",
            "language": LANGUAGES[0],
            "supportedLanguages": list(LANGUAGES[1:]),
            "defaultTimezone": "Europe/Moscow",
            "isPrivate": True,
            "mlMinConfidence": 0.3,
            "enableOnePlatformApi": True,
            "onePlatformApiVersion": "v2",
            "webhook": {
                "url": hook,
                "username": username,
                "headers": {},
                "available": True,
                "useForDomains": False,
                "cloudFunctionsEnabled": False,
                "cloudFunctionsInitialized": False,
            },
        },
    }
    welcome = "Default Welcome Intent"
    files[f"intents/{welcome}.json"] = _es_intent(welcome, WELCOME, events=("WELCOME",))
    fallback = "Default Fallback Intent"
    files[f"intents/{fallback}.json"] = _es_intent(fallback, WORDS, is_fallback=True)
    for language in LANGUAGES:
        files[f"intents/{welcome}_usersays_{language}.json"] = _es_says(
            welcome, language, list(_HELLO[language])
        )
    for one in INTENTS:
        title = _NAMES[one.code]
        files[f"intents/{title}.json"] = _es_intent(title, f"shop.{one.code}")
        for language in LANGUAGES:
            files[f"intents/{title}_usersays_{language}.json"] = _es_says(
                title, language, _phrases(one.code, language)
            )
    return files


def _es_intent(
    title: str, action: str, *, events: tuple[str, ...] = (), is_fallback: bool = False
) -> dict[str, Any]:
    said = [
        {"type": "0", "lang": language, "speech": [say("trouble", language)]}
        for language in LANGUAGES
    ]
    return {
        "id": _id("es", title),
        "name": title,
        "auto": True,
        "contexts": [],
        "responses": [
            {
                "resetContexts": False,
                "action": action,
                "affectedContexts": [],
                "parameters": [],
                "messages": said,
                "speech": [],
            }
        ],
        "priority": 500000,
        "webhookUsed": True,
        "webhookForSlotFilling": False,
        "fallbackIntent": is_fallback,
        "events": [{"name": event} for event in events],
    }


def _es_says(title: str, language: str, phrases: list[str]) -> list[dict[str, Any]]:
    return [
        {
            "id": _id("es", title, language, phrase),
            "data": [{"text": phrase, "userDefined": False}],
            "isTemplate": False,
            "count": 0,
            "lang": language,
            "updated": 0,
        }
        for phrase in phrases
    ]


# ── CX ──
def cx_files(*, name: str, hook: str) -> dict[str, Any]:
    flow = "Default Start Flow"
    welcome = "Default Welcome Intent"
    routes = [_route(welcome, TAG_WELCOME)]
    files: dict[str, Any] = {
        "agent.json": {
            "displayName": name,
            "defaultLanguageCode": LANGUAGES[0],
            "supportedLanguageCodes": list(LANGUAGES[1:]),
            "timeZone": "Europe/Moscow",
            "startFlow": flow,
        },
        f"webhooks/{WEBHOOK}.json": {
            "name": _id("cx", "webhook"),
            "displayName": WEBHOOK,
            "genericWebService": {"uri": hook},
            "timeout": f"{TIMEOUT_S}s",
        },
        **_cx_intent(welcome, {language: list(_HELLO[language]) for language in LANGUAGES}),
    }
    for one in INTENTS:
        title = _NAMES[one.code]
        files |= _cx_intent(title, {lang: _phrases(one.code, lang) for lang in LANGUAGES})
        routes.append(_route(title, TAG_WORDS))
    trouble = [
        {"text": {"text": [say("trouble", language)]}, "languageCode": language}
        for language in LANGUAGES
    ]
    handlers = [
        _handler("sys.no-match-default", {"webhook": WEBHOOK, "tag": TAG_WORDS}),
        _handler("sys.no-input-default", {"webhook": WEBHOOK, "tag": TAG_SILENCE}),
        *(
            _handler(event, {"messages": trouble})
            for event in ("webhook.error", "webhook.error.timeout")
        ),
    ]
    files[f"flows/{flow}/{flow}.json"] = {
        "name": _id("cx", flow),
        "displayName": flow,
        "transitionRoutes": routes,
        "eventHandlers": handlers,
        "nluSettings": {"modelType": "MODEL_TYPE_STANDARD", "classificationThreshold": 0.3},
    }
    return files


def _route(intent: str, tag: str) -> dict[str, Any]:
    return {
        "name": _id("cx", "route", intent),
        "intent": intent,
        "triggerFulfillment": {"webhook": WEBHOOK, "tag": tag},
    }


def _handler(event: str, fulfillment: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": _id("cx", "handler", event),
        "event": event,
        "triggerFulfillment": fulfillment,
    }


def _cx_intent(title: str, phrases: dict[str, list[str]]) -> dict[str, Any]:
    folder = f"intents/{title}"
    files: dict[str, Any] = {
        f"{folder}/{title}.json": {
            "name": _id("cx", title),
            "displayName": title,
            "priority": 500000,
        }
    }
    for language, said in phrases.items():
        files[f"{folder}/trainingPhrases/{language}.json"] = {
            "trainingPhrases": [
                {
                    "id": _id("cx", title, language, one),
                    "parts": [{"text": one, "auto": True}],
                    "repeatCount": 1,
                    "languageCode": language,
                }
                for one in said
            ]
        }
    return files
