"""The words of a letter: HTML as text, and what is new apart from what is quoted. Pure."""

from __future__ import annotations

import re

from bs4 import BeautifulSoup, NavigableString, Tag

HTML_READ = 300_000  # characters of HTML that are looked at
TEXT_READ = 300_000
LINES_READ = 5_000
_NEVER_SHOWN = frozenset({"script", "style", "head", "title", "template", "noscript"})
_BLOCKS = frozenset(
    {
        *("address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "figure"),
        *(
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "li",
            "main",
            "nav",
        ),
        *("ol", "p", "pre", "section", "table", "tr", "ul"),
    }
)
# How mail programs mark the letter that is answered.
_QUOTE_CLASSES = frozenset(
    {
        *("gmail_quote", "gmail_extra", "yahoo_quoted", "moz-cite-prefix", "protonmail_quote"),
        *("mail-quote-collapse", "mailru-blockquote", "ms-outlook-mobile-reference-message"),
    }
)
# From these on everything is quoted.
_QUOTED_FROM = frozenset({"divRplyFwdMsg", "appendonsend"})
OPEN, CLOSE = "\ue000", "\ue001"  # stand for what a mail program has marked as quoted

_HIDDEN = re.compile(r"display\s*:\s*none|mso-hide\s*:\s*all", re.IGNORECASE)
_BLANKS = re.compile(r"[ \t\xa0\u200b\u200c\ufeff]+")

# A line that introduces what is quoted below it. Short lines only, so no pattern can run away.
_LONGEST_INTRO = 300
_OF_A_PERSON = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^on\b.{5,250}\bwrote:$",
        r"^.{5,250}\b(написал|написала|написал\(а\)|пишет|писал|писала)\s*:$",
        r"^\S.{0,200}<\S+@\S+>\s*:$",
        r"^\S.{0,200}\bот\s.{0,150}\S+@\S+>?\s*:$",
    )
)
# Such a line may be broken in two or three where it begins like this.
_BEGINS = re.compile(
    r"^(on\b|\d{1,2}[.\s/]|(пн|вт|ср|чт|пт|сб|вс|понедельник|вторник|среда|четверг|пятница|суббота|"
    r"воскресенье)\b)",
    re.IGNORECASE,
)
_OF_A_PROGRAM = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^-{2,}\s*(original|forwarded|исходное|пересылаемое|оригинальное|пересланное) [mс]",
        r"^_{10,}$",
        r"^(from|от|от кого):\s.{0,200}\S+@\S+",
    )
)
_SIGNATURE = re.compile(r"^(-- ?|—)$")
_SENT_FROM = re.compile(
    r"^(sent from (my|mail|yahoo|outlook)|отправлено (с|из|от)|get outlook for)\b.{0,120}$",
    re.IGNORECASE,
)


def text_of_html(html: str) -> str:
    """What a reader would see; what is marked as quoted stands between lines OPEN and CLOSE."""
    html = html[:HTML_READ].replace(OPEN, "").replace(CLOSE, "")
    pieces: list[str] = []
    _collect(BeautifulSoup(html, "html.parser"), pieces)
    return tidy("".join(pieces))


def _collect(root: Tag, pieces: list[str]) -> None:
    """Not recursive: letters nest tables hundreds deep."""
    waiting: list[Tag | NavigableString | _Said] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Tag):
            if node.name in _NEVER_SHOWN or _HIDDEN.search(str(node.get("style") or "")):
                continue
            before, after = _around(node)
            pieces.append(before)
            waiting.append(_Said(after))
            waiting.extend(
                reversed([one for one in node.children if isinstance(one, Tag | NavigableString)])
            )
        elif type(node) is NavigableString:  # not a comment, not a doctype
            pieces.append(re.sub(r"\s+", " ", node))
        elif isinstance(node, _Said):
            pieces.append(node)


