"""Who may open what: by role, by host, by partner. Pages are found by walking the site itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.urls import URLPattern, URLResolver, get_resolver

from tenants.admin.sites import merchant_site, platform_site
from tenants.kernel.context import merchant_context
from tenants.workspace.models import User

pytestmark = pytest.mark.slow

EVERYBODY = {"owner", "admin", "supervisor", "agent"}
BOSSES = {"owner", "admin"}
WRITERS = BOSSES | {"supervisor"}
# Page → who gets 200; everybody else gets 403. A page that is not here is for bosses.
PAGES = {
    "": EVERYBODY,
    "password_change/": EVERYBODY,
    "password_change/done/": EVERYBODY,
    "jsi18n/": EVERYBODY,
    "search/": EVERYBODY,
    "preview/": WRITERS,
    "gaps/": WRITERS,
    "bots/article/": WRITERS,
    "bots/article/add/": WRITERS,
    "bots/synonym/": WRITERS,
    "bots/synonym/add/": WRITERS,
    "bots/knowledgefile/": WRITERS,
    "bots/knowledgefile/add/": WRITERS,
    "bots/template/": EVERYBODY,
    "bots/template/add/": WRITERS,
    "bots/conversation/": WRITERS,
    "bots/rating/": WRITERS,
    "notices/": EVERYBODY,
    "integrations/product/": WRITERS,
    "integrations/category/": WRITERS,
    "integrations/order/": EVERYBODY,
    "integrations/orderrequest/": EVERYBODY,
}
# Open to strangers, answered to POST only, or nothing to open without a word.
APART = ("login/", "logout/", "autocomplete/", "r/", "password/")
POST_ONLY = {"preview/ask/", "bots/template/preview/", "bots/broadcast/preview/"}
READ_ONLY = {
    "bots/rating/add/",
    "integrations/orderrequest/add/",
    "integrations/product/add/",
    "workspace/auditentry/add/",
}


def plain_paths(patterns: Any, prefix: str = "") -> Iterator[str]:
    """Every path of the admin that needs no number of a row."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from plain_paths(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route


def merchant_pages() -> list[str]:
    routes = plain_paths(get_resolver(settings.ROOT_URLCONF).url_patterns)
    pages = {
        route.removeprefix("admin/")
        for route in routes
        if route.startswith("admin/") and not re.search(r"[<(^]", route)
    }
    return sorted(p for p in pages if not p.startswith(APART) and p not in POST_ONLY)


def test_there_are_pages_to_walk():
    assert len(merchant_pages()) > 30


@pytest.mark.parametrize("role", ["owner", "admin", "supervisor", "agent"])
def test_each_role_opens_exactly_its_pages(alpha, client_of, role):
    client = client_of(alpha, role)
    wrong = {}
    for page in merchant_pages():
        answer = client.get(f"/admin/{page}")
        may = role in PAGES.get(page, BOSSES)
        if page in READ_ONLY or (page.endswith("/add/") and answer.status_code == 403):
            may = may and page not in READ_ONLY and not _without_adding(page)
        expected = 200 if may else 403
        if page == "brand/colour/" and answer.status_code == 400:
            continue  # wants a colour; anybody may ask what a colour gives
        if answer.status_code != expected:
            wrong[page] = (answer.status_code, expected)
    assert not wrong


def _without_adding(page: str) -> bool:
    """Pages of models nobody adds rows to by hand."""
    app, model = page.split("/")[:2]
    admin = merchant_site._registry[apps.get_model(app, model)]
    return type(admin).__name__ in {
        "ConversationAdmin",
        "OrderAdmin",
        "CategoryAdmin",
        "AuditAdmin",
    }


def test_a_stranger_is_sent_to_the_log_in_from_every_page(alpha, client_of):
    client = client_of(alpha, None)
    for page in merchant_pages():
        answer = client.get(f"/admin/{page}")
        assert answer.status_code == 302, page
        assert answer["Location"].startswith("/admin/login/"), page


def test_public_models_are_never_on_a_merchants_site(alpha, client_of):
    public = set(apps.get_app_config("tenants").get_models())
    assert not public & set(merchant_site._registry)
    client = client_of(alpha, "owner")
    for model in public:
        for page in (f"{model._meta.app_label}/{model._meta.model_name}/", "tenants/"):
            assert client.get(f"/admin/{page}").status_code == 404, page


def test_a_merchants_models_are_never_on_the_platforms_site():
    tenant = {m for label in ("bots", "integrations", "analytics")
              for m in apps.get_app_config(label).get_models()}  # fmt: skip
    assert not tenant & set(platform_site._registry)


