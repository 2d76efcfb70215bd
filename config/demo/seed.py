"""The demo world: a partner, two merchants with all they know, and two months of conversations.

Everything goes in by the services the product itself uses. Each step finds out what is there
already, so a killed seeding goes on where it stopped, and a second one changes nothing.
"""

from __future__ import annotations

import json
import os
import sys
import time as clock
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.db.models import F, Value
from django.db.models.functions import Replace
from django.utils import timezone

from bots.models import (
    Bot,
    Channel,
    Conversation,
    Holiday,
    Label,
    OpeningHours,
    Synonym,
    Team,
    Template,
)
from bots.services import acts, assignment
from bots.services.agents import label_save, profile_save, team_save
from bots.services.bots import bot_publish
from bots.services.knowledge import articles_save
from bots.services.queues import default_team
from bots.services.templates import template_save
from config.demo import past, world
from config.demo.automation import automation_put
from config.embedded import process
from integrations.models import Product, Variant
from integrations.services.catalogue import catalogue_import_start
from integrations.services.orders import orders_import
from tenants.kernel import due, outbox
from tenants.kernel.context import PUBLIC, current_schema, merchant_context
from tenants.kernel.files import file_save
from tenants.models import Domain, Merchant, Partner, Plan
from tenants.selectors.hosts import primary_host, url_of
from tenants.services.merchants import (
    merchant_create,
    merchant_delete,
    merchant_erase,
    merchant_owner,
)
from tenants.services.partners import partner_create, platform_ensure
from tenants.services.tokens import digest, token_create
from tenants.workspace.models import ApiToken, Setting, User

Tell = Callable[[str], None]


class NotHere(Exception):
    """The demo has log-ins everybody knows."""


# In the public schema: the demo was taken away on purpose, `bin/up` does not bring it back.
REMOVED = "demo.removed"
# In a merchant's schema: the address its pictures are served from, once the knowledge is whole.
KNOWS = "demo.knows"
# In a merchant's schema: every script was played.
PLAYED = "demo.played"
PLATFORM_OWNER = {
    "email": "owner@platform.localhost",
    "name": "Администратор платформы",
    "password": "demo-platform",
}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KEY_NAME = "demo"


def quiet(line: str) -> None:
    pass


# ── Finding ──────────────────────────────────────────────────────────────────────────────────
def demo_merchant(slug: str) -> Merchant | None:
    with merchant_context(PUBLIC):
        return (
            Merchant.objects.select_related("partner", "brand")
            .filter(slug=slug, is_demo=True, state=Merchant.State.ACTIVE)
            .first()
        )


def is_wanted_if_empty() -> bool:
    """Nobody took the demo away, and no merchant of somebody's own is here without it."""
    with merchant_context(PUBLIC):
        if Setting.objects.filter(name=REMOVED).exists():
            return False
        alive = Merchant.objects.exclude(state=Merchant.State.SPARE)
        return alive.filter(is_demo=True).exists() or not alive.exists()


# ── Whole ────────────────────────────────────────────────────────────────────────────────────
def seed(*, conversations: bool = True, tell: Tell = quiet) -> dict[str, Any]:
    """All of it. Returns what `bin/up` tells: merchants with addresses, log-ins and tokens."""
    if settings.SETTINGS_MODULE.endswith(".production"):
        raise NotHere("The demo's log-ins are printed in its README: not with production settings.")
    with merchant_context(PUBLIC):
        Setting.objects.filter(name=REMOVED).delete()
    platform_people_ensure()
    for slug in world.MERCHANTS:
        begun = clock.monotonic()
        schema = merchant_ensure(slug, tell=tell)
        tell(f"{slug}: {schema} knows its things after {clock.monotonic() - begun:.1f} s")
    if conversations:
        begun = clock.monotonic()
        past_ensure(tell)
        relay_all()
        tell(f"conversations: {clock.monotonic() - begun:.1f} s")
    found = description()
    path = Path(settings.DATA_DIR) / "demo.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    path.chmod(0o600)
    return found


