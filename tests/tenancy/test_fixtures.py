"""The ground every other test stands on."""

import pytest
from django.db import connection

from bots.models import Bot, OpeningHours, Template
from tenants.kernel.context import PUBLIC, current_schema
from tenants.models import Domain, Merchant, RouteKey
from tenants.services.merchants import merchant_create
from tenants.workspace.models import User


def test_two_merchants_are_there_with_people_bot_and_chat(alpha, beta):
    for shop in (alpha, beta):
        with shop.inside():
            assert set(User.objects.values_list("role", flat=True)) == {
                "owner", "admin", "supervisor", "agent",
            }  # fmt: skip
            assert shop.bot.published.number == 1
            assert OpeningHours.objects.count() == 7
            assert Template.objects.exists()
            assert RouteKey.objects.get().channel_id == shop.channel.pk
    assert current_schema() == PUBLIC
    assert alpha.schema != beta.schema


def test_what_a_test_writes_is_rolled_back(alpha):
    with alpha.inside():
        Bot.objects.all().update(name="changed")
        connection.cursor().execute("SELECT 1")
        assert Bot.objects.get().name == "changed"


def test_what_a_test_wrote_was_rolled_back(alpha):
    with alpha.inside():
        assert Bot.objects.get().name != "changed"


@pytest.mark.django_db
def test_a_merchant_can_be_made_inside_a_rolled_back_test():
    spares = Merchant.objects.filter(state="spare").count()

    merchant = merchant_create(
        slug="gamma", name="Gamma", email="o@gamma.example", password="Correct-horse-42"
    )

    assert Merchant.objects.filter(state="spare").count() == spares - 1
    assert Domain.objects.get(merchant=merchant).host == "gamma.localhost"


@pytest.mark.django_db(transaction=True)
def test_what_a_committing_test_writes_goes_with_its_database():
    Merchant.objects.filter(slug="alpha").update(name="changed")


def test_what_a_committing_test_wrote_is_gone(alpha):
    assert alpha.merchant.name == "Alpha Shoes"


def test_clients_speak_for_one_merchant(alpha, client_of, api_of, visitor):
    assert client_of(alpha, "agent").get("/admin/").status_code == 200
    assert client_of(alpha, None).get("/admin/").status_code == 302
    assert api_of(alpha).get("/api/v1/nothing/").status_code == 404
    assert visitor("nobody.localhost").get("/").status_code == 404
