"""A new merchant is ready at once, made as migrations make it, or not at all."""

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections

from tenants.kernel import registry
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import Domain, Merchant, SchemaTemplate
from tenants.services import provision, template
from tenants.services.merchants import merchant_create
from tenants.workspace.models import AuditEntry, User

pytestmark = pytest.mark.django_db(transaction=True, databases=["default", "owner"])

NEW = {"name": "Gamma", "email": "o@gamma.example", "password": "Correct-horse-42"}


def owner_query(query: str, *params: object) -> list[tuple]:
    with connections["owner"].cursor() as cursor:
        cursor.execute(query, params)
        return cursor.fetchall()


def traces(schema: str) -> int:
    """Rows and catalogue entries that know the schema."""
    return sum(
        owner_query(query, schema)[0][0]
        for query in (
            "SELECT count(*) FROM public.tenants_merchant WHERE schema_name = %s",
            "SELECT count(*) FROM pg_namespace WHERE nspname = %s",
            "SELECT count(*) FROM pg_roles WHERE rolname = %s",
            "SELECT count(*) FROM public.tenants_due WHERE schema = %s",
            "SELECT count(*) FROM public.tenants_routekey WHERE schema = %s",
        )
    )


def no_spares() -> None:
    for spare in Merchant.objects.filter(state="spare"):
        provision.schema_drop(spare)


def dump(schema: str) -> str:
    """What pg_dump, another reader of the catalogue, makes of it."""
    text = subprocess.run(
        [f"{os.environ['PG_BIN_DIR']}/pg_dump", "--schema-only", "--schema", schema,
         os.environ["DATABASE_URL"]],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return "\n".join(
        line for line in text.splitlines() if not line.startswith(("\\restrict", "\\unrestr"))
    ).replace(schema, "S")


def test_a_replayed_schema_equals_one_that_migrations_made():
    assert SchemaTemplate.objects.get().ddl
    replayed = provision.spare_prepare().schema_name
    SchemaTemplate.objects.using("owner").update(ddl="")
    stock = provision.spare_prepare().schema_name

    with connections["owner"].cursor() as cursor:
        ours = template.description(cursor, replayed)
        theirs = template.description(cursor, stock)
    for part in theirs:
        assert ours[part] == theirs[part], part
    assert ours.keys() == theirs.keys()
    assert len(theirs["relations"]) > 100
    assert any("append_only" in line for line in theirs["triggers"])
    if (Path(os.environ.get("PG_BIN_DIR", "")) / "pg_dump").exists():  # not with a server of others
        assert dump(replayed) == dump(stock)


def test_a_template_that_loses_something_is_not_kept(monkeypatch):
    SchemaTemplate.objects.using("owner").all().delete()
    honest = template.statements
    monkeypatch.setattr(
        template, "statements", lambda *a: honest(*a).replace("CREATE TRIGGER append_only ", "-- ")
    )

    assert template.template_build().ddl == ""
    assert owner_query("SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'scratch_%%'") == [
        (0,)
    ]


def test_a_failure_in_the_tables_leaves_nothing(monkeypatch):
    schema = provision.schema_name_new()
    monkeypatch.setattr(provision, "schema_name_new", lambda: schema)
    SchemaTemplate.objects.using("owner").update(ddl=template.template_current().ddl + "SELECT 1/0")

    with pytest.raises(Exception, match="division by zero"):
        provision.spare_prepare()

    assert traces(schema) == 0


@pytest.mark.parametrize("has_spares", [True, False])
def test_a_failure_while_filling_leaves_nothing(monkeypatch, has_spares):
    if not has_spares:
        no_spares()
    before = set(Merchant.objects.values_list("schema_name", "state"))
    audited = AuditEntry.objects.count()

    def fail(merchant, owner):
        assert User.objects.exists()
        raise RuntimeError("on purpose")

    monkeypatch.setitem(registry.fill.members, "zz", fail)
    with pytest.raises(RuntimeError, match="on purpose"):
        merchant_create(slug="gamma", **NEW)

    assert set(Merchant.objects.values_list("schema_name", "state")) == before
    assert not Domain.objects.filter(host__startswith="gamma").exists()
    assert AuditEntry.objects.count() == audited
    schemas = {row[0] for row in owner_query("SELECT nspname FROM pg_namespace")}
    assert {s for s in schemas if s.startswith("m_")} == {schema for schema, _ in before}
    for schema, state in before:
        if state == "spare":
            with merchant_context(schema):
                assert not User.objects.exists()


def test_a_merchant_is_made_without_a_spare_too():
    no_spares()

    merchant = merchant_create(slug="gamma", **NEW)

    assert merchant.state == "active"
    with merchant_context(merchant.schema_name):
        assert User.objects.get().email == "o@gamma.example"
        assert AuditEntry.objects.get().action == "merchant.created"


def test_two_who_come_at_once_get_a_schema_each():
    def make(n: int) -> str:
        try:
            return merchant_create(slug=f"shop-{n}", **NEW).schema_name
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        schemas = list(pool.map(make, range(5)))

    assert len(set(schemas)) == 5
    assert Merchant.objects.filter(slug__startswith="shop-", state="active").count() == 5


def test_one_name_is_given_once():
    def make(_: int) -> bool:
        try:
            merchant_create(slug="gamma", **NEW)
        except ValidationError as exc:
            assert list(exc.message_dict) == ["slug"]
            return False
        finally:
            connections.close_all()
        return True

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(make, range(3))) == [False, False, True]
    assert Merchant.objects.filter(slug="gamma").count() == 1
    assert Merchant.objects.filter(state="spare").count() == 2