def merchant_ensure(slug: str, *, tell: Tell = quiet) -> str:
    """The merchant with its knowledge, without conversations. Returns its schema."""
    merchant = demo_merchant(slug) or merchant_make(slug)
    host = primary_host(merchant)
    base = url_of(host, "").rstrip("/")
    with merchant_context(merchant.schema_name):
        known = Setting.objects.filter(name=KNOWS).values_list("value", flat=True).first()
        if known is None:
            furnish(slug, merchant)
            tell(f"{slug}: people, hours, bot, templates")
            tell(f"{slug}: {articles_put(slug)} articles")
            tell(f"{slug}: {orders_put(slug)} orders")
            tell(f"{slug}: {feed_put(slug, base)} offers")
            Setting.objects.update_or_create(name=KNOWS, defaults={"value": base})
        elif known != base:
            pictures_move(known, base)
            Setting.objects.filter(name=KNOWS).update(value=base)
    relay_all()
    return merchant.schema_name


def relay_all() -> None:
    """Number the facts and run what follows from them (index, figures) here and now."""
    while outbox.relay():
        pass
    with merchant_context(PUBLIC):
        schemas = list(Merchant.objects.filter(is_demo=True).values_list("schema_name", flat=True))
    for schema, kind, object_id in due.overdue(limit=1000, grace_s=0):
        if schema in schemas and kind not in ("deadline", "turn", "deliver", "inbox"):
            due.take(schema, kind, object_id)


# ── Partner and merchants ────────────────────────────────────────────────────────────────────
def platform_people_ensure() -> None:
    platform_ensure()
    with merchant_context(PUBLIC):
        if not User.objects.filter(email=PLATFORM_OWNER["email"]).exists():
            User.objects.create_superuser(
                PLATFORM_OWNER["email"], PLATFORM_OWNER["password"], name=PLATFORM_OWNER["name"]
            )


def partner_ensure() -> Partner:
    told = world.partner()
    with merchant_context(PUBLIC), transaction.atomic():
        partner = Partner.objects.filter(slug=told["slug"]).first()
        if partner is None:
            plan, _made = Plan.objects.get_or_create(
                name=told["plan"]["name"], defaults=told["plan"]
            )
            brand = {**told["brand"], "favicon": told["brand"]["logo"]}
            partner = partner_create(
                slug=told["slug"], name=told["name"], host=told["host"], plan=plan, brand=brand
            )
        for person in told["staff"]:
            if not User.objects.filter(email=person["email"]).exists():
                User.objects.create_user(
                    person["email"],
                    person["password"],
                    name=person["name"],
                    role=person["role"],
                    partner_id=partner.pk,
                )
    return partner


def merchant_make(slug: str) -> Merchant:
    told = world.read_yaml(slug, "merchant")
    owner = told["users"][0]
    merchant = merchant_create(
        slug=slug,
        name=told["name"],
        email=owner["email"],
        password=owner["password"],
        partner=partner_ensure(),
        host=told["host"],
        language=told["language"],
        actor="manage.py seed_demo",
        brand={**told["brand"], "favicon": told["brand"]["logo"]},
        is_demo=True,
    )
    with merchant_context(PUBLIC):
        Merchant.objects.filter(pk=merchant.pk).update(
            time_zone=told["time_zone"], currency=told["currency"]
        )
        return Merchant.objects.select_related("partner", "brand").get(pk=merchant.pk)


