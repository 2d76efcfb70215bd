"""The platform's desk and a partner's: partners, brands, hosts, plans, merchants, archives."""

from __future__ import annotations

import io
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from bs4 import BeautifulSoup
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from PIL import Image

from tenants.kernel import due
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.kernel.files import file_save
from tenants.models import Brand, Domain, Merchant, Partner, Plan
from tenants.services.merchants import merchant_delete, merchant_suspend
from tenants.workspace.models import AuditEntry, Job, StoredFile, User


@pytest.fixture(autouse=True)
def _in_english(platform_client, partner_client):
    cache.clear()
    for client in (platform_client, partner_client):
        client.cookies["lang"] = "en"
    yield
    cache.clear()


def said(answer: Any) -> str:
    """What a person reads of a page."""
    return " ".join(BeautifulSoup(answer.content, "html.parser").get_text(" ").split())


def picture(size: int = 8, kind: str = "PNG") -> SimpleUploadedFile:
    file = io.BytesIO()
    Image.new("RGB", (size, size), "red").save(file, kind)
    return SimpleUploadedFile(f"logo.{kind.lower()}", file.getvalue())


# ── Partners ─────────────────────────────────────────────────────────────────────────────────
def partner_form(**more: Any) -> dict[str, Any]:
    return {
        "slug": "north", "host": "North.Example.", "plan": Plan.objects.get(name="Start").pk,
        "signup_open": "on", "is_active": "on", "language": "en", "name": "North Shops",
        "colour": "#2f6f4f", "support_email": "help@north.example", "privacy_url": "",
        "legal_name": "North LLC", "sender_name": "", "sender_email": "", **more,
    }  # fmt: skip


def test_a_partner_is_made_with_brand_host_and_picture(platform_client, visitor):
    answer = platform_client.post("/admin/tenants/partner/add/", partner_form(logo_file=picture()))

    assert answer.status_code == 302, answer.context["errors"]
    made = Partner.objects.select_related("brand").get(slug="north")
    assert (made.language, made.is_platform, made.is_active) == ("en", False, True)
    brand = made.brand
    assert (brand.name, brand.colour, brand.legal_name) == ("North Shops", "#2f6f4f", "North LLC")
    assert brand.logo.startswith("data:image/png;base64,")
    assert [d.host for d in made.domains.all()] == ["north.example"]  # as browsers send it
    assert "North Shops" in said(visitor("north.example").get("/"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "partner.localhost"),
        ("host", "no host"),
        ("host", ""),
        ("slug", "partner"),
        ("colour", "green"),
        ("support_email", "help"),
        ("name", ""),
    ],
)
def test_a_partner_that_does_not_fit_is_told_by_field_and_not_made(platform_client, field, value):
    before = (Partner.objects.count(), Brand.objects.count(), Domain.objects.count())
    answer = platform_client.post("/admin/tenants/partner/add/", partner_form(**{field: value}))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert (Partner.objects.count(), Brand.objects.count(), Domain.objects.count()) == before


