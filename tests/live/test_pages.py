"""Pages of the site's chat: the widget's file, the hosted page, its QR code, its privacy page."""

from __future__ import annotations

import gzip

import pytest

from bots import pages
from bots.services import places

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh():
    places._kept.clear()


@pytest.fixture
def widget(tmp_path, monkeypatch):
    """A built widget, whether or not browser code was built here."""
    path = tmp_path / "widget.js"
    path.write_bytes(b"(function(){})();" * 100)
    path.with_name("widget.js.gz").write_bytes(gzip.compress(path.read_bytes()))
    monkeypatch.setattr(pages, "WIDGET", path)
    pages._bundle.cache_clear()
    yield path
    pages._bundle.cache_clear()


def test_the_widget_is_packed_tagged_and_readable_from_any_site(alpha, visitor, widget):
    client = visitor(alpha.host)
    plain = client.get("/widget.js")
    packed = client.get("/widget.js", headers={"accept-encoding": "gzip, br"})

    assert plain.content == gzip.decompress(packed.content) == widget.read_bytes()
    assert packed.headers["Content-Encoding"] == "gzip"
    assert plain.headers["ETag"] != packed.headers["ETag"]
    assert "max-age=300" in plain.headers["Cache-Control"]
    assert plain.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert not plain.cookies
    again = client.get("/widget.js", headers={"if-none-match": plain.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_changed_widget_has_another_tag(alpha, visitor, widget):
    client = visitor(alpha.host)
    before = client.get("/widget.js").headers["ETag"]
    widget.write_bytes(b"changed")
    assert client.get("/widget.js").headers["ETag"] != before


def test_a_widget_that_is_not_built_says_so(alpha, visitor, widget):
    widget.unlink()
    answer = visitor(alpha.host).get("/widget.js")
    assert (answer.status_code, answer.content) == (503, b"// not built: manage.py build_static")


def test_the_hosted_page_carries_the_brand_and_a_word_for_browsers_without_script(alpha, visitor):
    answer = visitor(alpha.host).get(
        f"/chat/{alpha.channel.route_key}/", headers={"accept-language": "ru"}
    )
    html = answer.content.decode()

    assert answer.status_code == 200
    assert f'data-key="{alpha.channel.route_key}" data-mode="page"' in html
    assert "Alpha Shoes" in html
    assert "<noscript>" in html
    assert "выключен" in html
    assert "help@partner.example" in html  # inherited from the partner


@pytest.mark.parametrize("path", ["", "qr.svg", "privacy/"])
def test_another_host_knows_nothing_of_a_chat(alpha, beta, visitor, path):
    key = alpha.channel.route_key
    assert visitor(alpha.host).get(f"/chat/{key}/{path}").status_code == 200
    for host in (beta.host, "localhost", "partner.localhost"):
        answer = visitor(host).get(f"/chat/{key}/{path}")
        assert answer.status_code == 404
        assert b"Alpha" not in answer.content
    assert visitor(alpha.host).get(f"/chat/{'x' * 32}/{path}").status_code == 404


def test_the_qr_code_is_a_vector_of_the_pages_own_address(alpha, visitor):
    answer = visitor(alpha.host).get(f"/chat/{alpha.channel.route_key}/qr.svg")
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert answer.content.startswith(b"<?xml")
    assert b"<svg" in answer.content


def test_a_paused_channel_has_no_page(alpha, visitor):
    from bots.services.channels import channel_pause

    with alpha.inside():
        channel_pause(alpha.channel, paused=True)
    assert visitor(alpha.host).get(f"/chat/{alpha.channel.route_key}/").status_code == 404


def test_without_a_policy_of_its_own_a_merchant_has_a_privacy_page(alpha, visitor):
    answer = visitor(alpha.host).get(
        f"/chat/{alpha.channel.route_key}/privacy/", headers={"accept-language": "en"}
    )
    assert "Alpha Shoes processes my name" in answer.content.decode()


def test_pictures_of_a_brand_are_addresses_even_when_stored_as_drawings(alpha, visitor):
    from tenants.kernel.context import PUBLIC, merchant_context
    from tenants.selectors.hosts import forget_hosts

    with merchant_context(PUBLIC):
        brand = alpha.merchant.partner.brand
        brand.logo = brand.favicon = '<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'
        brand.save()
    forget_hosts()
    html = visitor(alpha.host).get(f"/chat/{alpha.channel.route_key}/").content.decode()

    assert html.count("data:image/svg+xml;base64,") >= 3
    assert "<script/>" not in html
