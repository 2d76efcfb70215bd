import pytest

from bots.engine.base import Asker
from bots.skills.base import (
    GUESSES_AN_HOUR,
    Effect,
    NotFound,
    SkillContext,
    TooManyAttempts,
    as_tool,
    skill,
    skills,
)
from bots.skills.order_status.skill import Asked
from tests.fixtures import shelves

pytestmark = pytest.mark.django_db


@pytest.fixture
def pets(alpha):
    with alpha.inside():
        shelves.pets()
        yield alpha


def run(number, asker=None, phone=""):
    return skill("order_status").run(
        SkillContext(asker or Asker(), phone), Asked(order_number=number)
    )


def test_the_manifest_is_found_and_is_a_models_tool():
    manifest = skills()["order_status"]

    assert manifest.effect == Effect.READS
    assert as_tool(manifest)["parameters"]["required"] == ["order_number"]


def test_a_matching_phone_tells_status_and_date_only(pets):
    assert run("501", phone="8 (917) 000-00-01").facts == {
        "number": "501",
        "status": "shipped",
        "status_text": "",
        "eta": "2026-12-03",
        "is_full": False,
    }


def test_a_proven_owner_has_everything(pets):
    facts = run("501", Asker(proofs=(("email", "0001@buyer.example", "code"),))).facts

    assert facts["is_full"] and facts["track"] == "TRK501"


@pytest.mark.parametrize("number", ["502", "90909"])
def test_foreign_and_missing_orders_are_not_found_alike(pets, number):
    with pytest.raises(NotFound) as caught:
        run(number, phone="+79170000001")

    assert str(caught.value) == number


def test_a_claimed_e_mail_proves_nothing(pets):
    with pytest.raises(NotFound):
        run("501", Asker(proofs=(("email", "0001@buyer.example", "claimed"),)))


@pytest.mark.parametrize("tries", ["phones of one order", "orders of one phone"])
def test_guessing_from_ever_new_browsers_is_stopped_and_the_owner_is_not(pets, tries):
    def guess(n):
        by_phone = tries == "phones of one order"
        number, phone = ("501", f"+7917111{n:04}") if by_phone else (f"9{n:04}", "+79170000001")
        run(number, Asker(contact_id=1000 + n), phone)

    for n in range(GUESSES_AN_HOUR):
        with pytest.raises(NotFound):
            guess(n)

    with pytest.raises(TooManyAttempts):
        guess(GUESSES_AN_HOUR)
    with pytest.raises(TooManyAttempts):  # nor is the right pair told from the wrong ones now
        run("501", Asker(contact_id=5000), "+79170000001")
    owner = Asker(contact_id=7, proofs=(("phone", "+79170000001", "shared"),))
    assert run("501", owner).facts["is_full"]
    assert run("502", Asker(contact_id=8), "+79170000002").facts["status"]
