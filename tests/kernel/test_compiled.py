"""Queries compiled once say the same as Django's own, in every merchant and thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.db.models import Exists, F, OuterRef
from django.test.utils import CaptureQueriesContext

from bots.models import Channel, Contact, Identity
from tenants.kernel.compiled import Compiled

pytestmark = pytest.mark.django_db


@pytest.fixture
def contact_of():
    def make(shop, name: str) -> Contact:
        with shop.inside():
            channel = Channel.objects.create(
                kind="web", name=f"Web {name}", bot=shop.bot, route_key=f"key-{name}"
            )
            return Contact.objects.create(channel=channel, external_id=name, data={"a": [1]})

    return make


def test_rows_relations_and_annotations_are_those_of_the_model_layer(alpha, beta, contact_of):
    def make(pk: int, kind: str):
        return (
            Contact.objects.select_related("channel__bot")
            .annotate(
                has=Exists(Identity.objects.filter(contact=OuterRef("pk"), kind=kind)),
                same=F("name"),
            )
            .filter(pk=pk)
        )

    compiled = Compiled(make, int, str)
    for shop in (alpha, beta):
        contact = contact_of(shop, shop.slug)
        with shop.inside():
            Identity.objects.create(contact=contact, kind="phone", value="+79161234567")
            with CaptureQueriesContext(connection) as queries:
                [found] = compiled(contact.pk, "phone")
                assert found.channel.bot == shop.bot
            assert len(queries) == 1
            assert (found, found.data, found.has) == (contact, {"a": [1]}, True)
            assert compiled(contact.pk, "email")[0].has is False
            assert compiled(contact.pk + 1000, "phone") == []


def test_another_thread_uses_its_own_connection(alpha, contact_of):
    compiled = Compiled(lambda pk: Contact.objects.filter(pk=pk), int)
    contact = contact_of(alpha, "one")
    with alpha.inside():
        assert compiled(contact.pk) == [contact]

    def elsewhere() -> list[Contact]:
        try:
            with alpha.inside():
                return compiled(-1)
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(elsewhere).result() == []


def test_a_value_that_does_not_stay_itself_is_refused(alpha):
    compiled = Compiled(lambda text: Contact.objects.filter(name__contains=text), str)
    with alpha.inside(), pytest.raises(ValueError, match="does not stand in the query"):
        compiled("a")
