"""A proxy a merchant names is guarded like any address, and what lies behind it, too."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator

import httpx
import pytest

from bots.models import Channel
from tenants.kernel.errors import NeedsMerchant
from tenants.kernel.http import async_transport, outgoing
from tests.fixtures.aside import run_aside

# An address of nobody's that is public (TEST-NET is not); the pretend proxy answers for it.
PUBLIC = "93.184.215.14"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"


class Proxy(socketserver.ThreadingTCPServer):
    """Answers everything itself and remembers the first line of each call."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        self.seen: list[str] = []
        super().__init__(("127.0.0.1", 0), _Call)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class _Call(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.server.seen.append(self.rfile.readline().decode().strip())  # type: ignore[attr-defined]
        while self.rfile.readline().strip():
            pass
        self.wfile.write(ANSWER)


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with Proxy() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def _as_on_the_net(settings) -> None:
    settings.ALLOW_PRIVATE_ADDRESSES = False


def fetch(url: str, proxy: str) -> str:
    with outgoing(proxy=proxy) as client:
        return client.get(url).text


def fetch_async(url: str, proxy: str) -> str:
    async def run() -> str:
        transport = async_transport(proxy=proxy)
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            return (await client.get(url)).text

    return run_aside(run())


BOTH = pytest.mark.parametrize("get", [fetch, fetch_async])


@BOTH
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "proxy.localhost"])
def test_a_proxy_in_our_network_is_not_reached(get, proxy, name):
    with pytest.raises(httpx.ConnectError, match="private address"):
        get(f"http://{PUBLIC}/", proxy.url.replace("127.0.0.1", name))
    assert proxy.seen == []


@BOTH
def test_the_operators_own_proxy_is_used(get, proxy, settings):
    settings.PROXY_PRIVATE_HOSTS = ("127.0.0.1",)
    assert get(f"http://{PUBLIC}/a", proxy.url) == "ok"
    assert proxy.seen == [f"GET http://{PUBLIC}/a HTTP/1.1"]


@BOTH
@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:6379/",
        "http://10.0.0.5/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://[::ffff:10.0.0.1]/",
        "http://inside.localhost/",
        "https://127.0.0.1/",
    ],
)
def test_not_even_our_own_proxy_leads_inside(get, proxy, settings, target):
    settings.PROXY_PRIVATE_HOSTS = ("127.0.0.1",)
    with pytest.raises(httpx.ConnectError, match="private address"):
        get(target, proxy.url)
    assert proxy.seen == []


@BOTH
def test_a_socks_proxy_is_guarded_alike(get, proxy):
    with pytest.raises(httpx.ConnectError, match="private address"):
        get(f"http://{PUBLIC}/", proxy.url.replace("http", "socks5"))
    assert proxy.seen == []


@BOTH
@pytest.mark.parametrize("wrong", ["ftp://host:1", "not a proxy", "http://"])
def test_what_is_no_proxy_is_told(get, wrong):
    with pytest.raises(NeedsMerchant, match="proxy's address"):
        get(f"http://{PUBLIC}/", wrong)


def test_a_merchants_channel_reaches_nothing_inside(alpha, api_of, proxy, monkeypatch):
    """Through the door a merchant has: the API of channels."""
    look_up = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **more: look_up(
            PUBLIC if host == "api.telegram.org" else host, *args, **more
        ),
    )

    def connect(address: str) -> dict:
        settings = {"token": "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"}
        body = {"kind": "telegram", "name": "T", "bot": alpha.bot.pk, "proxy": address,
                "settings": settings}  # fmt: skip
        answer = api_of(alpha).post("/api/v1/channels/", body, format="json")
        assert answer.status_code == 201, answer.content
        return answer.json()

    inside, nonsense = connect(proxy.url), connect("ftp://host:1")

    assert "private address" in inside["state_detail"]
    assert proxy.seen == []
    assert nonsense["state"] == "broken"
    with alpha.inside():
        assert not Channel.objects.filter(kind="telegram", state="live").exists()