def test_spares_are_made_up_again(settings):
    settings.SPARE_MERCHANTS = 2
    no_spares()

    assert provision.spares_replenish() == 2
    assert provision.spares_wanted() == 0


def test_a_role_does_not_outlive_its_merchant():
    spare = provision.spare_prepare()
    assert traces(spare.schema_name) == 3

    provision.schema_drop(spare)

    assert traces(spare.schema_name) == 0


@pytest.mark.django_db
def test_names_are_opaque_and_do_not_repeat():
    names = {provision.schema_name_new() for _ in range(1000)}
    assert len(names) == 1000
    assert all(len(name) == 18 and name.startswith("m_") for name in names)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slug", "admin"),
        ("slug", "-x"),
        ("slug", "a"),
        ("slug", "ю"),
        ("slug", "alpha"),
        ("slug", "xn--e1afmkfd"),
        ("email", "nobody"),
        ("password", "123"),
        ("host", "alpha.localhost"),
        ("host", "localhost"),
        ("host", "10.0.0.1"),
        ("host", "a b.example"),
        ("name", " "),
    ],
)
def test_what_is_wrong_is_told_by_field(field, value):
    spares = Merchant.objects.filter(state="spare").count()

    with pytest.raises(ValidationError) as caught:
        merchant_create(**{"slug": "gamma", **NEW, field: value})

    assert list(caught.value.message_dict) == [field]
    assert Merchant.objects.filter(state="spare").count() == spares


@pytest.mark.django_db
def test_a_host_of_other_letters_is_kept_as_browsers_send_it():
    merchant = merchant_create(slug="gamma", host="Магазин.example", **NEW)
    assert merchant.domains.get().host == "xn--80aairftm.example"


def test_the_owner_alone_may_make_tables():
    """The app's login is refused in words by the database itself."""
    with merchant_context(PUBLIC), connection.cursor() as cursor:
        with pytest.raises(Exception, match="permission denied"):
            cursor.execute("CREATE TABLE public.x (y int)")
        with pytest.raises(Exception, match="permission denied"):
            cursor.execute("CREATE SCHEMA x")
        with pytest.raises(Exception, match="permission denied"):
            cursor.execute("CREATE ROLE x")
