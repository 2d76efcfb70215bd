"""People: who sees them, merging and taking it back, what is remembered, forgetting, export."""

from __future__ import annotations

import contextlib
import io
import json
import zipfile
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bots.channels.base import BuyerMessage
from bots.models import (
    Attachment,
    Consent,
    Contact,
    Conversation,
    Episode,
    Identity,
    Message,
    Person,
    PersonFact,
    PersonMerge,
    Rating,
    Segment,
    Team,
    TeamMember,
)
from bots.selectors import people as reading
from bots.selectors.segments import in_segments
from bots.services import people, receive
from integrations.models import Order
from tenants.kernel import jobs, outbox
from tenants.kernel.files import file_save
from tenants.models import OutboxEvent
from tenants.workspace.models import AuditEntry, Job, StoredFile

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
URL = "/api/v1/people/"


class People:
    def __init__(self, shop: Any) -> None:
        self.shop, self.count = shop, 0

    def add(self, name: str, *identities: tuple[str, str, str], texts: Any = (), **more: Any):
        self.count += 1
        with self.shop.inside():
            person = Person.objects.create(name=more.pop("card", ""))
            contact = Contact.objects.create(
                channel=self.shop.channel, external_id=f"p{self.count}", name=name, person=person,
                data={"page": "/x"},
            )  # fmt: skip
            for kind, value, proof in identities:
                Identity.objects.create(contact=contact, kind=kind, value=value, proof=proof)
            talk = Conversation.objects.create(
                channel=self.shop.channel, contact=contact, lane=self.count, last_seq=len(texts),
                **{"updated_at": NOW, **more},
            )  # fmt: skip
            talk.episode = Episode.objects.create(conversation=talk, outcome="answered")
            talk.save(update_fields=["episode"])
            for seq, text in enumerate(texts, 1):
                Message.objects.create(conversation=talk, episode=talk.episode, seq=seq, text=text,
                                       author="buyer", state="received")  # fmt: skip
        return person, contact, talk


@pytest.fixture
def at(alpha, beta):
    """Alpha's people; beta has one with the same telephone, who must never be met."""
    People(beta).add("Анна из беты", ("phone", "+79161234567", "shared"))
    return People(alpha)


PHONE = ("phone", "+79161234567", "shared")


def test_people_are_listed_found_and_paged(alpha, at, api_of):
    at.add("Анна", PHONE)
    at.add("Борис", card="Борис Важный")
    with alpha.inside():  # a contact that came without a card gets one
        Contact.objects.create(channel=alpha.channel, external_id="bare", name="Вера")
    client = api_of(alpha, "owner")

    def names(**asked: Any) -> list[str]:
        return [one["name"] for one in client.get(URL, asked).json()["results"]]

    assert names() == ["Вера", "Борис Важный", "Анна"]
    assert names(q="важн") == ["Борис Важный"]
    assert names(q="8 916 123 45 67") == ["Анна"]
    assert names(q="nobody") == []
    assert names(is_blocked="true") == []
    assert names(channel=alpha.channel.pk, label="vip") == []
    page = reading.people_page
    with alpha.inside():
        first = page(alpha.owner, limit=2)
        second = page(alpha.owner, limit=2, after=first["next"])
    assert [[r["name"] for r in p["results"]] for p in (first, second)] == [
        ["Вера", "Борис Важный"], ["Анна"],
    ]  # fmt: skip
    assert second["next"] == ""


