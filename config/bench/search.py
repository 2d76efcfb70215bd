"""`search`: the console's search over a million messages, and what its index costs.

Messages of words as unevenly frequent as in real talk, with telephones, article and order numbers;
buyers with names; asked by an administrator and by an agent who sees a part. The reference is what
a first version would do on the same rows: ILIKE, and to_tsvector without an index.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any, LiteralString

import psycopg
from django.conf import settings
from django.db import connection

from config.bench import stage
from tenants.kernel.context import merchant_context

SIZES = {"small": 30_000, "default": 1_000_000, "full": 3_000_000}
TALK = 10  # messages a conversation
QUESTIONS = 300
PLAIN_QUESTIONS = 6
INSERTS = 3_000
NAMES = "Анна Борис Вера Галина Дмитрий Елена Иван Мария Наталья Ольга Пётр Светлана Юлия".split()  # noqa: SIM905


def run(size: str = "default") -> dict[str, Any]:
    messages = SIZES.get(size, SIZES["default"])
    with stage.merchant() as merchant:
        chance = random.Random(727)
        world = World(chance)
        begun = time.perf_counter()
        with owner_of(merchant.schema_name) as owner:
            fill(owner, world, messages, merchant)
            filled_s = time.perf_counter() - begun
            begun = time.perf_counter()
            index(owner)
            indexed_s = time.perf_counter() - begun
            owner.execute("VACUUM ANALYZE bots_message")
            for table in ("bots_contact", "bots_conversation", "bots_identity",
                          "bots_person", "integrations_order"):  # fmt: skip
                owner.execute(f"ANALYZE {table}")
            index_bytes = _size(owner, "message_words")
            table_bytes = _size(owner, "bots_message")
        with merchant_context(merchant.schema_name):
            admin, agent = _people()
            questions = world.questions(messages // TALK)
            spent, by_kind, found = _measure(questions, (admin, agent))
            plain = _plain(questions)
        with owner_of(merchant.schema_name) as owner:
            with_index = _inserts(owner)
            owner.execute("DROP INDEX message_words")
            without = _inserts(owner)
    p95 = stage.Load(1, spent).percentile
    return {
        "figures": {
            "messages": messages,
            "p50_ms": p95(0.5),
            "p95_ms": p95(0.95),
            "p99_ms": p95(0.99),
            **{
                f"{kind}_p95_ms": stage.Load(1, values).percentile(0.95)
                for kind, values in sorted(by_kind.items())
            },
            "answered": round(found, 3),
            "index_bytes_a_message": round(index_bytes / messages, 1),
            "table_bytes_a_message": round(table_bytes / messages, 1),
            "insert_us": round(with_index * 1e6, 1),
            "fill_s": round(filled_s, 1),
            "index_s": round(indexed_s, 1),
        },
        "reference": {
            **{f"plain_{name}_p50_ms": value for name, value in plain.items()},
            "insert_without_index_us": round(without * 1e6, 1),
        },
        "goals": [{"figure": "p95_ms", "op": "<=", "goal": 500}],
    }


def owner_of(schema: str) -> psycopg.Connection[Any]:
    found = psycopg.connect(settings.DATABASE_URL, autocommit=True)
    found.execute(f'SET search_path = "{schema}", public')
    return found


class World:
    def __init__(self, chance: random.Random) -> None:
        from bots.retrieval.text import tokens
        from config.demo import world

        self.chance = chance
        known = {
            token.text
            for m in world.MERCHANTS
            for article in world.articles(m)
            for token in tokens(article.text)
            if token.text.isalpha() and len(token.text) > 2
        }
        syllables = "ба ве го ди жу за ка ле мо на по ру со та фо ха це чи ша эл".split()  # noqa: SIM905
        rare = {
            "".join(chance.choice(syllables) for _ in range(chance.randint(2, 5)))
            for _ in range(20_000)
        }
        common = sorted(known)
        chance.shuffle(common)
        self.common = common
        self.words = common + sorted(rare - known)

    def questions(self, talks: int) -> list[tuple[str, str]]:
        """(kind, text): each way people look for something."""
        from bots.retrieval.repair import to_latin_keys

        pick, made = self.chance.choice, []
        for place in range(QUESTIONS):
            common, some = pick(self.common[:30]), pick(self.common[200:2000])
            rare = pick([w for w in self.chance.sample(self.words, 40) if len(w) > 6] or [some])
            number = self.chance.randrange(1, talks)
            phone = f"{9_000_000_000 + number * 7919 % 999_999_999}"
            made.append(
                [
                    ("common", common),
                    ("word", some),
                    ("rare", rare),
                    ("two", f"{common} {some}"),
                    ("begins", some[:4]),
                    ("slip", rare[:3] + rare[4:]),
                    ("layout", to_latin_keys(some)),
                    ("phone", f"8 ({phone[:3]}) {phone[3:6]}-{phone[6:8]}-{phone[8:]}"),
                    ("last", phone[-7:]),
                    ("order", f"{100_000 + number}"),
                    ("name", f"{pick(NAMES)} {number % 1000}"),
                    ("article", f"TV-{number % 5000}"),
                ][place % 12]
            )
        return made


def fill(owner: psycopg.Connection[Any], world: World, messages: int, merchant: Any) -> None:
    talks = messages // TALK
    run = owner.execute
    run("DROP INDEX message_words")
    channel = _value(owner, "SELECT id FROM bots_channel ORDER BY id LIMIT 1")
    run("CREATE TEMP TABLE word (place int PRIMARY KEY, text text)")
    with owner.cursor() as cursor, cursor.copy("COPY word FROM STDIN") as copy:
        for place, word in enumerate(world.words):
            copy.write_row((place, word))
    run("CREATE TEMP TABLE name (place int PRIMARY KEY, text text)")
    with owner.cursor() as cursor, cursor.copy("COPY name FROM STDIN") as copy:
        for place, name in enumerate(NAMES):
            copy.write_row((place, name))
    run("SELECT setseed(0.727)")
    run(
        "INSERT INTO bots_person (id, name, language, created_at) "
        "SELECT n, '', 'ru', now() FROM generate_series(1, %s) n",
        [talks],
    )
    run(
        "INSERT INTO bots_contact (id, channel_id, external_id, person_id, name, username, "
        "language, picture, data, is_reachable, created_at) "
        "SELECT n, %s, 'b' || n, n, name.text || ' ' || (n %% 1000), 'user' || n, 'ru', '', '{}', "
        "true, now() FROM generate_series(1, %s) n JOIN name ON name.place = n %% %s",
        [channel, talks, len(NAMES)],
    )
    run(
        "INSERT INTO bots_identity (contact_id, kind, value, proof) "
        "SELECT n, 'phone', '+7' || (9000000000 + n::bigint * 7919 %% 999999999), 'shared' "
        "FROM generate_series(1, %s) n",
        [talks],
    )
    run(
        "INSERT INTO integrations_order (number, status, status_text, name, phone, email, sum, "
        "currency, placed_at) SELECT 100000 + n, 'new', '', '', "
        "'+7' || (9000000000 + n::bigint * 7919 %% 999999999), '', 100, 'RUB', now() "
        "FROM generate_series(1, %s) n",
        [talks],
    )
    run(
        "INSERT INTO bots_conversation (id, channel_id, contact_id, lane, status, speaker, epoch, "
        "last_seq, last_inbound_seq, last_read_seq, language, is_public, preview, preview_author, "
        "unread, handover_reason, labels, memory, created_at, team_id, agent_id) "
        "SELECT n, %s, n, n, CASE WHEN n %% 5 = 0 THEN 'open' ELSE 'resolved' END, 'nobody', 0, "
        "%s, 1, 0, 'ru', false, '', '', 0, '', '[]', '{}', now(), NULL, "
        "CASE WHEN n %% 3 = 0 THEN (SELECT min(id) FROM workspace_user) END "
        "FROM generate_series(1, %s) n",
        [channel, TALK, talks],
    )
    run(
        "INSERT INTO bots_episode (id, conversation_id, outcome, resolved_by, handover_reason, "
        "summary, start_seq) SELECT n, n, '', '', '', '', 1 FROM generate_series(1, %s) n",
        [talks],
    )
    # A word's place grows with the fifth power of chance: the first hundred are in most messages.
    run(
        "INSERT INTO bots_message (conversation_id, episode_id, seq, author, kind, text, language, "
        "external_id, client_key, epoch, state, failure, meta, sent_at) "
        "SELECT 1 + n %% %(talks)s, 1 + n %% %(talks)s, 1 + n / %(talks)s, "
        "CASE WHEN n %% 2 = 0 THEN 'buyer' ELSE 'bot' END, 'text', said.text || "
        "CASE WHEN n %% 50 = 0 THEN ' тел. 8 (' || substr(p.p, 1, 3) || ') ' || substr(p.p, 4, 3) "
        "|| '-' || substr(p.p, 7, 2) || '-' || substr(p.p, 9, 2) "
        "WHEN n %% 50 = 1 THEN ' заказ ' || (100000 + n %% %(talks)s) "
        "WHEN n %% 50 = 2 THEN ' арт. TV-' || (n %% 5000) ELSE '' END, 'ru', '', '', 0, 'sent', '',"
        " '{}', now() - (%(messages)s - n) * interval '30 seconds' "
        "FROM generate_series(0, %(messages)s - 1) n "
        "CROSS JOIN LATERAL (SELECT "
        "(9000000000 + (1 + n %% %(talks)s)::bigint * 7919 %% 999999999)::text AS p) p "
        "CROSS JOIN LATERAL (SELECT string_agg(word.text, ' ') AS text FROM "
        "(SELECT floor(power(random(), 5) * %(words)s)::int AS place "
        "FROM generate_series(1, 4 + n %% 16) g) chosen JOIN word USING (place)) said",
        {"talks": talks, "messages": messages, "words": len(world.words)},
    )
    for table in ("person", "contact", "conversation", "episode"):
        run(f"SELECT setval(pg_get_serial_sequence('bots_{table}', 'id'), %s)", [talks + 1])


def index(owner: psycopg.Connection[Any]) -> None:
    from importlib import import_module

    owner.execute("SET maintenance_work_mem = '256MB'")
    migration = next(
        module
        for name in ("0010_people", "0001_initial")
        if hasattr(module := import_module(f"bots.migrations.{name}"), "MESSAGE_WORDS")
    )
    owner.execute(migration.MESSAGE_WORDS)


def _value(owner: psycopg.Connection[Any], query: LiteralString, *params: Any) -> Any:
    row = owner.execute(query, params).fetchone()
    assert row is not None
    return row[0]


def _size(owner: psycopg.Connection[Any], name: str) -> int:
    return int(_value(owner, "SELECT pg_relation_size(%s::regclass)", name))


def _people() -> tuple[Any, Any]:
    from bots.models import Team, TeamMember
    from tenants.workspace.models import User

    admin = User.objects.order_by("pk").first()
    agent = User.objects.create_user("agent@bench.example", "x", role="agent")
    team = Team.objects.filter(is_default=True).first() or Team.objects.create(is_default=True)
    Team.objects.filter(pk=team.pk).update(sees_colleagues=False)
    TeamMember.objects.get_or_create(team=team, user=agent)
    return admin, agent


def _measure(
    questions: list[tuple[str, str]], people: tuple[Any, Any]
) -> tuple[list[float], dict[str, list[float]], float]:
    """As the API does: the policy, every group, snippets; every fifth asks for the next page."""
    from bots.selectors.search import search

    for _kind, text in questions[:24]:
        search(people[0], text)
    spent: list[float] = []
    by_kind: dict[str, list[float]] = {}
    found = 0
    for place, (kind, text) in enumerate(questions):
        user = people[place // 12 % 2]
        begun = time.perf_counter()
        answer = search(user, text)
        ms = (time.perf_counter() - begun) * 1000
        spent.append(ms)
        by_kind.setdefault(kind, []).append(ms)
        found += bool(answer["conversations"] or answer["contacts"] or answer["orders"])
        if place % 5 == 0 and answer["next"]:
            begun = time.perf_counter()
            search(user, text, cursor=answer["next"])
            spent.append((time.perf_counter() - begun) * 1000)
            by_kind.setdefault("next_page", []).append(spent[-1])
    return spent, by_kind, found / len(questions)


def _plain(questions: list[tuple[str, str]]) -> dict[str, float]:
    """The same rows and words as a first version would look: no index of ours can help it."""
    words = [text for kind, text in questions if kind in ("word", "rare", "two")]

    def ask(condition: str) -> Callable[[str], None]:
        def run(word: str) -> None:
            with connection.cursor() as cursor:
                cursor.execute(
                    f"SELECT id FROM bots_message WHERE {condition} "  # noqa: S608 - ours
                    "ORDER BY id DESC LIMIT 20",
                    [word],
                )
                cursor.fetchall()

        return run

    ways = {
        "ilike": ask("text ILIKE '%%' || %s || '%%'"),
        "tsvector": ask("to_tsvector('russian', text) @@ plainto_tsquery('russian', %s)"),
    }
    found = {}
    for name, way in ways.items():
        spent = []
        for word in words[:PLAIN_QUESTIONS]:
            begun = time.perf_counter()
            way(word)
            spent.append((time.perf_counter() - begun) * 1000)
        found[name] = stage.Load(1, spent).percentile(0.5)
    return found


def _inserts(owner: psycopg.Connection[Any]) -> float:
    """Seconds of one message's insert, in one transaction so that no disk is waited for."""
    text = "Здравствуйте, подскажите, когда привезут заказ? Курьер вчера не приехал, жду звонка"
    top = _value(owner, "SELECT max(seq) FROM bots_message WHERE conversation_id = 1")
    begun = time.perf_counter()
    with owner.transaction():
        for seq in range(top + 1, top + 1 + INSERTS):
            owner.execute(
                "INSERT INTO bots_message (conversation_id, episode_id, seq, author, kind, text, "
                "language, external_id, client_key, epoch, state, failure, meta) VALUES "
                "(1, 1, %s, 'buyer', 'text', %s, 'ru', '', '', 0, 'sent', '', '{}')",
                [seq, f"{text} {seq}"],
            )
    return (time.perf_counter() - begun) / INSERTS
