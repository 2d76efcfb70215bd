"""What several words of a question mean together: "возьмёте назад?" asks about returns.

The glossary knows words that mean the same wherever they stand. Here are the turns of phrase that
buyers use and shops' texts do not: words that mean a shop's matter only in company. Nothing here is
of one shop; a meaning that no text of the merchant has changes nothing.

A line: groups of words joined by "+" (each by one of its words, in any order; "?" before a group
that may be missing), words that must not be there after " !", the meanings after "=>" (";" parts
two meanings).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from bots.retrieval.glossary import Key, lemma_key
from bots.retrieval.morphology import analyse
from bots.retrieval.text import tokens

RULES = """
размер size + не not + подойти тот мой fit suit right ! примерка завезти появиться поступить
    наличие снова restock stock => обмен, обменять, exchange; размер, size
кто who чей + оплачивать платить оплатить заплатить pay pays + back return обратно возврат
    возвращать пересылка обратный sending => возврат, бесплатный, return; бесплатный, free
сдать вернуть возвратить отослать вернуться refund refunded returned + карта счет card account bank
    банк ! подарочный сертификат gift оплатить паспорт документ => вернуться, вернуть деньги,
    деньги возврат, money back, money return, money
сделать make + короткий короче покороче shorter + рукав брюки джинсы штаны юбка платье подол пальто
    sleeve jeans trousers skirt dress coat => подшить, укоротить, подгонка, shorten, hem
сдать вернуть отправить отослать returned sent return + деньги money refund + нет когда где ждать
    прийти when where yet + ?возврат возвращать обратно назад посылка вещь return => вернуться,
    вернуть деньги, деньги возврат, money back, money return, money
деньги средство бабки сумма money refund + упасть прийти поступить капнуть дойти перевести
    зачислить вернуться вернуть возвратить получить возврат back return arrive ждать дождаться +
    ?возврат возвращать сдать отнести нести отослать обратно назад карта return sent ! разница
    списать снять => вернуться, вернуть деньги, деньги возврат, money back, money return, money
деньги средство money + нет где не where no not ! брать взять принимать хватать => вернуться,
    вернуть деньги, деньги возврат, money back, money return, money
поменять изменить исправить сменить change correct + улица дом квартира индекс получатель адрес
    город street house flat address ! размер цвет вещь товар => изменить адрес, поменять, change;
    адрес, address
код code + сработать действовать скидка уценённый применить ввести акция работать скидочный apply
    work discount enter ! возврат смс получить дверь домофон => промокод, promo code
новый поступить появиться завезти привозить привоз завоз поставка поступление new + когда часто
    обычно регулярно день when often + товар коллекция вещь размер завоз привоз поставка
    поступление ассортимент stock arrivals collection => поставка, поступление, new stock, restock
бухгалтерия бухгалтер отчетность accounting accountant + документ счет акт накладная закрывающий
    document invoice => документ, организация, счет, invoice, company
старый ненужный поношенный old used + дать сдать принять обменять принести выгода купон взамен give
    bring accept coupon ! товар заказ номер адрес => старый, old; принимать, сдать, принести
оплатить платить оплата карта заплатить платеж pay card payment + ошибка проходить пройти зависнуть
    висеть отклонять error declined fail => оплата пройти, оплата не пройти, payment fail
сегодня срочно срочный today urgent urgently + успеть успевать надо нужно привезти получить вечер
    день need get deliver tonight ! работать открыть закрыть => срочный, срочно, express, same day
передумать расхотеть + отослать отправить сдать вернуть возвратить => возврат, вернуть, return
между between + размер size sizes => между размер, between size; размер, size
взять принять примете забрать отдать сдать нести отнести принести отослать прислать отправить +
    назад обратно => возврат, вернуть, return
сдать сдавать ! старый ненужный батарейка хлам барахло экзамен тара утиль деть => возврат, вернуть,
    return
верну вернуть возвращать + разница => разница, difference
send take give bring ship get + back ! money when stock cash => возврат, вернуть, return, returns
передумать расхотеть change + покупать купить брать взять заказ заказать отменить mind ! вернуть
    обратно назад => отменить, отмена, cancel