def test_an_agent_sees_people_of_conversations_it_may_see_only(alpha, at, api_of):
    mine, _c, _t = at.add("Мой", ("phone", "+79160000001", "claimed"), speaker="agent",
                          agent=alpha.agent)  # fmt: skip
    other, _c, _t = at.add("Чужой", PHONE, speaker="agent", agent=alpha.supervisor)
    with alpha.inside():
        Team.objects.update(sees_colleagues=False)
        TeamMember.objects.filter(user=alpha.agent).update(is_lead=False)
        merged, contact, _t = at.add("Скрытый второй", speaker="agent", agent=alpha.supervisor)
        people.people_merge(mine.pk, merged.pk, by=alpha.owner)
    client = api_of(alpha, "agent")

    assert [one["name"] for one in client.get(URL).json()["results"]] == ["Мой"]
    assert client.get(f"{URL}{other.pk}/").status_code == 404
    for act, body in (
        ("merge", {"other": mine.pk}), ("block", {}), ("facts", {"text": "x"}),
        ("split", {"contact": 1}), ("unmerge", {"merge": 1}), ("differ", {"other": mine.pk}),
    ):  # fmt: skip
        assert client.post(f"{URL}{other.pk}/{act}/", body, format="json").status_code == 404, act
    assert client.get(URL, {"q": "79161234567"}).json()["results"] == []
    card = client.get(f"{URL}{mine.pk}/").json()
    assert [c["name"] for c in card["contacts"]] == ["Мой"]  # the merged one's chat is hidden
    assert client.post(f"{URL}{mine.pk}/split/", {"contact": contact.pk}).status_code == 404
    for act in ("forget", "export"):
        assert client.post(f"{URL}{mine.pk}/{act}/").status_code == 403
    with alpha.inside():
        assert PersonFact.objects.count() == 0


def test_a_thread_leads_to_the_card_of_who_writes_in_it(alpha, beta, at, api_of):
    person, contact, talk = at.add("Анна", PHONE, texts=["Привет"])
    at.add("Анна в Телеграме", PHONE, texts=["И здесь"])
    hidden = at.add("Чужая", texts=["x"], agent=alpha.owner, speaker="agent")[2]
    with alpha.inside():
        Contact.objects.filter(pk=contact.pk).update(person=None)  # as visitors come
        Team.objects.update(sees_colleagues=False)
    client, url = api_of(alpha, "agent"), "/api/v1/desk/conversations/{}/person/".format

    first, again = client.get(url(talk.pk)).json(), client.get(url(talk.pk)).json()

    assert first["id"] == again["id"] != person.pk  # made once
    assert [one["reason"] for one in first["suggestions"]] == ["phone"]
    assert [(c["talk"]["id"], c["talk"]["status"]) for c in first["contacts"]] == [
        (talk.pk, talk.status)
    ]
    assert client.get(url(hidden.pk)).status_code == 404
    assert api_of(beta).get(url(talk.pk)).status_code == 404


