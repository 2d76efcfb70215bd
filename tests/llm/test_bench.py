import pytest

from config.bench import llm

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


def test_the_bench_measures_and_leaves_nothing_behind(alpha):
    from bots.models import ModelAccount, ModelCall

    report = llm.run("small")

    figures, reference = report["figures"], report["reference"]
    assert figures["calls"] == 90
    for kind in ("whole", "stream"):
        assert reference[f"bare_{kind}_cpu_ms"] > 0
        assert figures[f"call_{kind}_cpu_ms"] > 0
    assert [goal["figure"] for goal in report["goals"]] == [
        "layer_whole_cpu_ms",
        "layer_stream_cpu_ms",
    ]
    with alpha.inside():
        assert not ModelAccount.objects.exists()
        assert not ModelCall.objects.exists()