заказ нужный надо нужно + больше уже + не ! размер => отменить, отмена, cancel
отказаться отменить аннулировать + заказ покупка посылка => отменить, отмена, cancel
поменять заменить замена обменять обмен сменить swap exchange + размер цвет побольше поменьше
    больше меньше другой size colour bigger smaller another => обмен, обменять, exchange
влезть налезть маловатый великоватый мал велик + поменять заменить обменять другой хотеть => обмен,
    обменять, exchange
прийти прислать привезти получить положить отправить got received sent + вместо перепутать чужой
    неправильный wrong different другой ! адрес размер цвет => брак, не та вещь, wrong, пересорт
прислать получить прийти привезти + вместо instead => брак, не тот вещь, wrong, пересорт
прийти прислать привезти получить + не + тот та то те => брак, wrong
мы фирма организация компания ооо ип юрлицо юрик company we business + счет ндс безнал безналичный
    договор документ invoice vat => юридический лицо, организация, счет, company, companies,
    invoice
не not никак + работать включаться включить включаю греть нагреваться заряжаться запускаться
    крутить качать реагировать work working turn ! промокод купон код скидка оплата карта сайт
    ссылка приложение магазин праздник выходной воскресенье суббота понедельник вы ли promo code
    card site store shop => сломаться, включаться, неисправный, broken, not work
перестать stopped stop quit + работать включаться греть греться заряжаться крутить дуть звучать
    слышать показывать сосать working work charging heating => сломаться, включаться, неисправный,
    broken, not work
двойной дважды второй снять списать списали сняли ушли charged taken took + деньги оплата карта
    счет money ! примерка => списаться, списать, taken, оплата пройти
оплата платеж payment + пройти проходить ошибка отклонить висеть failed declined error => оплата
    пройти, payment fail
подойти понравиться устроить подошли разонравиться fit suit like + не not doesn't don't didn't
    разонравиться + ?вернуть возврат возвращать сдать отдать обратно назад return back ! примерка
    менять обмен размер exchange => возврат, вернуть, подойти, return, returns
обойтись выйти стать встать + доставка курьер привезти доставить => доставка, delivery, курьер
arrive come here + when long soon fast many days how ! money refund back shop store myself =>
    доставка, delivery
как how + добраться доехать пройти проехать дойти get there => адрес, метро, address
вживую живьем офлайн оффлайн розничный физический + посмотреть магазин потрогать померить пощупать
    есть => магазин, адрес, store, address
успевать успеть уехать уезжать отпуск командировка продлить not + забрать получить забирать
    хранение collect pick => хранить, хранение, keep, storage
приехать привезти курьер доставка courier deliver + вечер утро обед позже раньше попозже пораньше
    интервал промежуток слот час часов к slot evening morning ! посылка день => интервал, курьер,
    slot, courier
складываться суммироваться совместить совмещать одновременно вместе два сразу combine stack
    together two + скидка промокод купон акция код discount code coupon promo => промокод, promo
    code; складываться, combine, один, one
сгореть сгорать пропасть пропадать истечь исчезнуть обнулиться expire lose + балл бонус ягода ватт
    кешбэк points bonus => сгорать, expire; бонус, bonuses
потратить тратить списать использовать spend use redeem + балл бонус кешбэк points bonus bonuses =>
    оплатить, pay; бонус, bonuses
наложенный + платеж => оплата, при получение, on delivery
подобрать определить узнать выбрать угадать ошибиться понять choose know find + размер size =>
    размер, size, таблица размер, size chart
сетка таблица + размерный размер size => таблица размер, размер, size chart, size
кто who чей + оплачивать платить оплатить pay счет + возврат обратно пересылка обратный return back
    => возврат, бесплатный, return
заявление бланк форма документ паспорт form document + возврат вернуть сдать return => оформить
    возврат, возврат, заявление, return
порядок процедура инструкция оформить шаг procedure steps + возврат возвращать вернуть return =>
    оформить возврат, make return, возврат
