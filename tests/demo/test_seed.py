"""The demo goes in by the product's own services, once, and away again."""

import json
from datetime import timedelta

import pytest
from django.utils import timezone

from bots.models import Article, Conversation, Inbox, Message, Template
from config.demo import past, seed, world
from integrations.models import Order, Product, Variant
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Domain, Due, Merchant, Partner
from tenants.workspace.models import ApiToken, User

pytestmark = pytest.mark.django_db

COUNTED = (Article, Template, Product, Variant, Order, User)


@pytest.fixture
def second(monkeypatch):
    """Schema of the smaller demo merchant, with its knowledge."""
    # The tests' own partner answers on partner.localhost already.
    told = {**world.partner(), "host": "vitrina.localhost"}
    monkeypatch.setattr(world, "partner", lambda: told)
    return seed.merchant_ensure("second")


def counts(schema):
    with merchant_context(schema):
        return {model.__name__: model.objects.count() for model in COUNTED}


def some(merchant, zone, now, *keys):
    chosen = [run for run in past_runs(merchant, zone, now) if run.script["key"] in keys]
    return list({run.script["key"]: run for run in chosen}.values())


past_runs = past.runs


def test_a_merchant_knows_all_its_files_say_and_a_second_seeding_adds_nothing(second):
    found = counts(second)

    again = seed.merchant_ensure("second")

    assert again == second
    assert counts(second) == found
    assert found["Article"] == len(world.articles("second"))
    assert found["Variant"] == len(world.offers("second"))
    assert found["Order"] == len(world.orders("second"))
    assert found["User"] == len(world.read_yaml("second", "merchant")["users"])
    with merchant_context(second):
        assert Variant.objects.get(external_id="602101").price == 3690


def test_a_merchant_belongs_to_the_demo_partner_and_has_its_own_brand(second):
    with merchant_context(PUBLIC):
        merchant = Merchant.objects.select_related("partner", "brand").get(schema_name=second)

        assert merchant.partner.slug == world.partner()["slug"]
        assert merchant.brand.name == "Вольтик"
        assert merchant.time_zone == "Asia/Yekaterinburg"
        assert Domain.objects.get(merchant=merchant).host == "second.localhost"


def test_scripts_become_conversations_of_their_times_and_playing_again_adds_nothing(
    second, monkeypatch
):
    keys = ("kettle", "person", "warranty", "now-person")
    monkeypatch.setattr(past, "runs", lambda *about: some(*about, *keys))
    with merchant_context(second):
        past.play_all("second", zone="Asia/Yekaterinburg", tell=lambda done, total: None)
        messages = sorted(Message.objects.values_list("conversation", "seq", "created_at"))
        past.Setting.objects.filter(name__startswith=past.PROGRESS).delete()
        past.play_all("second", zone="Asia/Yekaterinburg", tell=lambda done, total: None)

        assert Conversation.objects.count() == len(keys)
        assert Inbox.objects.filter(applied_at=None).count() == 0
        for conversation in Conversation.objects.all():
            times = list(conversation.messages.order_by("seq").values_list("created_at", flat=True))
            assert times == sorted(times)
            assert conversation.messages.filter(author=Message.Author.BUYER).exists()
            assert conversation.messages.exclude(author=Message.Author.BUYER).exists()
        open_ones = Conversation.objects.exclude(status=Conversation.Status.RESOLVED)
        assert [c.speaker for c in open_ones] == [Conversation.Speaker.QUEUE]
        assert Message.objects.filter(author=Message.Author.BUYER).count() == 10
        assert sorted(Message.objects.values_list("conversation", "seq", "created_at")) == messages
        oldest = Message.objects.order_by("created_at").first().created_at
        assert oldest < timezone.now() - timedelta(hours=2)
    with merchant_context(PUBLIC):
        assert set(Due.objects.filter(schema=second).values_list("kind", flat=True)) <= {
            "deadline",
            "assign",
            "index",
            "job",
            "sla",
            "told",
        }


def test_the_demo_is_told_with_a_token_that_is_made_once(
    second, monkeypatch, settings, tmp_path, visitor
):
    monkeypatch.setattr(world, "MERCHANTS", ("demo", "second"))
    monkeypatch.setattr(seed, "merchant_ensure", lambda slug, tell: second)  # one of them is here
    settings.DATA_DIR, settings.SETTINGS_MODULE = tmp_path, "config.settings.local"

    told = seed.seed(conversations=False)

    file = tmp_path / "demo.json"
    assert json.loads(file.read_text("utf-8")) == told
    assert file.stat().st_mode & 0o777 == 0o600
    [merchant] = told["merchants"]
    owner = world.read_yaml("second", "merchant")["users"][0]
    assert (merchant["slug"], merchant["host"], merchant["email"], merchant["password"]) == (
        *("second", "second.localhost", owner["email"], owner["password"]),
    )
    answer = visitor("second.localhost").get(
        "/api/v1/bots/", HTTP_AUTHORIZATION=f"Bearer {merchant['token']}"
    )
    assert [bot["id"] for bot in answer.json()["results"]] == [merchant["bot_id"]]
    for login in told["logins"]:
        if login["password"]:
            host, _, path = login["url"].partition("://")[2].partition("/")
            given = {"username": login["email"], "password": login["password"]}
            client = visitor(host.split(":")[0])
            assert client.post("/admin/login/", given).status_code == 302, login
            assert path in ("admin/", "console/")

    # The same one is told again, while it works.
    assert seed.seed(conversations=False) == told
    with merchant_context(second):
        ApiToken.objects.update(is_active=False)
    again = seed.seed(conversations=False)["merchants"][0]["token"]
    assert again != merchant["token"]
    file.write_text("half a file")
    assert seed.seed(conversations=False)["merchants"][0]["token"] not in (again, "")


def test_pictures_follow_the_address_of_today(second, settings):
    def pictures():
        with merchant_context(second):
            of_goods = [url for p in Product.objects.all() for url in p.pictures]
            return of_goods, list(Variant.objects.values_list("picture", flat=True))

    before = pictures()
    assert all(before)
    settings.PUBLIC_PORT = 9123
    seed.merchant_ensure("second")
    after = pictures()

    old = seed.url_of("second.localhost", "")
    assert {url for url in after[0] if not url.startswith("http://second.localhost:9123/")} == set()
    assert old == "http://second.localhost:9123"
    strip = [[url.partition("second.localhost")[2].partition("/")[2] for url in part]
             for part in (*before, *after)]  # fmt: skip
    assert [sorted(part) for part in strip[:2]] == [sorted(part) for part in strip[2:]]


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_removing_leaves_no_schema_host_partner_or_log_in(second):
    seed.remove()

    with merchant_context(PUBLIC):
        assert not Merchant.objects.filter(is_demo=True).exists()
        assert not Partner.objects.filter(slug=world.partner()["slug"]).exists()
        assert not Domain.objects.filter(host__in=["vitrina.localhost", "second.localhost"])
        assert not User.objects.filter(email="owner@partner.localhost").exists()
        assert not seed.is_wanted_if_empty()


def test_the_demo_shows_working_time_rules_and_macros_once(second):
    from bots.models import Calendar, Macro, OpeningHours, Rule, SlaPolicy
    from config.demo.automation import automation_put

    told = world.read_yaml("second", "merchant")
    with merchant_context(second):
        for _again in range(2):
            automation_put(told)

        kept = [model.objects.count() for model in (Calendar, SlaPolicy, Rule, Macro)]
        assert kept == [1, 1, 2, 3]
        assert OpeningHours.objects.filter(calendar__name="Офис").count() == 10
