"""What the buyer meant to type: language, the wrong keyboard layout, Russian in Latin letters.

A repair is made only where it turns unknown words into known ones; names and models stay.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice, product

from bots.retrieval.morphology import is_russian, is_russian_word
from bots.retrieval.text import fold, words

_EN = "`qwertyuiop[]asdfghjkl;'zxcvbnm,./~@#$^&"
_RU = 'ёйцукенгшщзхъфывапролджэячсмитьбю.Ё"№;:?'
_TO_RU = str.maketrans(
    _EN[:34] + 'QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>', _RU[:34] + "ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮ"
)
_TO_EN = str.maketrans(
    "йцукенгшщзхъфывапролджэячсмитьбюё" + "ЙЦУКЕНГШЩЗХЪФЫВАПРОЛДЖЭЯЧСМИТЬБЮЁ",
    "qwertyuiop[]asdfghjkl;'zxcvbnm,.`" + 'QWERTYUIOP{}ASDFGHJKL:"ZXCVBNM<>~',
)

# Words an English message nearly always has one of; enough to tell it from the other two.
ENGLISH = words(
    """
    a able about above abroad accept across add address advice afford afraid after again age ago
    air all allow allowed almost alone along already also although always am amount an and another
    answer any anybody anyone anything anywhere apart apply april are around arrive arrived arrives
    as ask asked at august available away baby back backpack bad bag bank base bath be bear
    beautiful became because become bed been before begin behind believe below belt beside best
    better between beyond big bigger birthday bit black blanket blender blouse blue board body book
    boots born bot both bottle bottom bought box boy branch brand break bring broke broken brother
    brought brown build bulb bulk business busy buy by cable call camera can cancel car card
    careful carry case cash catch cause certain certainly certificate change charge charged charger
    chart chat cheap cheaper cheapest cheaply check checked child children chinos choice choose
    chose city clean cleaner clear clearly click close closed coat code coffee cold collect color
    colors colour colours combine come comes coming common company compare complaint complete
    condition confirm contact contents control cook corner correct cost costs cotton could count
    country couple coupon courier cover crack cracked credit custom customer customers cut daily
    damaged dark date daughter day days dead deal december decide deep degree degrees delay delayed
    delete deliver delivered delivery details did didn't die difference different discount
    discounts dish do doctor does doesn't dog dollars don't door double down draw dress dresses
    drink drive drop dry due during each ear early earn easily easy eat edge eight either electric
    else elsewhere email empty end english enough enter entire even evening ever every everybody
    everyone everything exact exactly example except exchange exchanged expect expected expensive
    expire explain express extra eye face fact fail failed fall family far fast faulty february fee
    feel feet felt few fill film final finally find fine finish fire first fit five fix fixed flat
    flight floor fly follow food foot for foreign forget forgot found four free freezer french
    friday fridge friend from front full further future game gave german get gets getting gift girl
    give given gives glad glass gloves go gold gone gonna good got grandma green grey grill
    guarantee guess guy had hair half hand handle hang happen happened happens happy hard hardly
    has hat hate have haven't he headphones headset hear heard heart heat heavy held hello help
    here hey hi hide high hit hold hole holiday home hoodie hope hot hotel hour hours house how
    however huge human humidifier hundred hurry hurt husband i i'd i'll i'm idea if ignore
    important in inch include included information inside installments instead instructions
    interest interested internet into iron is isn't it it's item items its jacket january jeans
    jewelry job join july jumper june just keep kept kettle key keyboard kid kids kind kitchen knew
    know known lady lamp language laptop large last late lately later laugh lay lead learn leather
    leave left length lens less lesson let letter level lie lift light like line list listen little
    live living loan local located location lock long longer longest look looking loose lose loss
    lost loud love low lower lunch machine made main make man manager many march mark market match
    material matter may maybe me meal mean measure medium meet member men mens mention message met
    microwave middle might mile milk mind minute miss missing mistake mittens mixer mom moment
    monday money month months more morning most mother mouse mouth move much mum music must my
    myself name near nearly neck need needed neither never new next nice night nine no nobody noise
    noisy none nor normal north nose not note nothing notice notify november now number october odd
    of off offer office often oil ok okay older on once one online only open opened opening
    operator opinion option or order ordered orders other others ought our out outside oven over
    own owner pack package page paid pain pair pants parcel park parka part parts party pass past
    pay payment pays people percent perfect perhaps permission person phone pick pickup picture
    piece pink place plan plane plate play please plug plus pocket point points polo poor possible
    post pour power prefer prepare present press pretty previous price prices print private
    probably problem product products promo prompt proof proper protect proud provide public pull
    purifier purse push put pyjamas quality quarter question quick quickly quiet quite rain
    raincoat raise rather reach read ready real reason receipt receive received recently record red
    refund refuse regular remember remove rent repair repeat replace reply representative require
    reserve rest result return returned returns ride right ring rise road room round router rubber
    rule rules run running sad safe said sale same sandals sat saturday save saw say scarf screen
    seat second see seem seen sell send sense sent september serious serve service set seven
    several shall shape share sharp ship shipped shipping shirt shirts shoes shop short shorten
    should shout show shower shut sick side sign silver simple since single sister sit site
    situation six sixth size sizes skin skirt sleep slow small smaller smart smell smile sneakers
    snow so socks soft sold solve some somebody someone something son soon sorry sort sound source
    south space speak speaker special speed spend spent spoil spot spring stage stain stand start
    started state station status stay steamer steel step stick still stock stop stopped storage
    store stores story straight strange street strong student stuff style such suggest suit summer
    sun sunday support sure surprise sweater swimsuit swimwear switch system t-shirt table take
    taken talk tall taste teach tear tech teeth tell ten term terms test than thank thanks that
    that's the their them then there these they thick thin thing things think third thirty this
    those thought thousand three threw through throw thursday ticket tie tight till time times tire
    title to toaster today together told tomorrow tone tonight too took tool toothbrush top torn
    total touch towards town toy track tracking transfer travel tree trip trouble trousers true
    trust truth try tuesday turn twelve twenty twice two type unable under understand unfortunately
    unless until unusual up upon upset upstairs us use used useful user using usual usually vacuum
    valid value various very video view visit voice voucher vs waist wait walk wall wanna want warm
    warning warranty was wash washing wasn't watch water way we weak wear wednesday week weekend
    weekends weeks weight welcome well were west wet what what's whatever wheel when whenever where
    where's whether which while white who whole wholesale whose why wide wife will wind window
    winter wire wish with without women womens wonder wood wool word words work working works worn
    worry worse worst worth would wouldn't wrap write wrong wrongly wrote year years yellow yes
    yesterday yet you young your yours yourself zero zip
    adapter bags band batteries battery bleach bracelet breathable bright brush bust capsule
    capsules cards center centre charging chest cleaning clearance collar defective dented deposit
    descale descaling diagnostics disk display drip driver dryer dust earbuds embroidery expired
    expiry fade fades fan fees filter filters grinder hairdryer heads heater heavier heel heels
    hip hips hood hooded install installation installment instalment instalments invoice ironing
    itchy kilo kilometer kilometre leaking leaks life lighter lining locker logo louder manual
    minus monthly mop narrow pockets pod pods prepaid prepay razor refunded refunds repaired
    repairs replacement ribbon robot rough scales scratched seal seals serial setup shaver shrink
    shrinks sleeve sleeves socket sole soles spare speakers stack stains stolen straightener
    stretchy students swap technician toe toes warmer washable waterproof windproof wrapping
    """
)


# Latin spellings of Russian, longest first; several readings where schemes differ.
_LATIN: dict[str, tuple[str, ...]] = {
    "shch": ("щ",), "sch": ("щ", "сч"), "sh": ("ш",), "ch": ("ч",), "zh": ("ж",), "kh": ("х",),
    "ts": ("ц", "тс"), "tz": ("ц",), "yo": ("ё", "йо"), "jo": ("ё",), "yu": ("ю",), "ju": ("ю",),
    "iu": ("ю", "иу"), "ya": ("я",), "ja": ("я",), "ia": ("я", "ия", "иа"), "ye": ("ье", "е", "ые"),
    "je": ("е", "ье"), "yi": ("ьи", "ый"), "iy": ("ий", "ый"), "ij": ("ий", "ый"), "yy": ("ый",),
    "yj": ("ый",), "ii": ("ий",), "ck": ("к",), "a": ("а",), "b": ("б",), "c": ("ц", "к", "с"),
    "d": ("д",), "e": ("е", "э", "ё"), "f": ("ф",), "g": ("г",), "h": ("х",), "i": ("и", "й"),
    "j": ("й", "ж"), "k": ("к",), "l": ("л",), "m": ("м",), "n": ("н",), "o": ("о",), "p": ("п",),
    "q": ("к", "я"), "r": ("р",), "s": ("с",), "t": ("т",), "u": ("у",), "v": ("в",),
    "w": ("ш", "в"),
    "x": ("х", "кс"), "y": ("й", "ы"), "z": ("з",), "'": ("ь",), "4": ("ч",), "6": ("ш",),
}  # fmt: skip
_LATIN_PART = re.compile("|".join(sorted(map(re.escape, _LATIN), key=len, reverse=True)))
_CONSONANTS = "бвгджзклмнпрстфхцчшщ"
MAX_READINGS = 96


@dataclass(frozen=True, slots=True)
class Repaired:
    """`text` as meant; `lang` ru | en; `how`: "" | layout | translit."""

    text: str
    lang: str
    how: str = ""


def to_russian_keys(text: str) -> str:
    """The same keys on the Russian layout: "ghbdtn" → "привет"."""
    return text.translate(_TO_RU)


def to_latin_keys(text: str) -> str:
    """The same keys on the Latin layout: "руддщ" → "hello"."""
    return text.translate(_TO_EN)


def _is_english(word: str) -> bool:
    if word in ENGLISH:
        return True
    for ending, short in (
        ("'s", ""),
        ("s", ""),
        ("ed", ""),
        ("ed", "e"),
        ("ing", ""),
        ("ing", "e"),
    ):
        if word.endswith(ending) and word.removesuffix(ending) + short in ENGLISH:
            return True
    return False


@lru_cache(maxsize=8192)
def russian_readings(word: str) -> tuple[str, ...]:
    """A Latin word as Russian ones the dictionary knows, likeliest first."""
    if not word.isascii() or len(word) < 2:
        return ()
    parts = _LATIN_PART.findall(word)
    if sum(map(len, parts)) != len(word):
        return ()
    found: list[str] = []
    readings = product(*(_LATIN[part] for part in parts))
    for reading in islice(readings, MAX_READINGS):
        text = "".join(reading).replace("ё", "е")
        for candidate in _with_soft_signs(text):
            if candidate not in found and is_russian_word(candidate):
                found.append(candidate)
        if len(found) >= 3:
            break
    return tuple(found)


def _with_soft_signs(text: str) -> list[str]:
    """ "skolko" leaves out the ь of "сколько", "platie" that of "платье": try each place once."""
    made = []
    for at in range(1, len(text) + 1):
        if text[at - 1] in "лнтсзрдмпвбжшчщ" and (
            at == len(text) or text[at] in _CONSONANTS + "еюяи"
        ):
            made.append(f"{text[:at]}ь{text[at:]}")
    # At the end it is meant more often than not: "kupit" is "купить".
    last = [made.pop()] if made and made[-1].endswith(("ть", "щь", "чь")) else []
    return [*last, text, *made]


def plain_reading(word: str) -> str:
    """The likeliest Cyrillic spelling, known or not: names of goods are compared by sound."""
    return "".join(_LATIN[part][0] for part in _LATIN_PART.findall(word)).replace("ё", "е")


_SOUND = [
    (re.compile(p), by)
    for p, by in (
        (r"(?<=^[a-z])i(?=[bcdfgklmnprstvz]e$)", "ai"),
        (r"(?<=^[a-z]{2})i(?=[bcdfgklmnprstvz]e$)", "ai"),
        (r"(?<=[a-z][bcdfgklmnprstvz])e$", ""),
        (r"shch|sch|щ", "s"), (r"sh|ш", "s"), (r"ch|ч", "c"), (r"zh|ж", "j"), (r"kh|h|х", "h"),
        (r"ts|tz|ц", "c"), (r"ck|q|к", "k"), (r"x", "ks"), (r"ph|ф", "f"), (r"w|в", "v"),
        (r"[ьъ']", ""), (r"[yj](?=[aeou])|й(?=[аеоу])", "i"), (r"я", "ia"), (r"ю", "iu"),
        (r"ё|э|е|e", "e"), (r"й|ы|и|y|j(?![a-z])", "i"), (r"а", "a"), (r"б", "b"), (r"г", "g"),
        (r"д", "d"), (r"з", "z"), (r"л", "l"), (r"м", "m"), (r"н", "n"), (r"о", "o"), (r"п", "p"),
        (r"р", "r"), (r"с|c(?=[eiy])", "s"), (r"т", "t"), (r"у", "u"), (r"ee", "i"), (r"oo", "u"),
        (r"ie(?!\w)", "e"), (r"(.)\1+", r"\1"), (r"c", "k"),
    )
]  # fmt: skip


@lru_cache(maxsize=30_000)
def sound(word: str) -> str:
    """One rough key for a word however it is spelled in either alphabet: "тропа" and "tropa"."""
    for pattern, by in _SOUND:
        word = pattern.sub(by, word)
    return word


def repair(
    text: str,
    *,
    default: str = "ru",
    is_known: Callable[[str], bool] = lambda word: False,
    names: Collection[str] = (),
) -> Repaired:
    """Decide what was meant. `is_known(word)`: the merchant's own texts have this word."""
    folded = fold(text)
    written = re.findall(r"[^\W\d_]+(?:'[a-z]+)?", folded)
    latin = [word for word in written if not is_russian(word)]
    cyrillic = [word for word in written if is_russian(word)]
    if not written:
        return Repaired(text, default)
    if cyrillic and len(cyrillic) >= len(latin) and any(len(word) > 1 for word in cyrillic):
        return _from_cyrillic(text, cyrillic, latin, is_known)
    return _from_latin(text, folded, latin, cyrillic, is_known)


