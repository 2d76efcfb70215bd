"""Values of an invented buyer and order: for previews, and for who approves a template."""

from __future__ import annotations

# What the preview says where a real dialogue would know.
SAMPLES = {
    "ru": {
        "contact.name": "Анна Смирнова", "contact.first_name": "Анна",
        "contact.phone": "+7 900 000-00-00", "contact.email": "anna@example.ru",
        "order.number": "10241", "order.status": "в пути", "order.sum": "4\u202f990\u00a0₽",
        "order.date": "12\u00a0ноября", "order.service": "СДЭК", "order.track": "1234567890",
        "order.eta": "16\u00a0ноября", "order.address": "Москва, ул. Лесная, 5",
        "product.name": "Куртка «Север»", "product.price": "7\u202f490\u00a0₽",
        "product.old_price": "9\u202f990\u00a0₽", "product.url": "https://example.ru/p/1",
        "product.stock": "3", "product.vendor": "Норд", "product.sku": "N-104",
        "conversation.id": "381", "conversation.channel": "Чат на сайте", "agent.name": "Ольга",
    },
    "en": {
        "contact.name": "Ann Smith", "contact.first_name": "Ann",
        "contact.phone": "+7 900 000-00-00", "contact.email": "ann@example.com",
        "order.number": "10241", "order.status": "on its way", "order.sum": "₽4,990",
        "order.date": "November 12", "order.service": "CDEK", "order.track": "1234567890",
        "order.eta": "November 16", "order.address": "5 Lesnaya St, Moscow",
        "product.name": "“North” jacket", "product.price": "₽7,490",
        "product.old_price": "₽9,990", "product.url": "https://example.com/p/1",
        "product.stock": "3", "product.vendor": "Nord", "product.sku": "N-104",
        "conversation.id": "381", "conversation.channel": "Chat on the site",
        "agent.name": "Olga",
    },
}  # fmt: skip