@pytest.mark.parametrize(
    "file",
    [
        SimpleUploadedFile("logo.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
        SimpleUploadedFile("logo.png", b"not a picture"),
    ],
)
def test_a_picture_that_is_none_makes_no_partner(platform_client, file):
    file.seek(0)
    answer = platform_client.post("/admin/tenants/partner/add/", partner_form(logo_file=file))
    assert list(answer.context["adminform"].form.errors) == ["logo_file"]
    assert not Partner.objects.filter(slug="north").exists()


def hosts_form(partner: Partner, *rows: dict[str, Any]) -> dict[str, Any]:
    form: dict[str, Any] = {"domains-TOTAL_FORMS": len(rows), "domains-INITIAL_FORMS": 0}
    for n, row in enumerate(rows):
        form |= {f"domains-{n}-{name}": value for name, value in row.items()}
        form |= {f"domains-{n}-partner": partner.pk}
        form["domains-INITIAL_FORMS"] += "id" in row
    return form


def change_form(partner: Partner, *rows: dict[str, Any], **more: Any) -> dict[str, Any]:
    form = partner_form(slug=partner.slug, name="Lavka Minus", plan=partner.plan_id)
    form.pop("host")
    return {**form, **hosts_form(partner, *rows), **more}


def test_the_platform_changes_a_partners_brand_and_hosts(platform_client, partner, visitor):
    url = f"/admin/tenants/partner/{partner.pk}/change/"
    own = partner.domains.get(merchant=None)
    rows = [
        {"id": own.pk, "host": own.host, "is_primary": "on"},
        {"host": "Шоп.Example", "is_primary": ""},
    ]
    page = said(platform_client.get(url))
    assert "Mail server" in page
    assert "the platform's" in page

    answer = platform_client.post(url, change_form(partner, *rows, colour="#112233"))

    assert answer.status_code == 302, answer.context["errors"]
    partner.refresh_from_db()
    assert (partner.brand.name, partner.brand.colour) == ("Lavka Minus", "#112233")
    hosts = Domain.objects.filter(partner=partner, merchant=None).values_list("host", flat=True)
    assert set(hosts) == {"partner.localhost", "xn--n1acz.example"}
    assert "Lavka Minus" in said(visitor("xn--n1acz.example").get("/"))
    listed = said(platform_client.get("/admin/tenants/partner/"))
    assert "partner.localhost, xn--n1acz.example" in listed
    assert "is open" in listed


@pytest.mark.parametrize("wrong", ["alpha.localhost", "nothing", "a b.example"])
def test_a_host_that_cannot_be_a_partners_is_refused(platform_client, partner, wrong):
    own = partner.domains.get(merchant=None)
    rows = [{"id": own.pk, "host": own.host, "is_primary": "on"}, {"host": wrong}]
    answer = platform_client.post(
        f"/admin/tenants/partner/{partner.pk}/change/", change_form(partner, *rows)
    )
    assert answer.status_code == 200
    assert Domain.objects.filter(partner=partner, merchant=None).count() == 1
    partner.refresh_from_db()
    assert partner.brand.name == "Lavka Plus"


def test_the_last_host_of_a_partner_stays(platform_client, partner):
    own = partner.domains.get(merchant=None)
    rows = [{"id": own.pk, "host": own.host, "is_primary": "on", "DELETE": "on"}]
    answer = platform_client.post(
        f"/admin/tenants/partner/{partner.pk}/change/", change_form(partner, *rows)
    )
    assert answer.status_code == 200
    assert Domain.objects.filter(pk=own.pk).exists()


def test_a_partners_boss_changes_its_brand_and_not_its_terms(partner_client, partner, platform):
    other = Plan.objects.create(name="Huge")
    url = f"/admin/tenants/partner/{partner.pk}/change/"
    own = partner.domains.get(merchant=None)
    rows = [{"id": own.pk, "host": "stolen.example", "is_primary": "on"}, {"host": "x.example"}]

    answer = partner_client.post(
        url, change_form(partner, *rows, slug="stolen", plan=other.pk, signup_open="", is_active="")
    )

    assert answer.status_code == 302, answer.context["errors"]
    partner.refresh_from_db()
    assert (partner.brand.name, partner.signup_open) == ("Lavka Minus", False)
    assert (partner.slug, partner.is_active) == ("partner", True)
    assert partner.plan_id != other.pk
    assert [d.host for d in partner.domains.filter(merchant=None)] == ["partner.localhost"]
    # Another partner's page, and the platform's, are not there.
    foreign = partner_client.post(
        f"/admin/tenants/partner/{platform.pk}/change/", change_form(platform), follow=True
    )
    platform.refresh_from_db()
    assert platform.brand.name != "Lavka Minus"
    assert foreign.redirect_chain
    listed = said(partner_client.get("/admin/tenants/partner/"))
    assert platform.brand.name not in listed


# ── Plans ────────────────────────────────────────────────────────────────────────────────────
def test_plans_are_the_platforms_alone(platform_client, partner_client):
    form = {
        "name": "Big", "conversations_a_month": 9000, "channels": 50, "agents": 60,
        "products": 500_000, "model_money_a_month": "12000.50",
    }  # fmt: skip
    for client, status in ((partner_client, 403), (platform_client, 302)):
        assert client.post("/admin/tenants/plan/add/", form).status_code == status
    plan = Plan.objects.get(name="Big")
    assert (plan.agents, plan.model_money_a_month) == (60, Decimal("12000.50"))
    assert "Big" in said(platform_client.get("/admin/tenants/plan/"))

    url = f"/admin/tenants/plan/{plan.pk}/change/"
    assert partner_client.post(url, {**form, "agents": 1}).status_code == 403
    assert platform_client.post(url, {**form, "agents": -1}).status_code == 200
    assert platform_client.post(f"/admin/tenants/plan/{plan.pk}/delete/").status_code == 403
    plan.refresh_from_db()
    assert plan.agents == 60


# ── Merchants ────────────────────────────────────────────────────────────────────────────────
def merchant_form(merchant: Merchant, **more: Any) -> dict[str, Any]:
    host = merchant.domains.get().host
    return {
        "name": merchant.name, "slug": merchant.slug, "host": host, "plan": merchant.plan_id,
        **more,
    }  # fmt: skip


def test_a_plan_is_changed_by_the_platform_and_by_no_partner(
    platform_client, partner_client, alpha
):
    plan = Plan.objects.create(name="Big", conversations_a_month=7)
    url = f"/admin/tenants/merchant/{alpha.merchant.pk}/change/"
    form = merchant_form(alpha.merchant, plan=plan.pk)

    assert partner_client.post(url, form).status_code == 302
    alpha.merchant.refresh_from_db()
    assert alpha.merchant.plan.name == "Start"

    assert platform_client.post(url, form).status_code == 302
    alpha.merchant.refresh_from_db()
    assert alpha.merchant.plan == plan
    entry = AuditEntry.objects.get(action="merchant.plan_changed")
    assert (entry.target, entry.actor, entry.data) == (
        "merchant:alpha",
        "root@platform.example",
        {"plan": "Big"},
    )
    assert "0 of 7" in said(platform_client.get("/admin/tenants/merchant/?q=alpha"))


@pytest.mark.parametrize(
    ("field", "value"),
    [("slug", "beta"), ("slug", "a b"), ("host", "beta.localhost"), ("host", "no"), ("name", " ")],
)
def test_a_rename_that_does_not_fit_is_told_by_field_and_changes_nothing(
    platform_client, alpha, field, value
):
    url = f"/admin/tenants/merchant/{alpha.merchant.pk}/change/"
    answer = platform_client.post(url, merchant_form(alpha.merchant, **{field: value}))
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    row = Merchant.objects.get(pk=alpha.merchant.pk)
    assert (row.name, row.slug, row.domains.get().host) == (
        "Alpha Shoes",
        "alpha",
        "alpha.localhost",
    )


def test_a_merchant_on_its_way_out_is_not_renamed(platform_client, alpha):
    merchant_delete(alpha.merchant, confirm="alpha")
    url = f"/admin/tenants/merchant/{alpha.merchant.pk}/change/"
    answer = platform_client.post(url, merchant_form(alpha.merchant, name="Other"))
    assert answer.status_code == 200
    assert "cannot be done now" in str(answer.context["adminform"].form.non_field_errors())
    assert Merchant.objects.get(pk=alpha.merchant.pk).name == "Alpha Shoes"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "alpha"),
        ("host", "alpha.localhost"),
        ("email", "nobody"),
        ("password", "12345678"),
        ("partner", "999999"),
        ("language", "xx"),
    ],
)
def test_a_merchant_that_does_not_fit_is_told_by_field_and_not_made(
    platform_client, partner, field, value
):
    form = {
        "name": "Delta Toys", "slug": "delta-toys", "host": "", "partner": partner.pk,
        "language": "ru", "email": "boss@delta.example", "password": "Long-enough-word-9",
    }  # fmt: skip
    answer = platform_client.post("/admin/tenants/merchant/add/", {**form, field: value})
    assert answer.status_code == 200
    assert list(answer.context["adminform"].form.errors) == [field]
    assert not Merchant.objects.filter(slug="delta-toys").exists()