def _from_cyrillic(
    text: str, cyrillic: list[str], latin: list[str], is_known: Callable[[str], bool]
) -> Repaired:
    meant = to_latin_keys(text)
    unknown = [word for word in cyrillic if not is_russian_word(word) and not is_known(word)]
    if unknown and len(unknown) * 2 >= len(cyrillic):
        read = re.findall(r"[a-z]+(?:'[a-z]+)?", fold(meant))
        english = [word for word in read if _is_english(word) or (len(word) > 2 and is_known(word))]
        if english and len(english) * 2 >= len(read):
            return Repaired(meant, "en", "layout")
    return Repaired(text, "ru")


def _from_latin(
    text: str, folded: str, latin: list[str], cyrillic: list[str], is_known: Callable[[str], bool]
) -> Repaired:
    english = sum(1 for word in latin if _is_english(word))
    keyed = _on_russian_keys(text, is_known)
    if keyed is not None and english * 2 <= len(latin):
        return Repaired(keyed, "ru", "layout")
    if english * 3 >= len(latin) and english >= 1 and not _mostly_translit(latin):
        return Repaired(text, "en")
    read, hits, letters = _from_translit(text, is_known, is_mixed=any(len(w) > 2 for w in cyrillic))
    if hits and hits * 2 >= letters:
        return Repaired(read, "ru", "translit")
    if cyrillic:
        return Repaired(read if hits else text, "ru", "translit" if hits else "")
    return Repaired(text, "en")


