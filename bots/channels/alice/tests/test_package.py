from __future__ import annotations

import io
import zipfile

import pytest

from bots.channels.alice.simulator import SKILL_ID
from bots.services.channels import channel_create

pytestmark = pytest.mark.django_db


def test_the_package_is_downloaded_from_the_channels_page(alpha, beta, client_of):
    with alpha.inside():
        channel = channel_create(
            kind="alice",
            name="Алиса",
            bot=alpha.bot,
            settings={"skill_id": SKILL_ID, "activation": "тёплый свитер"},
        )
        web = channel_create(kind="web", name="Сайт", bot=alpha.bot)
    client = client_of(alpha)
    page = f"/admin/bots/channel/{channel.pk}/"

    assert "Скачать пакет" in client.get(page + "change/").content.decode()
    answer = client.get(page + "package/")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.namelist() == ["alice.txt", "account-linking.txt"]
        text, linking = (archive.read(name).decode() for name in archive.namelist())

    assert (
        f"shop-{channel.pk}" in linking and "https://social.yandex.net/broker/redirect" in linking
    )
    assert f"/hooks/{channel.route_key}/" in text
    assert "спроси у навыка тёплый свитер, где мой заказ" in text
    for part in ("ТЕКСТ ДЛЯ МОДЕРАЦИИ", "где мой заказ", "«Позвать человека»"):
        assert part in text
    assert client.get(f"/admin/bots/channel/{web.pk}/package/").status_code == 404
    assert client_of(beta).get(page + "package/").status_code in (403, 404)
    assert client_of(alpha, "agent").get(page + "package/").status_code in (302, 403, 404)
