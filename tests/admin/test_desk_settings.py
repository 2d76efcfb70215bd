"""Settings of the desk: languages, voice notes, ratings and their list."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from bots.models import Contact, Conversation, Episode, Rating
from bots.services.desk_settings import setting, setting_save, settings_forget
from bots.services.transcribe import speech_account

pytestmark = pytest.mark.django_db
RATING = {
    "on": "on", "scale": "two", "delay_s": "30", "percent": "50", "pause_days": "14",
    "expires_h": "24", "about_agent": "on",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _fresh():
    settings_forget()
    yield
    settings_forget()


def rated(shop, score: int | None, *, about: str = "bot", comment: str = "", name: str = "Анна"):
    with shop.inside():
        number = Contact.objects.count() + 1
        contact = Contact.objects.create(
            channel=shop.channel, external_id=f"r{number}", name=f"{name} {number}"
        )
        talk = Conversation.objects.create(
            channel=shop.channel, contact=contact, lane=number, status="resolved"
        )
        return Rating.objects.create(
            conversation=talk, episode=Episode.objects.create(conversation=talk), about=about,
            score=score, comment=comment, agent=shop.agent if about == "agent" else None,
            rated_at=timezone.now() if score else None,
            asked_at=timezone.now() - timedelta(minutes=number),
        )  # fmt: skip


def test_ratings_are_set_up_on_one_page(alpha, beta, client_of):
    page = client_of(alpha).post("/admin/rating/", RATING)

    assert page.status_code == 302
    with alpha.inside():
        kept = setting("rating")
    assert {k: kept[k] for k in ("on", "scale", "delay_s", "percent", "about_bot")} == {
        "on": True, "scale": "two", "delay_s": 30, "percent": 50, "about_bot": False,
    }  # fmt: skip
    with beta.inside():
        assert setting("rating")["on"] is False


def test_figures_that_do_not_fit_are_refused_beside_the_field(alpha, client_of):
    page = client_of(alpha).post("/admin/rating/", {**RATING, "percent": "0"})

    assert page.status_code == 200
    assert "desk-error" in page.content.decode()
    with alpha.inside():
        assert setting("rating")["on"] is False


@pytest.mark.parametrize("path", ["/admin/rating/", "/admin/languages/"])
def test_agents_do_not_open_the_settings(alpha, client_of, path):
    assert client_of(alpha, "agent").get(path).status_code == 403
    assert client_of(alpha).get(path).status_code == 200


def test_languages_and_a_speech_server_are_kept_apart(alpha, beta, client_of):
    client = client_of(alpha)

    first = client.post("/admin/languages/", {"what": "translation", "on": "on", "language": "en"})
    second = client.post(
        "/admin/languages/",
        {
            "what": "speech", "provider": "compatible", "s_base_url": "https://speech.example/v1",
            "s_api_key": "sk-secret-4f2a", "s_model": "whisper-1", "s_data_region": "ru",
        },
    )  # fmt: skip

    assert (first.status_code, second.status_code) == (302, 302)
    with alpha.inside():
        translation = setting("translation")
        stored = setting("speech")
        manifest, account = speech_account()
    assert (translation["on"], translation["language"]) == (True, "en")
    assert (manifest.key, account.settings["api_key"], account.region) == (
        "compatible", "sk-secret-4f2a", "ru",
    )  # fmt: skip
    assert "sk-secret-4f2a" not in str(stored)
    page = client.get("/admin/languages/").content.decode()
    assert "sk-secret-4f2a" not in page
    assert "4f2a" in page
    with beta.inside():
        assert setting("speech")["provider"] == "none"


def test_the_list_is_searched_narrowed_and_paged(alpha, beta, client_of, api_of):
    rated(alpha, 5, comment="Быстро и точно")
    rated(alpha, 1, about="agent", comment="Долго ждал")
    rated(alpha, None)
    rated(beta, 2, comment="Долго у беты")

    page = client_of(alpha).get("/admin/bots/rating/", {"q": "Долго"}).content.decode()

    assert "Долго ждал" in page
    assert "Быстро и точно" not in page
    assert "беты" not in page
    api = api_of(alpha)

    def found(**asked) -> list[int | None]:
        rows = api.get("/api/v1/ratings/", asked).json()["results"]
        return [row["score"] for row in rows]

    assert found() == [5, 1, None]
    assert found(about="agent") == [1]
    assert found(score="5,4") == [5]
    assert found(rated="true") == [5, 1]
    assert found(q="быстро") == [5]
    assert found(agent=alpha.agent.pk) == [1]
    first = api.get("/api/v1/ratings/", {"page_size": 2}).json()
    assert [row["score"] for row in first["results"]] == [5, 1]
    assert first["next"]


def test_the_settings_page_tells_the_two_apart(alpha, client_of):
    with alpha.inside():
        setting_save("rating", {"on": True})
    rated(alpha, 5)
    rated(alpha, 4)
    rated(alpha, None)
    rated(alpha, 1, about="agent")

    page = client_of(alpha).get("/admin/rating/").content.decode()

    assert "в среднем 4,5, хороших 100 %, ответили 2 из 3." in page.replace("\xa0", " ")
    assert "в среднем 1,0, хороших 0 %, ответили 1 из 1." in page.replace("\xa0", " ")


@pytest.mark.parametrize("count", [0, 1, 5])
def test_a_list_says_how_many_it_holds_in_any_language(alpha, client_of, count):
    """“0 оценки” is no Russian: a number stands beside no word that would have to follow it."""
    with alpha.inside():
        for number in range(count):
            contact = Contact.objects.create(channel=alpha.channel, external_id=f"r{number}")
            talk = Conversation.objects.create(channel=alpha.channel, contact=contact, lane=number)
            episode = Episode.objects.create(conversation=talk)
            Rating.objects.create(conversation=talk, episode=episode, about="bot", score=5)
    client = client_of(alpha, "owner")
    page = " ".join(client.get("/admin/bots/rating/").content.decode().split())
    english = client.get("/admin/bots/rating/", HTTP_ACCEPT_LANGUAGE="en").content.decode()

    assert f"Всего: {count}" in page
    assert f"{count} оценк" not in page
    assert f"In all: {count}" in english
