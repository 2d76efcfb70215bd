"""The mail server's page as a person uses it: which button was pressed counts."""

from __future__ import annotations

from typing import Any

import pytest

from tenants.models import MailServer
from tests.browser.hands import shot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_press_saves_tries_and_tells_on_a_phone_too(browse: Any, alpha: Any):
    page = browse(alpha.host, "/admin/mail/", shop=alpha, viewport={"width": 390, "height": 844})
    for name, value in (
        *(("host", "127.0.0.1"), ("port", "1"), ("username", "shop@alpha.example")),
        *(("password", "sesame"), ("sender", "shop@alpha.example")),
    ):
        page.fill(f"[name={name}]", value)

    page.get_by_role("button", name="Сохранить и отправить проверочное письмо").click()

    page.get_by_text("проверочное письмо не ушло").wait_for()
    shot(page, "mail")
    assert MailServer.objects.get().fault
    assert page.input_value("[name=password]") == ""
    page.goto(page.url.replace("/admin/mail/", "/admin/"))
    notice = page.get_by_text("Ваш почтовый сервер не принимает письма")
    notice.wait_for()
    shot(page, "home")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    notice.get_by_role("link").click()
    typed = page.locator("[name=typed]")
    typed.fill(typed.get_attribute("data-typed-name"))
    page.get_by_role("button", name="Удалить").click()
    page.get_by_text("Письма уходят как прежде").wait_for()
    assert not MailServer.objects.exists()
    assert page.troubles == []