def test_the_same_proven_telephone_suggests_a_merge_that_can_be_taken_back(alpha, at, api_of):
    one, _contact, _t = at.add("Анна", PHONE)
    two, _c, _t = at.add("Аня", PHONE, ("email", "a@b.example", "code"))
    at.add("Сказала", ("phone", "+79161234567", "claimed"))
    client = api_of(alpha, "agent")

    (found,) = client.get(f"{URL}{one.pk}/").json()["suggestions"]
    assert (found["person"], found["reason"], found["value"]) == (two.pk, "phone", "+79161234567")

    merged = client.post(f"{URL}{two.pk}/merge/", {"other": one.pk}).json()
    assert merged["id"] == one.pk  # the oldest card is shown
    assert [c["name"] for c in merged["contacts"]] == ["Анна", "Аня"]
    assert merged["suggestions"] == []
    assert merged["merges"][0]["reason"] == "phone"
    assert client.get(f"{URL}{two.pk}/").json()["id"] == one.pk
    assert [r["id"] for r in client.get(URL).json()["results"]][-1] == one.pk
    again = client.post(f"{URL}{one.pk}/merge/", {"other": two.pk}).json()
    assert again["merge"] == merged["merge"]

    apart = client.post(f"{URL}{one.pk}/unmerge/", {"merge": merged["merge"]}).json()
    assert [c["name"] for c in apart["contacts"]] == ["Анна"]
    assert apart["suggestions"] == []  # not suggested again
    assert client.get(f"{URL}{two.pk}/").json()["id"] == two.pk
    with alpha.inside():
        acts = AuditEntry.objects.filter(action__startswith="person.").order_by("pk")
        assert list(acts.values_list("action", "actor")) == [
            ("person.merged", alpha.agent.email), ("person.unmerged", alpha.agent.email),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("ours", "theirs", "is_refused"),
    [
        ([PHONE], [("phone", "+79160000000", "code")], True),
        ([PHONE, ("email", "a@b.c", "code")], [("phone", "+79160000000", "code"),
                                               ("email", "a@b.c", "code")], True),
        ([("customer", "7", "signed")], [("customer", "8", "signed")], True),
        ([("customer", "7", "signed")], [("customer", "8", "thread")], False),
        ([PHONE], [("phone", "+79160000000", "claimed")], False),
        ([PHONE], [PHONE, ("phone", "+79160000000", "code")], False),
        ([], [], False),
    ],
)  # fmt: skip
def test_two_verified_people_are_never_one(alpha, at, api_of, ours, theirs, is_refused):
    one, _c, _t = at.add("Анна", *ours)
    two, _c, _t = at.add("Вера", *theirs)
    client = api_of(alpha, "owner")
    answer = client.post(f"{URL}{one.pk}/merge/", {"other": two.pk})
    if is_refused:
        assert answer.status_code == 409
        assert answer.json()["error"]["code"] == "different_people"
        assert client.get(f"{URL}{one.pk}/").json()["suggestions"] == []
    else:
        assert answer.status_code == 200
    with alpha.inside():
        assert PersonMerge.objects.count() == (0 if is_refused else 1)
        assert Person.objects.filter(merged_into=one).count() == (0 if is_refused else 1)


def test_a_conflict_is_seen_through_cards_already_merged(alpha, at, api_of):
    one, _c, _t = at.add("А", PHONE)
    two, _c, _t = at.add("Б")
    three, _c, _t = at.add("В", ("phone", "+79160000000", "code"))
    client = api_of(alpha, "owner")
    assert client.post(f"{URL}{one.pk}/merge/", {"other": two.pk}).status_code == 200
    assert client.post(f"{URL}{two.pk}/merge/", {"other": three.pk}).status_code == 409
    assert client.post(f"{URL}{one.pk}/merge/", {"other": one.pk}).status_code == 409
    assert client.post(f"{URL}{one.pk}/merge/", {"other": 10**9}).status_code == 404


def test_who_proves_to_be_another_after_a_merge_leaves_the_card(alpha, at, api_of):
    one, _c, _t = at.add("Анна", PHONE)
    two, contact, talk = at.add("Вера", ("phone", "+79160000000", "claimed"))
    three, _c, _t = at.add("Аня")
    client = api_of(alpha, "owner")
    for other in (two, three):
        assert client.post(f"{URL}{one.pk}/merge/", {"other": other.pk}).status_code == 200
    with alpha.inside():
        for ident, proof in (("m1", "shared"), ("m2", "claimed")):  # proven now, and it stays so
            said = BuyerMessage(
                chat=contact.external_id, external_id=ident, text="Мой телефон",
                identities=(("phone", "+79160000000", proof),),
            )  # fmt: skip
            receive.apply(alpha.channel, talk.lane, said)
        assert Identity.objects.get(contact=contact).proof == "shared"
    outbox.relay()

    def names(card: Person) -> list[str]:
        return [c["name"] for c in client.get(f"{URL}{card.pk}/").json()["contacts"]]

    assert (names(one), names(two), names(three)) == (["Анна", "Аня"], ["Вера"], ["Анна", "Аня"])
    assert client.post(f"{URL}{one.pk}/merge/", {"other": two.pk}).status_code == 409


