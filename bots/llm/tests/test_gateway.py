"""Order, breaker, money, policy and masking, with providers that do as the test says."""

from __future__ import annotations

import contextlib
import threading
import time
import uuid
from decimal import Decimal

import pytest

from bots.llm.base import (
    Account,
    ChatMessage,
    Completion,
    DataRegion,
    Finish,
    ModelBudgetSpent,
    ModelMalformed,
    ModelRefused,
    ModelRequest,
    ModelTooSlow,
    NeedsMerchant,
    NoModel,
    Price,
    Provider,
    Rejected,
    RetryLater,
    Stopped,
    ToolCall,
    Usage,
    VendorError,
)
from bots.llm.breaker import Breaker
from bots.llm.gateway import Gateway
from bots.llm.manifests import ProviderManifest, Secret
from bots.llm.masking import Known
from bots.llm.terms import Terms

ASK = ModelRequest((ChatMessage("user", "Есть размер 42? Мой номер 89161234567"),), timeout_s=3)
PRICE = Price(Decimal(100_000), Decimal(200_000), "RUB")  # 0.1 and 0.2 a token
USAGE = Usage(10, 5)


class Fake(Provider):
    """Does one step a call: an error to raise, a text to say, or a function to run."""

    def __init__(self, account: Account, region: DataRegion | None = None) -> None:
        super().__init__(account)
        self.steps: list = []
        self.requests: list[ModelRequest] = []
        self.in_region = region

    @property
    def model(self) -> str:
        return self.account.setting("model", "m1")

    def region(self):
        return self.in_region

    def complete(self, request, patience, on_delta=None):
        self.requests.append(request)
        step = self.steps.pop(0) if self.steps else f"{self.account.id} answers"
        if callable(step) and not isinstance(step, type):
            step = step(request, patience, on_delta)
        if isinstance(step, Exception):
            raise step
        if isinstance(step, Completion):
            return step
        if on_delta:
            for letter in step:
                on_delta(letter)
        return Completion(step, (), Finish.STOP, USAGE, self.model, self.account.provider)


class House:
    """A merchant with a few pretend providers, and what was recorded, told and paid."""

    def __init__(self, *names: str, **terms) -> None:
        self.fakes: dict[str, Fake] = {}
        self.records: list = []
        self.notices: list[tuple[str, str]] = []
        self.money = Decimal(0)
        self.lock = threading.Lock()
        self.breaker = terms.pop("breaker", None) or Breaker()
        self.price = terms.pop("price", PRICE)
        regions = terms.pop("regions", {})
        accounts = tuple(
            Account(
                name, name, {"key": f"{name}-{uuid.uuid4()}", **terms.pop(f"{name}_settings", {})}
            )
            for name in names
        )
        self.terms = Terms(accounts, **terms)
        house = self

        class Manifest(ProviderManifest):
            def build(self, account):
                made = Fake(account, regions.get(account.id))
                house.fakes[account.id] = made
                return made

        self.manifests = {
            name: Manifest(
                name,
                name,
                DataRegion.RU,
                (Secret("key", "key"),),
                "",
                prices={"m1": self.price} if self.price else {},
            )
            for name in names
        }
        self.gateway = Gateway(
            self.terms,
            recorder=self.records.append,
            meter=self,
            breaker=self.breaker,
            notice=self.notice,
            find=self.manifests.get,
        )
        with contextlib.suppress(NoModel):
            self.gateway._candidates()  # builds the fakes, so that a test can script them

    def add(self, amount: Decimal) -> Decimal:
        with self.lock:
            self.money += amount
            return self.money

    def notice(self, kind, *, account=None, detail=""):
        self.notices.append((kind, account.id if account else ""))

    def outcomes(self) -> list[str]:
        return [f"{r.provider}:{r.outcome}" for r in self.records]


def test_the_first_provider_answers_and_is_recorded():
    house = House("one", "two")

    completion = house.gateway.complete(ASK)

    assert completion.text == "one answers"
    assert completion.cost == Decimal(2)
    assert completion.currency == "RUB"
    assert house.outcomes() == ["one:ok"]
    record = house.records[0]
    assert (record.prompt_tokens, record.completion_tokens, record.cost) == (10, 5, Decimal(2))
    assert (record.purpose, record.model, record.owner) == ("reply", "m1", "merchant")
    assert house.fakes["two"].requests == []


