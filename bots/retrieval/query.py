"""A question as weighted terms: what each word may be in the texts, and how much it matters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise

from bots.retrieval.aspect import other_aspect
from bots.retrieval.concepts import concepts
from bots.retrieval.glossary import Key, is_country, place_keys
from bots.retrieval.morphology import Word, analyse, is_russian
from bots.retrieval.repair import ENGLISH, Repaired, repair
from bots.retrieval.text import Token, fold, tokens, words
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
надеяться нибудь либо верно считать чём вещь товар штука модель вариант продавать продаваться бывать
представить находить хватать пойти идти прийти ходить начать начинать снова рядом скока скоко скок
чё чо щас хачу хочю плиз пж пжл пжлст ска раз впервые несколько реально обычно правильно возможный возможно обязательно обязательный условие жить иначе
a an the i me my we our us you your he she it its they them this that these those is am are was
were be been do doe did have has had can could would should will shall may might must of in on at to
for from by with about as and or but if then than so not no yes ok okay pleas thank thanks hi hello
hey there here what which who when where why how much mani ani some also just onli veri want need
like know tell find look see let get got give make sell one thing item product i'm i'd i'll it i've
don't all ever even else us разок позиция doesn't isn't can't what's where's whether exact someon someth anyth somewher anywher anybodi everyth kind possibl anoth come go take good start tell mean way use person peopl myself yourself still alreadi realli actual
""")
WEAK_FACTOR = 0.35
# A turn reads the same words several times, and so do buyers.
QUESTIONS_KEPT = 200
# They say what is asked about a thing; the thing itself weighs more.
WEAK = words("""
цена стоимость стоить почём почем ценник купить приобрести взять брать наличие остаться остаток
размер цвет цветной расцветка магазин работать покупка покупать приобретать рост появиться
появляться поступить поступление получить получать интернет онлайн пара дешёвый недорогой дешевле бюджетный подешевле заказ
internet onlin price cost expens stock avail buy purchas size color colour store shop left receiv pair cheap cheaper cheapest order
""")

# Whom it is for, where one lives, how one feels: told beside a question, seldom asked about.
ASIDE = words("""
мама папа мать отец муж жена подруга друг приятель сестра брат бабушка дедушка тётя дядя тёща
свекровь племянник племянница внук внучка коллега начальник сосед соседка гость родитель
родственник знакомый семья дом квартира жить проживать отпуск командировка отъезд поездка вчера
позавчера недавно давно заранее успеть успевать решить собираться планировать волноваться бояться
переживать удобный неудобный дорогой уважаемый кажется наверное наверно возможно обещать
вечер обед ночь праздник свадьба вечеринка выходные дача офис руль машина соседний улица район
хозяин руки рука глаз проблема ситуация сожаление досада счастье радость
tonight even morn noon parti wed holiday weekend offic street
mom mum mother dad father husband wife friend sister brother grandma grandmother boss neighbour
neighbor famili home flat live yesterday recent mayb perhap probabl hope wonder kind wait problem
elsewher
""")
ASIDE_FACTOR = 0.3
# English words carry no part of speech here: these are deeds and manners rather than things.
LIGHT = words("""
now then soon put keep bring send chang stop start tri choos pick pay happen work call ask wear fit
new old other differ better best good bad nice pretti big small long short more less few next last
befor after until again away back off out over into onto without within upon around near far today
tomorrow later earli late alway never often usual exactli realli quick fast slow easi hard abl sure
own everi each both either enough quit rather too much most least while becaus someon anyon won
travel type set move fill reach show add remov enter expect receiv arriv leav live visit drive walk
carri hold lift charg spend save share cover lose miss forget rememb confirm messag choos switch measur
shrink stretch fade damag begin front side top myself must let make made done seen bought order cheap expens right wrong
""")
WHEN = words("""
понедельник вторник среда четверг пятница суббота воскресенье январь февраль март апрель май июнь
июль август сентябрь октябрь ноябрь декабрь monday tuesday wednesday thursday friday saturday sunday
""")
UNKNOWN_DEED = 0.5
DEEDS = frozenset({"VERB", "INFN", "GRND", "PRTF", "PRTS"})


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
    is_kind_of_place: bool = False  # not named in the texts: its kind is looked for
    is_concept: bool = False  # several words understood as one (bots.retrieval.concepts)

    @property
    def keys(self) -> list[Key]:
        return [*self.exact, *self.near]

    def among(self, kind: str) -> Term:
        rarity = self.article_rarity if kind == "article" else self.rarity
        if kind == "article" and rarity == 1.0 and self.pos in ("ADJF", "PRTF", "ADVB"):
            rarity = 0.5  # what kind of thing: articles tell of things of any kind
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