def test_a_partner_makes_merchants_of_its_own_only(partner_client, platform):
    form = {
        "name": "Delta Toys", "slug": "delta-toys", "host": "", "partner": platform.pk,
        "language": "ru", "email": "boss@delta.example", "password": "Long-enough-word-9",
    }  # fmt: skip
    answer = partner_client.post("/admin/tenants/merchant/add/", form)
    assert list(answer.context["adminform"].form.errors) == ["partner"]
    assert not Merchant.objects.filter(slug="delta-toys").exists()


def test_states_are_told_in_words_and_buttons_follow_them(platform_client, alpha, beta):
    merchant_suspend(alpha.merchant, reason="unpaid")
    gone_at = merchant_delete(beta.merchant, confirm="beta")

    pages = {
        shop.slug: said(platform_client.get(f"/admin/tenants/merchant/{shop.merchant.pk}/change/"))
        for shop in (alpha, beta)
    }
    assert "suspended: unpaid" in pages["alpha"]
    assert "gone for good after" in pages["beta"]
    assert f"{timezone.localtime(gone_at):%H:%M}" in pages["beta"]
    assert "People: 4. Channels: 1. Goods on sale: 0." in pages["alpha"]
    for filtered, there, gone in (("suspended", "Alpha", "Beta"), ("deleting", "Beta", "Alpha")):
        listed = said(platform_client.get(f"/admin/tenants/merchant/?state__exact={filtered}"))
        assert there in listed
        assert f"{gone} " not in listed.replace("Beta Lamps is", "")
    home = platform_client.get("/admin/")
    assert (home.context["active"], home.context["suspended"], home.context["deleting"]) == (
        *(0, 1, 1),
    )

    # What does not fit the state is refused and changes nothing.
    for shop, action in ((alpha, "suspend"), (beta, "suspend"), (beta, "remove")):
        url = f"/admin/tenants/merchant/{shop.merchant.pk}/{action}/"
        form = {"_form_submitted": "on", "reason": "x", "typed": shop.slug}
        assert platform_client.post(url, form).status_code == 403
    assert Merchant.objects.get(pk=alpha.merchant.pk).state_reason == "unpaid"


