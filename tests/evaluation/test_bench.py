import pytest

from config.bench import answers
from tests.evaluation.cases import load

pytestmark = pytest.mark.slow


def perfect(case):
    kind, _, external_id = (case.sources or ("article:",))[0].partition(":")
    text = " ".join(group[0].removeprefix("re:") for group in case.must_contain)
    source = {"kind": kind, "id": 1, "external_id": external_id, "title": ""}
    return {"text": text, "decision": case.decisions[0], "sources": [source]}


def refusing(case):
    return {"text": "Не нашёл. Позвать человека?", "decision": "refuse", "sources": []}


def test_goals_can_be_computed_from_figures_of_each_part():
    result = answers.run("default", perfect)

    assert result["bench"] == "answers"
    assert result["figures"]["cases"] == len(load())
    for goal in result["goals"]:
        assert goal["value"] == result["figures"][goal["figure"]], goal
    assert set(result["reference"]) == {
        f"{kind}{part}_right_source_first"
        for kind in ("bm25", "tfidf")
        for part in ("", "_open", "_held_out")
    }


def test_refusing_everything_meets_no_goal_of_finding():
    result = answers.run("open", refusing)
    met = {goal["figure"]: goal["met"] for goal in result["goals"]}

    assert met["honest_refusals"]
    assert met["wrong_confident"]
    assert not met["right_source_first"]
    assert not met["person_understood"]
    assert result["figures"]["answered"] == 0