NAME = "NAME"


def _capitalised(text: str, found: list[Token], vocabulary: Vocabulary) -> set[int]:
    """Where words stand that are written as names are: "Из чего сшит Вечер?"."""
    if text.isupper() or len(fold(text)) != len(text):
        return set()
    return {
        token.start
        for before, token in pairwise(found)
        if text[token.start].isupper()
        and text[token.start : token.end].istitle()
        and text[before.end : token.start].isspace()
        and not before.text.startswith("добр")
        and not (len(token.text) < 3 and analyse(token.text).lemma in STOP)
        and any(vocabulary.in_products(lemma) for lemma in analyse(token.text).lemmas)
    }


_QUOTED = re.compile(r'"[^"]{2,40}"')


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
        is_fine = token.is_number or token.text in STOP
        fixed = [] if is_fine else vocabulary.correct(token.text)
        if fixed:
            for word in fixed:
                made = Token(word, token.start, token.end)
                read.append((made, analyse(word), token.text))
        else:
            read.append((token, analyse(token.text), ""))
    names = _capitalised(repaired.text, found, vocabulary)
    quoted = [match.span() for match in _QUOTED.finditer(fold(repaired.text))]
    if quoted or names:  # «Спокойно» is a name whatever part of speech the word is
        read = [
            (token, replace(word, pos=NAME), typed)
            if word.pos != "NUMB"
            and (token.start in names or any(s <= token.start < e for s, e in quoted))
            else (token, word, typed)
            for token, word, typed in read
        ]
    terms = _terms(_without_units(read), vocabulary)
    _put_aside(fold(repaired.text), terms)
    lemmas = tuple(word.lemma for _, word, _ in read)
    return Query(text, repaired.text, repaired.lang, repaired.how, terms, lemmas, vocabulary)


# "не в постамат, а до двери", "not an exchange but a refund": what is not asked about.
_NOT_THIS = re.compile(
    r"\b(?:не (?:[а-я]{1,3} )?|not (?:by |in |to |an? |the )*)"
    r"(?P<this>[^\W\d_]{4,}(?: [^\W\d_]+){0,2}?),? (?:а|but) "
)


def as_meant(text: str) -> str:
    """Without what is said not to be asked about."""
    return _NOT_THIS.sub(" ", fold(text))


def _put_aside(text: str, terms: list[Term]) -> None:
    for found in _NOT_THIS.finditer(text):
        for term in terms:
            is_this = found.start("this") <= term.token.start < found.end("this")
            is_this = is_this and not term.is_concept
            if is_this and term.pos in ("NOUN", "LATN", "INFN"):
                term.importance *= ASIDE_FACTOR
                term.weight *= ASIDE_FACTOR
                term.is_weak = True


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
    meant, merged = _meant(read, vocabulary)
    while at < len(read):
        terms += meant.get(at, ())
        if at in merged:
            term = _term(*read[at], vocabulary)
            is_thing = term and term.pos in ("NOUN", "LATN", "NUMB") and term.lemma not in LIGHT
            if term and is_thing and not term.is_weak:
                term.importance *= BESIDE
                term.weight *= BESIDE
                if term.is_present:
                    terms.append(term)
            at += 1
            continue
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
        if term := _last_name(read, at, vocabulary) or _term(*read[at], vocabulary):
            terms.append(term)
        at += 1
    return terms