def furnish(slug: str, merchant: Merchant) -> None:
    """People, hours, bot, templates and synonyms, inside the merchant's schema."""
    told = world.read_yaml(slug, "merchant")
    with transaction.atomic():
        for person in told["users"]:
            user = User.objects.filter(email=person["email"]).first()
            if user is None:
                user = User.objects.create_user(person["email"], person["password"])
            user.name, user.role, user.language = person["name"], person["role"], "ru"
            user.save(update_fields=["name", "role", "language"])
        hours_put(told)
        teams_put(told)
        for synonym in told["synonyms"]:
            words = ", ".join([synonym["means"], *synonym["words"]])
            Synonym.objects.get_or_create(words=words)
        templates_put(world.read_yaml(slug, "templates"))
        bot = Bot.objects.order_by("pk").get()
        bot.name, bot.greeting = told["bot"]["name"], told["bot"]["greeting"]["ru"]
        bot.save(update_fields=["name", "greeting"])
        bot_publish(bot=bot, by=told["users"][0]["email"])
        Channel.objects.filter(kind="web").update(name=told["channels"][0]["name"])


def teams_put(told: dict[str, Any]) -> None:
    """Two teams, how much each person takes, and labels."""
    people = {user.email: user for user in User.objects.all()}
    for number, team in enumerate(told["teams"]):
        values = {k: v for k, v in team.items() if k not in ("people", "lead")}
        members = [(people[email], email == team.get("lead")) for email in team["people"]]
        found = default_team() if number == 0 else Team.objects.filter(name=team["name"]).first()
        team_save(values, team=found, members=members)
    for email, capacity in told["capacities"].items():
        profile_save(people[email], {"capacity": capacity})
    for position, label in enumerate(told["labels"]):
        if not Label.objects.filter(name=label["name"]).exists():
            label_save({**label, "position": position})


def desk_put(slug: str) -> None:
    """A few chats of the queue as people left them: one in hand, one with the other team."""
    told = world.read_yaml(slug, "merchant")
    waiting = list(
        Conversation.objects.filter(status=Conversation.Status.OPEN)
        .filter(speaker=Conversation.Speaker.QUEUE)
        .order_by("pk")[:3]
    )
    agent = User.objects.get(email=told["users"][1]["email"])
    returns = Team.objects.get(name=told["teams"][1]["name"])
    for number, conversation in enumerate(waiting):
        if number == 0:
            assignment.assign(conversation.pk, agent)
            acts.label(conversation.pk, add=[told["labels"][0]["name"]])
        elif number == 1:
            assignment.assign(conversation.pk, None, returns)
            acts.label(conversation.pk, add=[told["labels"][1]["name"]])
        else:
            acts.prioritise(conversation.pk, Conversation.Priority.HIGH)
    automation_put(told)


def hours_put(told: dict[str, Any]) -> None:
    OpeningHours.objects.filter(calendar=None).delete()
    for weekday, key in enumerate(WEEKDAYS):
        for interval in told["opening_hours"][key]:
            opens, closes = (time.fromisoformat(part) for part in interval.split("-"))
            OpeningHours.objects.create(weekday=weekday, opens=opens, closes=closes)
    today = timezone.localdate()
    for day in told["closed_on"]:
        month, number = map(int, day.split("-"))
        next_one = date(today.year, month, number)
        if next_one < today:
            next_one = date(today.year + 1, month, number)
        Holiday.objects.get_or_create(calendar=None, day=next_one)


def templates_put(templates: Iterable[dict[str, Any]]) -> None:
    for told in templates:
        phrases = told.get("phrases", {})
        template_save(
            {
                "code": told["key"],
                "name": told["name"]["ru"],
                "category": told["category"]["ru"],
                "phrases": [*phrases.get("ru", ()), *phrases.get("en", ())],
                "buttons": [button["ru"] for button in told.get("buttons", ())],
                "texts": told["text"],
            },
            template=Template.objects.filter(code=told["key"]).first(),
        )


# ── What they know ───────────────────────────────────────────────────────────────────────────
def articles_put(slug: str) -> int:
    report = articles_save(
        {name: getattr(article, name) for name in ("title", "text", "lang", "external_id")}
        for article in world.articles(slug)
    )
    if report.errors:
        raise RuntimeError(f"articles of {slug}: {report.errors[:3]}")
    return len(world.articles(slug))


