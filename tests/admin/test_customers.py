"""Buyers in the desk: the list, a copy, forgetting by the typed name, fields, segments."""

from __future__ import annotations

import re
from typing import Any

import pytest

from bots.models import (
    Contact,
    Conversation,
    Episode,
    Identity,
    Message,
    Person,
    PersonField,
    Segment,
)
from tenants.kernel import jobs
from tenants.workspace.models import AuditEntry, Job, StoredFile

pytestmark = pytest.mark.django_db
PATHS = ("customers/", "customer-fields/", "segments/", "segments/add/")


def buyer(shop: Any, name: str, **fields: Any) -> Person:
    with shop.inside():
        person = Person.objects.create(fields=fields)
        contact = Contact.objects.create(
            channel=shop.channel, external_id=f"c-{person.pk}", name=name, person=person
        )
        Identity.objects.create(contact=contact, kind="phone", value="+79161234567", proof="shared")
        Conversation.objects.create(
            channel=shop.channel, contact=contact, lane=person.pk, status="resolved"
        )
    return person


@pytest.mark.parametrize("path", PATHS)
def test_buyers_and_their_settings_are_for_administrators(alpha, client_of, path):
    assert client_of(alpha, "agent").get(f"/admin/{path}").status_code == 403
    assert client_of(alpha).get(f"/admin/{path}").status_code == 200


def test_buyers_are_found_by_name_and_segment(alpha, beta, client_of):
    anna, boris = buyer(alpha, "Анна Смирнова", club=True), buyer(alpha, "Борис")
    alien = buyer(beta, "Анна из беты")
    with alpha.inside():
        club = Segment.objects.create(
            name="Клуб", conditions=[{"field": "field:club", "op": "is", "value": True}]
        )
    client = client_of(alpha)

    def named(query: str) -> list[str]:
        page = client.get(f"/admin/customers/{query}").content.decode()
        return re.findall(r'/admin/customers/\d+/">([^<]+)<', page)

    assert named("") == ["Борис", "Анна Смирнова"]
    assert named("?q=смирнова") == ["Анна Смирнова"]
    assert named(f"?segment={club.pk}") == ["Анна Смирнова"]
    assert named("?q=никто") == []
    assert "Анна Смирнова" in client.get(f"/admin/customers/{anna.pk}/").content.decode()
    if alien.pk not in (anna.pk, boris.pk):
        assert client.get(f"/admin/customers/{alien.pk}/").status_code == 404


def test_a_buyer_is_forgotten_when_the_name_is_typed(alpha, beta, client_of):
    person, other = buyer(alpha, "Анна Тайная"), buyer(beta, "Анна Тайная")
    client, url = client_of(alpha), f"/admin/customers/{person.pk}/"
    asked = client.post(url, {"do": "ask", "texts": "remove", "proof": "identity"})
    page = asked.content.decode()
    assert 'data-typed-name="Анна Тайная"' in page
    code = re.search(r'name="code" value="([^"]+)"', page)[1]

    client.post(url, {"do": "remove", "code": code, "typed": "Анна"})
    client.post(url, {"do": "remove", "code": "x" + code, "typed": "Анна Тайная"})
    with alpha.inside():
        assert Contact.objects.get().name == "Анна Тайная"

    done = client.post(url, {"do": "remove", "code": code, "typed": "Анна Тайная"})

    assert (done.status_code, done["Location"]) == (302, "/admin/customers/")
    with alpha.inside():
        assert (Contact.objects.get().name, Identity.objects.count()) == ("", 0)
    with beta.inside():
        assert other.contacts.get().name == "Анна Тайная"