_ORDINALS = words("первый второй третий четвёртый пятый шестой седьмой восьмой девятый десятый")
# "а вторые?" of what is called "Лайт 2"
_ORDER = {"второй": "2", "третий": "3", "четвертый": "4", "пятый": "5"}


# English forms that no stemmer brings together.
_FORMS = """
found:find bought:buy sent:send got:get gotten:get broke:break broken:break tore:tear torn:tear wore:wear
worn:wear paid:pay came:come lost:lose took:take taken:take gave:give given:give sold:sell made:make
kept:keep shrank:shrink shrunk:shrink left:leave went:go gone:go said:say told:tell brought:bring
chose:choose chosen:choose forgot:forget forgotten:forget held:hold met:meet sat:sit spent:spend
stood:stand threw:throw thrown:throw wrote:write written:write knew:know known:know saw:see seen:see
unpaid:pay children:child feet:foot men:man women:woman
"""
IRREGULAR = dict(pair.split(":") for pair in _FORMS.split())


_COMPOUND = re.compile(
    r"(дву[хм]|тр[её]х|четыр[её]х|пяти|шести|семи|восьми|девяти|десяти)"
    r"(?:метр|литр|кил|дюйм|мест|камер|слой|скорост|программ|палат|тер)"
)
_GENITIVES = {
    "двух": "2", "двум": "2", "трех": "3", "четырех": "4", "пяти": "5", "шести": "6", "семи": "7",
    "восьми": "8", "девяти": "9", "десяти": "10",
}  # fmt: skip


def _in_compound(lemma: str) -> str:
    """ "двухметровый" asks for a 2."""
    found = _COMPOUND.match(lemma)
    return _GENITIVES[found[1]] if found else ""


def _is_stop(token: Token, word: Word) -> bool:
    if token.text in STOP or word.lemma in STOP:
        return True
    return word.pos != "NOUN" and any(lemma in STOP for lemma in word.lemmas)


def _last_name(read: list[tuple[Token, Word, str]], at: int, vocabulary: Vocabulary) -> Term | None:
    """ "а про?": a preposition with nothing after it is a name."""
    token, word, typed = read[at]
    if at + 1 < len(read) or word.pos != "PREP" or len(token.text) < 3:
        return None
    names: list[Key] = [(one,) for one in vocabulary.sounds_like(token.text)]
    if not names and not vocabulary.in_products(word.lemma):
        return None
    term = Term(typed or token.text, token, "NOUN", 1.0, [(word.lemma,)], near=names)
    _enrich(term, vocabulary)
    return term


_SPANS = words("день неделя месяц год час минута сутки полгода")
_NUMERALS = {
    word: str(number)
    for number, named in enumerate(
        (
            "один one", "два двое двойка two", "три трое тройка three", "четыре четвёрка four", "пять пятёрка five", "шесть six",
            "семь seven", "восемь eight", "девять nine", "десять ten",
        ),
        start=1,
    )
    for word in fold(named).split()
}  # fmt: skip


# What is left to say for the words of a turn of phrase, once it is understood as a whole.
BESIDE = 0.3


