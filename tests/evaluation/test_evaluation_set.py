"""The set itself is sound: balanced, unique, and every expected fact is really in its source."""

import re
from collections import Counter

import pytest

from bots.retrieval import matters
from config.demo import world
from tests.evaluation import baselines
from tests.evaluation.cases import PARTS, is_held_out, load
from tests.evaluation.score import normal, says

DECISIONS = {"answer", "handover", "refuse", "clarify"}
LEAST = {
    "typo": 30, "layout": 15, "translit": 15, "followup": 30, "near_duplicate": 25,
    "out_of_scope": 35, "person": 30, "injection": 20, "comparison": 10, "multi_question": 10,
    "smalltalk": 10,
}  # fmt: skip


def documents():
    found = {}
    for merchant in world.MERCHANTS:
        for one in [*world.documents(merchant), *world.order_documents(merchant)]:
            key = (merchant, one.ref)
            found[key] = found.get(key, "") + normal(f"{one.title}\n{one.text}\n")
    return found


DOCUMENTS = documents()


def test_there_are_enough_cases_of_every_kind():
    tags = Counter(tag for case in load() for tag in case.tags)
    articles = Counter(case.lang for case in load() if "article" in case.tags)
    fields = [c for c in load() if {"price", "stock", "size", "colour"} & set(c.tags)]
    orders = [c for c in load() if {"own_order", "foreign_order"} & set(c.tags)]

    assert len(load()) >= 300
    assert {tag: tags[tag] for tag, least in LEAST.items() if tags[tag] < least} == {}
    assert articles["ru"] >= 60
    assert articles["en"] >= 25
    assert len(fields) >= 40
    assert len(orders) >= 15


def test_ids_are_unique_and_each_case_is_in_the_part_its_id_says():
    ids = [case.id for case in load()]

    assert len(ids) == len(set(ids))
    assert [c.id for c in load() if (c.part == "held_out") != is_held_out(c.id)] == []
    # Cases of these tags are all open: their ids were chosen so.
    chosen = {"fresh", "neighbours", "buyers", "limits", "calls"}
    drawn = [case for case in load() if not chosen & set(case.tags)]
    assert 0.28 < len(load("held_out")) / len(drawn) < 0.40


@pytest.mark.parametrize("part", PARTS)
def test_cases_have_the_agreed_shape(part):
    for case in load(part):
        assert set(case.raw) <= {"id", "merchant", "lang", "tags", "messages", "contact", "expect"}
        assert set(case.raw["expect"]) <= {
            "decision", "sources", "must_contain", "must_not_contain",
        }  # fmt: skip
        assert case.merchant in world.MERCHANTS
        assert case.lang in ("ru", "en")
        assert case.tags
        assert set(case.decisions) <= DECISIONS, case.id
        assert case.messages[-1]["role"] == "buyer"
        for message in case.messages:
            assert set(message) == {"role", "text"}
            assert isinstance(message["text"], str)
            assert message["text"]
        for option in [*case.must_not_contain, *(o for group in case.must_contain for o in group)]:
            assert isinstance(option, str), case.id
            if option.startswith("re:"):
                re.compile(option[3:])


def test_every_source_exists():
    missing = [
        (case.id, ref)
        for case in load()
        for ref in case.sources
        if ref != "hours:" and (case.merchant, ref) not in DOCUMENTS
    ]

    assert missing == []


def test_every_expected_figure_is_really_in_a_source():
    wrong = []
    for case in load():
        texts = [DOCUMENTS[case.merchant, ref] for ref in case.sources if ref != "hours:"]
        for group in case.must_contain:
            figures = [option for option in group if re.search(r"\d", option)]
            if not figures or any("\\d" in option for option in figures):
                continue
            if not any(says(option, text) for option in figures for text in texts):
                wrong.append((case.id, figures))

    assert wrong == []


def test_an_expected_fact_is_not_also_forbidden():
    for case in load():
        for group in case.must_contain:
            assert set(group) - set(case.must_not_contain), case.id


def test_baselines_find_something_and_not_everything():
    for kind in ("bm25", "tfidf"):
        share = baselines.right_source_first(load("open"), kind)
        assert 0.3 < share < 0.95, (kind, share)


def test_no_wording_the_answerer_learns_from_is_nearly_a_case():
    """Of either part. Three words or more; shorter ones are anybody's."""
    cases = [frozenset(matters.telling_words(case.messages[-1]["text"])) for case in load()]
    read = (line for line in matters.WORDINGS.read_text("utf-8").split("# ")[1:])
    wordings = [one for block in read for one in block.partition("\n")[2].split("/")]
    told = [frozenset(matters.telling_words(one)) for one in wordings]
    near = sum(
        any(len(one & case) >= 0.75 * len(one | case) for case in cases)
        for one in told
        if len(one) >= 3
    )

    assert len(told) > 2500
    assert near == 0