@pytest.mark.parametrize(
    "error",
    [
        RetryLater("busy"),
        RetryLater("busy", retry_after_s=60),
        NeedsMerchant("bad key"),
        Rejected("too long"),
        ModelRefused("no"),
        ModelMalformed("what"),
        ModelTooSlow("slow"),
        VendorError("odd"),
    ],
    ids=lambda e: type(e).__name__,
)
def test_the_next_provider_answers_when_one_fails(error):
    house = House("one", "two")
    house.fakes["one"].steps = [error]

    assert house.gateway.complete(ASK).text == "two answers"
    assert len(house.records) == 2
    assert house.outcomes()[1] == "two:ok"
    assert len(house.fakes["one"].requests) == 1


def test_the_only_provider_is_asked_once_more_when_that_may_help():
    house = House("one")
    house.fakes["one"].steps = [RetryLater("busy")]

    assert house.gateway.complete(ASK).text == "one answers"
    assert house.outcomes() == ["one:retry_later", "one:ok"]


@pytest.mark.parametrize("error", [Rejected("no"), NeedsMerchant("key"), ModelRefused("no")])
def test_what_cannot_get_better_is_not_repeated(error):
    house = House("one")
    house.fakes["one"].steps = [error]

    with pytest.raises(type(error)):
        house.gateway.complete(ASK)

    assert len(house.fakes["one"].requests) == 1


def test_a_malformed_answer_is_repeated_once():
    house = House("one")
    house.fakes["one"].steps = [ModelMalformed("x"), ModelMalformed("x")]

    with pytest.raises(ModelMalformed):
        house.gateway.complete(ASK)

    assert house.outcomes() == ["one:malformed", "one:malformed"]


def test_a_pause_that_is_too_long_is_not_waited_for():
    house = House("one")
    house.fakes["one"].steps = [RetryLater("busy", retry_after_s=30)]
    started = time.monotonic()

    with pytest.raises(RetryLater) as caught:
        house.gateway.complete(ASK)

    assert caught.value.retry_after_s == 30
    assert time.monotonic() - started < 0.3


def test_a_short_pause_is_waited_for():
    house = House("one")
    house.fakes["one"].steps = [RetryLater("busy", retry_after_s=0.5)]
    started = time.monotonic()

    assert house.gateway.complete(ASK).text == "one answers"
    assert 0.45 < time.monotonic() - started < 1.5


def test_resting_providers_are_skipped_and_told():
    house = House("one", "two")
    house.breaker.rest("one:one", 60)
    assert house.gateway.complete(ASK).text == "two answers"

    house.breaker.rest("two:two", 60)
    with pytest.raises(RetryLater, match="resting") as caught:
        house.gateway.complete(ASK)

    assert 50 < caught.value.retry_after_s <= 60
    assert house.fakes["one"].requests == []


def test_a_provider_that_rests_for_a_moment_is_waited_for():
    house = House("one")
    house.breaker.rest("one:one", 0.3)

    assert house.gateway.complete(ASK).text == "one answers"


def test_a_provider_that_keeps_failing_is_left_alone():
    house = House("one", "two")
    for _ in range(5):
        house.fakes["one"].steps = [RetryLater("down")]
        house.gateway.complete(ASK)

    assert len(house.fakes["one"].requests) == 3


def test_wrong_credentials_are_left_alone_and_the_merchant_is_told():
    house = House("one", "two")
    house.fakes["one"].steps = [NeedsMerchant("bad key")]

    house.gateway.complete(ASK)
    house.gateway.complete(ASK)

    assert len(house.fakes["one"].requests) == 1
    assert house.notices == [("account_broken", "one")]


def test_an_empty_rate_limit_rests_before_the_next_call():
    house = House("one", "two")

    def answer(request, patience, on_delta):
        return Completion("hi", (), Finish.STOP, USAGE, "m1", "one", rest_s=60)

    house.fakes["one"].steps = [answer]
    assert house.gateway.complete(ASK).text == "hi"

    assert house.gateway.complete(ASK).text == "two answers"