def _meant(
    read: list[tuple[Token, Word, str]], vocabulary: Vocabulary
) -> tuple[dict[int, list[Term]], set[int]]:
    """Turns of phrase as terms, by the place they begin at; and the places of their words."""
    meant: dict[int, list[Term]] = {}
    merged: set[int] = set()
    lacking: dict[int, Key] = {}  # what no text of the merchant tells of
    said_lemmas = [word.lemmas for _, word, _ in read]
    for at in range(1, len(read)):
        if read[at][0].text == "назад" and read[at - 1][1].lemma in _SPANS:
            said_lemmas[at] = ("ранее",)  # "неделю назад" tells when
    for places, keys in concepts(said_lemmas):
        if not any(all(vocabulary.count(part) for part in key) for key in keys):
            if places[0] not in meant and places[0] not in lacking:
                lacking[places[0]] = keys[0]
            continue
        if places[0] in lacking:
            continue  # what else it means is no answer where the matter itself is not told of
        first, last = read[places[0]][0], read[places[-1]][0]
        said = " ".join(read[at][0].text for at in places)
        term = Term(
            said,
            Token(first.text, first.start, last.end),
            "NOUN",
            1.0,
            list(keys[:1]),
            list(keys[1:]),
        )
        term.is_concept = True
        _enrich(term, vocabulary)
        if places[0] in meant:  # what else it means is a sign, not the matter
            term.pos, term.importance = "VERB", term.importance * 0.5
            term.weight *= 0.5
        meant.setdefault(places[0], []).append(term)
        merged.update(places)
    return meant, merged


def _term(token: Token, word: Word, typed: str, vocabulary: Vocabulary) -> Term | None:
    is_name = word.pos == NAME
    if is_name:
        word = replace(word, pos="NOUN")
    elif _is_stop(token, word):
        return None
    plain = IRREGULAR.get(token.text, "")
    if plain in STOP and not is_name:
        return None
    weight = 0.6 if token.is_number else _POS_WEIGHT.get(word.pos, 0.6)
    if token.is_code:
        weight = 1.0
    if len(token.text) == 1 and not token.is_number:
        weight = min(weight, 0.3)
    if word.pos == "LATN" and word.lemma in LIGHT:
        weight = 0.6
    if word.pos == "ADJF" and word.lemma in _ORDINALS:
        weight = 0.3
    if any(lemma in ASIDE for lemma in word.lemmas):
        weight *= ASIDE_FACTOR
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
    if plain:
        term.near.append((analyse(plain).lemma,))
    if digit := _NUMERALS.get(word.lemma) or _ORDER.get(word.lemma) or _in_compound(word.lemma):
        term.near.append((digit,))
    kinds = place_keys(token.text, word.lemma, word.is_place)
    if kinds:
        term.is_place = True
        named = [word.lemma, *(key[0] for key in vocabulary.glossary.meanings((word.lemma,)))]
        # Where goods are made is no place the shop's terms tell of; "Выборг" may be a name of goods.
        told_of = vocabulary.in_articles if is_country(token.text, word.lemma) else vocabulary.count
        if not any(map(told_of, named)):
            term.near += kinds
            term.is_kind_of_place = True
    _enrich(term, vocabulary)
    return term


