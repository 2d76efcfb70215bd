from __future__ import annotations

import base64
import json

import pytest

from bots.channels.web.identity import Claims, NotBelieved, sign, verify

SECRET = "s" * 40
NOW = 1_800_000_000.0


def token(secret: str = SECRET, **claims: object) -> str:
    return sign({"sub": "42", "exp": NOW + 600, **claims}, secret)


def test_the_shops_word_is_believed():
    found = verify(
        token(name="Анна", email="Anna@Shop.Example", phone="+7 (916) 123-45-67"), SECRET, NOW
    )

    assert found == Claims("42", "Анна", "anna@shop.example", "+79161234567")
    assert found.identities() == [
        ("customer", "42", "signed"),
        ("email", "anna@shop.example", "signed"),
        ("phone", "+79161234567", "signed"),
    ]


def unsigned() -> str:
    def part(value: dict) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part({'sub': '42', 'exp': NOW + 600})}."


@pytest.mark.parametrize(
    ("value", "secret", "code"),
    [
        (token(), "", "no_secret"),
        (token(), "short", "no_secret"),
        (token("o" * 40), SECRET, "signature"),
        (token() + "A", SECRET, "signature"),
        (unsigned(), SECRET, "malformed"),
        ("a.b", SECRET, "malformed"),
        ("", SECRET, "malformed"),
        ("é.é.é", SECRET, "malformed"),
        (token(exp=NOW - 120), SECRET, "expired"),
        (token(exp=NOW + 90_000), SECRET, "expired"),
        (token(exp=None), SECRET, "expired"),
        (token(sub=""), SECRET, "subject"),
        ("x" * 5000, SECRET, "malformed"),
    ],
)
def test_anything_else_is_not(value: str, secret: str, code: str):
    with pytest.raises(NotBelieved) as caught:
        verify(value, secret, NOW)
    assert caught.value.code == code
