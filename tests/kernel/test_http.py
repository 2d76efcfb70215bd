"""The way out: what an answer means to us, when to come again, and where we do not go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from tenants.kernel.errors import NeedsMerchant, NotFound, OutcomeUnknown, Rejected, RetryLater
from tenants.kernel.http import outgoing, retry_after_s, vendor_errors
from tenants.kernel.simulate import Answer, Simulator, serve_simulator


@pytest.fixture
def vendor() -> Iterator[Any]:
    simulator = Simulator()
    simulator.route("GET", "/thing", lambda request: Answer.json({"ok": True}))
    simulator.route("POST", "/thing", lambda request: Answer.json({"ok": True}))
    with serve_simulator(simulator) as url:
        simulator.url = url  # type: ignore[attr-defined]
        yield simulator


def call(vendor: Any, answer: Answer, *, write: bool = False) -> Any:
    vendor.answer_next(answer)
    with outgoing(vendor.url) as client, vendor_errors("shop", "thing", write=write):
        return client.request("POST" if write else "GET", "/thing").raise_for_status().json()


@pytest.mark.parametrize(
    ("status", "read", "write"),
    [
        (400, Rejected, Rejected),
        (401, NeedsMerchant, NeedsMerchant),
        (403, NeedsMerchant, NeedsMerchant),
        (404, NotFound, NotFound),
        (408, RetryLater, OutcomeUnknown),
        (409, Rejected, Rejected),
        (420, RetryLater, RetryLater),
        (429, RetryLater, RetryLater),
        (500, RetryLater, OutcomeUnknown),
        (502, RetryLater, OutcomeUnknown),
        (503, RetryLater, RetryLater),  # it says itself that it did nothing
        (302, Rejected, Rejected),  # nobody follows: a redirect may lead inside
    ],
)
def test_what_a_status_means(vendor, status, read, write):
    for is_write, kind in ((False, read), (True, write)):
        with pytest.raises(Exception) as caught:
            call(vendor, Answer.json({"secret": "sesame"}, status), write=is_write)
        assert type(caught.value) is kind
        assert (caught.value.vendor, caught.value.operation) == ("shop", "thing")
        assert caught.value.detail == f"HTTP {status}"


def test_an_answer_that_is_fine_goes_through(vendor):
    assert call(vendor, Answer.json({"n": 1})) == {"n": 1}


@pytest.mark.parametrize("write", [False, True])
def test_where_nobody_listens_nothing_was_done(write):
    with pytest.raises(RetryLater, match="no connection"), vendor_errors("s", "o", write=write):
        outgoing("http://127.0.0.1:1", timeout_s=2).get("/")


@pytest.mark.parametrize(
    ("error", "read", "write"),
    [
        (httpx.ReadTimeout("slow"), RetryLater, OutcomeUnknown),
        (httpx.WriteError("cut"), RetryLater, OutcomeUnknown),
        (httpx.RemoteProtocolError("noise"), RetryLater, OutcomeUnknown),
        (httpx.PoolTimeout("busy"), RetryLater, RetryLater),
        (httpx.UnsupportedProtocol("ftp"), NeedsMerchant, NeedsMerchant),
        (httpx.InvalidURL("no"), NeedsMerchant, NeedsMerchant),
    ],
)
def test_what_a_broken_line_means(error, read, write):
    for is_write, kind in ((False, read), (True, write)):
        with pytest.raises(kind) as caught, vendor_errors("s", "o", write=is_write):
            raise error
        assert type(caught.value) is kind


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("", None), ("7", 7.0), ("0.5", 0.5), ("-3", 0.0), ("soon", None), ("Fri, 99 Foo", None)],
)
def test_when_to_come_again(vendor, value, seconds):
    assert retry_after_s({"retry-after": value}) == seconds
    with pytest.raises(RetryLater) as caught:
        call(vendor, Answer.json({}, 429, headers={"Retry-After": value}))
    assert caught.value.retry_after_s == seconds


def test_when_to_come_again_by_the_clock():
    at = datetime.now(UTC) + timedelta(minutes=5)
    found = retry_after_s({"retry-after": format_datetime(at, usegmt=True)})
    assert found is not None
    assert 290 < found <= 300
    past = format_datetime(at - timedelta(days=1), usegmt=True)
    assert retry_after_s({"retry-after": past}) == 0.0


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/", "http://localhost:9/", "http://10.0.0.1/", "http://[::1]:9/",
     "http://[::ffff:127.0.0.1]:9/", "http://169.254.169.254/latest/", "http://0.0.0.0:9/",
     "http://224.0.0.1/", "http://100.64.0.1/"],
)  # fmt: skip
def test_addresses_of_our_own_net_are_refused(url):
    with pytest.raises(RetryLater, match="leads to a private address"):  # noqa: SIM117
        with outgoing(allow_private=False) as client, vendor_errors("feed", "GET"):
            client.get(url)
