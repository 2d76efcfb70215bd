"""What the offline answerer says, in both languages. Figures come only from records."""

from __future__ import annotations

from decimal import Decimal

THIN, HARD = "\u202f", "\u00a0"

RU = {
    "hello": "Здравствуйте. Спросите о товаре, доставке, оплате или о вашем заказе.",
    "thanks": "Пожалуйста. Если появятся вопросы, напишите.",
    "bye": "До свидания. Если что-то понадобится, напишите сюда.",
    "how": "Всё хорошо, спасибо. Чем помочь: товар, доставка, заказ?",
    "bot": "Я бот магазина: отвечаю на вопросы о товарах, доставке и заказах. Если нужно, позову "
    "человека.",
    "can": "Подскажу цену, наличие, размеры и цвета, условия доставки, оплаты и возврата, статус "
    "заказа. Если не справлюсь, позову человека.",
    "ok": "Хорошо. Если появятся вопросы, напишите.",
    "pity": "Понимаю. Если что-то ещё понадобится, напишите.",
    "no_obey": "С этим не помогу: отвечаю только на вопросы о товарах, доставке и заказах этого "
    "магазина. Позвать человека?",
    "refuse": "Не нашёл ответа в материалах магазина. Позвать человека?",
    "refuse_part": "На вопрос «{0}» ответа не нашёл. Позвать человека?",
    "no_goods": "Такого товара в каталоге не нашёл. Позвать человека?",
    "no_fact": "В карточке «{0}» этого не нашёл. Позвать человека?",
    "which": "Уточните, пожалуйста, какой товар:",
    "which_topic": "Уточните, пожалуйста, о чём вопрос:",
    "empty": "Напишите, что подсказать: товар, доставку, оплату или ваш заказ.",
    "was": "было {0}",
    "from_to": "от {0} до {1}",
    "in_stock": "в наличии",
    "out_of_stock": "Сейчас нет в наличии.",
    "out_short": "нет в наличии",
    "stock": "В наличии: {0}.",
    "yes": "Да, есть: {0}.",
    "yes_plain": "Да, в наличии.",
    "no_variant": "Нет, этого варианта сейчас нет в наличии: {0}, {1}.",
    "never_variant": "Нет, такого варианта нет: {0}, {1}.",
    "which_one": "О каком товаре речь? Напишите название.",
    "there_is": "Есть: {0}.",
    "left": "осталось {0}{1}шт.",
    "sizes": "Размеры в наличии: {0}.",
    "colours": "Цвета: {0}.",
    "colours_stock": "Цвета в наличии: {0}.",
    "found": "Вот что есть:",
    "found_none": "Точно такого нет. Ближе всего:",
    "price_unknown": "Цена не указана.",
    "cheaper": "Дешевле {0}: {1} против {2}.",
    "same_price": "Цена одинаковая: {0}.",
    "same_value": "{0}: одинаково, {1}.",
    "not_compared": "В карточках этих товаров этого нет, сравнить не смогу. Позвать человека?",
    "more": "Больше {0} у {1}: {2} против {3}.",
    "compare_same": "По описанию они не различаются.",
    "price": "Цена",
    "hours_now_open": "Сейчас мы на связи.",
    "hours_now_closed": "Сейчас нерабочее время.",
    "hours_people": "Сотрудники отвечают: {0}.",
    "hours_day": "{0}: {1}.",
    "hours_closed": "не работаем",
    "every_day": "ежедневно",
    "ask_number_phone": "Назовите, пожалуйста, номер заказа и телефон, на который он оформлен.",
    "ask_phone": "Назовите, пожалуйста, телефон, на который оформлен заказ.",
    "ask_number": "Назовите, пожалуйста, номер заказа.",
    "order_missing": "Не нашёл заказа с таким номером и телефоном. Проверьте их или позовите "
    "человека.",
    "order_none": "Не нашёл заказов на ваш номер. Проверьте номер заказа или позовите человека.",
    "order_public": "О заказах пишите мне в личные сообщения: здесь ответ увидят все.",
    "order_enough": "Слишком много попыток. Чтобы защитить данные покупателей, передаю диалог "
    "коллеге.",
    "order_more": "Адрес, состав и сумму заказа можно узнать после подтверждения, что заказ ваш. "
    "Позвать человека?",
    "found_in": "Нашёл только на русском:",
}
EN = {
    "hello": "Hello. Ask me about a product, delivery, payment or your order.",
    "thanks": "You are welcome. Write if anything else comes up.",
    "bye": "Goodbye. Write here if you need anything.",
    "how": "All good, thank you. How can I help: a product, delivery, an order?",
    "bot": "I am the shop's bot: I answer questions about products, delivery and orders, and can "
    "call a person.",
    "can": "I can tell prices, stock, sizes and colours, terms of delivery, payment and returns, "
    "and the status of an order. If I cannot help, I will call a person.",
    "ok": "Good. Write if anything else comes up.",
    "pity": "I see. Write if you need anything else.",
    "no_obey": "I cannot help with that: I only answer questions about this shop's products, "
    "delivery and orders. Shall I call a person?",
    "refuse": "I could not find this in the shop's materials. Shall I call a person?",
    "refuse_part": "I could not find an answer to “{0}”. Shall I call a person?",
    "no_goods": "I could not find such a product in the catalogue. Shall I call a person?",
    "no_fact": "The card of “{0}” does not say this. Shall I call a person?",
    "which": "Which product do you mean?",
    "which_topic": "What do you mean?",
    "empty": "Tell me what you need: a product, delivery, payment or your order.",
    "was": "was {0}",
    "from_to": "from {0} to {1}",
    "in_stock": "in stock",
    "out_of_stock": "Not in stock now.",
    "out_short": "not in stock",
    "stock": "In stock: {0}.",
    "yes": "Yes, available: {0}.",
    "yes_plain": "Yes, it is in stock.",
    "no_variant": "No, this one is not in stock now: {0}, {1}.",
    "never_variant": "No, there is no such variant: {0}, {1}.",
    "which_one": "Which product do you mean? Write its name.",
    "there_is": "Available: {0}.",
    "left": "{0}{1}left",
    "sizes": "Sizes in stock: {0}.",
    "colours": "Colours: {0}.",
    "colours_stock": "Colours in stock: {0}.",
    "found": "Here is what we have:",
    "found_none": "Not exactly that. The nearest:",
    "price_unknown": "The price is not given.",
    "cheaper": "{0} is cheaper: {1} against {2}.",
    "same_price": "The price is the same: {0}.",
    "same_value": "{0}: the same, {1}.",
    "not_compared": "The cards of these goods do not tell it, so I cannot compare. Call a person?",
    "more": "{1} has more {0}: {2} against {3}.",
    "compare_same": "Their descriptions do not differ.",
    "price": "Price",
    "hours_now_open": "We are here now.",
    "hours_now_closed": "We are closed now.",
    "hours_people": "People answer: {0}.",
    "hours_day": "{0}: {1}.",
    "hours_closed": "closed",
    "every_day": "every day",
    "ask_number_phone": "Please tell me the order number and the phone it was placed with.",
    "ask_phone": "Please tell me the phone the order was placed with.",
    "ask_number": "Please tell me the order number.",
    "order_missing": "I found no order with this number and phone. Check them or call a person.",
    "order_none": "I found no orders for your number. Check the order number or call a person.",
    "order_public": "Please write to me in private about orders: everybody can read here.",
    "order_enough": "Too many attempts. To protect buyers' data I am passing this to a colleague.",
    "order_more": "Address, contents and sum are told after we know that the order is yours. "
    "Shall I call a person?",
    "found_in": "I found this in Russian only:",
}
ORDER_STATUS = {
    "new": ("принят, ждёт оплаты или подтверждения", "received, waiting for confirmation"),
    "paid": ("оплачен, скоро начнём собирать", "paid, it will be packed soon"),
    "assembling": ("собирается", "being packed"),
    "shipped": ("в пути", "on its way"),
    "ready": ("готов, ждёт вас в пункте выдачи", "ready, waiting at the pick-up point"),
    "delivered": ("доставлен", "delivered"),
    "cancelled": ("отменён", "cancelled"),
    "returned": ("возвращён", "returned"),
    "other": ("в обработке", "being processed"),
}
ORDER = {
    "ru": {
        "status": "Заказ {0}: {1}.",
        "eta": "Ожидаемая дата — {0}.",
        "track": "Трек-номер — {0} ({1}).",
        "track_only": "Трек-номер — {0}.",
        "service": "Доставка: {0}.",
        "address": "Адрес: {0}.",
        "sum": "Сумма заказа — {0}.",
        "lines": "В заказе: {0}.",
        "placed": "Оформлен {0}.",
    },
    "en": {
        "status": "Order {0}: {1}.",
        "eta": "Expected on {0}.",
        "track": "Tracking number: {0} ({1}).",
        "track_only": "Tracking number: {0}.",
        "service": "Delivery: {0}.",
        "address": "Address: {0}.",
        "sum": "Order total: {0}.",
        "lines": "In the order: {0}.",
        "placed": "Placed on {0}.",
    },
}
MONTHS = {
    "ru": "января февраля марта апреля мая июня июля августа сентября октября ноября "
    "декабря".split(),
    "en": "January February March April May June July August September October November "
    "December".split(),
}
DAYS = {
    "ru": ("понедельник", "вторник", "среда", "четверг", "пятница", "суббота", "воскресенье"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
DAYS_SHORT = {
    "ru": ("пн", "вт", "ср", "чт", "пт", "сб", "вс"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
SIGN = {"RUB": "₽", "RUR": "₽", "USD": "$", "EUR": "€", "KZT": "₸", "BYN": "Br", "GBP": "£"}


def say(key: str, lang: str, *values: object) -> str:
    text = (EN if lang == "en" else RU)[key]
    return text.format(*values) if values else text


def money(amount: Decimal, currency: str = "RUB") -> str:
    """ "3 990 ₽": thin space between thousands, kopecks only where there are some."""
    whole = amount == amount.to_integral_value()
    digits = f"{amount:,.0f}" if whole else f"{amount:,.2f}"
    text = digits.replace(",", THIN).replace(".", ",")
    return f"{text}{HARD}{SIGN.get(currency, currency)}"


def day(value: object, lang: str) -> str:
    """ "12 ноября" / "12 November"."""
    return f"{value.day}{HARD}{MONTHS['en' if lang == 'en' else 'ru'][value.month - 1]}"  # type: ignore[attr-defined]
