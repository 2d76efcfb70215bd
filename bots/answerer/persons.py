"""When a person is to answer: one is asked for, or something went wrong that no record settles."""

from __future__ import annotations

import re
from functools import lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from bots.retrieval.morphology import is_person_name, is_russian, is_russian_word
from bots.retrieval.text import fold, tokens, words

_PERSON_NOUN = words("""
оператор менеджер консультант специалист сотрудник администратор админ продавец саппорт
руководитель руководство начальник начальство директор управляющий эксперт работник поддержка
операторша служба техподдержка старший главный мастер колл-центр
operator manager consultant specialist agent representative support supervisor staff team
operators managers agents
""")
_HUMAN_NOUN = words("""
человек человечек люди людь кто-нибудь кто-то живой настоящий реальный
human person people someone somebody humans
""")
_CALL_VERB = words("""
позвать звать вызвать соединить переключить перевести дать пригласить подключить нужный нужно
надо хотеть поговорить разговаривать говорить связаться связать пообщаться общаться требовать
переадресовать передать кликнуть подозвать ответить ответ отозваться написать позвонить перезвонить набрать
хотеться просить попросить позволить найти подойти пусть мочь можно привести подать давать
скинуть кинуть соединять переводить подключать вызывать приглашать переключать звонить срочно пожалуйста алло
connect transfer speak talk chat need want get call give put pass let escalate ask reach contact
please like
""")
_ANYBODY = r"\b(?:кто|кого|кому|кем|ком)-?(?:нибудь|то|либо)\b"
_CALLING = (
    r"\b(?:позов|позва|зов|соедин|подключ|переключ|перевед|приглас|давай сюда|дай|обсуд|поговор|пообщ|"
    r"переговор|связа|посовет|займ|занял|отвеча|ответ|подойд|подойт|вступ|вмеш)\w*\b(?! за )"
)
_PERSON_PATTERNS = [
    re.compile(p)
    for p in (
        r"\bжив(?:ой|ого|ому|ым|ых|ые|ая|ую)\b.{0,20}(?:челов|люд|оператор|менеджер|консульт|сотрудн|"
        r"общен|кто|есть|поддерж|ответ|чат|голос)|(?:есть|кто|тут|здесь).{0,12}\bжив(?:ой|ые|ого)\b",
        r"\b(?:не хочу|не буду|не надо|хватит|надоел\w*|устал\w*|достал\w*)\b.{0,25}\b(?:бот|робот|"
        r"машин|автоответчик|ии\b|искусственн)",
        r"\b(?:без|не) (?:бот|робот)(?:а|ов|ом|ам|у|ы)?\b",
        r"\b(?:с кем|кто)\b.{0,15}\b(?:поговорить|пообщаться|связаться|может помочь лично)|"
        r"\bс кем\b.{0,20}\b(?:обсудить|переговорить|созвониться|разобраться)",
        r"\b(?:по|пере)?звони(?:те)? мне|\bнабери(?:те)? (?:мне|меня)\b|"
        r"\bможете (?:мне )?(?:(?:по|пере)звонить|набрать)\b|\bпусть\b.{0,30}\b(?:(?:по|пере)звон|набер)\w+|"
        r"\bжду (?:\w+ )?(?:звонка|оператора|менеджера|сотрудника)|\bне с (?:бот|робот|машин|автоответчик)\w*|"
        r"(?:^|[.!?,]\s*)(?:человека|оператора|менеджера|консультанта|людей|люди)\s*[!?.]*$|"
        r"\bгде\b.{0,12}\b(?:оператор|менеджер|консультант|люди|живые)\w*\W*$|\b(?:ау|эй|алло)\W+люди\b|"
        r"\b(?:any|real) (?:humans|people)\b.{0,10}\b(?:here|there)\b|"
        r"\b(?:пере)?звоните мне|\bперезвон\w*|\b(?:закажу|заказать|нужен) (?:обратный )?звонок",
        r"\b(?:настоящ|реальн|нормальн|адекватн)\w+ (?:человек|люд|оператор|сотрудник|менеджер)\w*",
        r"\bсвяж\w+ меня с\b|\bсоедини\w*\b|\bпереключи\w* (?:меня )?на\b",
        r"\b(?:real|live|actual|human) (?:person|human|agent|operator|being|support|someone|people|"
        r"representative)",
        r"\b(?:talk|speak|chat|connect\w*|transfer\w*|put|get|switch|hand)\b.{0,24}\b(?:to|with|me|"
        r"through)\b.{0,24}\b(?:human|person|someone|somebody|agent|operator|manager|represent\w*|"
        r"support|staff|supervisor|people|adviser|advisor|colleague|employee|boss|whoever|in charge)",
        r"\b(?:need|want|get me|give me|call|i'd like|would like|bring)\b.{0,16}\b(?:a |an |the |your )?"
        r"(?:human|person|agent|operator|manager|representative|supervisor|live chat)",
        r"\b(?:not|no more|stop|enough|hate|tired of|sick of)\b.{0,20}\b(?:bot|robot|machine|ai)\b",
        r"\bis (?:there|anyone|anybody|someone)\b.{0,20}\b(?:person|human|anyone|anybody|real|there|"
        r"alive|available to talk)",
        r"\bcall me(?: back)?\b|\bcustomer (?:service|support|care)\b|\bspeak (?:human|to someone)\b",
        # somebody, whoever it is: "подключите кого-нибудь", "хочу с кем-то обсудить"
        rf"{_CALLING}.{{0,24}}{_ANYBODY}|{_ANYBODY}.{{0,24}}{_CALLING}",
        rf"{_ANYBODY}(?: [^\W\d_]+)? (?:из|от) (?:ваш|вас|сотрудник|персонал|поддержк|руководств)\w*",
        r"\b(?:есть|тут|там|здесь)(?: (?:тут|там|здесь|вообще))? кто\W*$|"
        r"\b(?:без|не с) (?:ии|нейросет|программ|компьютер|железк|автомат)\w*",
        r"\b(?:дай|позов|зов|подключ|соедин|переключ|нужен|нужна)\w* (?:мне |сюда )?(?:тот|того|тому|ту|та),? (?:кто|котор)",
        # told by what they are to be: "мне нужен тот, кто решает", "someone who knows"
        r"\b(?:тот|того|тому|тем|те|тех|человек\w*|люд\w+|кто|кого|кем|кому)(?:-?(?:нибудь|то|либо))?,? "
        r"(?:кто|котор\w+) (?:[^\W\d_]+ ){0,2}(?:разбира|реша|понима|отвеча|принима|компетент|в курсе|оформля)",
        r"\b(?:someone|somebody|anyone|anybody|person|people|the one) (?:there )?(?:who|that) (?:\w+ )?"
        r"(?:knows?|can|decides?|understands?|is able|makes?|handles?)\b",
        r"\b(?:поговор|пообщ|перегов|побесед|обсуд|обсужд|связат|созвон|списат|общат|разговарив|говорить)\w*"
        r"(?: [^\W\d_]+){0,2} с (?:девушк|парн|коллег|мужчин|женщин|тем|теми|вашим|вашей)\w*|"
        r"\bс (?:девушк|парн|коллег|мужчин|женщин|тем|теми)\w*(?: [^\W\d_]+){0,2} "
        r"(?:поговор|пообщ|перегов|побесед|обсуд|связат|созвон|списат)\w*",
        r"\b(?:поговор|пообщ|обсуд|объясн|рассказ)\w*(?: [^\W\d_]+){0,3} (?:голосом|по телефону)\b|"
        r"\b(?:голосом|по телефону)(?: [^\W\d_]+){0,3} (?:поговор|пообщ|обсуд|объясн|рассказ)\w*|\bсозвон\w+",
        r"\bживьем\b.{0,30}\b(?:кто|отвеча|общ|говор|поддержк)|\b(?:кто|отвеча|общ|говор)\w*.{0,20}\bживьем\b",
        r"\b(?:нормальн|настоящ|толков|вменяем|человеческ)\w+ (?:тех)?(?:поддержк|помощ|служб|общени)",
        r"\b(?:colleague|co-?worker|teammate|member of (?:the |your )?(?:staff|team))s?\b.{0,30}\b(?:take|help|talk|"
        r"answer|jump|step|speak|join|chat)|\btake over from (?:here|you|the bot)\b",
        r"\bwho (?:can|could|do|should) i (?:\w+ )?(?:talk|speak|message|chat)\b|\bput (?:someone|somebody) on\b",
    )
]
# A person called by their name: "позовите Ольгу", "мне нужна Ирина Лапина".
_CALL_BY_NAME = words("""
позвать звать вызвать пригласить соединить соединять переключить переключать подозвать кликнуть
""")
_SURNAME = re.compile(
    r"(?:[оеё]в|[иы]н)(?:а|ой|у|ым|ом|ых)?$|ск(?:ий|ая|ого|ую|ой|им|ом)$|(?:енко|ук|юк|ич|ович|евич|овна|евна)$"
)
_NEED_BY_NAME = words("нужный нужно надо дать поговорить связаться подключить передать")
_PERSON_NOT = [
    re.compile(p)
    for p in (
        r"\bне (?:надо|нужн\w*|зови\w*|хочу|соединя\w*|переключа\w*)\b.{0,16}\b(?:человек|оператор|"
        r"менеджер|консультант|людей|люди)",
        r"\bсколько (?:у вас )?(?:человек|людей|сотрудник|оператор)|\bна (?:\d+|сколько|двух|трёх) "
        r"человек|\b\d+ человек",
        r"\b(?:во сколько|до скольки|со скольки|когда|в какое время|время|график|часы|зарплат\w*)\b.{0,30}"
        r"(?:оператор|менеджер|консультант|поддержк|служб|сотрудник|продав)",
        r"\bdo(?:n't| not) (?:need|want|call)\b.{0,20}\b(?:human|person|agent|operator|manager)",
        r"\b(?:when|what time|hours|how many)\b.{0,40}\b(?:operator|agent|support|manager|people)",
        r"\b(?:сегодня|завтра|выходн\w*|праздник\w*|понедельник|вторник|сред[уы]|четверг|пятниц\w|суббот\w|"
        r"воскресенье)\b.{0,30}(?:работа|отвеча)|(?:работа|отвеча)\w+.{0,30}\b(?:сегодня|завтра|выходн\w*|праздник\w*)",
        r"\bслужб\w* доставк|\bкто (?:ваш )?директор|\bстарш\w+ (?:реб|сын|доч|возраст|класс|лет)",
    )
]