def _enrich(term: Term, vocabulary: Vocabulary) -> None:
    for key in () if term.is_concept else term.exact:
        term.near += [near for near in vocabulary.glossary.meanings(key) if near not in term.near]
    if term.pos in DEEDS and not term.is_concept:
        pairs = [one for key in term.exact for one in other_aspect(key[0]) if vocabulary.count(one)]
        term.near += [(one,) for one in pairs if (one,) not in term.keys]
    if not term.is_number and len(term.exact[0]) == 1 and not term.is_concept:
        for lemma, *_rest in term.exact[:1]:
            known = {key[0] for key in term.keys}
            kin = vocabulary.kin(lemma)
            if term.word.startswith("не") and len(term.word) > 6 and not vocabulary.count(lemma):
                kin += [w for w in analyse(term.word[2:]).lemmas if vocabulary.count(w)]
            if not any(vocabulary.count(key[0]) for key in term.keys):
                kin += vocabulary.slips(term.word)
                if term.pos in ("VERB", "INFN", "GRND", "PRTF"):
                    kin += _without_prefix(lemma, vocabulary)
            term.kin = [(one,) for one in dict.fromkeys(kin) if one not in known]
    counts = [min(vocabulary.count(part) for part in key) for key in term.keys]
    term.count = sum(counts)
    known = [key[0] for key, n in zip(term.keys, counts, strict=True) if n]  # type: ignore[assignment]
    # A word the texts do not have weighs like the rarest one: it is what they lack.
    term.rarity = min((vocabulary.rarity(w, "product") for w in known), default=1.0)
    term.article_rarity = min((vocabulary.rarity(w, "article") for w in known), default=1.0)
    is_deed = term.pos in ("VERB", "INFN", "GRND", "ADVB", "PRTS", "PRTF", "COMP")
    if not known and (is_deed or term.lemma in LIGHT):
        # Deeds are said in many words; their lack tells less than a thing's.
        term.weight *= UNKNOWN_DEED
    if not known and term.lemma in WHEN:
        term.weight *= ASIDE_FACTOR
    term.importance = term.weight
    term.weight *= max(0.3, min(term.rarity, term.article_rarity))
    if term.is_weak:
        term.weight *= WEAK_FACTOR
    if term.corrected:
        term.near += [(word,) for word in vocabulary.nearly_sounds_like(term.word)]
    is_foreign = term.pos == "LATN" and term.word not in ENGLISH
    # "klerk" was no clerk, and the robot goods are called by is "робот"
    if is_foreign and (
        term.corrected or not any(vocabulary.in_products(key[0]) for key in term.keys)
    ):
        heard = [(word,) for word in vocabulary.sounds_like(term.word)]
        term.near += [key for key in heard if key not in term.keys]
        term.count += sum(vocabulary.count(key[0]) for key in heard)
    if term.pos == "NOUN" and not known and not term.is_number:
        term.near += [(word,) for word in _plain_of_small(term.lemma, vocabulary)]
        term.near += [(word,) for word in vocabulary.sounds_like(term.word)]
        term.count = sum(vocabulary.count(key[0]) for key in term.near)


_PREFIXES = (
    "пере", "недо", "про", "при", "при", "под", "подъ", "раз", "рас", "вос", "воз", "отъ", "обо",
    "по", "за", "до", "на", "вы", "от", "об", "со", "из", "ис", "у", "с", "о", "в",
)  # fmt: skip


def _without_prefix(lemma: str, vocabulary: Vocabulary) -> list[str]:
    """ "пролежать" is a kind of "лежать": the plain verb, and what the glossary has for it."""
    for prefix in _PREFIXES:
        plain = lemma.removeprefix(prefix)
        if plain == lemma or len(plain) < 4:
            continue
        meanings = [key[0] for key in vocabulary.glossary.meanings((plain,)) if len(key) == 1]
        found = [word for word in (plain, *meanings) if vocabulary.count(word)]
        if found:
            return found[:6]
    if len(lemma) < 4:
        return []
    return [p + lemma for p in _PREFIXES if vocabulary.count(p + lemma)][:6]


_SMALL_ENDS = (
    ("чок", "к"), ("жок", "г"), ("шок", "х"), ("очка", "а"), ("очка", "ка"), ("ечка", "ка"),
    ("ечка", "а"), ("енка", "а"), ("ица", "а"), ("ьице", "ье"), ("ичка", "ица"), ("ушка", "а"),
    ("юшка", "я"), ("ик", ""), ("чик", ""), ("ок", ""), ("ек", ""), ("ик", "ы"), ("ики", "ы"),
)  # fmt: skip


def _plain_of_small(lemma: str, vocabulary: Vocabulary) -> list[str]:
    """ "ярлычок" is a small "ярлык": the plain word, and what the glossary has for it."""
    found: dict[str, None] = {}
    for end, plain in _SMALL_ENDS:
        word = lemma.removesuffix(end) + plain
        if not lemma.endswith(end) or len(word) < 3:
            continue
        for base in analyse(word).lemmas[:1]:
            meanings = [k[0] for k in vocabulary.glossary.meanings((base,)) if len(k) == 1]
            found |= dict.fromkeys(w for w in (base, *meanings) if vocabulary.count(w))
    return list(found)[:8]


def is_cyrillic(text: str) -> bool:
    return any(map(is_russian, text.lower()))
