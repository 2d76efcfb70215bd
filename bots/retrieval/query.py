"""A question as weighted terms: what each word may be in the texts, and how much it matters."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from bots.retrieval.glossary import Key, place_keys
from bots.retrieval.morphology import Word, analyse, is_russian
from bots.retrieval.repair import Repaired, repair
from bots.retrieval.text import Token, tokens, words
from bots.retrieval.vocabulary import Vocabulary

_POS_WEIGHT = {
    "NOUN": 1.0, "LATN": 1.0, "UNKN": 1.0, "NUMB": 0.6, "ADJF": 0.85, "ADJS": 0.7, "PRTF": 0.8,
    "PRTS": 0.7, "VERB": 0.6, "INFN": 0.6, "GRND": 0.5, "ADVB": 0.4, "COMP": 0.5, "PRED": 0.2,
    "NUMR": 0.3, "PREP": 0.0, "CONJ": 0.0, "PRCL": 0.0, "NPRO": 0.0, "INTJ": 0.0,
}  # fmt: skip

# Words that carry the manner of a question, not its matter (lemmas and English stems).
STOP = words("""
быть мочь можно хотеть хотеться подсказать сказать рассказать посоветовать интересовать
интересоваться интересно какой ваш мой твой наш свой нужный нужно надо здравствуйте здравствовать
здравствуй привет добрый день вечер утро пожалуйста спасибо сколько как где когда что это такой
весь ещё вообще например случай узнать знать понять уточнить вопрос вы я мы он она они тут там вот
который чей ли же бы или и а но не нет да если то чтобы для на в с по к о об от до из за у при про
без под над между через только уже тоже также очень самый сам один мочь смочь получиться должен
скажите подскажите помочь помогать пожалуй просто значит короче хороший хорошо нормально ладно
сделать делать стать давать дать иметься иметь именно точно правда другой любой каждый кто куда
откуда почему зачем насколько дело человек думать писать написать видеть смотреть посмотреть
искать найти нравиться понравиться вдруг ок окей пока сейчас теперь потом всё-таки итак ой
надеяться верно считать чём вещь товар штука модель вариант продавать продаваться бывать
представить находить хватать пойти идти прийти ходить начать начинать снова рядом скока скоко скок
чё чо щас плиз пж пжл пжлст ска раз впервые несколько реально обычно правильно обязательно обязательный условие жить иначе
a an the i me my we our us you your he she it its they them this that these those is am are was
were be been do doe did have has had can could would should will shall may might must of in on at to
for from by with about as and or but if then than so not no yes ok okay pleas thank thanks hi hello
hey there here what which who when where why how much mani ani some also just onli veri want need
like know tell find look see let get got give make sell one thing item product i'm i'd i'll it i've
don't doesn't isn't can't what's where's whether exact someon someth anyth kind possibl anoth come go take good start tell mean way use person peopl myself yourself still alreadi realli actual
""")
WEAK_FACTOR = 0.35
# A turn reads the same words several times, and so do buyers.
QUESTIONS_KEPT = 200
# They say what is asked about a thing; the thing itself weighs more.
WEAK = words("""
цена стоимость стоить почём почем ценник купить приобрести взять брать наличие остаться остаток
размер цвет цветной расцветка магазин работать покупка покупать приобретать рост появиться
появляться поступить поступление получить получать пара дешёвый недорогой дешевле бюджетный подешевле заказ
price cost expens stock avail buy purchas size color colour store shop left receiv pair cheap cheaper cheapest order
""")


@dataclass(slots=True)
class Term:
    """`keys`: what the word is in the texts; `kin`: words of the same root, a weaker sign."""

    word: str
    token: Token
    pos: str
    weight: float
    exact: list[Key]
    near: list[Key] = field(default_factory=list)
    kin: list[Key] = field(default_factory=list)
    count: int = 0  # passages with any of the keys, at most
    corrected: str = ""
    is_weak: bool = False
    is_number: bool = False
    # How telling the word is among articles and among products, 0…1.
    rarity: float = 1.0
    article_rarity: float = 1.0
    importance: float = 1.0  # by part of speech, before rarity
    is_place: bool = False

    @property
    def keys(self) -> list[Key]:
        return [*self.exact, *self.near]

    def among(self, kind: str) -> Term:
        rarity = self.article_rarity if kind == "article" else self.rarity
        weight = self.importance * max(0.3, rarity) * (WEAK_FACTOR if self.is_weak else 1.0)
        return replace(self, weight=weight)

    @property
    def is_present(self) -> bool:
        return self.count > 0

    @property
    def lemma(self) -> str:
        return self.exact[0][0] if self.exact else self.word


@dataclass(slots=True)
class Query:
    """`text` is the question as meant; `terms` are its words that matter, in order."""

    asked: str
    text: str
    lang: str
    repaired: str
    terms: list[Term]
    lemmas: tuple[str, ...]  # of every word, stop words too: intents are read from these
    vocabulary: Vocabulary

    def among(self, kind: str) -> Query:
        """The same question with its words weighed as texts of one kind have them."""
        return replace(self, terms=[term.among(kind) for term in self.terms])

    @property
    def total(self) -> float:
        return sum(term.weight for term in self.terms)


def understand(text: str, vocabulary: Vocabulary, lang: str = "ru") -> Query:
    """What was meant, with typos, layout and Latin spelling put right."""
    known = vocabulary.questions.get((text, lang))
    if known is None:
        if len(vocabulary.questions) >= QUESTIONS_KEPT:
            vocabulary.questions.clear()
        known = vocabulary.questions[text, lang] = _understand(text, vocabulary, lang)
    # Terms are shared and not changed; the list is the caller's own.
    return replace(known, terms=list(known.terms))


def _understand(text: str, vocabulary: Vocabulary, lang: str) -> Query:
    repaired: Repaired = repair(text, default=lang, is_known=vocabulary.has)
    found = list(tokens(repaired.text))
    read: list[tuple[Token, Word, str]] = []
    for token in found:
        fixed = [] if token.is_number else vocabulary.correct(token.text)
        if fixed:
            for word in fixed:
                made = Token(word, token.start, token.end)
                read.append((made, analyse(word), token.text))
        else:
            read.append((token, analyse(token.text), ""))
    terms = _terms(_without_units(read), vocabulary)
    lemmas = tuple(word.lemma for _, word, _ in read)
    return Query(text, repaired.text, repaired.lang, repaired.how, terms, lemmas, vocabulary)


_UNITS = words("""
см мм м метр сантиметр миллиметр кг килограмм г грамм л литр мл миллилитр вт ватт мач год лет месяц
день час минута неделя руб рубль р ₽ тысяча тыс шт штука дюйм градус процент гб тб mah cm mm kg g l
ml w gb tb inch year month day hour minut week ruble rub degre piec pcs
""")


def _without_units(read: list[tuple[Token, Word, str]]) -> list[tuple[Token, Word, str]]:
    """ "3 метра" asks for a 3: the unit says what kind of number, and is not looked for."""
    return [
        item
        for at, item in enumerate(read)
        if not (at and read[at - 1][0].is_number and item[1].lemma in _UNITS)
    ]


def _terms(read: list[tuple[Token, Word, str]], vocabulary: Vocabulary) -> list[Term]:
    terms: list[Term] = []
    at = 0
    glossary = vocabulary.glossary
    while at < len(read):
        size = 1
        for length in range(min(glossary.longest, len(read) - at), 1, -1):
            key = tuple(word.lemma for _, word, _ in read[at : at + length])
            if key in glossary and not all(part in STOP for part in key):
                size = length
                break
        if size > 1:
            token, _, typed = read[at]
            last = read[at + size - 1][0]
            key = tuple(word.lemma for _, word, _ in read[at : at + size])
            term = Term(
                " ".join(t.text for t, _, _ in read[at : at + size]),
                Token(token.text, token.start, last.end),
                "NOUN",
                1.0,
                [key],
                corrected=typed,
            )
            _enrich(term, vocabulary)
            term.kin = [(word,) for word in key if vocabulary.count(word) and word not in STOP]
            if term.is_present:
                terms.append(term)
                at += size
                continue
        if term := _term(*read[at], vocabulary):  # type: ignore[assignment]
            terms.append(term)
        at += 1
    return terms


def _term(token: Token, word: Word, typed: str, vocabulary: Vocabulary) -> Term | None:
    if any(lemma in STOP for lemma in word.lemmas) or token.text in STOP:
        return None
    weight = 0.6 if token.is_number else _POS_WEIGHT.get(word.pos, 0.6)
    if token.is_code:
        weight = 1.0
    if len(token.text) == 1 and not token.is_number:
        weight = min(weight, 0.3)
    if weight == 0.0:
        return None
    term = Term(
        typed or token.text,
        token,
        word.pos,
        weight,
        [(lemma,) for lemma in word.lemmas],
        corrected=token.text if typed else "",
        is_number=token.is_number,
    )
    term.is_weak = any(lemma in WEAK for lemma in word.lemmas)
    kinds = place_keys(token.text, word.lemma, word.is_place)
    if kinds:
        term.is_place = True
        named = [word.lemma, *(key[0] for key in vocabulary.glossary.meanings((word.lemma,)))]
        if not any(vocabulary.count(lemma) for lemma in named):
            term.near += kinds
    _enrich(term, vocabulary)
    return term


def _enrich(term: Term, vocabulary: Vocabulary) -> None:
    for key in term.exact:
        term.near += [near for near in vocabulary.glossary.meanings(key) if near not in term.near]
    if not term.is_number and len(term.exact[0]) == 1:
        for lemma, *_rest in term.exact[:1]:
            known = {key[0] for key in term.keys}
            kin = vocabulary.kin(lemma)
            if term.word.startswith("не") and len(term.word) > 6 and not vocabulary.count(lemma):
                kin += [w for w in analyse(term.word[2:]).lemmas if vocabulary.count(w)]
            if not any(vocabulary.count(key[0]) for key in term.keys):
                kin += vocabulary.slips(term.word)
            term.kin = [(one,) for one in dict.fromkeys(kin) if one not in known]
    counts = [min(vocabulary.count(part) for part in key) for key in term.keys]
    term.count = sum(counts)
    known = [key[0] for key, n in zip(term.keys, counts, strict=True) if n]  # type: ignore[assignment]
    # A word the texts do not have weighs like the rarest one: it is what they lack.
    term.rarity = min((vocabulary.rarity(w, "product") for w in known), default=1.0)
    term.article_rarity = min((vocabulary.rarity(w, "article") for w in known), default=1.0)
    if not known and term.pos in ("VERB", "INFN", "GRND", "ADVB", "PRTS", "PRTF"):
        # Deeds are said in many words; their lack tells less than a thing's.
        term.weight *= 0.6
    term.importance = term.weight
    term.weight *= max(0.3, min(term.rarity, term.article_rarity))
    if term.is_weak:
        term.weight *= WEAK_FACTOR
    if term.pos == "NOUN" and not known and not term.is_number:
        term.near += [(word,) for word in vocabulary.sounds_like(term.word)]
        term.count = sum(vocabulary.count(key[0]) for key in term.near)


def is_cyrillic(text: str) -> bool:
    return any(map(is_russian, text.lower()))