куда где where + нести отнести сдать отправить послать выслать send bring drop take + ?возврат
    обратно назад вернуть сдать return back ! хлам старый ненужный батарейка почта => оформить
    возврат, принести, вернуть, возврат, return
сесть сел усесть растянуться полинять вытянуться + стирка постирать стирать wash => садиться,
    стирка, shrink
which what какой thing things + can't cannot never нельзя + return refund back возврат вернуть
    сдать обратно => нельзя вернуть, cannot return; возврат, вернуть, return
бумажный живой + платить оплатить рассчитаться расплатиться отдать заплатить вернуть деньги =>
    наличные, наличный, cash
курьер courier driver + предупредить позвонить звонить набрать заранее call warn ring before =>
    курьер звонить, courier call
какой которые what which + бумага документ papers document documents + взять нужный нужно принести
    показать bring need show => паспорт, документ, passport
code код + type enter put insert use вбить вбивать ввести вписать вводить ! дверь домофон смс =>
    промокод, promo code
point points + back purchase spend earn buy expire ! pickup pick-up locker parcel => бонус, bonus,
    loyalty
руль машина авто drive driving car + магазин приехать доехать встать место shop store park !
    стирать стирка швейный кофе стиральный => парковка, parking
мастерская сервис ремонт repair service + взамен замена подмена вместо meanwhile instead loaner =>
    подменный, replacement, lend
обналичить вывести снять cash out + балл бонус ягода ватт points bonus сертификат карта подарочный
    gift certificate card voucher => обменять деньги, exchange for money
офис сотрудник коллектив office staff + брать купить заказать закупить берем техника buy order need
    => юридический лицо, организация, company, companies
свой собственный my own + магазин бутик лавка shop boutique store + брать закупать купить закупка
    buy stock => опт, wholesale
come drive arrive заехать подъехать приехать прийти зайти + myself сам сама лично самостоятельно
    person ! примерка померить => самовывоз, pick up, collect; забрать, collect
cover covered + long how what months days ! up => гарантия, warranty, guarantee
удалить стереть delete erase remove forget + данные информация data details personal мой me =>
    персональный данные, личный данные, personal data, privacy
до после before after + закрытие закрыться закрываться open close opening closing => час работы,
    opening hours, hours
хватать хватить успеть доставить прийти arrive + к by before + праздник новый год рождение свадьба
    birthday christmas wedding => доставка, срок, delivery
call + off + order purchase => отменить, отмена, cancel
страна россия country + по через по-всей across => россия, russia, регион
процент % сколько percent + капать возвращаться начислять капнуть накапать возвращать + ?обратно
    назад back + ?покупка покупать => бонус, ягода, вернуть покупка, bonus, points; процент
хлам барахло старый ненужный old + шкаф гардероб одежда вещь тряпка wardrobe clothes + ?забрать
    взять принять => старый одежда, old clothes; принимать
ехать идти доехать дойти добираться доходить доезжать приходить + быстро скоро посылка заказ
    долго день сколько ! деньги чек возврат ответ оператор ответа лето зима => доставка, срок,
    delivery
ждать wait + посылка заказ доставка курьер order parcel delivery ! деньги возврат => доставка, срок,
    delivery
занести поднять подъем подниматься поднимать carry + этаж лифт квартира дверь floor upstairs stairs
    lift => этаж, floor
побить побиться разбиться разбить потеряться потерять пропасть повредить помять сломаться lost
    damaged + дорога путь посылка доставка перевозка пересылка транзит parcel transit way shipping
    => застраховать, страховка, insured, insurance
ошибиться перепутать опечататься неправильный неправильно неверный неверно неверно wrong mistake +
    адрес дом улица квартира индекс город номер address ! размер => изменить адрес, поменять,
    change; адрес, address
я меня + не + быть застать => перенести, изменить дата, date
другой иной перенести сдвинуть позже попозже reschedule postpone later another move + дата день
    время суббота воскресенье понедельник вторник среда четверг пятница курьер доставка date day
    courier delivery ! магазин цвет размер => перенести, дата, date, moved
