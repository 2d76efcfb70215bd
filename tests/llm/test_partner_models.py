"""A partner's model keys: kept on its own desk, never shown, used by its merchants alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.cache import cache

from bots.llm.base import ChatMessage, ModelRequest, NoModel
from bots.llm.compatible.simulator import CompatibleSimulator
from bots.services import model_calls
from bots.services.model_calls import model_complete
from tenants.kernel.simulate import serve_simulator
from tenants.models import Partner
from tenants.workspace.models import AuditEntry, User

pytestmark = pytest.mark.django_db

KEY = "sk-pretend-key-of-the-partner"
ASK = ModelRequest((ChatMessage("user", "Есть размер 42?"),), timeout_s=4)
BOT = {"providers": [{"provider": "compatible"}]}
PAGE = "/admin/models/?kind=compatible"


@pytest.fixture
def server() -> Iterator[tuple[CompatibleSimulator, str]]:
    model_calls._houses.clear()
    cache.clear()
    simulator = CompatibleSimulator()
    simulator.key, simulator.model_names = KEY, ("local", "other")
    with serve_simulator(simulator) as url:
        yield simulator, f"{url}/v1"
    model_calls._houses.clear()


def form(url: str, **more: str) -> dict[str, str]:
    return {
        "s_base_url": url,
        "s_model": "local",
        "s_api_key": KEY,
        "s_data_region": "own",
        "s_currency": "RUB",
        "s_concurrency": "8",
        **more,
    }


def said(answer: Any) -> str:
    return " ".join(map(str, get_messages(answer.wsgi_request)))


def test_a_key_serves_the_partners_merchants_and_nobody_else(
    alpha, beta, partner, partner_client, server
):
    answer = partner_client.post(PAGE, form(server[1]), HTTP_ACCEPT_LANGUAGE="en")

    assert answer.status_code == 302, answer.context["form"].errors
    assert "It works" in said(answer)
    with alpha.inside():
        assert model_complete(ASK, bot=BOT).text
    with beta.inside(), pytest.raises(NoModel):
        model_complete(ASK, bot=BOT)
    assert AuditEntry.objects.filter(action="modelaccount.changed").exists()


def test_it_is_sealed_and_never_shown_again(partner, partner_client, server):
    partner_client.post(PAGE, form(server[1]))

    pages = [partner_client.get(page).content.decode() for page in ("/admin/models/", PAGE)]

    assert KEY not in Partner.objects.get(pk=partner.pk).secrets
    for page in pages:
        assert KEY not in page
        assert KEY[-4:] in page
    # An empty field keeps it; another address does not get it.
    kept = partner_client.post(PAGE, form(server[1], s_api_key="", s_model="other"))
    assert kept.status_code == 302
    before = len(server[0].calls)
    partner_client.post(PAGE, form(server[1].replace("127.0.0.1", "localhost"), s_api_key=""))
    sent = [str(call) for call in server[0].calls[before:]]
    assert not any(KEY in call for call in sent)


def test_a_key_the_service_refuses_is_told_in_words(partner_client, server):
    wrong = form(server[1], s_api_key="sk-of-somebody-else")

    answer = partner_client.post(PAGE, wrong, HTTP_ACCEPT_LANGUAGE="en")

    assert "Saved, but the service does not accept it" in said(answer)
    assert "sk-of" not in said(answer)


def test_a_key_is_removed_by_typing_its_name_and_serves_nobody(alpha, partner_client, server):
    partner_client.post(PAGE, form(server[1]))
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


def test_a_merchant_chooses_its_partners_key(alpha, beta, client_of, partner_client, server):
    partner_client.post(PAGE, form(server[1]))
    model_calls._houses.clear()

    mine = client_of(alpha, "owner").get(f"/admin/bots/bot/{alpha.bot.pk}/change/")
    theirs = client_of(beta, "owner").get(f"/admin/bots/bot/{beta.bot.pk}/change/")

    assert 'value="compatible"' in mine.content.decode()
    assert 'value="compatible"' not in theirs.content.decode()


def test_a_partners_staff_sees_its_own_keys_only(
    platform, partner, partner_client, platform_client, visitor, server
):
    platform_client.post(PAGE, form(server[1], s_model="of-the-platform"))
    platform_client.post(f"{PAGE}&partner={partner.pk}", form(server[1], s_model="of-the-partner"))

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