def wants_person(text: str, lemmas: tuple[str, ...]) -> bool:
    """A person is asked for, in any wording of either language."""
    folded = fold(text)
    if any(pattern.search(folded) for pattern in _PERSON_NOT):
        return False
    if any(pattern.search(folded) for pattern in _PERSON_PATTERNS):
        return True
    if _called_by_name(folded, lemmas):
        return True
    lemmas = (
        tuple(
            word if word.isascii() else lemma
            for word, lemma in zip(
                re.findall(r"[^\W_]+(?:'[a-z]{1,2})?", folded), lemmas, strict=False
            )
        )
        if len(re.findall(r"[^\W_]+(?:'[a-z]{1,2})?", folded)) == len(lemmas)
        else lemmas
    )
    lemmas = tuple(_spelled(lemma) for lemma in lemmas)
    said = set(lemmas)
    person, human, call = said & _PERSON_NOUN, said & _HUMAN_NOUN, said & _CALL_VERB
    matter = [w for w in lemmas if w not in _FILLER and w not in _CALL_VERB]
    if person or human:
        others = [w for w in matter if w not in _PERSON_NOUN and w not in _HUMAN_NOUN]
        if not others:
            return True
        if call & _STRONG_CALL and (person or human) and len(others) <= 5:
            return _near(lemmas)
        return bool(call) and len(others) <= 2 and _near(lemmas)
    return False


