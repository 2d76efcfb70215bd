"""The demo world is whole: enough of everything, and nothing refers to what is not there."""

from collections import Counter

import pytest
import yaml

from config.demo import make_feeds, world

HERE = world.DATA.parent


@pytest.mark.parametrize(("merchant", "least"), [("demo", 300), ("second", 120)])
def test_feeds_have_enough_offers_with_unique_ids(merchant, least):
    ids = [offer.id for offer in world.offers(merchant)]

    assert len(ids) >= least
    assert len(set(ids)) == len(ids)


def test_committed_files_are_what_the_script_makes():
    made = make_feeds.outputs()

    stale = [str(path) for path, text in made.items() if path.read_text("utf-8") != text]
    pictures = set((HERE / "static" / "demo").glob("*.svg"))

    assert stale == []
    assert pictures == {path for path in made if path.suffix == ".svg"}


@pytest.mark.parametrize("merchant", world.MERCHANTS)
def test_every_picture_of_a_feed_is_served_by_us(merchant):
    text = world.feed_bytes(merchant, base="http://demo.localhost").decode()

    for line in text.splitlines():
        if "<picture>" in line:
            address = line.strip().removeprefix("<picture>").removesuffix("</picture>")
            assert address.startswith("http://demo.localhost/static/demo/")
            assert (HERE / address.removeprefix("http://demo.localhost/")).exists()


@pytest.mark.parametrize(("merchant", "least"), [("demo", 40), ("second", 20)])
def test_every_article_is_there_in_both_languages(merchant, least):
    languages = Counter(article.external_id for article in world.articles(merchant))

    assert len(languages) >= least
    assert set(languages.values()) == {2}
    assert all(article.title and article.text for article in world.articles(merchant))


def test_sixty_orders_buy_what_the_shops_sell():
    orders = [(merchant, order) for merchant in world.MERCHANTS for order in world.orders(merchant)]

    assert len(orders) == 60
    assert len({order["number"] for _, order in orders}) == 60
    for merchant, order in orders:
        prices = {offer.id: float(offer.price) for offer in world.offers(merchant)}
        goods = sum(prices[item["offer_id"]] * item["qty"] for item in order["items"])
        assert float(order["sum"]) == goods + float(order["delivery"]["cost"])


def test_several_buyers_have_several_orders_and_some_buy_in_both_shops():
    phones = {m: Counter(order["phone"] for order in world.orders(m)) for m in world.MERCHANTS}

    assert sum(count > 1 for count in phones["demo"].values()) >= 8
    assert set(phones["demo"]) & set(phones["second"])


@pytest.mark.parametrize("merchant", world.MERCHANTS)
def test_scripts_and_templates_are_well_formed(merchant):
    buyers = yaml.safe_load((HERE / "tables" / "orders.yaml").read_text("utf-8"))["buyers"]
    scripts = world.read_yaml(merchant, "dialogues")
    templates = world.read_yaml(merchant, "templates")

    assert len({script["key"] for script in scripts}) == len(scripts)
    for script in scripts:
        assert script.get("buyer") is None or script["buyer"] in buyers
        assert all(len(turn) == 1 for turn in script["turns"])
        assert {key for turn in script["turns"] for key in turn} <= {
            "buyer", "agent", "note", "return", "resolve",
        }  # fmt: skip
    for template in templates:
        assert set(template["text"]) == {"ru", "en"}


def test_texts_have_no_exclamation_marks():
    for path in world.DATA.rglob("*"):
        if path.suffix in (".md", ".yaml"):
            text = path.read_text("utf-8")
            assert "!" not in text, path.name
