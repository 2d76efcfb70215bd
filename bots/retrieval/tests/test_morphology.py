from bots.retrieval.morphology import analyse


def test_a_part_of_speech_is_a_plain_string():
    """pymorphy's own raises when it is compared with a mark of ours."""
    for word in ("примете", "мини", "стали", "платье", "dress", "46"):
        assert type(analyse(word).pos) is str
        assert analyse(word).pos not in ("MARK", "OTHER")