def _called_by_name(folded: str, lemmas: tuple[str, ...]) -> bool:
    """Goods bear first names too, so one that is "needed" has to have a surname."""
    said = [token.text for token in tokens(folded)]
    if len(said) != len(lemmas):
        return False
    named = [at for at, word in enumerate(said) if len(word) > 2 and is_person_name(word)]
    if not named:
        return False
    calls = [at for at, lemma in enumerate(lemmas) if lemma in _CALL_BY_NAME]
    if any(0 < name - call <= 2 for call in calls for name in named):
        return True
    whole = {
        part
        for at in named
        if at + 1 < len(said) and _SURNAME.search(said[at + 1])
        for part in (at, at + 1)
    }
    others = [lemma for at, lemma in enumerate(lemmas) if at not in whole and lemma not in _FILLER]
    return bool(whole) and set(others) <= _NEED_BY_NAME


_OFTEN_MISSPELT = ("оператор", "менеджер", "консультант", "специалист", "сотрудник", "администратор",
    "позвать", "соединить", "переключить", "ответить")  # fmt: skip


@lru_cache(maxsize=1024)
def _spelled(word: str) -> str:
    """A word no dictionary has, as the one of a call for a person that it looks like."""
    if len(word) < 6 or not is_russian(word) or is_russian_word(word):
        return word
    found = process.extractOne(word, _OFTEN_MISSPELT, scorer=OSA.distance, score_cutoff=2)
    return str(found[0]) if found else word


_STRONG_CALL = words("""
позвать звать вызвать соединить переключить перевести пригласить поговорить связаться связать
пообщаться общаться переадресовать передать подключить дать требовать хотеть
connect transfer speak talk chat escalate need want
""")
_FILLER = words("""
я вы мы ты он мне меня нам мой ваш с со на к у в и а ну же ли бы не пожалуйста срочно уже это здесь
тут там то что как есть быть хороший добрый день здравствуйте здравствовать привет алло сейчас
можно нужный нужно надо кто живой или но только просто хоть какой-нибудь любой самый лично вообще
a an the i to with me my your of is there here please now hi hello can could you or just some any
real live be would like for have do pls plz plss asap
""")


