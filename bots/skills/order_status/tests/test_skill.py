import pytest

from bots.engine.base import Asker
from bots.skills.base import Effect, NotFound, SkillContext, as_tool, skill, skills
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
