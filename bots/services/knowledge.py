"""What the bot may answer with: articles a merchant writes, and documents read into articles."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from bots.knowledge.kinds import DOCX, ENDINGS, PDF, TEXTS, XLSX, kind_of
from bots.models import Article, KnowledgeFile
from tenants.kernel import outbox
from tenants.kernel.context import release_connection
from tenants.kernel.documents import Unreadable, check_office
from tenants.kernel.errors import RuleBroken
from tenants.kernel.files import file_delete, file_on_disk
from tenants.kernel.jobs import JobRefused, job, job_start
from tenants.workspace.models import Job, StoredFile, User

TITLE_LIMIT, TEXT_LIMIT, ID_LIMIT = 300, 200_000, 120
FILE_LIMIT = 25 * 1024 * 1024
UNPACKED_LIMIT = 300 * 1024 * 1024
READ_S = 120.0
# fmt: off
LANGUAGES = frozenset((
    "ru", "en", "be", "uk", "kk", "uz", "hy", "ka", "az", "tg", "ky", "tk", "ro", "de", "fr", "es",
    "it", "pt", "pl", "tr", "zh", "ja", "ko", "ar", "he", "hi",
))
# fmt: on


class BadArticle(RuleBroken):
    """`data["fields"]`: {field: [words]}."""

    code = "invalid"
    status = 400


@dataclass
class ArticlesReport:
    """Errors have the shape of a job's: {row, field, message}; rows count from 1."""

    articles: list[Article] = field(default_factory=list)
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    errors: list[dict[str, Any]] = field(default_factory=list)


# ── Articles ─────────────────────────────────────────────────────────────────────────────────
def article_save(
    *,
    title: str,
    text: str,
    lang: str = "ru",
    external_id: str = "",
    is_internal: bool = False,
    is_active: bool = True,
    source: KnowledgeFile | None = None,
) -> Article:
    """Create an article, or change the one with this `external_id` and `lang`.

    Raises BadArticle with the fields that do not fit.
    """
    report = articles_save(
        [
            {
                "title": title,
                "text": text,
                "lang": lang,
                "external_id": external_id,
                "is_internal": is_internal,
                "is_active": is_active,
            }
        ],
        source=source,
    )
    if report.errors:
        fields: dict[str, list[str]] = {}
        for one in report.errors:
            fields.setdefault(one["field"], []).append(one["message"])
        raise BadArticle(_("Some values do not fit."), fields=fields)
    return report.articles[0]


def articles_save(
    rows: Iterable[Mapping[str, Any]], *, source: KnowledgeFile | None = None
) -> ArticlesReport:
    """Save a list; a bad row is told and the rest is saved. One fact for all that changed."""
    report = ArticlesReport()
    changed: list[int] = []
    with transaction.atomic():
        for row, raw in enumerate(rows, 1):
            clean, faults = article_clean(raw)
            if faults:
                report.errors += [
                    {"row": row, "field": name, "message": message} for name, message in faults
                ]
                continue
            article = None
            if clean["external_id"]:
                article = Article.objects.filter(
                    external_id=clean["external_id"], lang=clean["lang"]
                ).first()
            if article is None:
                article = Article.objects.create(source=source, **clean)
                report.created += 1
            elif article_update(article, clean, tell=False):
                report.updated += 1
            else:
                report.unchanged += 1
                report.articles.append(article)
                continue
            report.articles.append(article)
            changed.append(article.pk)
        _tell("article.changed", changed)
    return report


def article_update(article: Article, values: Mapping[str, Any], *, tell: bool = True) -> bool:
    """Change fields of an article; False when nothing differs. Values as `article_clean` gives."""
    fields = [name for name, value in values.items() if getattr(article, name) != value]
    if not fields:
        return False
    for name in fields:
        setattr(article, name, values[name])
    with transaction.atomic():
        article.save(update_fields=[*fields, "updated_at"])
        if tell:
            _tell("article.changed", [article.pk])
    return True