# --- policy ---------------------------------------------------------------------------------
def test_foreign_providers_are_off_for_russian_merchants_until_switched_on():
    regions = {"one": DataRegion.FOREIGN, "two": DataRegion.RU}

    assert House("one", "two", regions=regions).gateway.complete(ASK).text == "two answers"
    allowed = House("one", "two", regions=regions, foreign_allowed=True)
    assert allowed.gateway.complete(ASK).text == "one answers"
    abroad = House("one", "two", regions=regions, home="KZ")
    assert abroad.gateway.complete(ASK).text == "one answers"

    with pytest.raises(NoModel, match="foreign providers are switched off"):
        House("one", regions=regions).gateway.complete(ASK)


def test_nothing_set_up_says_what_is_missing():
    with pytest.raises(NoModel, match="no model is set up"):
        House().gateway.complete(ASK)

    house = House("one")
    house.gateway.terms = Terms((Account("a", "one", {}), Account("b", "nobody", {})))
    with pytest.raises(NoModel, match=r"not filled in: key; nobody: unknown provider"):
        house.gateway.complete(ASK)


def test_a_provider_that_cannot_be_built_is_told_and_skipped():
    house = House("one", "two")

    class Broken(ProviderManifest):
        def build(self, account):
            raise NeedsMerchant("the certificate is not valid PEM")

    house.manifests["one"] = Broken("one", "one", DataRegion.RU, (), "")
    house.gateway.terms = Terms((Account("x1", "one", {}), *house.terms.accounts[1:]))

    assert house.gateway.complete(ASK).text == "two answers"
    assert house.notices == [("account_broken", "x1")]


# --- money ----------------------------------------------------------------------------------
def test_the_hard_limit_stops_before_the_call():
    house = House("one", budget=Decimal(100))  # the worst case of ASK is 0.2 × 800 and more

    with pytest.raises(ModelBudgetSpent):
        house.gateway.complete(ASK)

    assert house.fakes["one"].requests == []
    assert house.money == 0
    assert house.notices == [("budget_hard", "")]


def test_the_real_cost_replaces_the_reservation():
    house = House("one", budget=Decimal(1000))

    house.gateway.complete(ASK)

    assert house.money == Decimal(2)
    assert house.notices == []


def test_a_soft_warning_comes_before_the_hard_stop():
    house = House("one", budget=Decimal(1000))
    house.money = Decimal(790)

    house.gateway.complete(ASK)

    assert house.notices == [("budget_soft", "")]


def test_parallel_calls_cannot_overspend():
    house = House("one", budget=Decimal(400), one_settings={})
    gate = threading.Barrier(8, timeout=5)
    done: list[str] = []

    def answer(request, patience, on_delta):
        time.sleep(0.2)
        return "ok"

    house.fakes["one"].steps = [answer] * 8

    def ask():
        gate.wait()
        try:
            house.gateway.complete(ASK)
            done.append("ok")
        except ModelBudgetSpent:
            done.append("spent")

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert done.count("ok") == 2  # two worst cases of about 163 fit into 400
    assert house.money == Decimal(4)


def test_a_free_model_goes_on_when_the_money_is_spent():
    house = House("one", "two", budget=Decimal(1))
    house.manifests["two"] = type(house.manifests["one"])(
        "two", "two", DataRegion.OWN, (Secret("key", "key"),), ""
    )

    assert house.gateway.complete(ASK).text == "two answers"
    assert house.outcomes() == ["two:ok"]


def test_other_currencies_count_in_the_merchants():
    usd = Price(Decimal(1000), Decimal(1000), "USD")
    house = House("one", price=usd, budget=Decimal(1000), rates={"USD": Decimal(90)})

    completion = house.gateway.complete(ASK)

    assert completion.cost == Decimal("0.015")
    assert completion.currency == "USD"
    assert house.money == Decimal("1.35")
    assert Terms(()).money(Decimal(1), "EUR") == 100


