import httpx
import pytest

from tenants.kernel.simulate import Answer, Simulator, serve_simulator, simulators, slowly


class Shop(Simulator):
    def __init__(self) -> None:
        super().__init__()
        self.route("GET", "/orders/{id}", lambda r: Answer.json({"id": r.params["id"]}))
        self.route("POST", "/echo", lambda r: Answer(200, r.body, {"x-query": r.query["a"]}))
        self.route("POST", "/form", lambda r: Answer.json(r.form()))
        self.route("GET", "/slow", lambda r: Answer(200, slowly([b"a", b"b"], 0.01)))
        self.route("GET", "/cut", lambda r: Answer(200, iter([b"a"]), cut=True))


def test_routes_bodies_queries_and_the_record_of_calls():
    shop = Shop()
    with serve_simulator(shop) as url, httpx.Client(base_url=url) as client:
        assert client.get("/orders/7").json() == {"id": "7"}
        echoed = client.post("/echo?a=1", content="да".encode())
        assert (echoed.text, echoed.headers["x-query"]) == ("да", "1")
        assert client.post("/form", data={"scope": "x y"}).json() == {"scope": "x y"}
        assert client.get("/slow").text == "ab"
        assert client.get("/nothing").status_code == 404
        with pytest.raises(httpx.RemoteProtocolError):
            client.get("/cut")

    assert [c.path for c in shop.calls][:2] == ["/orders/7", "/echo"]


def test_an_answer_put_in_front_is_given_once():
    shop = Shop()
    with serve_simulator(shop) as url, httpx.Client(base_url=url) as client:
        shop.answer_next(Answer(503), None, lambda r: Answer(418))
        assert [client.get("/orders/7").status_code for _ in range(4)] == [503, 200, 418, 200]
        shop.answer_next(Answer(503))
        shop.reset()
        assert client.get("/orders/7").status_code == 200


def test_every_provider_has_a_simulator():
    found = simulators("bots.llm")

    assert {"openai", "compatible", "yandexgpt", "gigachat"} <= set(found)
    assert isinstance(found["openai"](), Simulator)