# ── Archives ─────────────────────────────────────────────────────────────────────────────────
def archive_of(shop: Any, **more: Any) -> Job:
    with shop.inside():
        stored = file_save(b"zip of it", name=f"{shop.slug}.zip", purpose="merchant.export")
    with merchant_context(PUBLIC):
        return Job.objects.create(
            kind="merchant.export",
            params={"merchant": shop.merchant.pk, "slug": shop.slug},
            **{"state": Job.State.DONE, "result": {"file": stored.pk}, **more},
        )


def test_an_archive_is_fetched_by_its_own_partner_and_noted(
    partner_client, platform_client, alpha, beta
):
    ours, theirs = archive_of(alpha), archive_of(beta)
    running = archive_of(alpha, state=Job.State.RUNNING)

    answer = partner_client.get(f"/admin/exports/{ours.pk}/")
    assert b"".join(answer.streaming_content) == b"zip of it"
    assert 'filename="alpha.zip"' in answer["Content-Disposition"]
    entry = AuditEntry.objects.get(action="merchant.export_fetched")
    assert (entry.target, entry.actor, entry.data) == (
        "merchant:alpha",
        "staff@partner.example",
        {"job": ours.pk},
    )

    assert partner_client.get(f"/admin/exports/{theirs.pk}/").status_code == 403
    assert platform_client.get(f"/admin/exports/{running.pk}/").status_code == 404
    Job.objects.filter(pk=ours.pk).update(result={"file": 999_999})
    assert platform_client.get(f"/admin/exports/{ours.pk}/").status_code == 404
    assert AuditEntry.objects.filter(action="merchant.export_fetched").count() == 1


def test_a_merchants_page_lists_its_newest_archives(platform_client, alpha):
    url = f"/admin/tenants/merchant/{alpha.merchant.pk}/change/"
    assert "/admin/exports/" not in platform_client.get(url).content.decode()
    done = archive_of(alpha)
    archive_of(alpha, state=Job.State.FAILED, message="The disk is full.", result={})
    archive_of(alpha, state=Job.State.QUEUED, result={})

    html = platform_client.get(url).content.decode()

    assert html.count("/admin/exports/") == 1
    assert f"/admin/exports/{done.pk}/" in html
    assert "The disk is full." in html
    assert "archive of" in html


# ── People and audit ─────────────────────────────────────────────────────────────────────────
def test_a_partner_sees_its_own_people_and_makes_more_of_them(partner_client, platform, partner):
    form = {"email": "Nina@partner.example", "name": "Nina", "role": "admin", "language": "en",
            "partner": platform.pk}  # fmt: skip
    answer = partner_client.post("/admin/workspace/user/add/", form)

    assert answer.status_code == 302, answer.context["errors"]
    made = User.objects.get(email="nina@partner.example")
    assert (made.partner_id, made.role, made.is_superuser) == (partner.pk, "admin", False)
    listed = said(partner_client.get("/admin/workspace/user/"))
    assert "Nina" in listed
    assert "invited, no password yet" in listed
    assert "root@platform.example" not in listed
    root = User.objects.get(email="root@platform.example")
    for page in ("change", "delete"):
        assert partner_client.get(f"/admin/workspace/user/{root.pk}/{page}/").status_code in (
            *(302, 403),
        )


