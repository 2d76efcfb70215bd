"""The description of the API is whole, and readable on a page under our policy."""

import re

import pytest
from django.core.management import call_command
from django.urls import URLPattern, URLResolver, get_resolver

from tests.fixtures.merchants import SiteApiClient

SITES = {
    "config.urls.merchant": ("alpha.localhost", "/api/v1/bots/{id}/preview/"),
    "config.urls.platform": ("partner.localhost", "/api/v1/merchants/{id}/deletion/"),
}


@pytest.mark.parametrize("urlconf", SITES)
def test_the_description_is_valid_without_a_warning(tmp_path, urlconf):
    target = tmp_path / "schema.yaml"

    call_command("spectacular", urlconf=urlconf, validate=True, fail_on_warn=True, file=str(target))

    assert SITES[urlconf][1] in target.read_text()


def _paths(resolver, prefix=""):
    for one in resolver.url_patterns:
        path = prefix + str(one.pattern)
        if isinstance(one, URLResolver):
            yield from _paths(one, path)
        elif path in ("api/v1/", "api/v1/<path:rest>"):
            continue  # what answers "not here"
        elif isinstance(one, URLPattern) and path.startswith("api/v1/"):
            yield path


@pytest.mark.parametrize("urlconf", SITES)
def test_every_address_of_the_api_is_described(alpha, visitor, urlconf):
    schema = visitor(SITES[urlconf][0]).get("/api/v1/schema/?format=json").json()
    described = {re.sub(r"\{\w+\}", "*", path) for path in schema["paths"]}
    ours = {
        "/" + re.sub(r"<[^>]+>", "*", path)
        for path in _paths(get_resolver(urlconf))
        if not path.endswith(("schema/", "docs/"))
    }

    assert described == ours
    assert schema["components"]["securitySchemes"]["token"]["scheme"] == "bearer"


@pytest.mark.parametrize("urlconf", SITES)
def test_every_call_but_the_description_needs_a_token(alpha, urlconf):
    client = SiteApiClient(HTTP_HOST=SITES[urlconf][0])

    for path in _paths(get_resolver(urlconf)):
        if path.endswith(("schema/", "docs/")):
            continue
        address = "/" + re.sub(r"<int:\w+>", "1", path)
        for method in ("get", "post", "patch", "delete"):
            answer = getattr(client, method)(address)
            assert answer.status_code == 401, (method, address)
            assert answer.json()["error"]["code"] == "not_authenticated"


@pytest.mark.parametrize("host", [host for host, _path in SITES.values()])
def test_the_page_runs_nothing_but_our_own_files(alpha, visitor, host):
    answer = visitor(host).get("/api/v1/docs/")

    assert answer.status_code == 200
    page = answer.content.decode()
    assert not re.search(r"<script(?![^>]*\bsrc=)", page)
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/api/v1/", "/api/v1/nothing/", "/api/v1/bots/x/"])
def test_an_address_that_is_not_there_answers_in_the_api_s_shape(alpha, api_of, path):
    answer = api_of(alpha).get(path)

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