@settings(max_examples=25, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])  # fmt: skip
@given(data=st.data())
def test_merges_and_undos_in_any_order_leave_the_same(alpha, data):
    """What is one follows from the edges in force alone; all taken back, all is as it was."""
    with alpha.inside():
        cards = [Person.objects.create(name=f"{n}").pk for n in range(6)]
        merges: list[int] = []
        for _step in range(data.draw(st.integers(1, 12))):
            one, other = data.draw(st.permutations(cards))[:2]
            if merges and data.draw(st.booleans()):
                people.people_unmerge(data.draw(st.sampled_from(merges)))
                continue
            with contextlib.suppress(people.NotMerged):
                merges.append(people.people_merge(one, other).pk)
        first = {card: card for card in cards}
        for a, b in PersonMerge.objects.filter(one__in=cards, state="done").values_list(
            "one", "other"
        ):
            low, high = sorted((first[a], first[b]))
            first = {card: low if root == high else root for card, root in first.items()}

        def state() -> dict[int, int]:
            rows = Person.objects.filter(pk__in=cards).values_list("pk", "merged_into")
            return {pk: root or pk for pk, root in rows}

        assert state() == first
        for merge in data.draw(st.permutations(sorted(set(merges)))):
            people.people_unmerge(merge)
        assert state() == {card: card for card in cards}


def test_a_contact_is_split_off_and_not_suggested_again(alpha, at, api_of):
    one, first, _t = at.add("Анна", PHONE)
    _two, second, _t = at.add("Не Анна", PHONE)
    client = api_of(alpha, "agent")
    with alpha.inside():  # a shop's site had joined them
        Contact.objects.filter(pk=second.pk).update(person=one)
    made = client.post(f"{URL}{one.pk}/split/", {"contact": second.pk})
    assert made.status_code == 200
    assert [c["id"] for c in made.json()["contacts"]] == [second.pk]
    assert made.json()["suggestions"] == []
    alone = client.post(f"{URL}{one.pk}/split/", {"contact": first.pk})
    assert alone.json()["error"]["code"] == "not_merged"


def test_fields_take_values_of_their_type_only(alpha, at, api_of):
    person, _c, _t = at.add("Анна")
    owner, agent = api_of(alpha, "owner"), api_of(alpha, "agent")
    for code, kind, more in (
        ("size", "number", {}), ("born", "date", {}), ("vip", "bool", {}), ("site", "url", {}),
        ("tier", "choice", {"choices": ["gold", "silver"]}), ("about", "text", {}),
    ):  # fmt: skip
        body = {"code": code, "name": code.title(), "kind": kind, **more}
        assert owner.post("/api/v1/person-fields/", body, format="json").status_code == 201
    refused = agent.post("/api/v1/person-fields/", {"code": "x", "name": "X"}, format="json")
    assert refused.status_code == 403
    bad = {"code": "t2", "name": "T", "kind": "choice"}
    assert owner.post("/api/v1/person-fields/", bad, format="json").status_code == 400
    values = {"size": 44, "born": "1990-02-28", "vip": True, "site": "https://x.example",
              "tier": "gold", "about": "любит синее"}  # fmt: skip
    url = f"{URL}{person.pk}/"
    saved = agent.patch(url, {"fields": values, "name": " Анна  П. "}, format="json").json()
    assert {one["code"]: one["value"] for one in saved["fields"]} == values
    assert saved["name"] == "Анна П."
    for code, value in (
        ("size", "x"),
        ("size", True),
        ("born", "28.02.1990"),
        ("vip", 1),
        ("site", "javascript:x"),
        ("tier", "iron"),
        ("none", 1),
        ("about", []),
    ):
        answer = agent.patch(
            url, {"fields": {"site": "https://y.example", code: value}}, format="json"
        )
        assert answer.status_code == 400, (code, value)
    emptied = agent.patch(url, {"fields": {"tier": None}}, format="json").json()
    assert {one["code"]: one["value"] for one in emptied["fields"]} == {**values, "tier": None}