def test_the_platform_sees_for_whom_people_work_and_deletes_nobody(platform_client, partner):
    listed = said(platform_client.get("/admin/workspace/user/"))
    assert "Lavka Plus" in listed
    assert "the platform" in listed
    pat = User.objects.get(email="staff@partner.example")
    assert platform_client.post(
        f"/admin/workspace/user/{pat.pk}/delete/", {"post": "yes"}
    ).status_code == (403)

    wrong = {"email": "x@y.example", "name": "X", "role": "agent", "language": "",
             "partner": "²"}  # fmt: skip
    assert platform_client.post("/admin/workspace/user/add/", wrong).status_code == 200
    assert not User.objects.filter(email="x@y.example").exists()


def test_a_password_link_is_sent_anew_in_the_name_of_the_persons_house(platform_client, mailoutbox):
    pat = User.objects.get(email="staff@partner.example")
    url = f"/admin/workspace/user/{pat.pk}/send_link/"

    answer = platform_client.post(url, {"_form_submitted": "on"})

    assert answer["HX-Redirect"] == f"/admin/workspace/user/{pat.pk}/change/"
    [letter] = mailoutbox
    assert letter.to == ["staff@partner.example"]
    assert "http://partner.localhost" in letter.body
    assert letter.from_email.startswith("Lavka Plus ")
    assert AuditEntry.objects.get(action="user.link_sent").target == "staff@partner.example"


def test_the_audit_log_shows_a_partner_what_concerns_it(
    platform_client, partner_client, alpha, beta
):
    merchant_suspend(beta.merchant, reason="x", actor="root@platform.example")
    merchant_suspend(alpha.merchant, reason="y", actor="root@platform.example")
    everything = said(platform_client.get("/admin/workspace/auditentry/"))
    theirs = said(partner_client.get("/admin/workspace/auditentry/"))
    assert "merchant:alpha" in everything
    assert "merchant:beta" in everything
    assert "merchant:alpha" in theirs
    assert "merchant:beta" not in theirs
    assert "merchant: suspended" in theirs


def test_an_expired_grace_is_no_state_of_its_own(platform_client, alpha):
    """A day before the end it can still be switched on again."""
    merchant_delete(alpha.merchant, confirm="alpha", grace=timedelta(days=1))
    url = f"/admin/tenants/merchant/{alpha.merchant.pk}/resume/"
    assert platform_client.post(url, {"_form_submitted": "on"}).status_code == 200
    row = Merchant.objects.get(pk=alpha.merchant.pk)
    assert (row.state, row.delete_after, row.state_reason) == ("active", None, "")


def test_three_archives_of_a_merchant_are_kept(platform_client, alpha, beta):
    other = archive_of(beta)
    with alpha.inside():
        # A file that is not where its row says is no reason to have no archive.
        gone = file_save(b"x", name="gone.txt", purpose="chat")
        StoredFile.objects.filter(pk=gone.pk).update(path=f"{alpha.schema}/nowhere.txt")
    url = f"/admin/tenants/merchant/{alpha.merchant.pk}"
    for _ in range(4):
        platform_client.post(f"{url}/export/", {"_form_submitted": "on"})
        job = Job.objects.filter(params__merchant=alpha.merchant.pk).order_by("-pk")[0]
        assert due.take(PUBLIC, "job", job.pk)

    done = Job.objects.filter(params__merchant=alpha.merchant.pk).order_by("pk")
    assert [(found.state, bool(found.result.get("file"))) for found in done] == [
        ("done", False),
        *[("done", True)] * 3,
    ]
    with alpha.inside():
        assert StoredFile.objects.filter(purpose="merchant.export").count() == 3
    with beta.inside():
        assert StoredFile.objects.filter(pk=other.result["file"]).exists()
    assert platform_client.get(f"/admin/exports/{done[0].pk}/").status_code == 404
    assert platform_client.get(f"/admin/exports/{done[3].pk}/").status_code == 200


def test_an_archive_of_a_merchant_that_is_gone_is_refused(platform_client, alpha):
    url = f"/admin/tenants/merchant/{alpha.merchant.pk}"
    platform_client.post(f"{url}/export/", {"_form_submitted": "on"})
    job = Job.objects.get(kind="merchant.export")
    Job.objects.filter(pk=job.pk).update(params={"merchant": 999_999, "slug": "gone"})
    due.take(PUBLIC, "job", job.pk)
    job.refresh_from_db()
    assert (job.state, job.message) == ("failed", "Мерчанта больше нет.")