@pytest.mark.parametrize(
    ("failure", "tokens"),
    [
        (ModelRefused("no", usage=Usage(7, 3)), (7, 3)),
        (RetryLater("HTTP 503", status=503), (0, 0)),
    ],
)
def test_failures_cost_what_the_vendor_bills(failure, tokens):
    house = House("one", "two", budget=Decimal(1000))

    def fail(request, patience, on_delta):
        patience.byte()
        return failure

    house.fakes["one"].steps = [fail]
    house.gateway.complete(ASK)

    assert (house.records[0].prompt_tokens, house.records[0].completion_tokens) == tokens
    paid = Decimal(tokens[0]) / 10 + Decimal(tokens[1]) / 5
    assert house.money == paid + 2


def test_a_broken_off_stream_is_estimated():
    house = House("one", "two")

    def fail(request, patience, on_delta):
        patience.byte()
        on_delta("Размер 42 есть")
        return ModelTooSlow("stalled")

    house.fakes["one"].steps = [fail]
    house.gateway.complete(ASK, on_delta=lambda _: None, on_restart=lambda: True)

    assert house.records[0].prompt_tokens > 5
    assert house.records[0].completion_tokens > 2


def test_a_recorder_that_fails_loses_no_answer(caplog):
    house = House("one")

    def fail(record):
        raise RuntimeError("no database")

    house.gateway.record = fail

    assert house.gateway.complete(ASK).text == "one answers"
    assert "could not be recorded" in caplog.text


# --- streams --------------------------------------------------------------------------------
def test_a_stream_is_passed_on_and_restored():
    house = House("one")
    house.fakes["one"].steps = ["Звоню на [PHONE_1], [NAME_1]!"]
    pieces: list[str] = []

    completion = house.gateway.complete(ASK, known=Known(names=("Анна",)), on_delta=pieces.append)

    sent = house.fakes["one"].requests[0]
    assert "8916" not in str(sent)
    assert completion.text == "Звоню на 89161234567, Анна!"
    assert "".join(pieces) == completion.text


def test_tool_calls_are_restored():
    house = House("one")

    def answer(request, patience, on_delta):
        call = ToolCall("1", "find", {"phone": "[PHONE_1]"})
        return Completion("", (call,), Finish.TOOLS, USAGE, "m1", "one")

    house.fakes["one"].steps = [answer]

    assert house.gateway.complete(ASK).tool_calls[0].arguments == {"phone": "89161234567"}


def test_an_invented_mark_never_reaches_the_buyer():
    house = House("one", "two")
    house.fakes["one"].steps = ["Пишите на [EMAIL_9]"]
    house.fakes["two"].steps = ["Пишите на [PHONE_1]"]

    assert house.gateway.complete(ASK).text == "Пишите на 89161234567"
    assert house.outcomes() == ["one:malformed", "two:ok"]


def test_own_servers_may_see_everything_when_the_merchant_says_so():
    house = House("one", regions={"one": DataRegion.OWN}, masks_own_servers=False)

    house.gateway.complete(ASK)

    assert "89161234567" in str(house.fakes["one"].requests[0])


def _broken_stream(request, patience, on_delta):
    on_delta("Начал ")
    return RetryLater("broke off")


def test_after_the_first_words_a_fallback_needs_permission():
    house = House("one", "two")
    house.fakes["one"].steps = [_broken_stream]
    with pytest.raises(RetryLater):
        house.gateway.complete(ASK, on_delta=lambda _: None)
    assert house.outcomes() == ["one:retry_later"]

    house = House("one", "two")
    house.fakes["one"].steps = [_broken_stream]
    with pytest.raises(RetryLater):
        house.gateway.complete(ASK, on_delta=lambda _: None, on_restart=lambda: False)

    house = House("one", "two")
    house.fakes["one"].steps = [_broken_stream]
    pieces: list[str] = []
    completion = house.gateway.complete(
        ASK, on_delta=pieces.append, on_restart=lambda: pieces.clear() or True
    )
    assert "".join(pieces) == completion.text == "two answers"


# --- time -----------------------------------------------------------------------------------
def test_stopping_ends_the_call_and_is_recorded():
    house = House("one", "two")
    house.fakes["one"].steps = [Stopped()]

    with pytest.raises(Stopped):
        house.gateway.complete(ASK)

    assert house.outcomes() == ["one:stopped"]
    assert house.fakes["two"].requests == []


