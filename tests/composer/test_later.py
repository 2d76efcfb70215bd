"""Send later: once, in time, and not at all when the buyer writes first."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from django.utils import timezone

from bots.models import Draft, Holiday, LaterMessage, Message, OpeningHours
from bots.services import later
from integrations.models import Product, Variant
from tenants.kernel import due
from tenants.models import OutboxEvent
from tests.engine.pretend import Pretend

pytestmark = pytest.mark.django_db


def put(api, pk: int, text: str = "Ваш заказ готов", **more):
    at = more.pop("send_at", timezone.now() + timedelta(hours=2))
    return api.post(
        f"/api/v1/conversations/{pk}/later/",
        {"text": text, "send_at": at.isoformat(), **more},
        format="json",
    )


def its_time(shop, row: int) -> None:
    with shop.inside():
        LaterMessage.objects.filter(pk=row).update(send_at=timezone.now() - timedelta(seconds=1))
        due.reschedule("later", row, due_at=timezone.now() - timedelta(seconds=1))


def lines(shop, pk: int) -> list[dict]:
    with shop.inside():
        return list(
            Message.objects.filter(conversation=pk, kind="system", meta__code__startswith="later")
            .order_by("seq")
            .values_list("meta", flat=True)
        )


def test_it_is_sent_at_its_time_and_once_however_often_the_worker_comes(alpha, talks, api_of):
    mine, other = talks
    pk = mine.conversation().pk
    row = put(api_of(alpha, "agent"), pk).json()
    mine.work()
    assert ("buyer", "Ваш заказ готов") not in Pretend.sent

    its_time(alpha, row["id"])
    for _ in range(3):
        with alpha.inside():
            later.send_later(row["id"])
    mine.work()

    assert Pretend.sent.count(("buyer", "Ваш заказ готов")) == 1
    found = api_of(alpha, "agent").get(f"/api/v1/conversations/{pk}/later/").json()["results"]
    assert [(one["id"], one["state"], one["reason"]) for one in found] == [(row["id"], "sent", "")]
    assert other.thread()[-1] == ("bot", "sent", "re: Здравствуйте")


def test_both_texts_and_goods_are_kept_and_go_out_as_they_are_then(alpha, beta, talks, api_of):
    mine, _other = talks
    pk, api = mine.conversation().pk, api_of(alpha, "agent")
    with alpha.inside():
        product = Product.objects.create(external_id="coat", name="Плащ")
        variant = Variant.objects.create(product=product, external_id="coat", price=4990, stock=3)
        gone = Product.objects.create(external_id="gone", name="Снят с продажи")
    with beta.inside():
        theirs = Product.objects.create(pk=product.pk + 900, external_id="their", name="Чужой")

    draft = {"text": "Привет", "mode": "reply", "base_seq": 0, "files": []}
    api.put(f"/api/v1/desk/conversations/{pk}/draft/", draft, format="json")
    with alpha.inside():
        assert Draft.objects.exists()
    row = put(
        api, pk, "Сәлем", original="Привет", original_language="ru", cards=[product.pk, gone.pk]
    ).json()

    with alpha.inside():  # what is put off is no draft any more
        assert not Draft.objects.exists()
    words = {"text": "Привет", "language": "ru"}
    assert (row["text"], row["original"]) == ("Сәлем", words)
    assert row["cards"] == [
        {"id": product.pk, "title": "Плащ"},
        {"id": gone.pk, "title": "Снят с продажи"},
    ]
    assert put(api, pk, cards=[theirs.pk]).status_code == 400
    assert put(api, pk, "", cards=[product.pk]).status_code == 201

    with alpha.inside():
        Variant.objects.filter(pk=variant.pk).update(price=3990)
        gone.delete()
    its_time(alpha, row["id"])
    mine.work()

    with alpha.inside():
        said = Message.objects.get(client_key=f"later:{row['id']}")
    assert (said.text, said.meta["original"]) == ("Сәлем", words)
    assert [(one["title"], "3\u202f990" in one["price"]) for one in said.meta["cards"]] == [
        ("Плащ", True)
    ]


def test_words_that_are_changed_alone_are_nobodys_translation(alpha, talks, api_of):
    mine, _other = talks
    api = api_of(alpha, "agent")
    row = put(
        api, mine.conversation().pk, "Сәлем", original="Привет", original_language="ru"
    ).json()["id"]

    def change(**given):
        return api.patch(f"/api/v1/later/{row}/", given, format="json").json()["original"]

    at = (timezone.now() + timedelta(hours=5)).isoformat()
    assert change(send_at=at) == {"text": "Привет", "language": "ru"}
    assert change(text="Сәлем!", original="Привет!", original_language="ru") == {
        "text": "Привет!", "language": "ru",
    }  # fmt: skip
    assert change(text="Bonjour") == {}


def test_a_worker_that_dies_before_the_end_sends_it_once_all_the_same(
    alpha, talks, api_of, monkeypatch
):
    mine, _other = talks
    row = put(api_of(alpha, "agent"), mine.conversation().pk).json()
    its_time(alpha, row["id"])

    def dies(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as broken:
        broken.setattr(later, "_tell", dies)  # after the message was written
        with alpha.inside(), pytest.raises(KeyboardInterrupt):
            later.send_later(row["id"])
    with alpha.inside():
        assert LaterMessage.objects.get().state == "waiting"
        assert not Message.objects.filter(client_key=f"later:{row['id']}").exists()
    mine.work()

    assert Pretend.sent.count(("buyer", "Ваш заказ готов")) == 1


def test_the_buyer_who_writes_first_cancels_it_and_the_thread_tells(alpha, talks, api_of):
    mine, other = talks
    pk = mine.conversation().pk
    api = api_of(alpha, "agent")
    gives_up = put(api, pk, "Напомним").json()["id"]
    stays = put(api, pk, "В любом случае", cancels_on_reply=False).json()["id"]
    with other.shop.inside():
        theirs = later.later_add(
            conversation_id=other.conversation().pk, agent=other.shop.agent, text="Их",
            send_at=timezone.now() + timedelta(hours=1),
        )  # fmt: skip

    mine.says("Я уже тут")
    mine.says("Я уже тут", ident="m2")  # the same delivery again

    rows = api.get(f"/api/v1/conversations/{pk}/later/").json()["results"]
    assert {one["id"]: (one["state"], one["reason"]) for one in rows} == {
        gives_up: ("cancelled", "buyer_wrote"),
        stays: ("waiting", ""),
    }
    assert lines(alpha, pk) == [
        {"code": "later_cancelled", "later": gives_up, "reason": "buyer_wrote"}
    ]
    facts = OutboxEvent.objects.filter(name="later.cancelled").values_list("schema", "data")
    assert list(facts) == [
        (
            alpha.schema,
            {
                "conversation": pk,
                "later": gives_up,
                "agent": alpha.agent.pk,
                "reason": "buyer_wrote",
            },
        )
    ]
    its_time(alpha, gives_up)
    mine.work()
    assert ("buyer", "Напомним") not in Pretend.sent
    with other.shop.inside():
        assert LaterMessage.objects.get(pk=theirs.pk).state == "waiting"


def test_what_waits_is_changed_and_given_up_and_what_is_over_is_not(alpha, talks, api_of):
    mine, _other = talks
    api = api_of(alpha, "agent")
    row = put(api, mine.conversation().pk).json()["id"]
    at = timezone.now().replace(microsecond=0) + timedelta(days=1)

    changed = api.patch(
        f"/api/v1/later/{row}/", {"text": "Готово", "send_at": at.isoformat()}, format="json"
    )

    assert changed.status_code == 200
    assert changed.json()["text"] == "Готово"
    assert datetime.fromisoformat(changed.json()["send_at"]) == at
    assert api.delete(f"/api/v1/later/{row}/").json()["state"] == "cancelled"
    assert api.delete(f"/api/v1/later/{row}/").status_code == 200
    again = api.patch(f"/api/v1/later/{row}/", {"text": "Ещё"}, format="json")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "over_already")
    assert again.json()["error"]["state"] == "cancelled"


def test_the_past_and_an_empty_text_are_refused(alpha, talks, api_of):
    mine, _other = talks
    api, pk = api_of(alpha, "agent"), mine.conversation().pk

    past = put(api, pk, send_at=timezone.now() - timedelta(minutes=1))
    empty = put(api, pk, "  ")

    assert (past.status_code, past.json()["error"]["code"]) == (400, "not_then")
    assert (empty.status_code, empty.json()["error"]["code"]) == (400, "empty")
    with alpha.inside():
        assert LaterMessage.objects.count() == 0


def test_a_stranger_and_another_merchant_find_nothing(alpha, beta, talks, api_of):
    mine, _other = talks
    pk = mine.conversation().pk
    row = put(api_of(alpha, "agent"), pk).json()["id"]

    for call in (
        api_of(beta).get(f"/api/v1/conversations/{pk + 10_000}/later/"),
        api_of(beta).patch(f"/api/v1/later/{row + 10_000}/", {"text": "x"}, format="json"),
        api_of(beta).delete(f"/api/v1/later/{row + 10_000}/"),
    ):
        assert call.status_code == 404
    with beta.inside():
        assert LaterMessage.objects.count() == 0


def test_a_colleague_who_answers_meanwhile_is_not_spoken_over(alpha, talks, api_of):
    mine, _other = talks
    pk = mine.conversation().pk
    row = put(api_of(alpha, "agent"), pk).json()["id"]
    taken = api_of(alpha, "supervisor").post(f"/api/v1/conversations/{pk}/take-over/")
    assert taken.status_code == 200

    its_time(alpha, row)
    mine.work()

    with alpha.inside():
        found = LaterMessage.objects.get(pk=row)
        assert (found.state, found.reason) == ("failed", "already_taken")
    assert lines(alpha, pk) == [{"code": "later_failed", "later": row, "reason": "already_taken"}]
    assert ("buyer", "Ваш заказ готов") not in Pretend.sent


def test_times_offered_are_within_the_shops_hours(alpha):
    moscow = "Europe/Moscow"
    with alpha.inside():
        OpeningHours.objects.all().delete()
        Holiday.objects.all().delete()
        for day in range(5):
            OpeningHours.objects.create(weekday=day, opens=time(10), closes=time(19))
        # Thursday 12 November 2026, 15:30 in Moscow; Friday is a day off.
        Holiday.objects.create(day=datetime(2026, 11, 13).date(), name="Инвентаризация")
        offered = later.presets(datetime(2026, 11, 12, 12, 30, tzinfo=UTC), moscow)
        night = later.presets(datetime(2026, 11, 12, 20, 0, tzinfo=UTC), moscow)

    assert [(one["key"], f"{one['at']:%d.%m %H:%M}") for one in offered] == [
        ("hour", "12.11 16:30"),
        ("evening", "12.11 18:00"),
        ("opening", "16.11 10:00"),
    ]
    assert [(one["key"], f"{one['at']:%d.%m %H:%M}") for one in night] == [("hour", "16.11 10:00")]