платить заплатить оплатить отдать внести разбить раскидать поделить разделить pay split + потом
    позже частично постепенно четверть половина кусок часть месяц взнос раз later monthly parts
    portions ! получение возврат обратно назад примерка курьер бонус балл тратить => рассрочка,
    частями, по частям, instalments
подтверждение квитанция бумажка бумага справка proof confirmation + оплата покупка деньги оплатить
    payment purchase => чек, receipt
карта card + банк bank + казахстанский белорусский турецкий немецкий французский американский
    китайский европейский армянский грузинский узбекский киргизский заграничный зарубежный
    иностранный другая french german american turkish kazakh foreign => иностранный, foreign;
    карта, card
карта card + казахстанский белорусский турецкий немецкий французский американский китайский
    европейский армянский грузинский узбекский киргизский польский заграничный зарубежный
    иностранный чужой страна french german american turkish kazakh chinese european polish foreign
    overseas => иностранный, foreign
найти нашел увидеть встретить found другой чужой конкурент elsewhere another other competitor +
    дешевле меньше ниже дешевый цена cheaper lower less => дешевле, cheaper
скинуть скидывать скостить уступить сбросить подешевле + цена рубль процент немного дешевле !
    ссылка фото => скидка, discount, дешевле
кинуть бросить закинуть крутить засунуть стирать постирать машина машинка стиралка + стиралка
    машинка машина автомат барабан ! чистить кофе кофемашина => стирка, стирать, wash
где where + вы вас магазин шоурум точка you shop store located ! заказ посылка купить чек код order
    parcel => адрес, находиться, address; магазин
рядом около близко ближе недалеко возле near close nearby + дом метро работа home ! магазин =>
    пункт выдача, постамат, pickup point, locker
collect pick pickup забрать + myself person shop store сам сама лично магазин => самовывоз, collect
    shop, собственный; магазин, shop
какой каким чем кем which + служба компания перевозчик carrier company => сдэк, cdek, почта россия,
    служба доставка, служба
разбить раскидать поделить разделить split + платеж оплата сумма стоимость payment price =>
    рассрочка, частями, по частям, instalments
впервые первый first new + скидка скидочка discount off + ?покупатель клиент заказ customer client
    order => первый заказ, first order; скидка
новый первый впервые first new + покупатель клиент покупка раз заказ customer client buyer time
    purchase order ! коллекция => первый заказ, first order
машина авто автомобиль тачка car + оставить поставить припарковать встать park leave => парковка,
    parking
чинить ремонт ремонтировать repair fix fixing + замена подмена взамен временно подменный аналог
    loaner replacement meanwhile instead => подменный, replacement, lend
защита страховка застраховать protection insurance + падение удар случайный поломка разбить залить
    drop accident damage => дополнительный гарантия, гарантия, warranty
ребенок малыш сын дочь год year сынок дочка kid + лет год old месяц age year + размер рост номер
    size height ! гарантия служить => детский, ребенок, child, children
батарейка аккумулятор батарея + сдать деть выбросить выкинуть старый севший утилизация =>
    батарейка; принимать, сдать
куда where + деть выбросить выкинуть девать избавиться => сдать, принимать; старый
подшить укоротить подкоротить ушить подогнать перешить обрезать hem shorten take + джинсы брюки
    рукав штаны юбка платье подол jeans trousers sleeve pants dress ! взять возврат in => подшить,
    укоротить, подгонка, shorten, hem
нож игла плёнка бортик + самолет салон => самолет
взять пустить провезти брать пронести пропустить take bring carry allowed + самолет борт салон рейс
    полет багаж plane board flight aboard cabin luggage => самолет, ручной кладь, багаж, plane,
    hand luggage
set install connect подключить настроить установить поставить собрать + up home someone дом мастер
    router роутер сам сама ! часы программа => настроить, установка, set
bring deliver send charge + flat home house door me place moscow petersburg city ! back return code
    => доставка, delivery
nice pretty beautiful красиво красивый нарядно празднично + box wrap package упаковать завернуть
    обернуть оформить коробка ribbon => подарочный упаковка, упаковка, wrapping, wrap