def _mostly_translit(latin: list[str]) -> bool:
    """More words that are only Russian than words that are only English."""
    russian = sum(1 for w in latin if len(w) > 2 and not _is_english(w) and russian_readings(w))
    english = sum(1 for w in latin if len(w) > 2 and _is_english(w))
    return russian > english


def _looks_russian(latin: str, russian: str) -> bool:
    """Unreadable as Latin, readable as Russian: a word neither side's dictionary has."""
    vowels = sum(c in "aeiouy" for c in latin.lower())
    russian_vowels = sum(c in "аеиоуыэюя" for c in russian)
    return (
        len(russian) > 4
        and vowels * 5 <= len(latin)
        and len(russian) * 2 <= russian_vowels * 7 <= len(russian) * 5
    )


def _on_russian_keys(text: str, is_word: Callable[[str], bool]) -> str | None:
    """The text on the Russian layout when that makes it Russian; names in Latin stay Latin."""
    made, known, weight = [], 0, 0
    for chunk in re.split(r"(\s+)", text):
        if not chunk or chunk.isspace() or not re.search(r"[A-Za-z]", chunk):
            made.append(chunk)
            continue
        tail = ""
        body = chunk
        while len(body) > 1 and body[-1] in "?!.,/&":
            candidate = fold(to_russian_keys(body))
            if re.fullmatch(r"[а-я]+", candidate) and is_russian_word(candidate):
                break
            tail, body = body[-1] + tail, body[:-1]
        keyed = to_russian_keys(body)
        read = re.findall(r"[а-я]+", fold(keyed))
        whole = "".join(read) == fold(keyed).replace("-", "").replace(".", "").replace('"', "")
        good = (
            whole
            and read
            and not is_word(fold(body))
            and all(
                is_russian_word(word) or is_word(word) or _looks_russian(body, word)
                for word in read
            )
        )
        size = max(len(body) - 1, 1)
        weight += size
        if good:
            known += size
            made.append(keyed + tail.replace("&", "?").replace("/", "."))
        else:
            made.append(chunk)
    if known and known * 5 >= weight * 3:
        return "".join(made)
    return None


