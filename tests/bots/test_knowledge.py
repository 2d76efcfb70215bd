"""Articles, and documents read into articles: exact sections, every failure in words."""

import pytest

from bots.knowledge.kinds import kind_of
from bots.knowledge.readers import read_document
from bots.models import Article, KnowledgeFile
from bots.services import knowledge
from bots.services.knowledge import (
    BadArticle,
    article_delete,
    article_save,
    articles_save,
    knowledge_file_add,
    knowledge_file_again,
    knowledge_file_delete,
    read_file,
)
from tenants.kernel import due
from tenants.kernel.context import current_schema
from tenants.kernel.documents import Unreadable
from tenants.kernel.files import file_save
from tenants.models import OutboxEvent
from tenants.workspace.models import Job, StoredFile
from tests.bots.documents import docx_of, pdf_of, repacked, xlsx_of


@pytest.fixture
def inside(alpha):
    with alpha.inside():
        yield


def told():
    rows = OutboxEvent.objects.filter(schema=current_schema(), name__startswith="article.")
    found = [(row.name, row.data) for row in rows.order_by("pk")]
    rows.delete()
    return found


def read(tmp_path, data, name):
    path = tmp_path / "content"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    found = read_file(path, name)
    # The child process and the plain function say the same.
    sections, pages = read_document(path, kind_of(path, name), name)
    assert ([(one.title, one.text) for one in sections], pages) == (list(found[0]), found[1])
    return found


# ── Articles ─────────────────────────────────────────────────────────────────────────────────
def test_an_article_is_saved_once_an_id_and_language(inside):
    first = article_save(title="Доставка", text="Два дня.", external_id="a1")
    assert told() == [("article.changed", {"articles": [first.pk]})]

    same = article_save(title="Доставка", text="Два дня.", external_id="a1")
    assert (same.pk, told()) == (first.pk, [])

    other = article_save(title="Delivery", text="Two days.", lang="en", external_id="a1")
    newer = article_save(title="Доставка", text="Три дня.", external_id="a1")

    assert newer.pk == first.pk
    assert Article.objects.get(pk=first.pk).text == "Три дня."
    assert told() == [
        ("article.changed", {"articles": [other.pk]}),
        ("article.changed", {"articles": [first.pk]}),
    ]
    assert Article.objects.count() == 2


def test_articles_without_an_id_are_always_new(inside):
    article_save(title="А", text="1")
    article_save(title="А", text="1")

    assert Article.objects.count() == 2


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"title": " "}, "title"),
        ({"title": "x" * 301}, "title"),
        ({"text": ""}, "text"),
        ({"text": "x" * 200_001}, "text"),
        ({"lang": "Russian"}, "lang"),
        ({"external_id": "x" * 121}, "external_id"),
    ],
)
def test_what_does_not_fit_is_told_by_field(inside, change, name):
    with pytest.raises(BadArticle) as caught:
        article_save(**{"title": "Т", "text": "т", "lang": "ru", "external_id": "1", **change})

    assert set(caught.value.data["fields"]) == {name}
    assert not Article.objects.exists()
    assert told() == []


def test_a_list_is_saved_but_for_its_bad_rows(inside):
    report = articles_save(
        [{"title": "А", "text": "а"}, {"title": 5, "text": None}, "нет", {"title": [], "text": {}}]
    )

    assert (report.created, len(report.articles)) == (1, 1)
    assert [(e["row"], e["field"]) for e in report.errors] == [
        (2, "text"), (3, ""), (4, "title"), (4, "text"),
    ]  # fmt: skip
    assert told() == [("article.changed", {"articles": [report.articles[0].pk]})]


def test_deleting_is_told(inside):
    article = article_save(title="А", text="а")
    key = article.pk
    told()

    article_delete(article)

    assert told() == [("article.deleted", {"article": key})]


# ── Readers ──────────────────────────────────────────────────────────────────────────────────
def test_a_pdf_is_cut_at_its_larger_lines(tmp_path):
    data = pdf_of(
        (20, "Доставка по России"),
        (10, "Доставляем за три дня, стоимость 300 рублей."),
        (10, "По Москве быстрее."),
        (20, "Возврат"),
        (10, "Вернуть товар можно за 14 дней."),
    )

    assert read(tmp_path, data, "Условия_2026.pdf") == (
        [
            (
                "Доставка по России",
                "Доставляем за три дня, стоимость 300 рублей.\nПо Москве быстрее.",
            ),
            ("Возврат", "Вернуть товар можно за 14 дней."),
        ],
        1,
    )