забыть забыла докинуть доложить дозаказать добавить дополнить докупить + заказ корзина посылка
    order => добавить, состав заказ, add
придержать подержать отложить попридержать припрятать приберечь hold keep aside + день час вещь
    платье магазин до меня заехать пара me until day item => отложить, забронировать, reserve, hold
прозевать пропустить прокараулить узнать оповестить уведомить сообщить напомнить notify tell let
    know + появиться завезти поступить привезти наличие размер снова back stock ! скидка =>
    поступление, сообщить, notify, restock
каждый ежемесячно every monthly + месяц month + платить оплатить платёж pay ! гарантия =>
    рассрочка, instalments
отправлять отправить доставлять послать слать посылать доставить send ship + почта post mail !
    электронный e-mail чек письмо => почта россия, russian post; доставка, delivery
написать связаться обратиться достучаться write contact reach + вы как куда где you how where !
    отзыв имя текст => почта, контакты, contacts, e-mail; телефон, phone
продлить расширить увеличить докупить extend longer + гарантия warranty => продлевать,
    дополнительный гарантия, extend, extra warranty
"""


@dataclass(frozen=True, slots=True)
class Rule:
    """`groups`: every one is met by one of its lemmas; `never`: none of these may be there.

    `besides`: words that belong to it where they are said.
    """

    groups: tuple[frozenset[str], ...]
    besides: tuple[frozenset[str], ...]
    rank: int  # its place in the list: the first that fits takes the words
    never: frozenset[str]
    meanings: tuple[tuple[Key, ...], ...]


@lru_cache(maxsize=1)
def _rules() -> dict[str, list[Rule]]:
    """By the words of their first group."""
    by_word: dict[str, list[Rule]] = {}
    lines = RULES.strip().replace("\n    ", " ").split("\n")
    for rank, line in enumerate(lines):
        cues, _, meant = line.partition("=>")
        groups, _, never = cues.partition("!")
        named = [group.strip() for group in groups.split("+")]
        rule = Rule(
            tuple(_lemmas(group) for group in named if not group.startswith("?")),
            tuple(_lemmas(group) for group in named if group.startswith("?")),
            rank,
            _lemmas(never),
            tuple(
                tuple(lemma_key(phrase) for phrase in one.split(",")) for one in meant.split(";")
            ),
        )
        for word in rule.groups[0]:
            by_word.setdefault(word, []).append(rule)
    return by_word


def _lemmas(text: str) -> frozenset[str]:
    return frozenset(lemma for token in tokens(text) for lemma in analyse(token.text).lemmas[:1])


WITHIN = 8  # words that one turn of phrase may span


def concepts(said: list[tuple[str, ...]]) -> list[tuple[tuple[int, ...], tuple[Key, ...]]]:
    """Places of words (their lemmas given) → what they mean together, each place used once."""
    rules = _rules()
    all_said = {lemma for lemmas in said for lemma in lemmas}
    begun = {
        (rule.rank, at): rule
        for at, lemmas in enumerate(said)
        for lemma in lemmas
        for rule in rules.get(lemma, ())
        if not rule.never & all_said
    }
    used: set[int] = set()
    found: list[tuple[tuple[int, ...], tuple[Key, ...]]] = []
    for (_, at), rule in sorted(begun.items(), key=lambda item: item[0]):
        if at not in used and (places := _places(rule, at, said, used)):
            used.update(places)
            found += [(places, meaning) for meaning in rule.meanings]
    return found


def _places(
    rule: Rule, start: int, said: list[tuple[str, ...]], used: set[int]
) -> tuple[int, ...] | None:
    places = [start]
    for group in rule.groups[1:]:
        near = [
            at
            for at, lemmas in enumerate(said)
            if at not in places
            and at not in used
            and abs(at - start) <= WITHIN
            and not group.isdisjoint(lemmas)
        ]
        if not near:
            return None
        places.append(min(near, key=lambda at: abs(at - start)))
    places += [
        at
        for at, lemmas in enumerate(said)
        if at not in places
        and at not in used
        and any(not group.isdisjoint(lemmas) for group in rule.besides)
    ]
    return tuple(sorted(places))