def test_a_session_of_one_merchant_opens_nothing_at_another(alpha, beta, client_of):
    client = client_of(alpha, "owner")
    client.defaults["HTTP_HOST"] = beta.host
    for page in ("", "bots/article/", "workspace/user/", "brand/"):
        assert client.get(f"/admin/{page}").status_code == 302, page


def test_rows_of_another_merchant_are_not_found_by_their_number(alpha, beta, client_of):
    with beta.inside():
        from bots.models import Article

        theirs = Article.objects.create(pk=987_654, title="Secret of beta", text="x")
    client = client_of(alpha, "owner")

    answer = client.get(f"/admin/bots/article/{theirs.pk}/change/", follow=True)

    assert "Secret of beta" not in answer.content.decode()
    assert answer.redirect_chain


def test_partner_staff_sees_its_own_merchants_only(partner_client, alpha, beta):
    page = partner_client.get("/admin/tenants/merchant/").content.decode()
    assert "Alpha Shoes" in page
    assert "Beta Lamps" not in page

    foreign = partner_client.get(f"/admin/tenants/merchant/{beta.merchant.pk}/change/", follow=True)
    assert "Beta Lamps" not in foreign.content.decode()
    assert partner_client.get("/admin/tenants/plan/").status_code == 403
    assert partner_client.get("/admin/tenants/partner/add/").status_code == 403
    audit = partner_client.get("/admin/workspace/auditentry/").content.decode()
    assert "merchant:alpha" in audit
    assert "merchant:beta" not in audit
    people = partner_client.get("/admin/workspace/user/").content.decode()
    assert "root@platform.example" not in people


def test_partner_staff_cannot_touch_another_partners_merchant(partner_client, beta):
    pk = beta.merchant.pk
    for action in ("suspend", "resume", "remove", "export"):
        partner_client.post(
            f"/admin/tenants/merchant/{pk}/{action}/",
            {"_form_submitted": "on", "reason": "x", "typed": "beta"},
        )
    beta.merchant.refresh_from_db()
    assert beta.merchant.state == "active"


def test_platform_staff_sees_everybody(platform_client, alpha, beta):
    page = platform_client.get("/admin/tenants/merchant/").content.decode()
    assert "Alpha Shoes" in page
    assert "Beta Lamps" in page


def test_partner_staff_does_not_get_in_at_the_platforms_host(partner_client, visitor):
    client = visitor("localhost")
    answer = client.post(
        "/admin/login/", {"username": "staff@partner.example", "password": "Correct-horse-42"}
    )
    assert answer.status_code == 200
    assert "_auth_user_id" not in client.session


def test_an_agent_of_a_partner_works_on_no_merchant(visitor, partner, db):
    user = User.objects.create_user(
        "junior@partner.example", "Correct-horse-42", role="agent", partner_id=partner.pk
    )
    client = visitor("partner.localhost")
    client.force_login(user)
    assert client.get("/admin/").status_code == 200
    assert client.get("/admin/tenants/merchant/").status_code == 403
    assert client.get("/admin/workspace/user/").status_code == 403


def test_only_an_owner_makes_owners(alpha, client_of):
    client = client_of(alpha, "admin")
    form = {"email": "new@alpha.example", "name": "New", "role": "owner", "language": ""}

    answer = client.post("/admin/workspace/user/add/", form)

    assert answer.status_code == 200
    with merchant_context(alpha.schema):
        assert not User.objects.filter(email="new@alpha.example").exists()
    assert client.get(f"/admin/workspace/user/{alpha.owner.pk}/change/").status_code == 200
    assert client.post(
        f"/admin/workspace/user/{alpha.owner.pk}/change/", {**form, "role": "agent"}
    ).status_code in (302, 403)
    with merchant_context(alpha.schema):
        assert User.objects.get(pk=alpha.owner.pk).role == "owner"


def test_the_last_owner_stays(alpha, client_of):
    client = client_of(alpha, "owner")
    pk = alpha.owner.pk
    form = {"email": alpha.owner.email, "name": "O", "role": "admin", "language": ""}

    demoted = client.post(f"/admin/workspace/user/{pk}/change/", {**form, "is_active": "on"})
    client.post(f"/admin/workspace/user/{pk}/change/", {**form, "role": "owner"})  # switched off
    deleted = client.post(f"/admin/workspace/user/{pk}/delete/", {"post": "yes"})

    assert demoted.status_code == 200
    assert deleted.status_code == 403
    with merchant_context(alpha.schema):
        owner = User.objects.get(pk=pk)
        assert (owner.role, owner.is_active) == ("owner", True)