def _near(lemmas: tuple[str, ...]) -> bool:
    """The call and the person stand close: not "менеджер сказал, что курьер может позвонить"."""
    calls = [at for at, w in enumerate(lemmas) if w in _CALL_VERB]
    people = [at for at, w in enumerate(lemmas) if w in _PERSON_NOUN or w in _HUMAN_NOUN]
    return any(-3 <= person - call <= 5 for call in calls for person in people)


_YES = re.compile(
    r"^(?:да|ага|угу|конечно|давай(?:те)?|позови(?:те)?|зови(?:те)?|хочу|ок(?:ей)?|хорошо|"
    r"пожалуйста|yes|yeah|yep|sure|ok(?:ay)?|please(?: do)?|go ahead|call)"
    r"(?:[ ,.!]+(?:да|пожалуйста|позови(?:те)?|зови(?:те)?|конечно|please|человека|давайте|хочу))*[ .!]*$"
)


def is_yes(text: str) -> bool:
    return bool(_YES.match(fold(text).strip()))


# ── What went wrong ──────────────────────────────────────────────────────────────────────────
_ABUSE = re.compile(
    r"\b(?:(?:на|по|о)?ху[йеяи]\w*|пизд\w*|[её]б(?:а|у|л|н|ы)\w*|за[её]б\w*|сук[аи]\b|мудак\w*|мудил\w*|"
    r"долбо\w*|гандон\w*|урод\w*|дебил\w*|идиот\w*|кретин\w*|тварь|твари|ублюд\w*|падл\w*|"
    r"бл[яе](?:ть|дь|ди|дский)?\b|чмо\b|fuck\w*|shit\w*|asshole|bitch\w*|moron|idiot\w*|"
    r"stupid bot|тупо[йе] бот\w*|тупая железка)"
)
_COMPLAINT = re.compile(
    r"\b(?:жалоб\w*|пожаловаться|жалуюсь|претензи\w*|безобрази\w*|возмутительн\w*|отвратительн\w*|"
    r"ужасн\w* (?:сервис|обслуж|магазин|качеств|отношен)\w*|хамств\w*|хамил\w*|нахамил\w*|обманул\w*|"
    r"обманщик\w*|мошенник\w*|кидал\w*|развод(?:или|ите|илов)\w*|роспотреб\w*|прокуратур\w*|"
    r"в суд\b|подам в суд|верните (?:мои |мне )?(?:деньги|бабки)|complain\w*|scam\w*|"
    r"fraud\w*|terrible service|awful service|disgusting|lawsuit|sue you|unacceptable)\b"
)


# "на какой адрес послать претензию": how it is done is a question like any other.
_WHERE_TO_COMPLAIN = re.compile(
    r"\b(?:куда|как|на какой|по какому|where|how)\b.{0,40}\b(?:претензи|complain)\w*"
    r"|\bпретензи\w*.{0,20}\b(?:куда|на какой|по какому)\b"
)
# What went wrong with one's own order: no article tells of that, a person looks.
_GRIEVANCE = re.compile(
    r"\bсколько (?:ещ[её] )?можно (?:ждать|терпеть|просить|писать)|\b(?:так|вс[её] ещ[её]|до сих пор) (?:и )?"
    r"не (?:при|дожд|верн|отве|отпр|дост)\w+|"
    r"\b(?:курьер\w*|доставк\w*|заказ\w*|посылк\w*)(?: [^\W\d_]+){0,2} не (?:приехал|пришел|пришл|привез|"
    r"доехал|доставил|явил|появил)\w*|\bне (?:приехал|привезли|доставили|явился) (?:курьер|заказ|посылк)\w*|"
    r"\b(?:дважды|два раза|двойн\w+|повторно|2 раза)(?: [^\W\d_]+){0,2} спис\w+|"
    r"\bспис\w+(?: [^\W\d_]+){0,3} (?:дважды|два раза|2 раза|повторно)|"
    r"\b(?:посылк\w*|заказ\w*|вещ\w*)(?: [^\W\d_]+){0,2} (?:потеряли|потерялась|потерялся|украли|вскрыт\w*)\b|"
    r"\b(?:потеряли|украли|вскрыли)(?: [^\W\d_]+){0,2} (?:посылк|заказ)\w*|"
    r"\bcharged (?:me )?twice\b|\b(?:courier|parcel|order|delivery)(?: \w+){0,2} (?:never|didn't|did not|hasn't|has not)"
    r" (?:come|came|arrive|show|turn)\w*|\b(?:lost|stole) my (?:parcel|order|package)\b"
)


def is_abuse(text: str) -> bool:
    return bool(_ABUSE.search(fold(text)))


def is_complaint(text: str) -> bool:
    folded = fold(text)
    if _GRIEVANCE.search(folded):
        return True
    found = _COMPLAINT.search(folded)
    return bool(found) and not _WHERE_TO_COMPLAIN.search(folded)