def test_what_is_remembered_has_a_source_and_goes_by_itself(alpha, at, api_of):
    person, contact, talk = at.add("Анна", texts=["У меня кошка"])
    _other, _c, alien = at.add("Борис", texts=["Привет"])
    client, url = api_of(alpha, "agent"), f"{URL}{person.pk}/facts/"
    with alpha.inside():
        said, not_theirs = talk.messages.get(), alien.messages.get()
    soon = (timezone.now() + timedelta(days=1)).isoformat()
    fact = client.post(
        url, {"text": "Есть кошка", "message": said.pk, "expires_at": soon}, format="json"
    )
    assert fact.status_code == 201
    assert fact.json()["source"] == {"conversation": talk.pk, "seq": 1}
    assert fact.json()["by"] == str(alpha.agent)
    note = client.post(url, {"text": "Спорит о цене", "kind": "note"}, format="json").json()
    past = {"text": "x", "expires_at": "2020-01-01T00:00:00Z"}
    assert client.post(url, past, format="json").status_code == 400
    assert client.post(url, {"text": "x", "message": not_theirs.pk}).status_code == 400
    with alpha.inside():
        (told,) = reading.facts_for_model(contact.pk)
        assert (told.text, told.is_said) == ("Есть кошка", True)
        assert people.forget_fact(fact.json()["id"]) is not None  # not yet
        PersonFact.objects.filter(pk=fact.json()["id"]).update(
            expires_at=timezone.now() - timedelta(seconds=1)
        )
        assert reading.facts_for_model(contact.pk) == []
    assert [f["text"] for f in client.get(f"{URL}{person.pk}/").json()["facts"]] == [
        "Спорит о цене"
    ]
    with alpha.inside():
        assert people.forget_fact(fact.json()["id"]) is None
        assert not PersonFact.objects.filter(pk=fact.json()["id"]).exists()
    assert client.delete(f"{url}{note['id']}/").status_code == 204
    assert client.delete(f"{url}{note['id']}/").status_code == 404


def test_a_blocked_buyer_is_kept_and_answered_by_nobody(alpha, at, api_of, talk_of=None):
    person, contact, talk = at.add("Анна", speaker="bot", status="open")
    client = api_of(alpha, "agent")
    with alpha.inside():  # chats that one does not see are not closed by blocking their buyer
        far = Team.objects.create(name="Far")
        hidden = Contact.objects.create(
            channel=alpha.channel, external_id="hidden", person=person, name="Анна"
        )
        other = Conversation.objects.create(
            channel=alpha.channel, contact=hidden, lane=77, team=far, speaker="queue"
        )
    refused = client.post(f"{URL}{person.pk}/block/")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "held_elsewhere")
    with alpha.inside():
        assert not Contact.objects.filter(is_blocked=True).exists()
        other.status = "resolved"
        other.save()
    card = client.post(f"{URL}{person.pk}/block/").json()
    assert card["is_blocked"] is True
    with alpha.inside():
        talk.refresh_from_db()
        assert (talk.status, talk.speaker) == ("resolved", "nobody")
        said = BuyerMessage(chat=contact.external_id, external_id="m1", text="Ответьте!")
        receive.apply(alpha.channel, talk.lane, said)
        talk.refresh_from_db()
        assert (talk.status, talk.speaker, talk.waiting_since) == ("resolved", "nobody", None)
        assert talk.messages.get(external_id="m1").text == "Ответьте!"
    assert client.post(f"{URL}{person.pk}/unblock/").json()["is_blocked"] is False
    with alpha.inside():
        said = BuyerMessage(chat=contact.external_id, external_id="m2", text="Где заказ?")
        receive.apply(alpha.channel, talk.lane, said)
        talk.refresh_from_db()
        assert talk.status == "open"