def orders_put(slug: str) -> int:
    report = orders_import(world.orders_until(slug, timezone.localdate()))
    if report.errors:
        raise RuntimeError(f"orders of {slug}: {report.errors[:3]}")
    return report.taken


def feed_put(slug: str, base: str) -> int:
    """The feed through the importer, with the job a merchant would watch."""
    stored = file_save(world.feed_bytes(slug, base=base), name=f"{slug}.yml", purpose="import")
    found = catalogue_import_start(file=stored, confirm=True)
    due.take(current_schema(), "job", found.pk)
    found.refresh_from_db()
    if found.state != found.State.DONE or found.refused:
        raise RuntimeError(f"feed of {slug}: {found.state} {found.message} {found.errors[:3]}")
    return Variant.objects.count()


def pictures_move(before: str, after: str) -> None:
    """The port is another one today: pictures are at another address."""
    Variant.objects.filter(picture__startswith=before).update(
        picture=Replace(F("picture"), Value(before), Value(after))
    )
    moved = []
    for product in Product.objects.exclude(pictures=[]).only("pk", "pictures"):
        product.pictures = [picture.replace(before, after, 1) for picture in product.pictures]
        moved.append(product)
    Product.objects.bulk_update(moved, ["pictures"], batch_size=500)


def past_ensure(tell: Tell) -> None:
    """Play the past in as many processes as there are processors, each its share of the buyers."""
    slug_of = {
        found.schema_name: slug for slug in world.MERCHANTS if (found := demo_merchant(slug))
    }
    schemas = list(slug_of)
    if all(is_played(schema) for schema in schemas):
        return
    shares = min(4, os.cpu_count() or 1)
    with relay_held(schemas):
        helpers = [
            process.spawn(
                [sys.executable, "manage.py", "seed_demo", "--past", f"{share}/{shares}"],
                cwd=settings.BASE_DIR,
            )
            for share in range(1, shares)
        ]
        try:
            past_play(0, shares, tell)
            said = [helper.communicate()[0] for helper in helpers]
        finally:
            for helper in helpers:
                helper.kill()
        for helper, words in zip(helpers, said, strict=True):
            if helper.returncode:
                raise RuntimeError(f"conversations were not played: {words.decode().strip()}")
        for schema in schemas:
            past.facts_in_order(schema)
            with merchant_context(schema):
                desk_put(slug_of[schema])
                Setting.objects.update_or_create(name=PLAYED, defaults={"value": True})


def is_played(schema: str) -> bool:
    with merchant_context(schema):
        return Setting.objects.filter(name=PLAYED).exists()


@contextmanager
def relay_held(schemas: Iterable[str]) -> Iterator[None]:
    """Facts of these merchants wait until they have their times, even if the product is running."""
    holder = connections.create_connection("default")
    try:
        with holder.cursor() as cursor:
            for schema in schemas:
                cursor.execute("SELECT pg_advisory_lock(hashtext(%s))", (f"relay:{schema}",))
            yield
            cursor.execute("SELECT pg_advisory_unlock_all()")
    finally:
        holder.close()


def past_play(share: int, shares: int, tell: Tell) -> None:
    """One process's share of both merchants' conversations."""
    for slug in world.MERCHANTS:
        merchant, told = demo_merchant(slug), world.read_yaml(slug, "merchant")
        assert merchant is not None

        def progress(done: int, total: int, slug: str = slug) -> None:
            if done % 50 == 0 or done == total:
                tell(f"{slug}: {done} of {total} conversations of share {share + 1}/{shares}")

        with merchant_context(merchant.schema_name):
            past.play_all(slug, zone=told["time_zone"], tell=progress, share=share, shares=shares)


