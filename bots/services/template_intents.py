"""What buyers want, as ways of saying it; any of them triggers a template with that intent."""

from __future__ import annotations

INTENTS: dict[str, tuple[str, ...]] = {
    "greeting": (
        "здравствуйте", "добрый день", "добрый вечер", "привет", "доброе утро", "hello", "hi",
        "good morning", "good afternoon",
    ),
    "thanks": ("спасибо", "благодарю", "большое спасибо", "thank you", "thanks"),
    "goodbye": ("до свидания", "пока", "всего доброго", "goodbye", "bye"),
    "delivery": (
        "условия доставки", "как доставляете", "сколько стоит доставка", "какие сроки доставки",
        "расскажите про доставку", "есть доставка", "delivery terms", "how do you deliver",
        "how much is delivery", "how long does delivery take",
    ),
    "payment": (
        "как оплатить", "способы оплаты", "можно оплатить картой", "оплата при получении",
        "how can i pay", "payment methods", "do you accept cards",
    ),
    "returns": (
        "как вернуть товар", "условия возврата", "хочу вернуть товар", "оформить возврат",
        "how do i return", "return policy", "i want to return",
    ),
    "hours": (
        "часы работы", "режим работы", "график работы", "когда вы работаете",
        "до скольки работаете",         "opening hours", "when are you open",
    ),
    "address": (
        "где вы находитесь", "ваш адрес", "где магазин", "как вас найти", "адрес магазина",
        "where are you", "where is the shop", "your address",
    ),
    "warranty": ("какая гарантия", "есть гарантия", "условия гарантии", "warranty terms"),
    "discount": (
        "есть скидки", "промокод", "какие акции", "дайте скидку", "any discounts", "promo code",
    ),
    "wholesale": ("опт", "оптовые цены", "хочу купить оптом", "wholesale", "wholesale prices"),
    "contacts": ("ваш телефон", "контакты", "как с вами связаться", "contact details"),
}  # fmt: skip