def _full(alpha: Any, at: People) -> tuple[Any, ...]:
    person, contact, talk = at.add("Анна Тайная", PHONE, texts=["Забудьте меня", "Самовар"])
    with alpha.inside():
        said = talk.messages.order_by("seq").first()
        stored = file_save(b"picture", name="passport.jpg", purpose="message")
        Attachment.objects.create(message=said, kind="image", file=stored, transcript="самовар")
        sent = file_save(b"picture", name="sent.jpg", purpose="chat")  # from the chat of a site
        Attachment.objects.create(message=said, kind="image", file=sent)
        Consent.objects.create(contact=contact, kind="processing", is_given=True, text="Да",
                               text_version="1", address="10.1.2.3")  # fmt: skip
        people.fact_add(person.pk, "Есть кошка", by=alpha.owner)
        Rating.objects.create(
            conversation=talk, episode=talk.episode, about="agent", score=1,
            comment="Самовар тайной Анны", rated_at=NOW,
        )  # fmt: skip
        Order.objects.create(number="77", status="new", phone=PHONE[1], sum=1, placed_at=NOW)
    return person, contact, talk, said, stored


@pytest.mark.parametrize("texts", ["keep", "remove"])
def test_a_person_is_forgotten_in_two_steps(alpha, at, api_of, texts):
    person, contact, talk, said, _stored = _full(alpha, at)
    other, _c, _t = at.add("Борис", ("phone", "+79160000001", "shared"), texts=["Самовар"])
    client, url = api_of(alpha, "owner"), f"{URL}{person.pk}/forget/"

    asked = client.post(url, {"texts": texts, "proof": "thread", "message": said.pk}).json()
    assert asked["counts"] == {
        "contacts": 1, "identities": 1, "messages": 2, "files": 2, "facts": 1,
    }  # fmt: skip
    with alpha.inside():
        assert Contact.objects.get(pk=contact.pk).name == "Анна Тайная"  # nothing yet
    assert client.post(url, {"code": "x" + asked["code"]}).status_code == 400
    assert client.post(f"{URL}{other.pk}/forget/", {"code": asked["code"]}).status_code == 400

    answer = client.post(url, {"code": asked["code"]})
    assert answer.status_code == 200, answer.content

    with alpha.inside():
        contact.refresh_from_db()
        assert (contact.name, contact.external_id, contact.data) == (
            "", f"forgotten-{contact.pk}", {},
        )  # fmt: skip
        assert Identity.objects.filter(contact=contact).count() == 0
        assert PersonFact.objects.count() == 0
        assert not StoredFile.objects.filter(name__in=["passport.jpg", "sent.jpg"]).exists()
        assert Consent.objects.get(contact=contact).address is None
        assert [m.text for m in talk.messages.exclude(kind="system").order_by("seq")] == (
            ["Забудьте меня", "Самовар"] if texts == "keep" else ["", ""]
        )
        assert (Rating.objects.get().comment == "") is (texts == "remove")
        talk.refresh_from_db()
        assert talk.status == "resolved"  # nobody could be answered here any more
        entry = AuditEntry.objects.get(action="person.forgotten")
        assert (entry.actor, entry.data["proof"], entry.data["message"]) == (
            alpha.owner.email, "thread", said.pk,
        )  # fmt: skip
        assert Order.objects.count() == 1  # the law keeps it
        assert Identity.objects.filter(contact__person=other).count() == 1
    found = client.get("/api/v1/desk/search/", {"q": "самовар"}).json()["conversations"]
    assert len(found) == (2 if texts == "keep" else 1)
    for query in ("тайная", "8 916 123 45 67"):
        assert client.get("/api/v1/desk/search/", {"q": query}).json()["contacts"] == []


@pytest.mark.parametrize(
    "body",
    [{}, {"texts": "keep"}, {"texts": "keep", "proof": "thread"},
     {"texts": "keep", "proof": "thread", "message": 1}, {"proof": "document"},
     {"texts": "keep", "proof": "nonsense"}],
)  # fmt: skip
def test_nobody_is_forgotten_without_a_proof(alpha, at, api_of, body):
    person, contact, *_rest = _full(alpha, at)
    answer = api_of(alpha, "owner").post(f"{URL}{person.pk}/forget/", body)
    assert answer.status_code == 400
    with alpha.inside():
        contact.refresh_from_db()
        assert contact.name == "Анна Тайная"