# ── Telling ──────────────────────────────────────────────────────────────────────────────────
def description() -> dict[str, Any]:
    """What `bin/up --check` prints of the merchants, and every log-in for people."""
    kept = _kept_tokens()
    merchants, logins = [], []
    partner = world.partner()
    logins.append(_login("Platform", url_of(settings.PLATFORM_HOST, "/admin/"), PLATFORM_OWNER))
    logins.append(_login("Partner", url_of(partner["host"], "/admin/"), partner["staff"][0]))
    for slug in world.MERCHANTS:
        merchant = demo_merchant(slug)
        if merchant is None:
            continue
        told, host = world.read_yaml(slug, "merchant"), primary_host(merchant)
        owner, agent = told["users"][0], told["users"][1]
        with merchant_context(merchant.schema_name):
            bot = Bot.objects.order_by("pk").first()
            channel = Channel.objects.filter(kind="web").order_by("pk").first()
            token = kept.get(slug) or _token_new(merchant)
        merchants.append(
            {
                "slug": slug,
                "host": host,
                "admin": url_of(host, "/admin/"),
                "email": owner["email"],
                "password": owner["password"],
                "token": token,
                "bot_id": bot.pk if bot else None,
            }
        )
        logins.append(_login(told["name"], url_of(host, "/admin/"), owner))
        logins.append(_login("· agent", url_of(host, "/console/"), agent))
        if channel is not None:
            url = url_of(host, f"/chat/{channel.route_key}/")
            logins.append({"what": "· chat", "url": url, "email": "", "password": ""})
    return {"merchants": merchants, "logins": logins}


def _login(what: str, url: str, person: dict[str, str]) -> dict[str, str]:
    return {"what": what, "url": url, "email": person["email"], "password": person["password"]}


def _kept_tokens() -> dict[str, str]:
    """Tokens told before that still work: they are shown once, so the file is their only copy."""
    try:
        told = json.loads((Path(settings.DATA_DIR) / "demo.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    found = {}
    for one in told.get("merchants", ()):
        merchant = demo_merchant(one["slug"])
        if merchant is None:
            continue
        with merchant_context(merchant.schema_name):
            if ApiToken.objects.filter(digest=digest(one["token"]), is_active=True).exists():
                found[one["slug"]] = one["token"]
    return found


def _token_new(merchant: Merchant) -> str:
    owner = merchant_owner(merchant)
    with merchant_context(merchant.schema_name):
        ApiToken.objects.filter(name=KEY_NAME).delete()
        return token_create(user=owner, name=KEY_NAME)


# ── Taking away ──────────────────────────────────────────────────────────────────────────────
def remove(tell: Tell = quiet) -> int:
    """Both merchants and the partner are gone at once: schemas, files, routes, log-ins."""
    gone = 0
    with merchant_context(PUBLIC):
        found = list(Merchant.objects.filter(is_demo=True))
    for merchant in found:
        if merchant.state != Merchant.State.DELETING:
            merchant_delete(merchant, confirm=merchant.slug or "", grace=timedelta(0))
        with merchant_context(PUBLIC):
            again_at = merchant_erase(merchant.pk)
            if again_at is None:
                due.cancel("merchant.erase", merchant.pk)
        if again_at is not None:
            tell(f"{merchant.slug} is in use; it is erased in a while")
            continue
        gone += 1
        tell(f"{merchant.slug} is gone")
    with merchant_context(PUBLIC), transaction.atomic():
        Setting.objects.update_or_create(name=REMOVED, defaults={"value": True})
        partner = Partner.objects.filter(slug=world.partner()["slug"]).first()
        if partner is not None and not partner.merchants.exists():
            staff = User.objects.filter(partner_id=partner.pk)
            ApiToken.objects.filter(user__in=staff).delete()
            # Not delete(): it looks for what hangs on users of merchants, and that is not here.
            staff._raw_delete(staff.db)
            Domain.objects.filter(partner=partner).delete()
            brand = partner.brand
            partner.delete()
            brand.delete()
            Plan.objects.filter(name=world.partner()["plan"]["name"], merchant=None).delete()
    (Path(settings.DATA_DIR) / "demo.json").unlink(missing_ok=True)
    return gone
