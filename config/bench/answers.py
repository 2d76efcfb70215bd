"""`answers`: what the bot says to the evaluation set, with no model and no key.

The same questions go to two plain searches over the same documents; they can only be compared by
which source they put first. Needs the demo merchants: they are seeded (without conversations)
where they are missing.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

Answer = dict[str, Any]


def run(size: str = "default", answer: Callable[[Any], Answer] | None = None) -> dict[str, Any]:
    """`size`: "default" asks everything, "open" only the part that may be tuned on, "small" every
    fifth question. `answer`: case → preview; the product's own preview where not given.
    """
    from tests.evaluation import baselines, score
    from tests.evaluation.cases import PARTS, load

    cases = load("open" if size == "open" else None)
    if size == "small":
        cases = cases[::5]
    answer = answer or preview_of_demo()
    verdicts, spent_ms = [], []
    for case in cases:
        begun = perf_counter()
        given = answer(case)
        spent_ms.append((perf_counter() - begun) * 1000)
        verdicts.append(score.judge(case, given))
    report = score.report(verdicts)
    figures = dict(report["all"])
    for part in (*PARTS, "first", "fresh", "neighbours", "buyers", "limits"):
        if report[part]["cases"]:
            figures |= {f"{part}_{name}": value for name, value in report[part].items()}
    spent_ms.sort()
    figures["ms_p50"] = round(spent_ms[len(spent_ms) // 2], 1)
    figures["ms_p95"] = round(spent_ms[int(len(spent_ms) * 0.95)], 1)
    reference = {}
    for kind in ("bm25", "tfidf"):
        reference[f"{kind}_right_source_first"] = baselines.right_source_first(cases, kind)
        for part in PARTS:
            of_part = [case for case in cases if case.part == part]
            if of_part:
                found = baselines.right_source_first(of_part, kind)
                reference[f"{kind}_{part}_right_source_first"] = found
    goals = score.goals(report["all"])
    for part in PARTS:
        if report[part]["cases"]:
            goals += score.goals(report[part], prefix=f"{part}_")
    return {
        "bench": "answers",
        "figures": figures,
        "reference": reference,
        "goals": goals,
        "tags": report["tags"],
        "faults": report["faults"],
    }


def preview_of_demo() -> Callable[[Any], Answer]:
    """A function that asks the demo merchants' own bots, as the preview page does."""
    from bots.engine.base import Asker, Said
    from bots.models import Bot
    from bots.services.preview import preview
    from config.demo import seed, world
    from tenants.kernel.context import merchant_context

    schemas = {slug: seed.merchant_ensure(slug) for slug in world.MERCHANTS}

    def answer(case: Any) -> Answer:
        contact = case.contact or {}
        proof = "code" if contact.get("verified") else "claimed"
        asker = Asker(
            name=contact.get("name", ""),
            proofs=tuple((k, contact[k], proof) for k in ("phone", "email") if contact.get(k)),
        )
        with merchant_context(schemas[case.merchant]):
            bot = Bot.objects.select_related("published").order_by("pk").first()
            assert bot is not None
            said = [Said(message["role"], message["text"]) for message in case.messages]
            return preview(bot=bot, messages=said, asker=asker)

    return answer
