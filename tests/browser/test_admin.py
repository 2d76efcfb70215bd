"""The desk as people use it: Chromium, a real server, the strict policy on scripts."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from bots.models import Bot, Channel, Template
from tenants.models import Merchant
from tests.browser.hands import shot
from tests.fixtures.world import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_person_logs_in_and_out(browse, alpha):
    page = browse(alpha.host, "/admin/bots/article/")
    page.fill("[name=username]", alpha.owner.email)
    page.fill("[name=password]", "wrong")
    page.click("#login-form button[type=submit]")
    assert page.locator("[role=alert]").count() == 1

    page.fill("[name=password]", PASSWORD)
    page.click("#login-form button[type=submit]")

    page.wait_for_url("**/admin/bots/article/")
    page.click(".desk-me-button")
    page.click("#logout-form button")
    page.wait_for_selector(".desk-sheet")
    page.goto(page.url.replace("logout", ""))
    assert "/admin/login/" in page.url
    assert not page.troubles


def test_the_look_is_chosen_before_logging_in_and_stays(browse, alpha):
    page = browse(alpha.host, "/admin/login/")
    assert "dark" not in (page.get_attribute("html", "class") or "")
    page.click("[data-theme-toggle]")
    assert "dark" in page.get_attribute("html", "class")

    page.fill("[name=username]", alpha.owner.email)
    page.fill("[name=password]", PASSWORD)
    page.click("#login-form button[type=submit]")

    page.wait_for_selector("html.dark .desk")
    assert not page.troubles


def test_a_bot_is_changed_tried_and_published(browse, alpha):
    page = browse(alpha.host, f"/admin/bots/bot/{alpha.bot.pk}/change/", shop=alpha)
    page.fill("#id_tone", "Коротко и тепло")
    page.click("#submit-row button[name=_save]")
    page.wait_for_selector(".desk-note.is-waiting")
    assert "Коротко и тепло" in page.inner_text(".desk-note.is-waiting")

    page.locator("a[hx-get$='/publish/']").first.click()
    page.click("#dialog button[type=submit]")

    page.wait_for_selector(".desk-note.is-done")
    with alpha.inside():
        assert Bot.objects.get(pk=alpha.bot.pk).published.number == 2
    assert not page.troubles


def test_a_talk_in_the_preview(browse, alpha):
    page = browse(alpha.host, "/admin/preview/", shop=alpha)
    page.fill("[data-say]", "Позовите человека")
    page.press("[data-say]", "Enter")
    page.wait_for_selector("[data-facts] dd", timeout=20_000)
    assert "человека" in page.inner_text("[data-facts]")
    assert page.locator(".desk-talk .desk-bubble.is-buyer").inner_text() == "Позовите человека"
    shot(page, "preview")
    assert not page.troubles


def test_a_channel_is_removed_only_when_its_name_is_typed(browse, alpha):
    name = alpha.channel.name
    page = browse(alpha.host, f"/admin/bots/channel/{alpha.channel.pk}/change/", shop=alpha)
    assert page.locator("[data-danger]").is_disabled()
    page.fill("#typed", name[:-1])
    assert page.locator("[data-danger]").is_disabled()
    page.fill("#typed", name)
    assert page.locator("[data-danger]").is_enabled()
    with alpha.inside():
        assert Channel.objects.filter(pk=alpha.channel.pk).exists()
    assert not page.troubles


def test_a_variable_is_put_in_and_shown_as_a_buyer_reads_it(browse, alpha):
    page = browse(alpha.host, "/admin/bots/template/add/", shop=alpha)
    page.fill("#id_name", "Доставка")
    page.fill("#id_code", "dostavka")
    page.fill("#id_text_ru", "Привезём ")
    page.click(".desk-variables summary")
    page.click("[data-variable='order.eta']")
    page.locator("[data-shown]", has_text="ноября").wait_for()

    page.fill("#id_text_ru", "Привезём {{order.etta}}")
    page.wait_for_selector("[data-shown] .desk-error")
    page.click("#template button[type=submit]")
    page.wait_for_selector(".desk-field .desk-error")
    assert page.input_value("#id_text_ru") == "Привезём {{order.etta}}"
    with alpha.inside():
        assert not Template.objects.filter(code="dostavka").exists()
    assert not page.troubles


def test_a_colour_is_seen_before_it_is_saved(browse, alpha):
    page = browse(alpha.host, "/admin/brand/", shop=alpha)
    page.fill("[data-colour]", "#ffdd00")
    page.wait_for_selector("[data-contrast].is-poor")
    page.fill("[data-colour]", "#103020")
    page.wait_for_selector("[data-contrast]:not(.is-poor)")
    assert not page.troubles


def test_a_shop_signs_up_and_comes_to_its_own_desk(browse, partner, product, settings):
    settings.PUBLIC_PORT = str(product.port)
    page = browse("partner.localhost", "/signup/")
    page.fill("#id_shop", "Морошка и Ко")
    # Not by wait_for_function: it evaluates text, which the page's policy refuses.
    expect(page.locator("#id_slug")).to_have_value("moroshka-i-ko")
    page.fill("#id_email", "boss@moroshka.example")
    page.fill("#id_password", "Long-enough-word-9")
    page.check("#id_processing")
    page.click("#signup button[type=submit]")

    page.wait_for_url("**/admin/login/**", timeout=15_000)

    assert "moroshka-i-ko.partner.localhost" in page.url
    assert page.input_value("[name=username]") == "boss@moroshka.example"
    assert Merchant.objects.filter(slug="moroshka-i-ko", state="active").exists()
    assert not page.troubles


WIDE_ENOUGH = "document.documentElement.scrollWidth <= document.documentElement.clientWidth + 1"


@pytest.mark.parametrize("lang", ["ru", "en"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_a_phone(browse, alpha, lang, scheme):
    page = browse(
        alpha.host, "/admin/", shop=alpha, viewport={"width": 390, "height": 844},
        color_scheme=scheme,
    )  # fmt: skip
    base = page.url.split("/admin/")[0]
    page.context.add_cookies([{"name": "lang", "value": lang, "url": base}])
    too_wide = []
    for path in (
        "", "bots/bot/", "bots/channel/", f"bots/channel/{alpha.channel.pk}/change/",
        "bots/template/", "bots/template/add/", "bots/article/", "bots/article/add/", "gaps/",
        "preview/", "hours/", "brand/", "catalogue/import/", "integrations/product/",
        "integrations/order/", "workspace/user/", "workspace/auditentry/", "usage/",
    ):  # fmt: skip
        page.goto(f"{base}/admin/{path}")
        if not page.evaluate(WIDE_ENOUGH):
            too_wide.append(path)
    assert not too_wide
    assert not page.troubles