def article_clean(raw: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Values to save, and faults as (field, words)."""
    if not isinstance(raw, Mapping):
        return {}, [("", _("An article is an object with title, text and lang."))]
    faults: list[tuple[str, str]] = []
    clean: dict[str, Any] = {
        "title": _one_line(raw.get("title"), "title", TITLE_LIMIT, faults),
        "text": _text(raw.get("text"), faults),
        "external_id": _one_line(raw.get("external_id") or "", "external_id", ID_LIMIT, faults),
        "lang": _lang(raw.get("lang") or "ru", faults),
        "is_internal": bool(raw.get("is_internal", False)),
        "is_active": bool(raw.get("is_active", True)),
    }
    for name in ("title", "text"):
        if not clean[name] and not any(one[0] == name for one in faults):
            faults.append((name, _("This may not be empty.")))
    return clean, faults


def _one_line(value: Any, name: str, limit: int, faults: list[tuple[str, str]]) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        if value is not None:
            faults.append((name, _("Here a text is expected.")))
        return ""
    text = " ".join(str(value).replace("\x00", "").split())
    if len(text) > limit:
        faults.append((name, _("This is longer than %s characters.") % limit))
    return text


def _text(value: Any, faults: list[tuple[str, str]]) -> str:
    if not isinstance(value, str):
        if value is not None:
            faults.append(("text", _("Here a text is expected.")))
        return ""
    text = value.replace("\x00", "").replace("\r\n", "\n").strip()
    if len(text) > TEXT_LIMIT:
        faults.append(("text", _("This is longer than %s characters.") % TEXT_LIMIT))
    return text


def _lang(value: Any, faults: list[tuple[str, str]]) -> str:
    code = str(value).strip().lower().replace("_", "-").partition("-")[0]
    if code not in LANGUAGES:
        faults.append(
            ("lang", _("“%s” is not a language code such as ru or en.") % str(value)[:20])
        )
    return code


def article_delete(article: Article) -> None:
    with transaction.atomic():
        key = article.pk
        article.delete()
        outbox.emit("article.deleted", key=f"article:{key}", data={"article": key})


def _tell(name: str, ids: Sequence[int]) -> None:
    for start in range(0, len(ids), 500):
        outbox.emit(name, key="articles", data={"articles": list(ids[start : start + 500])})


# ── Documents ────────────────────────────────────────────────────────────────────────────────
WORDS = {
    "encrypted": gettext_noop("The PDF is locked with a password. Save it without one."),
    "scanned": gettext_noop(
        "There is no text in the PDF: it is probably a scan. Recognise the text (OCR) in a "
        "scanner program or paste it as an article."
    ),
    "empty": gettext_noop("There is no text in the file."),
    "damaged": gettext_noop("The file is damaged. Open it, save it anew and send that."),
    "too_many_pages": gettext_noop(
        "The PDF has %(pages)s pages, more than %(n)s. Split it into parts."
    ),
    "too_many_rows": gettext_noop("A sheet has more than %(n)s rows. Split it into parts."),
    "too_many_sections": gettext_noop("The file has more than %(n)s headings. Split it."),
    "too_much_text": gettext_noop("The file holds more than %(n)s characters. Split it."),
    "too_heavy": gettext_noop(
        "Reading the file takes too much time or memory. Save it in a simpler way, as DOCX or text."
    ),
    "picture": gettext_noop("This is a picture. The bot reads texts: type what is in it."),
    "media": gettext_noop("This is sound or video. The bot reads texts."),
    "program": gettext_noop("This is a program, not a document."),
    "archive": gettext_noop("This is an archive. Send the documents in it one by one."),
    "ole": gettext_noop(
        "This is an old DOC or XLS, or a document with a password. Save it as DOCX or XLSX "
        "without a password."
    ),
    "rtf": gettext_noop("This is RTF. Save it as DOCX."),
    "binary": gettext_noop("This is not a text document."),
    "too_large": gettext_noop("The file is larger than %(mb)s MB."),
    "another_kind": gettext_noop(
        "The name ends in “.%(ending)s”, but the content is %(kind)s. Rename or save it anew."
    ),
}


def fault_words(code: str, **data: Any) -> str:
    return _(WORDS.get(code, WORDS["damaged"])) % data


def knowledge_file_add(
    *, file: StoredFile, language: str = "ru", user: User | None = None
) -> tuple[KnowledgeFile, Job]:
    """Take a stored document and queue its reading. The file's row says how it went."""
    with transaction.atomic():
        found = KnowledgeFile.objects.create(file=file, name=file.name[:200], language=language)
        started = job_start(
            "knowledge.read",
            user=user,
            knowledge_file=found.pk,
            language=translation.get_language() or settings.LANGUAGE_CODE,
        )
    return found, started


def knowledge_file_again(*, found: KnowledgeFile, user: User | None = None) -> Job:
    """Read a document once more."""
    with transaction.atomic():
        found.state, found.error = KnowledgeFile.State.WAITING, ""
        found.save(update_fields=["state", "error"])
        return job_start(
            "knowledge.read",
            user=user,
            knowledge_file=found.pk,
            language=translation.get_language() or settings.LANGUAGE_CODE,
        )


def knowledge_file_delete(found: KnowledgeFile) -> None:
    """The document and every article made of it."""
    with transaction.atomic():
        ids = list(Article.objects.filter(source=found).values_list("pk", flat=True))
        stored = found.file
        found.delete()
        if stored is not None:
            file_delete(stored)
        _tell("article.deleted", ids)


@job("knowledge.read")
def knowledge_file_read(started: Job) -> None:
    """Read one document into articles; those of an earlier reading are replaced."""
    found = (
        KnowledgeFile.objects.select_related("file")
        .filter(pk=started.params["knowledge_file"])
        .first()
    )
    if found is None:
        raise JobRefused(_("The file was deleted."))
    with translation.override(started.params.get("language") or settings.LANGUAGE_CODE):
        started.start()
        try:
            sections, pages = _read(found)
        except Unreadable as exc:
            found.state, found.error = KnowledgeFile.State.FAILED, str(exc)
            found.save(update_fields=["state", "error"])
            raise JobRefused(str(exc)) from exc
        with transaction.atomic():
            _replace(found, sections)
            found.state, found.error, found.pages = KnowledgeFile.State.READ, "", pages
            found.save(update_fields=["state", "error", "pages"])
            started.advance(len(sections), len(sections))
            started.finish(articles=len(sections), knowledge_file=found.pk)


def _replace(found: KnowledgeFile, sections: Sequence[tuple[str, str]]) -> None:
    """Sections keep their place's id, so an unchanged one is not indexed again."""
    keep = [f"file:{found.pk}:{number}" for number in range(1, len(sections) + 1)]
    gone = Article.objects.filter(source=found).exclude(external_id__in=keep)
    ids = list(gone.values_list("pk", flat=True))
    gone.delete()
    _tell("article.deleted", ids)
    articles_save(
        [
            {"title": title, "text": text, "lang": found.language, "external_id": key}
            for key, (title, text) in zip(keep, sections, strict=True)
        ],
        source=found,
    )


def _read(found: KnowledgeFile) -> tuple[list[tuple[str, str]], int | None]:
    if found.file is None:
        raise Unreadable(fault_words("damaged"))
    if found.file.size > FILE_LIMIT:
        raise Unreadable(fault_words("too_large", mb=FILE_LIMIT // 1_000_000))
    with file_on_disk(found.file) as path:
        return read_file(path, found.name)


def read_file(path: Path, name: str) -> tuple[list[tuple[str, str]], int | None]:
    """(title, text) of each section, and pages. Raises Unreadable with words."""
    kind = kind_of(path, name)
    ending = name.rpartition(".")[2].lower()
    if kind not in (PDF, DOCX, XLSX) and kind not in TEXTS:
        raise Unreadable(fault_words(kind))
    named = ENDINGS.get(ending)
    if named and named != kind and not (named in TEXTS and kind in TEXTS):
        raise Unreadable(fault_words("another_kind", ending=ending, kind=kind.upper()))
    if kind in (DOCX, XLSX):
        check_office(path, max_unpacked=UNPACKED_LIMIT)
    release_connection()
    try:
        child = subprocess.run(
            [sys.executable, "-m", "bots.knowledge.child", kind, str(path), name],
            capture_output=True,
            timeout=READ_S,
            cwd=settings.BASE_DIR,
            env={"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1", "LANG": "C.UTF-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Unreadable(fault_words("too_heavy")) from None
    try:
        answer = json.loads(child.stdout)
    except ValueError:
        # Killed by a limit, or by a fault in a library that Python could not catch.
        raise Unreadable(fault_words("too_heavy")) from None
    if code := answer.get("fault"):
        raise Unreadable(fault_words(code, **answer["data"]))
    return [(title, text) for title, text in answer["sections"]], answer["pages"]