def test_all_three_proofs_of_the_wish_are_offered(alpha, beta, client_of):
    person, stranger = buyer(alpha, "Анна"), buyer(alpha, "Борис")
    buyer(beta, "Анна")
    with alpha.inside():
        Identity.objects.all().delete()
        said, other = (
            Message.objects.create(
                conversation=talk, episode=Episode.objects.create(conversation=talk), seq=1,
                author="buyer", state="received", text=text,
            )
            for talk, text in (
                (Conversation.objects.get(contact__person=person), "Удалите мои данные"),
                (Conversation.objects.get(contact__person=stranger), "Чужие слова"),
            )
        )  # fmt: skip
    client, url = client_of(alpha), f"/admin/customers/{person.pk}/"
    page = client.get(url).content.decode()
    assert [f'value="{proof}"' in page for proof in ("thread", "identity", "document")] == [
        True
    ] * 3
    assert "Удалите мои данные" in page
    assert "Чужие слова" not in page

    def asked(**given: Any) -> str:
        answer = client.post(url, {"do": "ask", "texts": "keep", **given})
        return answer.content.decode()

    for refused, why in (
        ({"proof": "thread"}, "Выберите сообщение"),
        ({"proof": "thread", "message": other.pk}, "desk-error"),
        ({"proof": "identity"}, "не подтверждены"),
    ):
        page = asked(**refused)
        assert why in page
        assert "data-typed-name" not in page
    assert "data-typed-name" in asked(proof="document", message=said.pk)
    page = asked(proof="thread", message=said.pk)
    code = re.search(r'name="code" value="([^"]+)"', page)[1]
    client.post(url, {"do": "remove", "code": code, "typed": "Анна"})

    with alpha.inside():
        entry = AuditEntry.objects.get(action="person.forgotten")
        assert (entry.data["proof"], entry.data["message"]) == ("thread", said.pk)


def test_a_copy_is_made_by_a_job_and_fetched(alpha, client_of):
    person = buyer(alpha, "Анна")
    client, url = client_of(alpha), f"/admin/customers/{person.pk}/"

    assert client.post(url, {"do": "export"}).status_code == 302
    assert 'id="job"' in client.get(url).content.decode()
    with alpha.inside():
        job = Job.objects.get(kind="person_export")
        jobs.run_job(job.pk)
        stored = StoredFile.objects.get(purpose="person.export")

    page = client.get(url).content.decode()
    assert f"/api/v1/files/{stored.pk}/" in page
    assert 'id="job"' not in page
    assert client.get(f"/api/v1/files/{stored.pk}/").status_code == 200


def test_fields_are_added_renamed_and_removed_on_one_page(alpha, beta, client_of):
    client, url = client_of(alpha), "/admin/customer-fields/"
    new = {"new-name": "Клуб", "new-code": "club", "new-kind": "choice", "new-choices": ""}

    refused = client.post(url, new)
    assert "desk-error" in refused.content.decode()
    assert client.post(url, {**new, "new-choices": "Золотой, Серебряный"}).status_code == 302
    with alpha.inside():
        one = PersonField.objects.get()
        assert (one.name, one.code, one.choices) == ("Клуб", "club", ["Золотой", "Серебряный"])
    kept = {"new-kind": "text", f"f{one.pk}-choices": "Золотой"}
    client.post(url, {**kept, f"f{one.pk}-name": "Уровень", f"f{one.pk}-kind": "number"})
    with alpha.inside():
        one.refresh_from_db()
        assert (one.name, one.kind, one.choices) == ("Уровень", "choice", ["Золотой"])
    client.post(url, {**kept, f"f{one.pk}-name": ""})
    for shop in (alpha, beta):
        with shop.inside():
            assert not PersonField.objects.exists()


def test_a_segment_is_counted_before_it_is_saved(alpha, beta, client_of):
    buyer(alpha, "Анна", size=44)
    buyer(alpha, "Борис", size=50)
    buyer(beta, "Чужая", size=44)
    with alpha.inside():
        PersonField.objects.create(code="size", name="Размер", kind="number")
    client = client_of(alpha)
    given = {
        "name": "До 46", "when-0-name": "field:size", "when-0-op": "lte", "when-0-value": "46",
        "when-1-name": "is_blocked", "when-1-op": "is", "when-1-value": "нет",
    }  # fmt: skip

    page = client.post("/admin/segments/add/", {**given, "count": "1"}).content.decode()
    assert 'data-count="1"' in page and "Анна" in page and "Борис" not in page
    with alpha.inside():
        assert not Segment.objects.exists()
    wrong = client.post("/admin/segments/add/", {**given, "when-0-value": "сорок"})
    assert wrong.status_code == 200

    assert client.post("/admin/segments/add/", given).status_code == 302
    with alpha.inside():
        made = Segment.objects.get()
    assert made.conditions == [
        {"field": "field:size", "op": "lte", "value": 46},
        {"field": "is_blocked", "op": "is", "value": False},
    ]
    listed = client.get("/admin/segments/").content.decode()
    assert "Размер" in listed and f'?segment={made.pk}">1<' in listed
    assert 'value="46"' in client.get(f"/admin/segments/{made.pk}/").content.decode()
    client.post(f"/admin/segments/{made.pk}/", {"remove": "1"})
    with alpha.inside():
        assert not Segment.objects.exists()
