"""Moving in as a person sees it: the form, the dry run, the comparison, on a phone too."""

from __future__ import annotations

from typing import Any

import pytest

from bots.importers.chatwoot.simulator import TOKEN
from bots.importers.chatwoot.tests.conftest import there  # noqa: F401
from bots.models import Episode
from tests.browser.hands import shot

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("width", [1440, 390])
def test_from_the_address_to_the_comparison(
    browse: Any, alpha: Any, there: Any, width: int  # noqa: F811
):  # fmt: skip
    there.sim.message(3, "film", files=(there.sim.file("film.mp4", b"1", "video", file_size=9**9),))
    page = browse(
        alpha.host, "/admin/moving/", shop=alpha, viewport={"width": width, "height": 900}
    )
    shot(page, f"moving-{width}")
    page.get_by_text("Chatwoot").first.click()
    page.fill("[name=address]", there.url)
    page.fill("[name=token]", TOKEN)
    shot(page, f"moving-form-{width}")

    page.get_by_role("button", name="Проверить и посчитать").click()

    page.get_by_text("Пробный прогон окончен: ничего не записано").wait_for()
    shot(page, f"moving-dry-{width}")
    with alpha.inside():
        assert Episode.objects.filter(conversation__channel__kind="archive").count() == 0
    page.get_by_role("button", name="Перенести").click()
    page.get_by_text("Вы переехали").wait_for()
    shot(page, f"moving-done-{width}")
    table = page.locator("table").first
    assert table.evaluate("e => e.scrollWidth <= e.parentElement.clientWidth")
    row = page.locator("tr[data-kind=conversations] td")
    assert [cell.strip() for cell in row.all_inner_texts()] == ["Диалоги", "30", "30", "30"]
    assert "здесь меньше" in page.locator("tr[data-kind=files]").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.troubles == []


def test_a_table_with_its_columns(browse: Any, alpha: Any, tmp_path: Any):
    table = tmp_path / "люди.csv"
    table.write_text("ФИО;Телефон;Город\nАнна;+79161234567;Тверь\nПётр;5;\n", "utf-8")
    phone = {"width": 390, "height": 844}
    page = browse(alpha.host, "/admin/moving/new/table/", shop=alpha, viewport=phone)
    page.get_by_label("контакты, по строке на каждого").check()
    page.fill("[name=name]", "Jivo")
    page.set_input_files("[name=file]", table)
    shot(page, "moving-table-390")
    page.get_by_role("button", name="Дальше").click()
    page.get_by_text("Так начинается таблица").wait_for()
    shot(page, "moving-columns-390")
    assert page.input_value("[name=phone]") == "1"

    page.get_by_role("button", name="Посчитать").click()

    page.get_by_text("Пробный прогон окончен: ничего не записано").wait_for()
    assert "«5» — не номер телефона" in page.content()
    page.get_by_role("button", name="Перенести").click()
    page.get_by_text("Вы переехали").wait_for()
    row = page.locator("tr[data-kind=contacts] td")
    assert [cell.strip() for cell in row.all_inner_texts()][1:] == ["2", "1", "1"]
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.troubles == []