def test_a_pdf_without_headings_is_named_after_its_file(tmp_path):
    sections, pages = read(tmp_path, pdf_of((10, "Просто текст."), pages=2), "Памятка_1.pdf")

    assert (sections, pages) == ([("Памятка 1", "Просто текст.\n\nПросто текст.")], 2)


def test_a_docx_is_cut_at_its_headings(tmp_path):
    data = docx_of(
        ("Normal", "Предисловие."),
        ("Heading 1", "Доставка"),
        ("Heading 2", "Сроки"),
        ("Normal", "Три дня."),
        ("List Bullet", "по городу день"),
        ("Heading 2", "Цены"),
        ("table", "Город|Цена\nМосква|300"),
    )

    sections, pages = read(tmp_path, data, "правила.docx")

    assert sections == [
        ("правила", "Предисловие."),
        ("Доставка · Сроки", "Три дня.\n\n• по городу день"),
        ("Доставка · Цены", "Город | Цена\nМосква | 300"),
    ]
    assert pages is None


def test_questions_and_answers_of_a_workbook_are_articles(tmp_path):
    data = xlsx_of(
        Вопросы=[["Вопрос", "Ответ"], ["Есть самовывоз?", "Да, на Тверской."], ["", "без вопроса"]],
        Склады=[["Город", "Адрес", "Этаж"], ["Москва", "Тверская, 1", 2.0]],
    )

    assert read(tmp_path, data, "база.xlsx")[0] == [
        ("Есть самовывоз?", "Да, на Тверской."),
        ("Склады", "Город | Адрес | Этаж\nГород: Москва; Адрес: Тверская, 1; Этаж: 2"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "windows-1251", "utf-16"])
def test_a_text_is_cut_at_lines_standing_alone(tmp_path, encoding):
    text = "Доставка\n\nТри дня.\nПо городу быстрее.\n\nВозврат\n\n14 дней.\n"

    assert read(tmp_path, text.encode(encoding), "a.txt")[0] == [
        ("Доставка", "Три дня.\nПо городу быстрее."),
        ("Возврат", "14 дней."),
    ]


def test_markdown_keeps_its_words_and_loses_its_marks(tmp_path):
    text = (
        "# Доставка\nВезём **быстро** по [карте](https://s.example/map).\n\n## Цены\n"
        "- Москва: `300`\n```\n# не заголовок\n```\n"
    )

    assert read(tmp_path, text, "a.md")[0] == [
        ("Доставка", "Везём быстро по карте (https://s.example/map)."),
        ("Доставка · Цены", "• Москва: 300\n# не заголовок"),
    ]


def test_html_keeps_what_a_reader_sees(tmp_path):
    text = (
        "<html><head><title>Лавка</title><style>p{}</style></head><body><nav>меню</nav>"
        "<script>alert(1)</script><h1>Доставка</h1><p>Три&nbsp;дня<br>и не больше.</p>"
        "<ul><li>Москва</li><li>Тверь</li></ul><h2>Цены</h2><table><tr><td>Москва</td><td>300</td>"
        "</tr></table><!-- тайна --><footer>подвал</footer></body></html>"
    )

    sections, _ = read(tmp_path, text, "a.html")

    assert sections[0] == ("Доставка", "Три дня\nи не больше.\n• Москва\n• Тверь")
    assert sections[1][0] == "Доставка · Цены"
    assert sections[1][1].split() == ["Москва", "300"]
    told = str(sections)
    assert not any(word in told for word in ("меню", "alert", "тайна", "подвал", "p{}"))


def test_a_long_section_is_cut_in_parts(tmp_path):
    sections, _ = read(tmp_path, "# Т\n" + ("слово " * 100 + "\n\n") * 80, "a.md")

    assert [title for title, _text in sections] == ["Т (1)", "Т (2)", "Т (3)"]
    assert all(len(text) <= 20_000 for _title, text in sections)