def test_one_person_is_exported_with_files(alpha, at, api_of, client_of):
    person, *_rest = _full(alpha, at)
    at.add("Борис", texts=["Не для чужих"])
    client = api_of(alpha, "owner")
    started = client.post(f"{URL}{person.pk}/export/")
    assert started.status_code == 202
    with alpha.inside():
        jobs.run_job(started.json()["id"])
        job = Job.objects.get(pk=started.json()["id"])
        assert job.state == "done", job.message
    url = f"/api/v1/files/{job.result['file']}/"
    assert api_of(alpha, "agent").get(url).status_code == 404
    answer = client.get(url)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    data = json.loads(archive.read("person.json"))
    assert data["contacts"][0]["name"] == "Анна Тайная"
    assert [m["text"] for m in data["messages"]] == ["Забудьте меня", "Самовар"]
    assert [f["text"] for f in data["facts"]] == ["Есть кошка"]
    assert [n.split("-", 1)[1] for n in archive.namelist() if n.startswith("files/")] == [
        "passport.jpg", "sent.jpg"
    ]  # fmt: skip


def test_segments_count_people_by_their_conditions(alpha, at, api_of):
    rich, _c, _t = at.add("Богатая", PHONE, labels=["vip"])
    poor, _c, _t = at.add("Бедный", ("phone", "+79160000001", "claimed"))
    with alpha.inside():
        Conversation.objects.filter(contact__person=poor).update(
            updated_at=timezone.now() - timedelta(days=40)
        )
        Conversation.objects.filter(contact__person=rich).update(updated_at=timezone.now())
        for number, phone in (("1", PHONE[1]), ("2", PHONE[1]), ("3", "+79160000001")):
            Order.objects.create(number=number, status="new", phone=phone, sum=Decimal("600.50"),
                                 placed_at=NOW)  # fmt: skip
        rich.fields = {"size": 44}
        rich.save()
    client = api_of(alpha, "owner")
    client.post("/api/v1/person-fields/", {"code": "size", "name": "S", "kind": "number"})

    def count(*conditions: tuple[str, str, Any]) -> int:
        body = {"name": "S", "conditions": [
            {"field": f, "op": op, "value": v} for f, op, v in conditions
        ]}  # fmt: skip
        answer = client.post("/api/v1/segments/", body, format="json")
        assert answer.status_code == 201, answer.content
        return answer.json()["count"]

    assert count(("orders_sum", "gte", 1200)) == 1  # what is only claimed does not count
    assert count(("orders_count", "is", 0)) == 1
    assert count(("label", "is", "vip"), ("channel", "is", "web")) == 1
    assert count(("label", "not", "vip")) == 1
    assert count(("last_seen_days", "lte", 7)) == 1
    assert count(("last_seen_days", "gte", 30)) == 1
    assert count(("field:size", "gte", 40)) == count(("field:size", "is", 44)) == 1
    assert count(("field:size", "unknown", None)) == 1
    assert count(("channel", "is", "telegram")) == 0
    for bad in (("nothing", "is", 1), ("label", "gte", 1), ("orders_sum", "gte", "x"),
                ("field:none", "is", 1), ("last_seen_days", "gte", 10**7),
                ("last_seen_days", "lte", -1)):  # fmt: skip
        body = {"name": "S", "conditions": [dict(zip(("field", "op", "value"), bad, strict=True))]}
        assert client.post("/api/v1/segments/", body, format="json").status_code == 400, bad
    assert api_of(alpha, "agent").post("/api/v1/segments/", {}, format="json").status_code == 403
    with alpha.inside():
        first = Segment.objects.order_by("pk").first()
        theirs, other = rich.contacts.get().pk, poor.contacts.get().pk
        assert in_segments([first.pk], theirs) is True
        assert in_segments([first.pk, 10**6], other) is False
        assert in_segments([10**6], theirs) is False
    listed = client.get(URL, {"segment": first.pk}).json()["results"]
    assert [one["name"] for one in listed] == ["Богатая"]


