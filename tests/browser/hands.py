"""What people do with a browser, and how they wait: keys of the Russian layout, words, pictures."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

from bots.channels.web import wire
from bots.services.accept import accept

# A folder to keep pictures in while the look is worked on.
SHOTS = os.environ.get("SHOTS", "")


class Keyboard:
    """Keys of the Russian layout: their places are the same, what they write is not."""

    LETTERS = dict(zip("QWERTYUIOPASDFGHJKLZXCVBNM", "йцукенгшщзфывапролдячсмить", strict=True))
    MODIFIERS = {"Control": 2, "Alt": 1, "Shift": 8}

    def __init__(self, page: Any) -> None:
        self.page = page
        self.line = page.context.new_cdp_session(page)

    def press(self, chord: str) -> None:
        """`Alt+KeyT`: the code is the key's place, the key what the layout writes there."""
        *held, code = chord.split("+")
        modifiers = sum(self.MODIFIERS[one] for one in held)
        letter = self.LETTERS.get(code.removeprefix("Key"), "")
        digit = code.removeprefix("Digit") if code.startswith("Digit") else ""
        key = letter or digit or {"Slash": ".", "Space": " "}.get(code, code)
        number = ord(code[-1]) if letter or digit else {
            "Enter": 13, "Escape": 27, "Tab": 9, "ArrowDown": 40, "ArrowUp": 38, "Slash": 191,
            "Space": 32,
        }[code]  # fmt: skip
        event = {
            "code": code, "key": key, "modifiers": modifiers, "windowsVirtualKeyCode": number,
        }  # fmt: skip
        text = "\r" if code == "Enter" else key if len(key) == 1 else ""
        if text and not (modifiers & 3):
            event["text"] = text
        self.line.send("Input.dispatchKeyEvent", {"type": "keyDown", **event})
        event.pop("text", None)
        self.line.send("Input.dispatchKeyEvent", {"type": "keyUp", **event})

    def type(self, text: str) -> None:
        self.page.keyboard.insert_text(text)


_numbers = itertools.count(1)


def says(shop: Any, text: str, *, visitor: str = "v1", name: str = "Анна") -> None:
    """A buyer writes in the site's chat; the product's own workers do the rest."""
    frame = {"key": f"console-key-{next(_numbers):08}", "text": text}
    envelope = wire.say(visitor, frame, name=name)
    with shop.inside():
        accept(shop.channel.pk, [envelope], ring=False)


def until(page: Any, condition: str, arg: Any = None) -> None:
    """Wait for a condition; the page's own policy forbids what Playwright would do it by."""
    for _try in range(100):
        if page.evaluate(condition, arg):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never: {condition}")


def shot(page: Any, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(300)
        page.screenshot(path=str(Path(SHOTS) / f"{name}.png"))
