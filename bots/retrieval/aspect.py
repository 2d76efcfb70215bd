"""The other aspect of a Russian verb: "подшиваете" asks of what the text calls "подшить".

By endings alone, both ways; most of what is made are no words, so the caller keeps those that the
texts have. Pairs of different roots ("брать", "взять") are the glossary's.
"""

from __future__ import annotations

from functools import lru_cache

# Of a verb that goes on → of one that is done.
_ENDS = (
    ("ивать", ("ить", "ать", "ять", "еть", "нуть")),
    ("ывать", ("ать", "ыть", "ить")),
    ("евать", ("еть", "ить")),
    ("вать", ("ть",)),
    ("ать", ("ить", "нуть")),
    ("ять", ("ить",)),
)
# What the end of the root becomes between the two: "возвращать", "возвратить".
_ROOT_ENDS = (
    ("щ", "т"), ("щ", "ст"), ("ч", "т"), ("ж", "д"), ("ж", "з"), ("жд", "д"), ("ш", "с"),
    ("вл", "в"), ("пл", "п"), ("бл", "б"), ("мл", "м"),
)  # fmt: skip
_VOWELS = (("о", "а"),)  # "спросить", "спрашивать"
SHORTEST = 5


@lru_cache(maxsize=4096)
def other_aspect(lemma: str) -> tuple[str, ...]:
    """Candidates for a folded infinitive; reflexive verbs stay reflexive."""
    plain = lemma.removesuffix("ся")
    if len(plain) < SHORTEST or not plain.endswith("ть"):
        return ()
    made = dict.fromkeys((*_done(plain), *_going_on(plain)))
    made.pop(plain, None)
    return tuple(one + lemma[len(plain) :] for one in made)


def _done(verb: str) -> list[str]:
    found = []
    for end, others in _ENDS:
        root = verb.removesuffix(end)
        if root != verb and len(root) >= 2:
            found += [one + other for one in _roots(root) for other in others]
    return found


def _going_on(verb: str) -> list[str]:
    """The same read backwards."""
    found = []
    for end, others in _ENDS:
        for other in others:
            root = verb.removesuffix(other)
            if root == verb or len(root) < 2:
                continue
            roots = [root]
            for to, end_of_root in _ROOT_ENDS:
                stem = root.removesuffix(end_of_root)
                if stem != root:
                    roots.append(stem + to)
            found += [one + end for one in _with_vowels(roots, back=True)]
    return found


def _roots(root: str) -> list[str]:
    roots = [root]
    for end, other in _ROOT_ENDS:
        stem = root.removesuffix(end)
        if stem != root:
            roots.append(stem + other)
    return _with_vowels(roots)


def _with_vowels(roots: list[str], *, back: bool = False) -> list[str]:
    """Each root as it is, and with its last vowel as the other aspect has it."""
    made = list(roots)
    for one in roots:
        for done, going_on in _VOWELS:
            vowel, other = (done, going_on) if back else (going_on, done)
            at = one.rfind(vowel)
            if at > 0:
                made.append(one[:at] + other + one[at + 1 :])
    return made