def test_stopping_while_waiting_between_rounds():
    house = House("one")
    house.fakes["one"].steps = [RetryLater("busy", retry_after_s=1)]

    with pytest.raises(Stopped):
        house.gateway.complete(ASK, should_stop=lambda: True)


def test_the_callers_time_is_the_whole_time():
    house = House("one", "two", "three")

    def slow(request, patience, on_delta):
        while True:
            time.sleep(patience.next_wait_s(0.05))

    for fake in house.fakes.values():
        fake.steps = [slow, slow]
    started = time.monotonic()

    with pytest.raises(ModelTooSlow):
        house.gateway.complete(ModelRequest(ASK.messages, timeout_s=0.8))

    assert 0.7 < time.monotonic() - started < 1.2
    assert len(house.records) == 3
    # The first did not eat everybody's time, and little time proves nothing against it.
    assert house.breaker.wait_s("one:one") == 0


def test_a_provider_with_all_places_taken_is_passed_over():
    house = House("one", "two", one_settings={"concurrency": "1"})
    entered, leave = threading.Event(), threading.Event()

    def hold(request, patience, on_delta):
        entered.set()
        leave.wait(5)
        return "held"

    house.fakes["one"].steps = [hold]
    texts: list[str] = []
    thread = threading.Thread(target=lambda: texts.append(house.gateway.complete(ASK).text))
    thread.start()
    entered.wait(5)

    assert house.gateway.complete(ASK).text == "two answers"
    leave.set()
    thread.join()
    assert texts == ["held"]
    assert house.gateway.complete(ASK).text == "one answers"


def test_a_fault_of_ours_gives_the_reservation_back():
    house = House("one", budget=Decimal(1000))

    def fail(request, patience, on_delta):
        raise ZeroDivisionError

    house.fakes["one"].steps = [fail]

    with pytest.raises(ZeroDivisionError):
        house.gateway.complete(ASK)

    assert house.money == 0
    assert house.outcomes() == ["one:failed"]


# --- breaker --------------------------------------------------------------------------------
class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Shelf(dict):
    """A store two processes share."""

    def set(self, key, value, timeout):
        self[key] = value

    def delete(self, key):
        self.pop(key, None)


def test_the_breaker_opens_tries_once_and_closes():
    clock = Clock()
    breaker = Breaker(clock=clock)
    for _ in range(3):
        assert breaker.wait_s("k") == 0
        breaker.failed("k")
    assert breaker.wait_s("k") == 15

    clock.now += 16
    assert breaker.wait_s("k") == 0  # the one try-out
    assert breaker.wait_s("k") > 0  # others wait for its outcome
    breaker.failed("k")
    assert breaker.wait_s("k") == 30

    clock.now += 31
    assert breaker.wait_s("k") == 0
    breaker.untried("k")
    assert breaker.wait_s("k") == 0
    breaker.succeeded("k")
    assert breaker.wait_s("k") == breaker.wait_s("k") == 0


def test_failures_far_apart_do_not_add_up():
    clock = Clock()
    breaker = Breaker(clock=clock)
    for _ in range(6):
        breaker.failed("k")
        clock.now += 61
        assert breaker.wait_s("k") == 0


def test_processes_share_a_pause():
    clock, shelf = Clock(), Shelf()
    first, second = Breaker(shelf, clock), Breaker(shelf, clock)
    first.rest("k", 20)

    assert second.wait_s("k") == 20
    clock.now += 21
    assert second.wait_s("k") == 0
    second.succeeded("k")
    assert shelf == {}
    first.rest("k", 0)
    assert shelf == {}


def test_new_credentials_are_forgiven_everywhere():
    clock, shelf = Clock(), Shelf()
    worker, web = Breaker(shelf, clock), Breaker(shelf, clock)
    worker.rest("k", 300)
    clock.now += 2

    web.forgive("k")

    assert worker.wait_s("k") == 0


def test_a_lost_store_changes_nothing():
    class Away:
        def get(self, *args):
            raise ConnectionError

        set = delete = get

    breaker = Breaker(Away())
    assert breaker.wait_s("k") == 0
    breaker.rest("k", 10)
    assert breaker.wait_s("k") > 9
