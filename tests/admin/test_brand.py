"""A page shows its own brand's name and nobody else's; its colours can be read."""

from __future__ import annotations

import io

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tenants.kernel.colour import AA, DARK_SURFACE, WHITE, Oklch, contrast, scale
from tenants.services.pictures import picture_read
from tests.admin.test_access import merchant_pages

FOREIGN = ("prilavok", "прилавок", "unfold", "django")


def parsed(css: str) -> Oklch:
    lightness, chroma, hue = css.removeprefix("oklch(").removesuffix(")").split()
    return Oklch(float(lightness.rstrip("%")) / 100, float(chroma), float(hue))


def words(html: str) -> str:
    """What a person reads of a page: its text, its title, titles and labels of its elements."""
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(html, "html.parser")
    for element in soup(["script", "style"]) + soup(class_="material-symbols-outlined"):
        element.decompose()
    said = [soup.get_text(" ")]
    for element in soup.find_all(True):
        said += [str(element.get(name, "")) for name in ("title", "alt", "aria-label", "content")]
    return " ".join(said).lower()


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["ru", "en"])
def test_no_foreign_name_on_any_page_of_a_merchant(alpha, client_of, lang):
    client = client_of(alpha, "owner")
    client.cookies["lang"] = lang
    pages = [page for page in merchant_pages() if page != "jsi18n/"]  # that one is a script
    for page in ["login/", "password/forgotten/", *pages]:
        said = words(client.get(f"/admin/{page}").content.decode())
        for name in (*FOREIGN, "beta lamps", "lavka plus"):
            assert name not in said, (page, name)


def test_titles_end_with_the_brand(alpha, client_of):
    client = client_of(alpha, "owner")
    for page in ("", "bots/article/", "bots/article/add/", "brand/", "preview/", "hours/"):
        html = client.get(f"/admin/{page}").content.decode()
        title = html.split("<title>")[1].split("</title>")[0].strip()
        assert title.endswith("| Alpha Shoes"), page


@pytest.mark.parametrize("path", ["/", "/signup/", "/admin/login/", "/admin/password/forgotten/"])
def test_a_partners_front_shows_the_partner_alone(visitor, partner, path):
    said = words(visitor("partner.localhost").get(path).content.decode())
    assert "lavka plus" in said
    for name in FOREIGN:
        assert name not in said, name


def test_language_changes_without_a_log_in(alpha, visitor):
    client = visitor(alpha.host)
    assert "Забыли пароль" in client.get("/admin/login/").content.decode()

    client.post("/i18n/setlang/", {"language": "en", "next": "/admin/login/"})

    page = client.get("/admin/login/").content.decode()
    assert "Forgotten password" in page
    assert '<html lang="en"' in page


def test_a_brand_is_changed_by_its_own_merchant_only(alpha, beta, client_of):
    client = client_of(alpha, "owner")
    form = {"name": "Alpha Boots", "colour": "#ffdd00", "logo_file": svg("<circle r='4'/>")}

    answer = client.post("/admin/brand/", form)

    assert answer.status_code == 302, answer.context["form"].errors
    assert "Alpha Boots" in client.get("/admin/").content.decode()
    assert "Alpha Boots" not in client_of(beta, "owner").get("/admin/").content.decode()


@pytest.mark.parametrize(
    ("attributes", "is_wide"),
    [
        ('viewBox="0 0 300 100"', True),
        ('viewBox="0,0,100,100"', False),
        ('width="320px" height="80"', True),
        ('width="100%" height="80"', False),
        ('viewBox="0 0 300 0"', False),
        # Nobody may shut a shop's pages with a picture.
        ('viewBox="0 0 300"', False),
        ('viewBox="0 0 3.0.0 100"', False),
        ('viewBox=" "', False),
        ("", False),
    ],
)
def test_a_wide_logo_stands_alone_and_a_square_one_beside_the_name(
    alpha, client_of, visitor, attributes, is_wide
):
    file = io.BytesIO(f'<svg xmlns="http://www.w3.org/2000/svg" {attributes}/>'.encode())
    file.name = "logo.svg"
    client = client_of(alpha, "owner")
    answer = client.post("/admin/brand/", {"name": "", "colour": "", "logo_file": file})
    assert answer.status_code == 302, answer.context["form"].errors

    for page in (visitor(alpha.host).get("/admin/login/"), client.get("/admin/")):
        assert page.status_code == 200
    html = visitor(alpha.host).get("/admin/login/").content.decode()
    assert ('class="only-light"' in html) is is_wide
    taken = client.post("/admin/brand/", {"name": "", "colour": "", "logo_clear": "on"})
    assert taken.status_code == 302
    assert 'class="only-light"' not in visitor(alpha.host).get("/admin/login/").content.decode()


def test_a_picture_that_is_none_is_told_and_nothing_is_changed(alpha, client_of):
    client = client_of(alpha, "owner")
    client.cookies["lang"] = "en"
    file = io.BytesIO(b"MZ not a picture")
    file.name = "logo.png"
    answer = client.post("/admin/brand/", {"name": "New", "colour": "", "logo_file": file})
    assert answer.status_code == 200
    assert "not a picture" in str(answer.context["form"].non_field_errors())
    assert "New" not in words(client.get("/admin/").content.decode()).split("|")[0]


def test_a_wrong_colour_is_told_and_the_rest_is_kept(alpha, client_of):
    answer = client_of(alpha, "owner").post("/admin/brand/", {"name": "New", "colour": "red"})
    assert answer.status_code == 200
    page = answer.content.decode()
    assert 'value="New"' in page
    assert "#2f6f4f" in page


@given(st.from_regex(r"\A#[0-9a-f]{6}\Z"))
def test_any_brand_colour_gives_steps_that_can_be_read(colour):
    steps = {name: parsed(css) for name, css in scale(colour).items()}

    assert list(steps) == [
        "50",
        "100",
        "200",
        "300",
        "400",
        "500",
        "600",
        "700",
        "800",
        "900",
        "950",
    ]
    assert contrast(WHITE, steps["600"]) >= AA
    assert contrast(steps["700"], steps["100"]) >= AA
    assert contrast(steps["700"], WHITE) >= AA
    assert contrast(steps["500"], DARK_SURFACE) >= AA
    assert contrast(steps["400"], DARK_SURFACE) >= AA
    order = [step.lightness for step in steps.values()]
    assert order == sorted(order, reverse=True)


def svg(inside: str) -> io.BytesIO:
    file = io.BytesIO(f'<svg xmlns="http://www.w3.org/2000/svg">{inside}</svg>'.encode())
    file.name = "logo.svg"
    return file


def test_a_picture_becomes_text():
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    file.seek(0)
    assert picture_read(file).startswith("data:image/png;base64,")
    assert picture_read(svg("<path d='M0 0'/>")).startswith("<")


@pytest.mark.parametrize(
    "inside",
    [
        "<script>alert(1)</script>",
        "<a href='javascript:alert(1)'/>",
        "<image href='https://example.com/x.png'/>",
        "<path onload='x()'/>",
        "<foreignObject/>",
        "<style>@import 'x'</style>",
    ],
)
def test_a_picture_that_could_run_something_is_refused(inside):
    with pytest.raises(ValidationError):
        picture_read(svg(inside))


def test_what_is_no_picture_is_refused():
    with pytest.raises(ValidationError):
        picture_read(io.BytesIO(b"MZ not a picture"))
    with pytest.raises(ValidationError):
        picture_read(io.BytesIO(b"x" * 300_000))
