"""A letter belongs to its merchant: sender, brand, links and the server it goes through."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.core.cache import cache

from tenants.models import Brand, Due, MailServer, Merchant
from tenants.selectors.hosts import forget_hosts
from tenants.services import people
from tenants.services.mail import House, account_of
from tenants.workspace.models import AuditEntry, User
from tests.fixtures.world import PASSWORD
from tests.tenancy import canaries
from tests.tenancy.letters import WAYS, other_doors, own_server, postman, senders, strange

__all__ = ["postman"]


@pytest.fixture(autouse=True)
def _forgiven():
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def marked(alpha, beta) -> None:
    """Each merchant says its mark wherever a brand can speak."""
    for shop in (alpha, beta):
        mark = canaries.mark_of(shop.slug)
        shop.merchant.brand = Brand.objects.create(
            name=f"{shop.slug} {mark}",
            support_email=f"{mark}@{shop.slug}.example",
            sender_name=f"Sender {mark}",
            sender_email=f"{mark}@{shop.slug}.example",
            legal_name=mark,
        )
        Merchant.objects.filter(pk=shop.merchant.pk).update(
            brand=shop.merchant.brand, name=f"{shop.slug} {mark}"
        )
    forget_hosts()


def leaks(ours: Any, stranger: Any, client_of: Any, postman: Any) -> list[str]:
    """Send every letter there is in `ours`; what tells of `stranger`, with the way it went."""
    found = []
    for name, send in WAYS.items():
        send(ours, client_of)
        letters = postman.collect()
        if not letters:
            found.append(f"{name}: nothing was sent")
        found += [
            f"{name}: {line}" for letter in letters for line in strange(letter, ours, stranger)
        ]
    return found


def test_every_sender_of_letters_is_known():
    assert set(senders()) == set(WAYS)


def test_letters_leave_by_one_door():
    assert other_doors() == []


@pytest.mark.parametrize("turned", [False, True])
def test_no_letter_tells_of_another_merchant(alpha, beta, client_of, postman, turned):
    ours, stranger = (beta, alpha) if turned else (alpha, beta)
    WAYS["tenants/admin/mail.py _try"](stranger, client_of)
    assert [letter.server for letter in postman.collect()] == [f"mail.{stranger.slug}.example"]

    assert leaks(ours, stranger, client_of, postman) == []

    # And each through its own server, once it has one.
    assert own_server(ours).host == f"mail.{ours.slug}.example"
    people.password_link_ask(_site(ours), ours.agent)
    [letter] = postman.collect()
    assert canaries.mark_of(ours.slug) in letter.text
    assert (letter.server, letter.password) == (
        f"mail.{ours.slug}.example",
        f"sesame-of-{ours.slug}",
    )


def _site(shop: Any) -> Any:
    from tenants.selectors.hosts import site_of

    return site_of(shop.host)


def test_a_channel_is_lent_its_own_merchants_server_only(alpha, beta, client_of, postman):
    """Its own before its partner's; a stranger's never."""

    def lent(shop: Any) -> tuple[str, str] | None:
        found = account_of(shop.merchant)
        return found and (found.host, found.password)

    own = own_server(alpha)
    assert (lent(alpha) or ("",))[0] == (own.host if own else "")
    for shop in (beta, alpha):
        WAYS["tenants/admin/mail.py _try"](shop, client_of)
        shop.merchant.refresh_from_db()
        assert lent(shop) == (f"mail.{shop.slug}.example", f"sesame-of-{shop.slug}")


def test_a_leaking_letter_is_found(alpha, beta, client_of, postman, monkeypatch):
    """Brand, link and server of a stranger, each planted apart."""
    WAYS["tenants/admin/mail.py _try"](beta, client_of)
    postman.collect()
    theirs = House(beta.merchant.partner, beta.merchant)
    send, url = people.mail_send, people.url_of

    with monkeypatch.context() as patch:
        patch.setattr(people, "mail_send", lambda house, **letter: send(theirs, **letter))
        found = leaks(alpha, beta, client_of, postman)
    assert any(f"says {canaries.mark_of('beta')}" in line for line in found)
    assert any("goes through mail.beta.example" in line for line in found)
    assert any("stranger's password" in line for line in found)

    with monkeypatch.context() as patch:
        patch.setattr(people, "url_of", lambda host, path: url(beta.host, path))
        found = leaks(alpha, beta, client_of, postman)
    assert {line.partition(": ")[2] for line in found} == {
        f"says {beta.host}",
        f"leads to {[beta.host]}",
    }

    with monkeypatch.context() as patch:
        stray = MailServer.objects.get(brand=beta.merchant.brand)
        patch.setattr("tenants.services.mail.server_of", lambda house: stray)
        found = leaks(alpha, beta, client_of, postman)
    assert any("goes through mail.beta.example" in line for line in found)


# ── Passwords ────────────────────────────────────────────────────────────────────────────────
def test_a_strangers_address_gets_no_link_and_no_other_answer(alpha, beta, client_of, postman):
    client = client_of(alpha, None)
    forms = {
        who: client.post("/admin/password/forgotten/", {"email": who})
        for who in (beta.owner.email, "nobody@nowhere.example")
    }

    assert postman.collect() == []
    assert not Due.objects.filter(kind="password.letter").exists()
    for shop in (alpha, beta):
        with shop.inside():
            assert not AuditEntry.objects.filter(action="password.link_asked").exists()
    told = {re.sub(r"[\w-]{20,}", "", answer.content.decode()) for answer in forms.values()}
    assert len(told) == 1


def test_a_link_of_one_merchant_opens_nothing_at_another(alpha, beta, visitor, postman):
    """Both owners have the same number, so only the secret in the link tells them apart."""
    assert alpha.owner.pk == beta.owner.pk
    visitor(beta.host).post("/admin/password/forgotten/", {"email": beta.owner.email})
    [letter] = postman.collect()
    [path] = re.findall(rf"http://{beta.host}(?::\d+)?(/\S+)", letter.text.partition("\n\n")[2])[:1]
    with alpha.inside():
        before = User.objects.get(pk=alpha.owner.pk).password

    opened = visitor(alpha.host).get(path, follow=True)
    posted = visitor(alpha.host).post(
        opened.redirect_chain[-1][0] if opened.redirect_chain else path,
        {"new_password1": "Brand-new-word-7", "new_password2": "Brand-new-word-7"},
    )

    assert "new_password1" not in opened.content.decode()
    assert posted.status_code == 200
    with alpha.inside():
        assert User.objects.get(pk=alpha.owner.pk).password == before
    login = {"username": alpha.owner.email, "password": PASSWORD}
    assert visitor(alpha.host).post("/admin/login/", login).status_code == 302
    # It is a good link where it belongs.
    assert "new_password1" in visitor(beta.host).get(path, follow=True).content.decode()


def test_a_careless_search_for_the_address_would_be_found(
    alpha, beta, client_of, postman, monkeypatch
):
    """What the test above would see if people were looked for in all merchants."""
    look = User.objects.filter

    def everywhere(*args: Any, **kwargs: Any) -> Any:
        return look(*args, **kwargs) if "email" not in kwargs else look(pk=beta.owner.pk)

    monkeypatch.setattr("tenants.admin.password.User.objects.filter", everywhere)
    client_of(alpha, None).post("/admin/password/forgotten/", {"email": beta.owner.email})
    assert len(postman.collect()) == 1