def test_a_card_takes_a_constant_number_of_queries(alpha, at, django_assert_max_num_queries):
    person, *_rest = _full(alpha, at)
    with alpha.inside():
        for n in range(4):
            other, *_r = at.add(f"Анна {n}", PHONE, texts=["x"])
            people.people_merge(person.pk, other.pk)
        found = reading.person_seen(alpha.agent, person.pk)
        with django_assert_max_num_queries(24):
            card = reading.card_of(alpha.agent, found)
        assert len(card["contacts"]) == 5
        assert [one["number"] for one in card["orders"]] == ["77"]


def test_whoever_changes_a_card_tells_those_who_have_it_open(alpha, beta, at, api_of):
    """Facts of every change: numbers alone, of this merchant alone."""
    one, _c, _t = at.add("Анна", PHONE)
    other, _c, _t = at.add("Аня", PHONE)
    client = api_of(alpha, "agent")
    OutboxEvent.objects.all().delete()

    def told() -> list[tuple[str, dict[str, Any]]]:
        found = list(OutboxEvent.objects.order_by("pk").values_list("schema", "name", "data"))
        OutboxEvent.objects.all().delete()
        assert {schema for schema, _n, _d in found} <= {alpha.schema}
        return [(name, data) for _s, name, data in found]

    card = {"person": one.pk}
    client.patch(f"{URL}{one.pk}/", {"name": "Анна П."}, format="json")
    assert told() == [("person.changed", card)]
    fact = client.post(f"{URL}{one.pk}/facts/", {"text": "Кошка"}, format="json").json()["id"]
    assert told() == [("person.facts", card)]
    client.delete(f"{URL}{one.pk}/facts/{fact}/")
    assert told() == [("person.facts", card)]
    with alpha.inside():
        soon = people.fact_add(one.pk, "На день", by=alpha.agent,
                               expires_at=timezone.now() + timedelta(days=1))  # fmt: skip
        PersonFact.objects.filter(pk=soon.pk).update(expires_at=timezone.now())
        told()
        people.forget_fact(soon.pk)
    assert told() == [("person.facts", card)]
    made = client.post(f"{URL}{one.pk}/merge/", {"other": other.pk}, format="json").json()
    both = {**card, "other": other.pk, "merge": made["merge"]}
    assert told() == [("person.merged", both)]
    client.post(f"{URL}{one.pk}/unmerge/", {"merge": made["merge"]}, format="json")
    assert told() == [("person.unmerged", both)]
    client.post(f"{URL}{one.pk}/block/")
    assert ("person.blocked", card) in told()


def test_a_row_is_called_as_colleagues_have_named_the_card(alpha, beta, at, api_of):
    one, _c, talk = at.add("anna_1990", PHONE)
    other, _c, second = at.add("Аня", PHONE)
    client = api_of(alpha, "owner")

    def names() -> dict[int, tuple[str, int]]:
        rows = client.get("/api/v1/desk/conversations/?view=all").json()["rows"]
        return {row["id"]: (row["name"], row["person"]) for row in rows}

    assert names() == {talk.pk: ("anna_1990", one.pk), second.pk: ("Аня", other.pk)}
    client.patch(f"{URL}{one.pk}/", {"name": "Анна Смирнова"}, format="json")
    client.post(f"{URL}{one.pk}/merge/", {"other": other.pk}, format="json")
    both = ("Анна Смирнова", one.pk)
    assert names() == {talk.pk: both, second.pk: both}
    thread = client.get(f"/api/v1/desk/conversations/{second.pk}/").json()["conversation"]
    assert (thread["name"], thread["person"]) == both