def _from_translit(
    text: str, is_known: Callable[[str], bool], *, is_mixed: bool
) -> tuple[str, int, int]:
    """Text with readable words as Russian; how many were, of how many that counted."""
    hits = letters = 0

    def read(match: re.Match[str]) -> str:
        nonlocal hits, letters
        word = fold(match.group())
        if len(word) < 2:
            return _SINGLE.get(word, match.group())
        readings = _OFTEN.get(word) or russian_readings(word)
        ours = next((r for r in readings if is_known(r)), None)
        if is_known(word) and (ours is None or is_mixed):
            return match.group()
        letters += 1
        if readings:
            hits += 1
            return ours or readings[0]
        return match.group()

    return re.sub(r"[A-Za-z][A-Za-z']*", read, text), hits, letters


# Words of questions whose letters also spell a rarer word.
_OFTEN = {
    latin: (russian,)
    for russian, spelled in (
        ("до", "do"), ("сколько", "skolko skoko skolka"), ("скольки", "skolki skoki"),
        ("есть", "est"), ("можно", "mozhno mojno"), ("на", "na"), ("за", "za"), ("по", "po"),
        ("посылка", "posilka posylka"), ("почем", "pochem"),
        ("стоят", "stoyat stoiat stojat"), ("стоит", "stoit"),
        ("какой", "kakoi kakoy"),
    )
    for latin in spelled.split()
}  # fmt: skip
_SINGLE = {"a": "а", "i": "и", "v": "в", "s": "с", "k": "к", "o": "о", "u": "у", "y": "у"}
