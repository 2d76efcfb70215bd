"""A partner's model keys: kept on its own desk, never shown, used by its merchants alone."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core import mail
from django.utils import timezone

from bots.llm.base import ChatMessage, ModelRequest, NeedsMerchant, NoModel
from bots.llm.breaker import Breaker
from bots.llm.simulation import Trouble
from bots.services import model_calls
from bots.services.model_calls import model_complete, partner_account_forgive
from bots.services.partner_keys import LETTER, key_broke
from tenants.kernel import due
from tenants.models import Due, KeyFault, Partner
from tenants.workspace.models import AuditEntry, User
from tests.fixtures.models import MODEL_KEY, model_form

pytestmark = pytest.mark.django_db

ASK = ModelRequest((ChatMessage("user", "Есть размер 42?"),), timeout_s=4)
BOT = {"providers": [{"provider": "compatible"}]}
PAGE = "/admin/models/?kind=compatible"


def said(answer: Any) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def test_a_key_serves_the_partners_merchants_and_nobody_else(
    alpha, beta, partner, partner_client, model_server
):
    answer = partner_client.post(PAGE, model_form(model_server[1]), HTTP_ACCEPT_LANGUAGE="en")

    assert answer.status_code == 302, answer.context["form"].errors
    assert "It works" in said(answer)
    with alpha.inside():
        assert model_complete(ASK, bot=BOT).text
    with beta.inside(), pytest.raises(NoModel):
        model_complete(ASK, bot=BOT)
    assert AuditEntry.objects.filter(action="modelaccount.changed").exists()


def test_it_is_sealed_and_never_shown_again(partner, partner_client, model_server):
    partner_client.post(PAGE, model_form(model_server[1]))

    pages = [partner_client.get(page).content.decode() for page in ("/admin/models/", PAGE)]

    assert MODEL_KEY not in Partner.objects.get(pk=partner.pk).secrets
    for page in pages:
        assert MODEL_KEY not in page
        assert MODEL_KEY[-4:] in page
    # An empty field keeps it; another address does not get it.
    kept = partner_client.post(PAGE, model_form(model_server[1], s_api_key="", s_model="other"))
    assert kept.status_code == 302
    before = len(model_server[0].calls)
    partner_client.post(
        PAGE, model_form(model_server[1].replace("127.0.0.1", "localhost"), s_api_key="")
    )
    sent = [str(call) for call in model_server[0].calls[before:]]
    assert not any(MODEL_KEY in call for call in sent)


def test_a_key_the_service_refuses_is_told_in_words(partner_client, model_server):
    wrong = model_form(model_server[1], s_api_key="sk-of-somebody-else")

    answer = partner_client.post(PAGE, wrong, HTTP_ACCEPT_LANGUAGE="en")

    assert "Saved, but the service does not accept it" in said(answer)
    assert "sk-of" not in said(answer)


def test_a_key_is_removed_by_typing_its_name_and_serves_nobody(alpha, partner_client, model_server):
    partner_client.post(PAGE, model_form(model_server[1]))
    page = partner_client.get(PAGE).content.decode()
    [typed] = re.findall(r'data-typed-name="([^"]+)"', page)
    for wrong in ("", "compatible"):
        partner_client.post(PAGE, {"do": "remove", "typed": wrong})
        with alpha.inside():
            assert model_complete(ASK, bot=BOT).text

    partner_client.post(PAGE, {"do": "remove", "typed": typed})
    model_calls._houses.clear()
    with alpha.inside(), pytest.raises(NoModel):
        model_complete(ASK, bot=BOT)


def test_a_merchant_chooses_its_partners_key(alpha, beta, client_of, partner_client, model_server):
    partner_client.post(PAGE, model_form(model_server[1]))
    model_calls._houses.clear()

    mine = client_of(alpha, "owner").get(f"/admin/bots/bot/{alpha.bot.pk}/change/")
    theirs = client_of(beta, "owner").get(f"/admin/bots/bot/{beta.bot.pk}/change/")

    assert 'value="compatible"' in mine.content.decode()
    assert 'value="compatible"' not in theirs.content.decode()


def test_a_partners_staff_sees_its_own_keys_only(
    platform, partner, partner_client, platform_client, visitor, model_server
):
    platform_client.post(PAGE, model_form(model_server[1], s_model="of-the-platform"))
    platform_client.post(
        f"{PAGE}&partner={partner.pk}", model_form(model_server[1], s_model="of-the-partner")
    )

    for query in ("", f"?partner={platform.pk}"):
        page = partner_client.get(f"/admin/models/{query}").content.decode()
        assert "of-the-partner" in page
        assert "of-the-platform" not in page
    junior = User.objects.create_user(
        "junior@partner.example", "Correct-horse-42", role="agent", partner_id=partner.pk
    )
    client = visitor("partner.localhost")
    client.force_login(junior)
    assert client.get("/admin/models/").status_code == 403
    assert client.post(PAGE, {"do": "remove"}).status_code == 403
    assert visitor("partner.localhost").get("/admin/models/").status_code == 302


# ── A key that stops working ─────────────────────────────────────────────────────────────────
def ask_in_vain(shop: Any) -> None:
    with shop.inside(), pytest.raises(NeedsMerchant):
        model_complete(ASK, bot=BOT)


def try_again_now(partner: Partner) -> None:
    """As if the pause after a refusal were over, in a process that reads everything anew."""
    partner_account_forgive(partner.pk, "compatible")
    model_calls._houses.clear()


def letters() -> list[Any]:
    """What the due work sends."""
    for schema, kind, number in Due.objects.filter(kind=LETTER).values_list(
        "schema", "kind", "object_id"
    ):
        assert due.take(schema, kind, number)
    sent, mail.outbox[:] = list(mail.outbox), []
    return sent


def test_a_key_that_stops_working_is_told_to_its_partner_and_nobody_else(
    alpha, beta, partner, partner_client, platform_client, model_server
):
    partner_client.cookies["lang"] = platform_client.cookies["lang"] = "en"
    partner_client.post(PAGE, model_form(model_server[1]))
    model_calls._houses.clear()
    assert "does not work" not in partner_client.get("/admin/models/").content.decode()

    model_server[0].script(Trouble.UNAUTHORIZED)
    ask_in_vain(alpha)

    listed = partner_client.get("/admin/models/").content.decode()
    page = partner_client.get(PAGE).content.decode()
    home = partner_client.get("/admin/").content.decode()
    assert "does not work since" in listed
    assert "The service says: Incorrect API key." in page
    assert "whether the key is valid" in page
    assert "does not work, so your merchants" in home
    for address in ("/admin/models/", PAGE, "/admin/"):
        assert "does not work" not in platform_client.get(address).content.decode()
    with beta.inside(), pytest.raises(NoModel):
        model_complete(ASK, bot=BOT)
    [letter] = letters()
    assert letter.to == ["staff@partner.example"]
    assert "Incorrect API key." in letter.body or "Incorrect API key." in letter.subject
    assert "http://partner.localhost" in letter.body
    for word in (MODEL_KEY, "alpha", "Alpha", alpha.schema):
        assert word not in letter.body + letter.subject


def test_it_is_told_once_a_day_until_it_works(alpha, partner, partner_client, model_server):
    partner_client.post(PAGE, model_form(model_server[1]))
    for _ in range(2):
        try_again_now(partner)
        model_server[0].script(Trouble.UNAUTHORIZED)
        ask_in_vain(alpha)
    assert len(letters()) == 1
    since = KeyFault.objects.get().since

    # Works, breaks again on the same day: seen on the page, no second letter.
    try_again_now(partner)
    with alpha.inside():
        assert model_complete(ASK, bot=BOT).text
    assert KeyFault.objects.get().since is None
    try_again_now(partner)
    model_server[0].script(Trouble.UNAUTHORIZED)
    ask_in_vain(alpha)
    assert KeyFault.objects.get().since > since
    assert letters() == []

    KeyFault.objects.update(told_at=timezone.now() - timedelta(hours=25))
    try_again_now(partner)
    model_server[0].script(Trouble.UNAUTHORIZED)
    ask_in_vain(alpha)
    assert len(letters()) == 1


def test_a_new_key_is_tried_at_once_by_every_process(alpha, partner, partner_client, model_server):
    partner_client.post(PAGE, model_form(model_server[1]))
    model_calls._houses.clear()
    model_server[0].script(Trouble.UNAUTHORIZED)
    ask_in_vain(alpha)
    elsewhere = Breaker(model_calls._breaker._store)
    name = f"compatible:partner{partner.pk}:compatible"
    with alpha.inside():
        assert elsewhere.wait_s(name) > 0

    partner_client.post(PAGE, model_form(model_server[1]))

    with alpha.inside():
        assert Breaker(model_calls._breaker._store).wait_s(name) == 0
        assert model_complete(ASK, bot=BOT).text


def test_a_letter_about_a_key_that_works_again_is_not_sent(
    alpha, partner, partner_client, model_server
):
    partner_client.post(PAGE, model_form(model_server[1]))
    try_again_now(partner)
    model_server[0].script(Trouble.UNAUTHORIZED)
    ask_in_vain(alpha)
    partner_client.post(PAGE, model_form(model_server[1]))  # tried, and it answers
    assert letters() == []


def test_money_used_up_is_told_with_what_to_do(alpha, partner, partner_client, model_server):
    partner_client.cookies["lang"] = "en"
    partner_client.post(PAGE, model_form(model_server[1]))
    model_calls._houses.clear()
    model_server[0].script(Trouble.NO_QUOTA)
    ask_in_vain(alpha)

    page = partner_client.get(PAGE).content.decode()

    assert "You exceeded your current quota." in page
    assert "Pay in at the service" in page


def test_a_refused_key_shows_at_once_and_writes_to_nobody(partner_client, model_server):
    partner_client.cookies["lang"] = "en"
    partner_client.post(PAGE, model_form(model_server[1], s_api_key="sk-of-somebody-else"))
    assert "does not work since" in partner_client.get("/admin/models/").content.decode()
    assert letters() == []
    partner_client.post(PAGE, model_form(model_server[1]))
    assert "does not work since" not in partner_client.get("/admin/models/").content.decode()


@pytest.mark.parametrize(
    "said", [f"no such key {MODEL_KEY}", "bad <b>key</b>\r\nBcc: x@y.example\u202e"]
)
def test_the_vendors_words_are_made_safe(alpha, partner, partner_client, model_server, said):
    partner_client.post(PAGE, model_form(model_server[1]))
    with alpha.inside():
        key_broke(partner.pk, "compatible", said, secrets=[MODEL_KEY])

    page = partner_client.get(PAGE).content.decode()
    [letter] = letters()

    for text in (page.partition('role="alert"')[2].partition("</div>")[0], letter.body):
        assert MODEL_KEY not in text
        assert "\u202e" not in text
    assert "bad <b>" not in page
    assert "\nBcc" not in letter.message().as_string()
