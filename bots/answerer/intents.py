"""What a buyer wants, read from words and patterns. Pure functions over a folded text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bots.retrieval.text import fold, words

# ── Small talk ───────────────────────────────────────────────────────────────────────────────
_SMALL: list[tuple[str, re.Pattern[str]]] = [
    (key, re.compile(rf"^(?:{pattern})[\s.,!?)(:;-]*$"))
    for key, pattern in (
        (
            "hello",
            r"(?:при+ве+т(?:ик|ствую|ики)?|здрав?ст?вуй(?:те)?|здрасте?|здрасьте|добр(?:ый|ого|ое|ой) "
            r"(?:день|дня|вечер|вечера|утро|утра|ночи|времени суток)|доброго|хай|хелло|хеллоу|салют|"
            r"алло|алё|але|ау|hi+|hello+|hey+|good (?:morning|evening|afternoon|day)|start|начать)"
            r"(?:[ ,!.]+(?:всем|вам|бот|там|there|again|друзья|ещ[её] раз|добрый день|привет|bot|all|"
            r"подскажите|у меня вопрос|есть вопрос|можно вопрос|кто[- ]нибудь))*",
        ),
        (
            "thanks",
            r"(?:ок(?:ей)?|хорошо|понял[аи]?|понятно|ясно|супер|отлично|круто|ну|все|беру|заказываю|я подумаю|great|ok(?:ay)?|"
            r"perfect|thats all)?[ ,.!]*(?:большое |огромное )?(?:спасиб\w*|благодар\w*|спс|пасиб\w*|"
            r"сенкс|thank(?:s| you)|thx|ty|cheers|much appreciated)(?:[ ,.!]+(?:большое|огромное|вам|"
            r"тебе|за (?:помощь|ответ|информацию|консультацию)|so much|very much|a lot|for your help|"
            r"for (?:the )?help|до свидания|пока|всё понятно|все понятно|выручили|bye|не надо|нет))*",
        ),
        (
            "bye",
            r"(?:ну )?(?:ладно[ ,]+)?(?:пока(?:[- ]пока)?|до свидан\w*|всего (?:доброго|хорошего)|"
            r"хорошего (?:дня|вечера)|до встречи|прощай\w*|bye(?:[- ]bye)?|goodbye|see you|"
            r"have a (?:nice|good) (?:day|one|evening)|спокойной ночи|good ?night)",
        ),
        (
            "how",
            r"(?:привет[ ,!]*|hi[ ,!]*|hello[ ,!]*)?(?:как (?:у (?:тебя|вас) )?(?:дела|жизнь|ты|поживаешь|"
            r"поживаете|настроение|сам|сама|вы)|что нового|how are you(?: doing)?|how's it going|"
            r"what's up|how do you do)(?:[ ,]*(?:сегодня|today|бот|bot))?",
        ),
        (
            "bot",
            r"(?:привет[ ,!]*|здравствуйте[ ,!.]*|hi[ ,!]*|hello[ ,!]*)?(?:а )?(?:ты|вы|это|are you|am i "
            r"(?:talking|speaking|chatting) (?:to|with)|is this)?[ ]*(?:кто|что|a|an)?[ ]*(?:ты|вы|"
            r"такой|такая)?[ ]*(?:правда |точно |вообще |real |реальный |живой |настоящий )?"
            r"(?:бот|робот|нейросет\w*|ии|программа|chat ?gpt|человек или (?:бот|робот)|"
            r"(?:бот|робот) или (?:человек|нет)|bot|robot|ai|machine|(?:a )?human or (?:a )?bot|"
            r"(?:a )?bot or (?:a )?(?:human|person))",
        ),
        (
            "bot",
            r"(?:а )?(?:кто ты(?: такой)?|ты кто(?: такой)?|кто вы|вы кто|кто это|с кем я (?:говорю|"
            r"общаюсь|разговариваю)|как (?:тебя|вас) зовут|who are you|what are you|what's your name|"
            r"what is your name|ты живой|вы живой|ты настоящий|ты человек|вы человек|are you human|"
            r"are you real|are you a (?:human|person|real person))",
        ),
        (
            "can",
            r"(?:а )?(?:что (?:ты|вы) (?:умеешь|умеете|можешь|можете|знаешь|знаете)(?: делать)?|"
            r"чем (?:ты |вы )?(?:можешь|можете|поможешь|поможете|полезен)(?: помочь)?|помощь|help(?: me)?|"
            r"помоги(?:те)?(?: мне)?|what can you do|how can you help(?: me)?|меню|menu|"
            r"что (?:ты|вы) можете подсказать|подскажи(?:те)?(?: пожалуйста)?|есть вопрос|"
            r"(?:у меня )?(?:есть )?(?:один )?вопрос|can you help(?: me)?)",
        ),
        (
            "pity",
            r"(?:ну )?(?:очень )?(?:жаль|жалко|печаль\w*|грустно|эх|увы|обидно|pity|too bad|"
            r"that's a pity|sad|what a pity)",
        ),
        (
            "ok",
            r"(?:(?:ок(?:ей)?|окс?|хорошо|ладно|понятно|понял[аи]?|ясно|ага|угу|да|нет|не|супер|отлично|"
            r"класс\w*|круто|здорово|прекрасно|замечательно|договорились|принято|беру|пусть|так|ну|"
            r"всё|все|спс|спасибо|пасиб\w*|thanks|thx|good|great|nice|cool|ok(?:ay)?|got it|i see|fine|yes|no|perfect|alright|sure|"
            r"беру|заказываю|помогли|вы помогли|очень помогли|выручили|буду знать|подумаю|я подумаю|посмотрю|тогда|не надо|не нужно|ничего|неважно)[ ,.!]*)+",
        ),
    )
]
_NO_WORDS = re.compile(r"^[^\w]*$")
_SAD = re.compile("[👎💔😞😔😟🙁☹😕😢😭😿😣😖😫😩😤😠😡🤬🤮]")


def small_talk(text: str) -> str:
    """Key of the phrase to answer with, or nothing when the message has a matter."""
    folded = fold(text).strip()
    if folded and _NO_WORDS.match(folded):
        if _SAD.search(text):
            return "pity"
        return (
            "ok"
            if not folded.strip("?!. ") or re.search(r"[^\W\d_]|[^\x00-\x7f]", folded)
            else "empty"
        )
    for key, pattern in _SMALL:
        if pattern.match(folded):
            return key
    return ""


_GREETING = re.compile(
    r"^\s*(?:(?:девушк[аи]|девочки|ребят[аы]|друзья|уважаемые|дорогие)[\s,!]+)?(?:(?:здравствуй(?:те)?|привет\w*|добр(?:ый|ого|ое) (?:день|дня|вечер|вечера|утро|утра)|"
    r"доброго времени суток|приветствую|hi|hello|hey|good (?:morning|afternoon|evening|day)|"
    r"будьте добры|приветики?|здравств?уй\w*|скажите|подскажите|извините|простите|можно вопрос|excuse me|please)"
    r"(?:[ ,]*(?:пожалуйста|там|there))?[\s,.!:-]+)+",
    re.IGNORECASE,
)


def without_greeting(text: str) -> str:
    return _GREETING.sub("", text) or text


# ── Orders to the bot itself ─────────────────────────────────────────────────────────────────
_INJECTION = [
    re.compile(p, re.DOTALL)
    for p in (
        r"\b(?:забуд\w*|игнорир\w*|проигнорир\w*|отмени\w*|не обращай\w* внимани\w*|сбрось\w*|отбрось\w*|"
        r"нарушь|обойди|не соблюдай|перестань следовать|удали)\b.{0,60}\b(?:инструкц|правил|указани|промпт|"
        r"ограничени|настройк|роль|контекст|предыдущ)",
        r"\b(?:покажи|выведи|напиши|раскрой|повтори|процитируй|скажи|назови|пришли|перечисли|опиши|дай|"
        r"какой|какие|каков\w*|сообщи|расскажи)\b.{0,60}(?:системн\w+ (?:промпт|инструкц|сообщ|подсказ|"
        r"настройк)|\bпромпт|(?:тво|сво|ваш|внутренн|скрыт|начальн|исходн)\w* (?:\w+ )?(?:инструкц|"
        r"настройк|промпт|конфигурац)|\bapi\b|токен|ключ\w* (?:доступа|api)|парол[ьи]|исходн\w+ код)",
        r"\b(?:повтори|процитируй|выведи|напиши|покажи)\b.{0,30}(?:дословно|слово в слово|вс[её]).{0,40}"
        r"(?:выше|до этого|начал|сообщени)",
        r"\b(?:ты|вы) теперь\b|\bотныне\b|\bс этого момента\b|\bпритвор\w*|\bпредставь,? что\b|"
        r"\bвед[иь] себя (?:как|будто)|\b(?:играй|сыграй|возьми) роль|\bрежим (?:разработчика|бога|отладки|"
        r"администратора|без ограничений)|\bты (?:больше )?не бот\b|\bdan\b|\bджейлбрейк|\bjailbreak",
        r"\b(?:это )?приказ\w*\b|\bты (?:обязан|должен|должна) (?:мне )?(?:дать|сделать|выдать|сказать|"
        r"подтвердить|слушаться|отвечать|вернуть|продать)|\bподчиня\w*|\bслушай(?:ся)? меня\b",
        r"\bя (?:твой |ваш |тво[йя] )?(?:разработчик|создатель|администратор|админ|программист|владелец|"
        r"хозяин|директор|начальник|тестировщик)\b|\bэто я,? (?:админ|директор|разработчик)|"
        r"\bот имени (?:админ|директор|разработчик)",
        r"\[\s*(?:система|system|admin|инструкц\w*)\s*\]|<\s*/?(?:system|admin|instructions?)\b|"
        r"^\s*(?:system|assistant|система|ассистент)\s*:|#{3,}|<\|.{0,20}\|>",
        r"\b(?:напиши|выведи|скажи|ответь|отвечай|произнеси|напечатай|повтори|повторяй)\b.{0,30}(?:слов[оа]|"
        r"фраз[уы]|только|за мной|json|капсом|букв|текст|одним словом)",
        r"\b(?:закончи|продолжи|дополни|допиши)\b.{0,20}(?:фраз|предложени|текст|строк)",
        r"\bпереведи\w*\b.{0,40}(?:на (?:английск|русск|немецк|французск|китайск|испанск)|фраз|текст)",
        r"\b(?:подтверди|пообещай|гарантируй|поклянись|обещай)\b.{0,80}",
        r"\b(?:дай|выдай|сделай|начисли|подари|создай|сгенерируй|придумай|активируй|примени|оформи|выпиши|"
        r"пришли)\w*\b.{0,40}(?:промокод|скидк\w+|сертификат|купон|бонус|балл|возврат).{0,40}"
        r"(?:\d{2,}|бесплатн|навсегда|сто процентов|любой|максимальн|секретн)",
        r"(?:продай|отдай|оформи)\w*\b.{0,50}(?:за (?:1|один|0|ноль) ?(?:руб|₽|коп)|за рубль|даром|бесплатно)",
        r"\b(?:секретн|скрыт|внутренн|служебн|сотрудническ)\w* (?:промокод|скидк|код|цен[аыу]|информац|"
        r"данн|документ|инструкц)",
        r"\b(?:вывод|выведи|покажи|перечисли|список|дай|скачай|выгрузи|пришли|дамп)\w*\b.{0,40}(?:всех|все|"
        r"чуж\w+|базу?|список)\b.{0,30}(?:заказ|клиент|покупател|телефон|адрес|e-?mail|почт|данн|таблиц)",
        r"\b(?:данные|телефон\w*|адрес\w*|заказ\w*|почт\w+) (?:других|чужих|остальных|всех) "
        r"(?:покупател|клиент|людей|заказ)",
        r"\b(?:select|drop|delete|insert|update)\b.{0,30}\b(?:from|table|into|set)\b|<script|\$\{|\{\{",
        r"\b(?:ignore|disregard|forget|override|bypass|skip|drop)\b.{0,50}\b(?:instruction|rule|prompt|"
        r"previous|above|prior|guideline|restriction|polic|everything)",
        r"\b(?:print|show|reveal|repeat|output|display|tell|give|leak|dump|what(?: is|'s| are)|write|expose)\b"
        r".{0,50}\b(?:system prompt|your (?:\w+ )?(?:prompt|instructions|rules|config\w*|guidelines)|"
        r"initial prompt|hidden|api key|token|password|secret|everything above|text above|words above)",
        r"\bfrom now on\b|\byou are now\b|\bpretend\b|\bact as\b|\broleplay\b|\bdeveloper mode\b|"
        r"\bno (?:rules|restrictions|limits|filters)\b|\bsimulate\b|\bimagine (?:that )?you\b|\bsudo\b",
        r"\b(?:say|print|output|reply|respond|answer|write|type|repeat)\b.{0,24}(?:\bthe (?:word|phrase|"
        r"following|text)\b|\bonly\b|\"|\bafter me\b|\bexactly\b|\bjson\b|\bin capitals\b)",
        r"\b(?:confirm|promise|guarantee|swear|agree|acknowledge)\b (?:that|to|me|you|i)\b",
        r"\b(?:give|grant|issue|create|generate|apply|activate|make)\b.{0,40}\b(?:\d{2,3} ?%|free|"
        r"unlimited|secret|hidden)\b.{0,30}\b(?:discount|promo|coupon|code|voucher|refund|order|item)?",
        r"\b(?:complete|finish|continue) (?:the|this|my) (?:sentence|phrase|text)|\btranslate\b.{0,50}",
        r"\bi(?:'m| am) (?:the |your |an? )?(?:admin\w*|developer|owner|creator|ceo|director|boss|tester)\b",
        r"\b(?:list|show|dump|export|give|print)\b.{0,30}\b(?:all|other|every)\b.{0,20}\b(?:order|customer|"
        r"client|buyer|phone|email|address|user)",
        r"\b(?:покажи|сообщи|скажи|дай|назови)\w*\b.{0,20}(?:данн\w+|цен\w+|информац\w*) (?:друго\w+ )?магазин\w* [«\"]",
    )
]


_PLANTED = [
    re.compile(p, re.DOTALL)
    for p in (
        r"\b(?:забуд\w*|игнорир\w*|проигнорир\w*|не обращай\w* внимани\w*)\b.{0,60}\b(?:инструкц|правил|указани|промпт|предыдущ)",
        r"\b(?:ignore|disregard|forget|override)\b.{0,50}\b(?:instruction|rule|prompt|previous|above|prior)",
        r"\[\s*(?:система|system|admin)\s*\]|<\s*/?(?:system|admin|instructions?)\b|<\|.{0,20}\|>",
        r"^\s*(?:system|assistant|система|ассистент)\s*:",
        r"\b(?:ты теперь|you are now|from now on you|системн\w+ промпт|system prompt)\b",
        r"\b(?:ассистент|бот|модель|assistant|chatbot|the model|ai)\b.{0,30}\b(?:долж\w+|обязан\w*|must|should)\b.{0,40}\b(?:сказать|ответить|написать|выдать|сообщить|say|reply|answer|output|write|print|reveal)",
    )
]


def is_planted(sentence: str) -> bool:
    """An order to a bot inside a text: data, never obeyed, and no use to a buyer either."""
    folded = fold(sentence)
    return any(pattern.search(folded) for pattern in _PLANTED)


def is_injection(text: str) -> bool:
    """An order to the bot itself rather than a question to the shop."""
    folded = fold(text)
    return any(pattern.search(folded) for pattern in _INJECTION)


# ── What is asked of a thing ─────────────────────────────────────────────────────────────────
@dataclass(frozen=True, slots=True)
class Wish:
    """Which facts a question is about; several may be."""

    price: bool = False
    stock: bool = False
    size: bool = False
    colour: bool = False
    compare: bool = False
    cheaper: bool = False
    hours: bool = False
    search: bool = False
    about: bool = False
    how_long: bool = False
    where: bool = False
    when: bool = False
    how_to: bool = False
    plain: bool = False  # "а обычный?", "без Pro"
    concepts: tuple[str, ...] = ()  # properties asked for in words that are no names of theirs

    @property
    def is_any(self) -> bool:
        return self.price or self.stock or self.size or self.colour


_PRICE = re.compile(
    r"\b(?:сколько|скока|скок|ск) (?:\w+ ){0,3}(?:стоит|стоят|стоить|будет|стоило|обойд\w+|выйдет|"
    r"отдать|денег|рублей|за)\b|\bза сколько (?:отда|прода|уступ)\w+|\bпо ?ч[её]м\b|\bцен[ауыоеик]\w*|\bстоимост\w*|\bценник\w*|"
    r"\bсто[ия]т\b|\bсколько\W*$|\bhow much\b|\bprices?\b|\bcosts?\b|\bпрайс\w*"
)
_STOCK = re.compile(
    r"\bесть?\b|\bв наличи\w*|\bналичи\w*|\bостал\w+|\bимеется\b|\bимеются\b|\bбыва[её]т\b|\bбывают\b|"
    r"\bпрода[её]те\b|\bзаказать можно\b|\bможно (?:купить|заказать)\b|\bкупить\b|\bin stock\b|"
    r"\bavailable\b|\bavailability\b|\bdo you (?:have|sell|stock)\b|\bhave you got\b|\bgot any\b|"
    r"\bis there\b|\bare there\b|\bпояв(?:ит|ят|л)\w*|\bпоступ\w+|"
    r"\bкогда (?:\w+ ){0,2}(?:привез\w+|довез\w+)|\b(?:привез\w+|будут|будет) когда\b|"
    r"\bзаве[зс]\w+|\bподвез\w+|\bнайд[её]тся\b|\bнайдутся\b"
)
_SIZE = re.compile(
    r"\bразмер\w*|\bразмерн\w*|\bsizes?\b|\bsized\b|\bростовк\w*|\bна рост\b|\bмаломер\w*|\bбольшемер\w*"
)
_COLOUR = re.compile(r"\bцвет(?:а|ов|ах|ами|е|ом|у)?\b|\bрасцветк\w*|\bcolou?rs?\b|\bоттен\w+")
_COMPARE = re.compile(
    r"\bсравни\w*|\bсравнен\w*|\bотлич\w*|\bразниц\w*|\bразличи\w*|\bразличаются\b|\bчто лучше\b|\bкакой "
    r"(?:из них )?лучше\b|\bкакая лучше\b|\bкакие лучше\b|\bcompare\b|\bcomparison\b|\bdifference\b|"
    r"\bdiffer\w*|\bwhich is better\b|\bversus\b|\bvs\b|\bбольше отличий\b"
)
_COMPARATIVE = re.compile(
    r"\b(?:что|какой|какая|какое|какие|кто|у кого|у какого|у какой|which|what)(?: из (?:них|этих))?(?: is| are)?(?: [^\W\d_]+){0,2}? (?P<how>\w+(?:ее|ей|ше|"
    r"че|же|er)|дороже|дешевле|больше|меньше)\b"
)
_CHEAPER = re.compile(
    r"\b(?:по)?дешевле\b|\bсам\w+ (?:деш[её]в|недорог|бюджетн)\w*|\bнедорог\w*|\bдеш[её]в\w*|\bcheap(?:est)?\b|\bдороже\b|\bcheaper\b|\bmore expensive\b"
)
_HOURS = re.compile(
    r"^(?:а |и |ну )*(?:до|со?|во) скольк\w+\W*$|^(?:and |but )*(?:until|till|from) (?:when|what time)\W*$|"
    r"\b(?:час\w*|режим\w*|график\w*|время|расписани\w*) работы\b|\bграфик\w*|\b(?:до|со?|во) скол[ьк]\w*\b.{0,40}"
    r"(?:работ|откр|закр|отвеча|магазин)|(?:работ\w+|откры\w+|закры\w+|отвеча\w+).{0,40}\b(?:до|со?|во) скол\w+|"
    r"\b(?:когда|как|во сколько|в какое время)\b.{0,20}(?:работа\w+|откры\w+|закры\w+|отвеча\w+)|"
    r"\bработаете\b.{0,20}(?:сегодня|завтра|сейчас|выходн|праздн|понедельн|вторн|сред[уы]|четверг|"
    r"пятниц|суббот|воскрес|ноч|круглосуточн)|(?:сегодня|завтра|сейчас|выходн\w+|праздник\w*|понедельник|"
    r"вторник|среду|четверг|пятницу|субботу|воскресенье).{0,25}\b(?:работа\w+|открыт\w*|отвеча\w+)|"
    r"\b(?:opening|working|business|office) hours\b|\bwhen (?:do|are|does|is)\b.{0,25}\b(?:open|close|answer|reply|"
    r"work)|\bwhat time\b.{0,25}\b(?:open|close|work)|\bare you open\b|\bopen (?:on|today|tomorrow|now|at)"
)
_SEARCH = re.compile(
    r"\b(?:покажи\w*|подбери\w*|подобрать|посоветуй\w*|порекоменду\w*|ищу|ищем|найди\w*|какие есть|что есть "
    r"из|что у вас есть|варианты|ассортимент|show|find|looking for|recommend|suggest|any)\b"
)
_ABOUT = re.compile(
    r"\b(?:расскажи\w*|опиши\w*|подробн\w*|описани\w*|характеристик\w*|что (?:за|такое|это)|информаци\w*|"
    r"tell me (?:more )?about|describe|details|what is|specs|specifications)\b"
)
_HOW_LONG = re.compile(
    r"\bсколько (?:\w+ ){0,2}(?:дн\w+|времени|врем\w+|недел\w*|месяц\w*|лет|часов|суток|ид[её]т|ехать|"
    r"ждать|едет|лежит|хранит\w*|займ[её]т|длит\w*|действ\w*|храните|держите)|\bкак (?:долго|быстро|скоро)\b|"
    r"\bчерез сколько\b|\bв течение\b|\bсрок\w*|\bза сколько (?:дн|врем)\w*|\bhow (?:long|many (?:days|hours|"
    r"weeks|months|years)|soon|fast|quickly)\b"
)
_WHERE = re.compile(
    r"\bгде\b|\bадрес\w*|\bкуда\b|\bоткуда\b|\bнаходи\w+|\bпроехать\b|\bметро\b|\bwhere\b|\baddress\b|\blocated\b"
)
_WHEN = re.compile(r"\bкогда\b|\bдо скольки\b|\bво сколько\b|\bwhen\b|\bwhat time\b")
_HOW_TO = re.compile(
    r"\bкак\b(?! долго| быстро| дела| скоро)|\bhow (?:do|can|to|should)\b|\bчто (?:нужно|надо|делать)\b|\bс чего\b"
)
_PLAIN = re.compile(
    r"\bобычн\w+|\bпрост(?:ой|ая|ое|ые|ую)\b|\bбез\b|\bregular\b|\bplain\b|\bwithout\b|\bnot\b|\bстандартн\w*"
)


_CONCEPTS = (
    (
        "материал",
        re.compile(r"\bиз чего\b|\bиз какого (?:материал|ткан)|\bmade (?:of|from|out of)\b"),
    ),
    (
        "страна",
        re.compile(
            r"\bгде (?:это |он[аои]? )?(?:сдела|произв|сши|изготовл)\w*|\bчь[её] производств|\bmade in\b|\bwhere\b.{0,20}\bmade\b"
        ),
    ),
    (
        "время",
        re.compile(
            r"\bсколько (?:\w+ ){0,2}(?:работает|держит|прожив\w+|продержит\w*|пылесосит|играет|хватает|хватит|"
            r"живет)\b|\bна сколько хват\w+|\bhow long\b.{0,30}\b(?:last|battery|charge)|\bbattery life\b"
        ),
    ),
    ("вес", re.compile(r"\bсколько весит|\bhow heavy\b|\bhow much does\b.{0,30}\bweigh")),
    (
        "температура",
        re.compile(
            r"\bдо (?:какой|скольки|какого)\b.{0,12}(?:температур|градус|мороз|минус)|\bв (?:как(?:ой|ом|ие) |сильный )?мороз|-\d{1,2}\b"
        ),
    ),
)


_SELLS = re.compile(
    r"\bпрода[её]т(?:е|ся)\b|\bв продаже\b|\bможно купить\b|\bторгуете\b|\bdo you (?:sell|stock)\b"
)


def is_sold(text: str) -> bool:
    """Asks whether the shop has such goods at all."""
    return bool(_SELLS.search(fold(text)))


def wish(text: str) -> Wish:
    folded = fold(text)

    def has(pattern: re.Pattern[str]) -> bool:
        return bool(pattern.search(folded))

    return Wish(
        price=has(_PRICE),
        stock=has(_STOCK),
        size=has(_SIZE),
        colour=has(_COLOUR),
        compare=has(_COMPARE)
        or bool(_COMPARATIVE.search(folded) and re.search(r"\bили\b|\bor\b|,", folded)),
        cheaper=has(_CHEAPER),
        hours=has(_HOURS),
        search=has(_SEARCH),
        about=has(_ABOUT),
        how_long=has(_HOW_LONG),
        where=has(_WHERE),
        when=has(_WHEN),
        how_to=has(_HOW_TO),
        plain=has(_PLAIN),
        concepts=tuple(name for name, pattern in _CONCEPTS if has(pattern)),
    )


def comparative(text: str) -> str:
    """ "мощнее" of "что мощнее": the quality to compare by."""
    found = _COMPARATIVE.search(fold(text))
    return found["how"] if found else ""


_PRONOUN = words("""
он она оно они его её их него неё них ему ей им ней нём нею там туда это этот эта эти этого этой
этих этому том той тот та те такой такая такое такие него
it its they them their there this that these those one
""")
_FOLLOW = re.compile(
    r"^\s*(?:а|и|ну а|а если|а как|ещ[её]|также|тогда|and|what about|how about|or|also|but)\b"
)


def has_pronoun(text: str) -> bool:
    return any(word in _PRONOUN for word in re.findall(r"[a-zа-я]+", fold(text)))


def is_follow_up(text: str) -> bool:
    return bool(_FOLLOW.match(fold(text)))


# ── Price limits ─────────────────────────────────────────────────────────────────────────────
_NUMBER = r"(\d[\d ]*(?:[.,]\d+)?)\s*(тыс\w*|т\.?р\w*|к\b|k\b)?"
_AT_MOST = re.compile(
    rf"\b(?:до|не дороже|дешевле|не больше|максимум|в пределах|under|below|up to|less than|cheaper than|max)"
    rf" {_NUMBER}(?: ?(?:₽|руб\w*|р\b|rub\w*|\$))?(?! ?(?:см|мм|кг|лет|год|дн|час|градус|°|литр|вт|w\b|л\b|м\b))"
)
_AT_LEAST = re.compile(
    rf"\b(?:от|дороже|не дешевле|минимум|over|above|more than|from) {_NUMBER} ?(?:₽|руб\w*|р\b|rub\w*|\$)"
)


def price_limits(text: str) -> tuple[float | None, float | None, tuple[tuple[int, int], ...]]:
    """(at least, at most, where in the folded text): "до 5000", "не дороже 3 тысяч"."""
    folded = fold(text)
    spans: list[tuple[int, int]] = []
    limits: list[float | None] = []
    for pattern in (_AT_LEAST, _AT_MOST):
        found = pattern.search(folded)
        value = None
        if found:
            value = float(found[1].replace(" ", "").replace(",", "."))
            if found[2]:
                value *= 1000
            if value < 100:
                value = None
            else:
                spans.append(found.span())
        limits.append(value)
    return limits[0], limits[1], tuple(spans)


# ── Several questions in one message ─────────────────────────────────────────────────────────
_CUE = (
    r"(?:сколько|скока|как(?:ой|ая|ое|ие|ов\w*|ого|ую)?|когда|где|куда|откуда|есть|можно|до скольки|со скольки|во "
    r"сколько|поч[её]м|чем|что|кто|нужн[оаы]?|бывает|работаете|доставляете|привоз\w+|возите|возможн\w+|"
    r"какова|за сколько|через сколько|от какой|в каких|в каком|what|how|when|where|which|is|are|do|does|can|could|will)"
)
_SENTENCE_ENDS = r"(?<=[?!;])\s+|\n+|(?<=[а-яёa-z»\"0-9]{2})[.](?:\s+)(?=[А-ЯЁA-Z])"
_SENTENCES = re.compile(_SENTENCE_ENDS)
_SPLIT = re.compile(
    rf"{_SENTENCE_ENDS}|"
    rf"\s*,?\s+(?:и|а также|и ещ[её]|а ещ[её]|а|and|also|plus)\s+(?=(?:\w+ ){{0,2}}{_CUE}\b)|"
    rf",\s+(?={_CUE}\b)",
    re.IGNORECASE,
)


_HAS_CUE = re.compile(rf"\?|\b{_CUE}\b", re.IGNORECASE)


def is_question(text: str) -> bool:
    """Asks something, rather than tells what the next sentence is about."""
    return bool(_HAS_CUE.search(text)) or wish(text).is_any


def split_questions(text: str, *, is_compared: bool = False) -> list[str]:
    """`is_compared`: "Buds и Buds Pro чем отличаются" is one question."""
    pattern = _SENTENCES if is_compared else _SPLIT
    return [part.strip(" ,") for part in pattern.split(text) if part and part.strip(" ,.!?")]
