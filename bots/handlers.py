"""What follows a fact. Handlers read the current state and tolerate a second visit."""

from __future__ import annotations

from dataclasses import astuple
from datetime import datetime

from bots.models import Contact, Conversation, Identity
from bots.retrieval.index import reindex_articles, reindex_products, synonyms_changed
from bots.selectors.policy import conversations_in, facts_of
from bots.services import assignment, people, rules, sla
from bots.services.order_acts import request_told
from bots.services.rating import rating_plan
from tenants.kernel import due, outbox
from tenants.kernel.context import group_of
from tenants.kernel.live import tell
from tenants.kernel.outbox import Event
from tenants.workspace.models import User

# More than this is not done while the relay, and with it every console, waits.
AT_ONCE = {"articles": 40, "products": 200}


@outbox.on("article.changed", "article.deleted")
def index_articles(event: Event) -> None:
    """`data`: {"articles": [ids]} or {"article": id}; without either, all of them."""
    _index("articles", _ids(event, "article"))


@outbox.on("catalogue.changed", "product.changed")
def index_products(event: Event) -> None:
    """`data`: {"products": [ids]} or {"product": id}; without either, all of them."""
    _index("products", _ids(event, "product"))


@outbox.on("synonyms.changed")
def read_synonyms_again(event: Event) -> None:
    synonyms_changed()


def _ids(event: Event, name: str) -> list[int] | None:
    if (one := event.data.get(name)) is not None:
        return [int(one)]
    many = event.data.get(f"{name}s")
    return None if many is None else [int(pk) for pk in many]


def _index(what: str, ids: list[int] | None) -> None:
    if ids is None or len(ids) > AT_ONCE[what]:
        due.schedule(f"index_{what}", 0)
    elif what == "articles":
        reindex_articles(ids)
    else:
        reindex_products(ids)


@due.worker("index_articles")
def index_all_articles(_object_id: int) -> datetime | None:
    reindex_articles()
    return None


@due.worker("index_products")
def index_all_products(_object_id: int) -> datetime | None:
    reindex_products()
    return None


@outbox.on(*sorted({*rules.FACTS, *rules.WAITS_AGAIN, "message.written"}))
def follow_rules(event: Event) -> None:
    rules.noticed(event)


@outbox.on("conversation.labelled", "conversation.prioritised", "conversation.assigned")
def choose_answer_time(event: Event) -> None:
    """What decides the policy has changed."""
    sla.decide_again(event.data["conversation"])


@outbox.on(
    "conversation.taken_over",
    "conversation.handed_over",
    "conversation.returned",
    "conversation.resolved",
    "conversation.read",
    "message.edited",
)
def tell_buyers_pages(event: Event) -> None:
    """Open pages of the site's chat look again: who answers, what was read, what was edited."""
    chat = (
        Conversation.objects.filter(pk=event.data["conversation"], channel__kind="web")
        .values_list("contact__external_id", flat=True)
        .first()
    )
    if chat is not None:
        nudge = {"type": "chat.nudge", "message": event.data.get("message", 0)}
        tell(group_of(event.schema, "chat", chat), nudge)


@outbox.on("conversation.resolved")
def ask_for_a_rating(event: Event) -> None:
    """The buyer is asked in a while what it was like, where the merchant wants that."""
    rating_plan(event.data["conversation"])


@outbox.on("order.request_settled")
def tell_what_was_settled(event: Event) -> None:
    """Who asked for it reads in the thread what came of it."""
    request_told(event.data["request"])


@outbox.on("contact.identified")
def look_who_it_is(event: Event) -> None:
    """Never two different verified people on one card, whichever came first; and one signed
    customer, with the first message already, on one."""
    people.people_part(event.data["contact"])
    found = Contact.objects.select_related("person__merged_into").filter(pk=event.data["contact"])
    for one in found:
        signed = one.identities.filter(kind=Identity.Kind.CUSTOMER, proof=Identity.Proof.SIGNED)
        for value in signed.values_list("value", flat=True):
            people.people_recognise(one, value)


@outbox.on("agent.presence")
def pass_offers_on(event: Event) -> None:
    """Who is not online keeps no offer; it would end by itself, a little later."""
    if event.data["presence"] != User.Presence.ONLINE:
        assignment.withdraw_from(event.data["agent"])


@outbox.listener
def tell_consoles(schema: str, events: list[Event]) -> None:
    """Hand numbered facts to the open consoles of a merchant, with what decides who sees them."""
    for start in range(0, len(events), 100):
        part = events[start : start + 100]
        facts = facts_of(conversations_in(event.data for event in part)).values()
        tell(
            group_of(schema, "console"),
            {
                "type": "events",
                "events": [{"seq": e.seq, "name": e.name, "data": e.data} for e in part],
                "facts": [astuple(one) for one in facts],
            },
        )