WORD = docx_of(("Normal", "Текст"))
ENTITY = '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"", "a.txt"),
        (b"  \n ", "a.txt"),
        (pdf_of((10, "Тайна"), encrypt="secret"), "a.pdf"),
        (pdf_of(), "скан.pdf"),
        (pdf_of((10, "x"))[:200], "a.pdf"),
        (b"%PDF-1.7 garbage", "a.pdf"),
        (b"\x89PNG\r\n\x1a\n" + b"0" * 50, "a.pdf"),
        (b"\xff\xd8\xff\xe0", "фото.jpg"),
        (b"MZ\x90\x00", "a.docx"),
        (b"\x7fELF", "a.txt"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"0" * 600, "a.doc"),
        (b"{\\rtf1 text}", "a.rtf"),
        (b"abc\x00def", "a.txt"),
        (WORD, "a.pdf"),
        (WORD[: len(WORD) // 2], "a.docx"),
        (b"PK\x03\x04" + b"0" * 100, "a.docx"),
        (repacked(WORD, **{"word/document.xml": ENTITY}), "a.docx"),
        (repacked(WORD, **{"word/document.xml": "<w:document"}), "a.docx"),
        (repacked(WORD, **{"word/media/zeros.bin": b"\0" * 30_000_000}), "a.docx"),
        (repacked(WORD, **{"../../evil.xml": "<a/>"}), "a.docx"),
        (xlsx_of(Лист=[[None]]), "a.xlsx"),
        ("<html><body><script>1</script></body></html>", "a.html"),
    ],
    ids=range(22),
)
def test_what_cannot_be_read_is_told_in_words(tmp_path, data, name):
    with pytest.raises(Unreadable) as caught:
        read(tmp_path, data, name)

    assert len(str(caught.value).split()) > 1
    assert "%(" not in str(caught.value)


def test_too_much_of_anything_is_refused(tmp_path, monkeypatch):
    for data, name in (
        ("x" * 2_000_100, "a.txt"),
        ("\n".join(f"# {n}\nтекст" for n in range(1_100)), "a.md"),
        (pdf_of((10, "x"), pages=501), "a.pdf"),
    ):
        with pytest.raises(Unreadable) as caught:
            read(tmp_path, data, name)
        assert any(c.isdigit() for c in str(caught.value))


def test_a_document_that_takes_for_ever_is_ended(tmp_path, monkeypatch):
    monkeypatch.setattr(knowledge, "READ_S", 0.01)

    with pytest.raises(Unreadable):
        read(tmp_path, "текст", "a.txt")


# ── The whole way ────────────────────────────────────────────────────────────────────────────
def add(data, name, **more):
    stored = file_save(data, name=name, purpose="knowledge")
    found, started = knowledge_file_add(file=stored, **more)
    due.take(current_schema(), "job", started.pk)
    found.refresh_from_db()
    return found, Job.objects.get(pk=started.pk)


def test_a_document_becomes_articles(inside):
    found, job = add(b"# A\none\n# B\ntwo\n", "faq.md", language="en")

    assert (found.state, found.error, job.state, job.done) == ("read", "", "done", 2)
    rows = list(Article.objects.order_by("pk").values_list("title", "text", "lang", "source"))
    assert rows == [("A", "one", "en", found.pk), ("B", "two", "en", found.pk)]
    ids = list(Article.objects.order_by("pk").values_list("pk", flat=True))
    assert told() == [("article.changed", {"articles": ids})]

    again = knowledge_file_again(found=found)
    due.take(current_schema(), "job", again.pk)
    assert list(Article.objects.order_by("pk").values_list("pk", flat=True)) == ids
    assert told() == []

    knowledge_file_delete(found)
    assert not Article.objects.exists()
    assert not StoredFile.objects.exists()
    assert told() == [("article.deleted", {"articles": ids})]


def test_a_document_that_cannot_be_read_says_why_on_its_row(inside):
    found, job = add(b"\x89PNG\r\n", "a.png")

    assert (found.state, job.state) == (KnowledgeFile.State.FAILED, "failed")
    assert found.error == job.message
    assert len(found.error.split()) > 1
    assert not Article.objects.exists()
