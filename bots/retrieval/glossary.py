"""Words of a shop that mean the same, in both languages. A merchant's own rows are added to these.

One line is one meaning. A phrase stands for all its words together.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from bots.retrieval.morphology import analyse
from bots.retrieval.text import fold, tokens, words

Key = tuple[str, ...]

GROUPS = """
доставка, доставить, доставлять, привезти, привозить, довезти, возить, везти, отправить, отправлять, отправка, послать, посылать, слать, выслать, высылать, пересылка, переслать, привоз, delivery, deliver, shipping, ship, send, post, postage
служба доставки, транспортная компания, перевозчик, курьерская служба, carrier
курьер, по городу, до двери, к двери, до квартиры, courier, to the door, doorstep
принять, принимать, брать, accept, take
выдать, выдавать
действовать, действие, valid, validity
самовывоз, самовывозом, забрать, заехать, подъехать, заскочить, pickup, pick up, collect
пункт выдачи, пвз, пункт самовывоза, pickup point
срок, time, long
примерка, примерить, померить, примерять, мерить, мерять, померять, перемерить, fitting, try on
возврат, вернуть, возвратить, возвращать, сдать обратно, отдать обратно, вернуть назад, сдать назад, отослать обратно, return, refund
обмен, обменять, поменять, exchange, swap
возмещение, вернуть деньги, refund, money back
оплата, платёж, оплатить, платить, заплатить, оплачивать, расплатиться, рассчитаться, расплачиваться, payment, pay
карта, карточка, card
наличные, наличка, наличными, купюра, cash, banknote
рассрочка, частями, долями, по частям, несколько платежей, installments, instalments
кредит, credit
скидка, акция, спецпредложение, уценка, уценённый, распродажа, распродажный, discount, sale, promotion, markdown
распродажа, уценка, уценённый, sale, clearance
промокод, купон, promo code, promocode, promo, coupon
бонус, балл, кешбэк, кэшбэк, bonus, points, cashback, loyalty
подарок, подарить, подарочный, gift, present
сертификат, ваучер, voucher, certificate, gift card
упаковка, упаковать, обёртка, wrapping, wrap, packaging
гарантия, гарантийный, warranty, guarantee
ремонт, починить, чинить, отремонтировать, ремонтировать, починка, repair, fix
брак, дефект, бракованный, дефектный, сломаться, сломать, повредить, порваться, разойтись, отклеиться, треснуть, перестать, дырка, царапина, неисправный, defect, faulty, damaged, broken
магазин, шоурум, точка, store, shop, showroom
адрес, находиться, address, located, location
телефон, позвонить, phone, call
почта, имейл, e-mail, email, mail
работать, открыть, открываться, закрыть, закрываться, close, график работы, часы работы, время работы, open, opening hours, hours
заказ, order
заказать, оформить заказ, оформить, order, place
отменить, отмена, отменять, cancel, cancellation
изменить, поменять, исправить, change, edit
отследить, отслеживать, отслеживание, трек, трек-номер, трек-код, track, tracking
посылка, отправление, parcel, package
чек, receipt
документ, счёт, накладная, закрывающий, акт, счёт-фактура, document, invoice, paperwork
опт, оптовый, оптом, закупать, закупка, закупить, закупаться, перепродажа, перепродавать, wholesale, bulk, resale, resell
юрлицо, организация, юридическое лицо, компания, фирма, ооо, ип, company, business
отзыв, review
размер, размерный, size, sizing
маломерить, большемерить, полномерный, размер в размер, runs small, run small, runs large, true to size
обхват, мерка, measurements
измерить, замерить, измерять, снять мерку, measure
нога, стопа, foot
старый, ненужный, old
предоплата, аванс, вперёд деньги, деньги вперёд, prepayment, deposit, up front, upfront, in advance
скидка, скидочка
шумоподавление, шумодав
позвонить, звонок, call, reach
рост, height
цвет, расцветка, color, colour
материал, состав, ткань, material, fabric, made of
стирка, стирать, постирать, выстирать, машинка, стираться, wash, washing
уход, ухаживать, чистить, почистить, чистка, care, clean, cleaning
гладить, погладить, отпарить, iron
химчистка, dry cleaning
бесплатно, бесплатный, даром, платный, платно, за деньги, free, free of charge, paid
цена, стоимость, стоить, почём, ценник, price, cost
сумма, amount
дешевле, дешёвый, недорогой, недорого, cheap, cheaper, inexpensive
регион, россия, город, regions, russia, city
заграница, зарубежный, рубеж, другая страна, abroad, international, overseas
страна, country
сегодня, день в день, тот же день, today, same day
завтра, tomorrow
выходной, суббота, воскресенье, weekend
праздник, праздничный, holiday
срочно, срочный, экспресс, быстро, быстрый, express, urgent, fast, same day
час, hour
день, сутки, day
неделя, week
месяц, month
год, year
деньги, money
бонусная программа, программа лояльности, loyalty program
день рождения, birthday
персональные данные, личные данные, personal data, privacy
конфиденциальность, privacy
вакансия, работа у вас, vacancy, job
резерв, отложить, забронировать, бронь, бронировать, зарезервировать, reserve, reservation, hold, set aside, put by
хранение, хранить, храниться, лежать, пролежать, полежать, держать, keep, store, kept, stored
подгонка, подшить, ушить, укоротить, укорачивать, подрубить, подогнуть, перешить, подрезать, ателье, shorten, alteration, tailoring, hem
установка, установить, подключить, подключение, монтаж, installation, install
сервис, сервисный центр, мастерская, ремонтный, service center, service centre
утилизация, сдать старый, переработка, recycling
старая техника, трейд-ин, трейдин, зачёт, в зачёт, trade-in
номинал, достоинство, сумма сертификата, denomination
робот, robot
ог, обхват груди, обхват, грудь
километр, км, kilometre, kilometer, km
новый год, нг
передавать, передать, слить, сливать, разгласить, разглашать, делиться, поделиться, share
подорожать, подешеветь, цена измениться, price change
доплата, доплатить, доплачивать, доплачу, surcharge
минус, мороз, градус, minus
логотип, эмблема, вышивка, вышить, нашивка, шеврон, принт, нанесение, logo, branding, embroidery
сравнение, сравнить, отличаться, разница, отличие, compare, difference, comparison
женский, женщина, девушка, женщинам, жена, мама, подруга, women, woman, ladies, female, wife
мужской, мужчина, парень, мужчинам, муж, папа, дедушка, men, man, male, husband
детский, ребёнок, детям, дитя, малыш, малышка, дочь, дочка, дочурка, сын, сынок, подросток, школьник, kid, kids, child, children, baby, toddler, daughter, son
мальчик, boy
девочка, girl
платье, dress
сарафан, sundress
юбка, skirt
блузка, блуза, blouse
рубашка, сорочка, shirt
футболка, t-shirt, tee, tshirt
лонгслив, longsleeve, long sleeve
поло, polo
майка, tank top
топ, top
брюки, штаны, trousers, pants
джинсы, джинсовый, jeans, denim
шорты, shorts
легинсы, лосины, leggings
свитер, sweater
джемпер, пуловер, jumper, pullover
кардиган, кофта, cardigan
водолазка, turtleneck
худи, толстовка, свитшот, hoodie, sweatshirt
куртка, jacket
пальто, coat
плащ, тренч, raincoat, trench
пуховик, down jacket, puffer
парка, parka
жилет, жилетка, vest
костюм, suit
пиджак, жакет, blazer
пижама, pajamas, pyjamas
бельё, underwear, lingerie
купальник, swimsuit, bikini
комбинезон, overall, jumpsuit, snowsuit
носки, носок, socks
колготки, tights
шапка, hat, beanie
кепка, бейсболка, cap
шарф, scarf
палантин, платок, shawl
перчатки, gloves
варежки, рукавицы, mittens
ремень, пояс, belt
сумка, bag
рюкзак, портфель, backpack
кошелёк, бумажник, портмоне, wallet, purse
чемодан, suitcase, luggage
зонт, зонтик, umbrella
очки, glasses
солнечные очки, sunglasses
украшение, бижутерия, jewelry, jewellery
обувь, shoes, footwear
кроссовки, кроссовок, sneakers, trainers, running shoes
кеды, кед, plimsolls, canvas shoes
ботинки, ботинок, boots
сапоги, сапог, boots
туфли, туфля, shoes
босоножки, сандалии, sandals
тапочки, slippers
сабо, clogs
одежда, clothes, clothing
чайник, kettle
кофемашина, coffee machine, coffee maker
кофеварка, coffee maker
кофемолка, coffee grinder
блендер, blender
миксер, mixer
тостер, toaster
мультиварка, multicooker
скороварка, pressure cooker
аэрогриль, аэрофритюрница, air fryer
гриль, grill
микроволновка, свч, microwave
холодильник, fridge, refrigerator
морозильник, морозилка, freezer
плита, stove, cooker
духовка, oven
вытяжка, hood
посудомойка, посудомоечный, dishwasher
стиральный, стиралка, washing machine, washer
пылесос, vacuum, vacuum cleaner, hoover
робот-пылесос, robot vacuum
утюг, iron
отпариватель, steamer
фен, hair dryer, hairdryer
выпрямитель, straightener
бритва, электробритва, razor, shaver
зубная щётка, toothbrush
весы, scales, scale
увлажнитель, humidifier
очиститель, purifier
обогреватель, heater
вентилятор, fan
кондиционер, air conditioner
лампа, светильник, lamp
лампочка, bulb, light bulb
наушники, наушник, headphones, earphones, earbuds
проводной, wired
беспроводной, wireless
колонка, speaker
телевизор, телик, tv, television
ноутбук, ноут, laptop, notebook
компьютер, комп, computer
планшет, tablet
смартфон, мобильный, сотовый, smartphone, mobile phone
телефон, phone, smartphone
монитор, monitor
мышь, мышка, mouse
клавиатура, keyboard
роутер, маршрутизатор, router
вайфай, wi-fi, wifi
накопитель, drive, ssd
флешка, flash drive, usb stick
пауэрбанк, повербанк, внешний аккумулятор, powerbank, power bank
аккумулятор, батарея, батарейка, battery, accumulator
зарядка, зарядное устройство, зарядник, charger
кабель, провод, шнур, cable, cord
умные часы, смарт-часы, smartwatch, smart watch
браслет, band, bracelet
камера, фотоаппарат, camera
принтер, printer
фильтр, filter
насадка, attachment, head
мощность, мощный, power, powerful, watt
объём, вместимость, литр, volume, capacity, litre, liter
вес, весить, weight, weigh
длина, длинный, length, long
ширина, широкий, width, wide
высота, высокий, height, high
глубина, depth
тихий, шум, шумный, шумит, noise, quiet, noisy, loud
экран, дисплей, screen, display
тёплый, утеплённый, утепление, warm
зимний, зима, winter
летний, лето, summer
осенний, осень, autumn, fall
весенний, весна, spring
демисезонный, демисезон, demi-season
водонепроницаемый, непромокаемый, промокать, водостойкость, водостойкий, waterproof
дождь, rain
мороз, холод, градус, температура, cold, temperature, degrees
короткий, short
прямой, straight
зауженный, узкий, slim, skinny, tapered
оверсайз, свободный, oversize, oversized, loose
приталенный, fitted
кожа, кожаный, leather
замша, замшевый, suede
шерсть, шерстяной, wool, woolen, woollen
хлопок, хлопковый, хлопчатобумажный, cotton
лён, льняной, linen
шёлк, шёлковый, silk
кашемир, cashmere
пух, пуховый, down
трикотаж, трикотажный, knitted, knit
резина, резиновый, rubber
дерево, деревянный, wood, wooden
металл, металлический, metal
сталь, стальной, нержавейка, steel
стекло, стеклянный, glass
пластик, пластиковый, plastic
керамика, керамический, ceramic
новинка, новый, new
популярный, хит, popular, bestseller
красный, алый, крас, red
синий, син, blue
голубой, light blue, blue
зелёный, зел, зелен, green
жёлтый, жел, желт, yellow
чёрный, чер, черн, black
белый, бел, white
серый, сер, grey, gray
коричневый, корич, коричн, brown
бежевый, беж, beige
розовый, роз, розов, pink
фиолетовый, фиол, фиолет, сиреневый, лиловый, purple, violet
оранжевый, рыжий, orange
бордовый, бордо, burgundy
молочный, milk, ivory
золотой, золотистый, gold, golden
серебристый, серебряный, silver
хаки, khaki
оливковый, olive
горчичный, mustard
бирюзовый, turquoise
мятный, mint
коньячный, cognac
стол, table, desk
стул, chair
кресло, armchair
диван, софа, sofa, couch
кровать, bed
матрас, mattress
подушка, pillow
одеяло, blanket
постельный, bedding
полотенце, towel
шкаф, wardrobe
полка, shelf
ковёр, rug, carpet
штора, curtain
зеркало, mirror
посуда, dishes, tableware
кастрюля, pot
сковорода, сковородка, pan
нож, knife
тарелка, plate
чашка, кружка, cup, mug
бутылка, bottle
игрушка, toy
книга, book
кукла, doll
конструктор, building set
велосипед, bike, bicycle
самокат, scooter
коляска, stroller
корм, pet food
собака, пёс, dog
поводок, leash
ошейник, collar
корм, food
аквариум, aquarium, fish tank
лежанка, pet bed
щенок, puppy
котёнок, kitten
стрижка, стричь, постричь, подстричь, haircut, grooming
кошка, кот, cat
питомец, pet
цветок, букет, flower, bouquet
крем, cream
шампунь, shampoo
духи, парфюм, perfume
помада, lipstick
чай, tea
кофе, coffee
шоколад, chocolate
сыр, cheese
молоко, milk
торт, пирог, cake
дрель, drill
шуруповёрт, screwdriver
москва, московский, мск, moscow
екатеринбург, екб, екат, ебург, yekaterinburg
новосибирск, нск, новосиб, novosibirsk
челябинск, челяба, chelyabinsk
владивосток, владик, vladivostok
петербург, санкт-петербург, питер, петербургский, питерский, спб, petersburg, spb
метро, станция метро, станция, metro, underground
первый заказ, новый покупатель, новый клиент, первая покупка, новичок, новенький, first order, new customer, newcomer, first time buyer
мкад, mkad
казахстан, kazakhstan
беларусь, белоруссия, belarus
германия, germany
крым, crimea
сибирь, siberia
европа, europe
украина, ukraine
сша, америка, usa, america
айфон, iphone
самсунг, samsung
сяоми, ксиоми, ксяоми, xiaomi
хуавей, huawei
эпл, apple
найк, nike
адидас, adidas
бош, bosch
филипс, philips
сони, sony
сдэк, cdek
яндекс, yandex
сбп, систему быстрых платежей, sbp
мир, mir
наличный, наличка, нал, налик, наличность, кэш, кеш, cash
чек, квитанция, receipt, proof of purchase
промокод, промик, промо, промо-код, код на скидку
скидка, скидон, скидывать, уступить, off
день рождения, именины, именинник, днюха, днюшка, др
старый, хлам, барахло, поношенный, ненужный, б/у, used
брак, поломка, поломаться, пятно, зацепка, затяжка, разорваться, отпасть, отойти, сдохнуть, вырубаться, stain, snapped, dead, неисправность, неисправный, дыра, отвалиться, оторваться, лопнуть, барахлить, глючить, накрыться, сгореть, потечь, облезть, распороться, полинять, линять, hole, torn, ripped, damaged, cracked, leaking, malfunction
сломаться, сломанный, разбить, разбиться, ломаться, вышел из строя, брак, дефект, broken, broke, break, died, faulty, defect
отложить, придержать, подержать, попридержать, припрятать, put aside
добавить, докинуть, доложить, дозаказать, положить, add
убрать, исключить, выкинуть из заказа, remove
убрать, снять, снимать, удалить, take off
собрать, собирать, сборка, комплектовать, pack, packed
удалить, стереть, delete, erase
швабра, mop
вращаться, вращающийся, rotating
организация, фирма, предприятие, ооо, ип, llc
самолёт, борт, рейс, перелёт, ручная кладь, plane, flight, aircraft, airplane, hand luggage
багаж, hold luggage
бирка, ярлык, этикетка, ценник, tag, label
упаковка, коробка, пакет, box
диагностика, проверка, diagnostics, check
мастер, специалист, technician
проверить, проверка, протестировать, check, test
трусы, трусики, бюстгальтер, лифчик, плавки, нижнее бельё, белье, panties, bra, knickers, underwear
постамат, автомат, ячейка, locker
паспорт, удостоверение, passport, id
припарковать, парковка, парковаться, стоянка, parking, park
примерочная, fitting room
сибирь, сибирский, siberia
урал, уральский, urals
дальний восток, far east
гладить, утюжить, проглаживать, ironing
сушить, высушить, сушка, просушить, dry, drying
отжим, отжимать, spin
намокнуть, промокнуть, мокрый, wet
катышек, скататься, покататься, закататься, шарик, комок, pilling, bobble
садиться, сесть, усадка, shrink
перенести, переносить, сдвинуть, двигать, передвинуть, подвинуть, отодвинуть, reschedule, postpone, move
настройка, настроить, set up, setup
разница, difference
иностранный, зарубежный, заграничный, foreign
накипь, descale, limescale
компенсировать, возместить, вернуть разницу, compensate
грудь, бюст, chest, bust
талия, waist
бёдра, бедро, hip, hips
шея, neck
рукав, sleeve
диск, винчестер, внешний диск, накопитель, ssd, drive, hard drive
терабайт, тб, tb
звонок, дозвониться, call
ночь, ночью, night
подкладка, lining
подошва, sole
мороз, выдержать, выдерживать
сумочка, сумка, handbag, purse
сгорать, сгореть, пропадать, истекать, истечь, expire
начислить, начислять, капать, капнуть, копить, накопить, накапливать, earn
складываться, суммироваться, совмещать, комбинировать, combine, stack
позвонить, звонок, звонить, дозвониться, телефон, call, phone
воздух, air
ботиночки, ботинок
поступление, поставка, завоз, привоз товара, пополнение, restock, arrivals, new stock
износ, износиться, истереться, стереться, стёртый, wear out, worn out
пошлина, сбор, таможенный, таможня, растаможка, customs, duty, duties, import tax
способ, вариант, метод, method, way
переплата, процент, комиссия, накрутка, overpayment, interest, surcharge, fee
удержать, удерживать, вычесть, вычитать, deduct, withhold
доплатить, доплата, сверху, extra charge, surcharge, pay extra
бирка, ярлычок, бирочка
ошибка, сбой, глюк, error, failure, fail, failed, declined
подменный, подмена, loaner, replacement, lend
подтвердить, подтверждение, confirm, confirmation
регистрация, зарегистрироваться, аккаунт, личный кабинет, account, profile
обмерить, измерить, измерять, снять мерка, measure
открытка, пожелание, поздравление, записка, card with text, greeting card, note
лента, бант, ribbon, bow
эмблема, лого, логотип, logo
серийный, serial
бумага, бумажный, печатный, paper, printed
книга отзывов, жалобная книга, complaints book
этаж, floor
лифт, elevator, lift
хрупкий, fragile
расписание, график, часы, schedule, timetable
"""

# A thing and the matter it belongs to: an article about the whole matter is the likelier one.
_BROADER = """
ботинок сапог кроссовок кед туфля сандалия сабо тапок босоножка тапочка валенок сапожок => обувь
boot sneaker trainer sandal clog slipper => shoe footwear
платье юбка брюки джинсы рубашка футболка свитер худи куртка пальто блузка кофта штаны => одежда
dress skirt trouser jeans shirt sweater hoodi jacket coat blous => cloth clothes
предоплата аванс наличный наличка карта карточка сбп терминал перевод комиссия => оплата оплатить
prepay cash card deposit fee => payment pay
бирка ярлык этикетка чек упаковка пломба => возврат вернуть
тег tag label seal => return
курьер постамат ячейка пвз этаж интервал посылка трек => доставка
courier locker floor parcel slot => deliveri
балл бонус кешбэк купон промокод акция => скидка бонус
шов дырка пятно подошва молния пуговица => брак гарантия
seam hole stain sole zip button => defect warranti fault
"""


@lru_cache(maxsize=1)
def _broader() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in _BROADER.strip().split("\n"):
        things, _, matters = line.partition("=>")
        for thing in words(things):
            found[thing] = found.get(thing, frozenset()) | words(matters)
    return found


def broader(said: Iterable[str]) -> frozenset[str]:
    """The matters these lemmas belong to."""
    known = _broader()
    return frozenset().union(*(known[one] for one in said if one in known))


# A place the texts do not name still asks about its kind: one way only, so "страна" finds no town.
COUNTRIES = words("""
абхазия австралия австрия азербайджан америка англия аргентина армения беларусь белоруссия бельгия
болгария бразилия британия венгрия вьетнам германия греция грузия дания египет израиль индия
индонезия испания италия казахстан канада кипр киргизия киргизстан китай корея кыргызстан латвия
литва македония мексика молдавия молдова монголия нидерланды норвегия оаэ эмираты польша португалия
румыния сербия словакия словения сша таджикистан таиланд туркменистан турция узбекистан украина
финляндия франция хорватия черногория чехия чили швейцария швеция эстония япония европа снг
australia austria azerbaijan america england armenia belarus belgium bulgaria brazil britain
hungary vietnam germany greece georgia denmark egypt israel india spain italy kazakhstan canada
cyprus kyrgyzstan china korea latvia lithuania mexico moldova mongolia netherlands norway uae poland
portugal romania serbia slovakia slovenia usa tajikistan thailand turkmenistan turkey uzbekistan
ukraine finland france croatia montenegro switzerland sweden estonia japan europe uk ireland
""")
_TOWNS_ABROAD = {
    "беларусь, белоруссия, belarus": "минск гомель брест витебск гродно могилёв minsk gomel brest",
    "казахстан, kazakhstan": "алматы алма-ата астана караганда шымкент актобе павлодар almaty astana",
    "армения, armenia": "ереван гюмри yerevan",
    "грузия, georgia": "тбилиси батуми кутаиси tbilisi batumi",
    "узбекистан, uzbekistan": "ташкент самарканд бухара tashkent samarkand",
    "киргизия, кыргызстан, kyrgyzstan": "бишкек ош bishkek",
    "азербайджан, azerbaijan": "баку baku",
    "украина, ukraine": "киев харьков одесса львов kyiv kiev odessa",
    "германия, germany": "берлин мюнхен гамбург berlin munich hamburg",
    "турция, turkey": "стамбул анкара анталья istanbul antalya",
    "европа, europe": "париж лондон рим милан мадрид барселона прага варшава вена рига вильнюс таллин "
    "хельсинки белград paris london rome milan madrid prague warsaw vienna riga vilnius tallinn belgrade",
    "америка, сша, usa": "нью-йорк вашингтон chicago boston",
    "китай, china": "пекин шанхай beijing shanghai",
    "оаэ, эмираты, uae": "дубай dubai",
    "израиль, israel": "тель-авив хайфа иерусалим haifa jerusalem",
}
ABROAD = "заграница, граница, рубеж, зарубежный, страна, abroad, international, country"
WITHIN = "регион, город, россия, region, city"
# Where a town lies: articles name regions.
_TOWNS = {
    "сибирь, siberia": "новосибирск омск томск красноярск иркутск барнаул кемерово новокузнецк абакан чита братск "
    "novosibirsk omsk tomsk krasnoyarsk irkutsk barnaul",
    "урал, urals": "екатеринбург челябинск пермь тюмень магнитогорск тагил курган оренбург сургут "
    "yekaterinburg ekaterinburg chelyabinsk perm tyumen",
    "поволжье, волга, volga": "казань самара саратов волгоград ульяновск пенза тольятти чебоксары саранск ижевск "
    "уфа астрахань kazan samara saratov volgograd ufa",
    "юг, south": "ростов краснодар сочи ставрополь новороссийск майкоп нальчик пятигорск rostov krasnodar sochi",
    "центр, центральный, central": "тула воронеж ярославль тверь рязань калуга смоленск брянск липецк иваново "
    "владимир курск орёл тамбов белгород кострома voronezh yaroslavl tula",
    "дальний восток, far east": "владивосток хабаровск якутск сахалин камчатка благовещенск магадан находка "
    "vladivostok khabarovsk",
}
CITIES = words("""
vladivostok novosibirsk yekaterinburg ekaterinburg kazan samara sochi omsk chelyabinsk rostov ufa
krasnoyarsk perm voronezh volgograd krasnodar saratov tyumen irkutsk khabarovsk yaroslavl tomsk
kaliningrad murmansk екб екат нск ростов новосиб
""")


@lru_cache(maxsize=64)
def _kind_keys(line: str) -> tuple[Key, ...]:
    return tuple(lemma_key(word) for word in line.split(", "))


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    return frozenset(analyse(word).lemma for word in COUNTRIES) | COUNTRIES


def is_country(word: str, lemma: str) -> bool:
    return word in COUNTRIES or lemma in _countries()


def place_keys(word: str, lemma: str, is_place: bool) -> tuple[Key, ...]:
    """What the texts may call a place of this kind; nothing for other words."""
    if is_country(word, lemma):
        return _kind_keys(ABROAD)
    if (country := _abroad().get(lemma) or _abroad().get(word)) is not None:
        return country + _kind_keys(ABROAD)
    if is_place or word in CITIES or lemma in _regions():
        return _regions().get(lemma, ()) + _kind_keys(WITHIN)
    return ()


@lru_cache(maxsize=1)
def _abroad() -> dict[str, tuple[Key, ...]]:
    return {
        name: _kind_keys(country)
        for country, towns in _TOWNS_ABROAD.items()
        for town in fold(towns).split()
        for name in (town, analyse(town).lemma)
    }


@lru_cache(maxsize=1)
def _regions() -> dict[str, tuple[Key, ...]]:
    return {
        analyse(town).lemma: _kind_keys(region)
        for region, towns in _TOWNS.items()
        for town in fold(towns).split()
    }


def lemma_key(phrase: str) -> Key:
    """A word or a phrase as the index knows it."""
    return tuple(analyse(token.text).lemma for token in tokens(phrase))


class Glossary:
    """Meanings by key. `meanings(key)` is every other key of the groups it is in."""

    def __init__(self, groups: list[list[str]]) -> None:
        self._by_key: dict[Key, list[Key]] = {}
        for group in groups:
            keys = list(dict.fromkeys(key for word in group if (key := lemma_key(word))))
            for key in keys:
                others = self._by_key.setdefault(key, [])
                others += [other for other in keys if other != key and other not in others]
        self.longest = max((len(key) for key in self._by_key), default=1)

    def meanings(self, key: Key) -> list[Key]:
        return self._by_key.get(key, [])

    def words(self) -> list[str]:
        """Single words, each as its lemma."""
        return [key[0] for key in self._by_key if len(key) == 1]

    def __contains__(self, key: Key) -> bool:
        return key in self._by_key


@lru_cache(maxsize=1)
def built_in() -> Glossary:
    return Glossary([line.split(", ") for line in GROUPS.split("\n") if line.strip()])