def _around(tag: Tag) -> tuple[str, str]:
    """What stands before and after a tag's own text."""
    before = after = ""
    if tag.name == "br":
        before = "\n"
    elif tag.name in _BLOCKS:
        before, after = "\n", "\n"
    elif tag.name in ("td", "th"):
        before = " "
    elif tag.name == "a":
        after = _link(tag)
    if tag.name == "li":
        before += "• "
    if tag.get("id") in _QUOTED_FROM:
        return f"\n{OPEN}\n", after
    if tag.name == "blockquote" or not _QUOTE_CLASSES.isdisjoint(tag.get("class") or ()):
        return f"\n{OPEN}\n{before}", f"{after}\n{CLOSE}\n"
    return before, after


class _Said(str):
    """Text of our own between a document's nodes."""


def _link(tag: Tag) -> str:
    """The address of a link whose words do not say it."""
    address = str(tag.get("href") or "")
    near = [inner for one in tag.contents[:9] for inner in getattr(one, "contents", [one])[:9]]
    words = "".join(one for one in near if isinstance(one, NavigableString)).strip()
    if not address.startswith(("http://", "https://")) or len(address) > 500 or not words:
        return ""
    bare = address.split("//", 1)[1].rstrip("/")
    return "" if bare in words else f" ({address})"


def tidy(text: str) -> str:
    """Blanks and empty lines as a reader would see them."""
    lines = [_BLANKS.sub(" ", line).strip() for line in text.replace("\r\n", "\n").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


def fold(text: str) -> tuple[str, str]:
    """(what is new, what is quoted and signed with). If all is quoted, all is new."""
    lines = text[:TEXT_READ].replace("\r\n", "\n").split("\n")[:LINES_READ]
    kept: list[str] = []
    folded: list[str] = []
    place = depth = 0
    while place < len(lines):
        line = lines[place].strip()
        if line in (OPEN, CLOSE):
            depth = max(0, depth + (1 if line == OPEN else -1))
            place += 1
            continue
        taken = _intro(lines, place) if depth == 0 else 0
        if taken:
            if not _is_marked(lines, place + taken):
                folded += lines[place:]  # nothing below says where the quotation ends
                break
            folded += lines[place : place + taken]
            place += taken
            continue
        if depth or line.startswith(">"):
            folded.append(lines[place])
        elif _SIGNATURE.match(line) or (_SENT_FROM.match(line) and _ends(lines, place)):
            folded += lines[place:]
            break
        else:
            kept.append(lines[place])
        place += 1
    new, old = _joined(kept), _joined(folded)
    return (new, old) if new else (old, "")


def _joined(lines: list[str]) -> str:
    shown = "\n".join(line for line in lines if line.strip() not in (OPEN, CLOSE))
    return re.sub(r"\n{3,}", "\n\n", shown).strip()


def _ends(lines: list[str], place: int) -> bool:
    """Whether nothing but a quotation follows."""
    left = [line.strip() for line in lines[place + 1 :] if line.strip()][:3]
    return not left or left[0].startswith((">", OPEN)) or bool(_intro(left, 0))


def _intro(lines: list[str], place: int) -> int:
    """How many lines from here introduce a quotation."""
    line = lines[place].strip()
    if not line or len(line) > _LONGEST_INTRO or line.startswith(">"):
        return 0
    if any(pattern.match(line) for pattern in (*_OF_A_PERSON, *_OF_A_PROGRAM)):
        return 1
    if not _BEGINS.match(line):
        return 0
    for count in (2, 3):
        broken = [one.strip() for one in lines[place : place + count]]
        said = " ".join(broken)
        if len(broken) < count or not all(broken) or len(said) > _LONGEST_INTRO:
            return 0
        if any(pattern.match(said) for pattern in _OF_A_PERSON):
            return count
    return 0


def _is_marked(lines: list[str], place: int) -> bool:
    """Whether what follows is marked line by line, so that its end is seen."""
    for line in lines[place:]:
        if line.strip():
            return line.strip().startswith((">", OPEN))
    return False
