"""A merchant's life after it was made: suspended, renamed, deleted, and who did it."""

import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.core.files.storage import default_storage
from django.db import connection, connections, transaction
from django.utils import timezone

from bots.models import Article
from tenants.kernel.files import file_delete, file_save
from tenants.models import Brand, Domain, Due, MailServer, Merchant, RouteKey
from tenants.selectors.hosts import primary_host
from tenants.services import limits
from tenants.services import merchants as service
from tenants.services.export import export_to
from tenants.services.mail import mail_server_save
from tenants.workspace.models import AuditEntry, StoredFile


def actions(shop) -> list[str]:
    with shop.inside():
        return list(AuditEntry.objects.order_by("pk").values_list("action", flat=True))


def test_suspending_and_resuming_is_in_both_logs(alpha):
    service.merchant_suspend(alpha.merchant, reason="unpaid", actor="root@platform.example")
    with pytest.raises(service.WrongState):
        service.merchant_suspend(alpha.merchant, reason="again")
    service.merchant_resume(alpha.merchant, actor="root@platform.example")

    assert alpha.merchant.state == "active"
    assert actions(alpha) == ["merchant.created", "merchant.suspended", "merchant.resumed"]
    entry = AuditEntry.objects.filter(action="merchant.suspended").get()
    assert (entry.target, entry.actor) == ("merchant:alpha", "root@platform.example")
    assert entry.data == {"reason": "unpaid"}


def test_renaming_leaves_the_schema_and_moves_the_host(beta):
    schema = beta.schema

    service.merchant_rename(beta.merchant, name="Beta Light", slug="light")

    row = Merchant.objects.get(pk=beta.merchant.pk)
    assert (row.name, row.slug, row.schema_name) == ("Beta Light", "light", schema)
    assert primary_host(row) == "light.localhost"
    with pytest.raises(ValidationError):
        service.merchant_rename(row, slug="alpha")


def test_deleting_asks_for_the_name_and_can_be_taken_back(alpha):
    with pytest.raises(service.NotConfirmed):
        service.merchant_delete(alpha.merchant, confirm="beta")

    gone_at = service.merchant_delete(alpha.merchant, confirm="alpha")

    assert timedelta(days=13) < gone_at - timezone.now() < timedelta(days=15)
    assert Due.objects.get(kind="merchant.erase").object_id == alpha.merchant.pk
    assert service.merchant_erase(alpha.merchant.pk) == gone_at
    service.merchant_resume(alpha.merchant)
    assert not Due.objects.filter(kind="merchant.erase").exists()
    assert service.merchant_erase(alpha.merchant.pk) is None
    assert Merchant.objects.filter(slug="alpha", state="active").exists()


@pytest.mark.django_db(transaction=True, databases=["default", "owner"])
def test_after_the_grace_period_everything_is_gone(alpha, beta, settings, tmp_path):
    for shop in (alpha, beta):
        with shop.inside():
            file_save(b"content", name="a.txt", purpose="test")
            cache.set("kept", shop.slug, 60)
    schema, pk = alpha.schema, alpha.merchant.pk
    brand = Brand.objects.create(name="Alpha")
    sender = "a@alpha.example"
    mail_server_save(brand, username="a", password="x", host="smtp.alpha.example", sender=sender)
    Merchant.objects.filter(pk=pk).update(brand=brand)

    service.merchant_delete(alpha.merchant, confirm="alpha", grace=timedelta(0))
    assert service.merchant_erase(pk) is None

    with connections["owner"].cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM pg_namespace WHERE nspname = %s)"
            " + (SELECT count(*) FROM public.tenants_due WHERE schema = %s)"
            " + (SELECT count(*) FROM public.tenants_outboxevent WHERE schema = %s)",
            (schema, schema, schema),
        )
        assert cursor.fetchone() == (0,)
    assert not Merchant.objects.filter(pk=pk).exists()
    assert not Domain.objects.filter(host="alpha.localhost").exists()
    assert not RouteKey.objects.filter(schema=schema).exists()
    assert not default_storage.exists(schema)
    assert not MailServer.objects.filter(host="smtp.alpha.example").exists()
    assert not Brand.objects.filter(pk=brand.pk).exists()
    assert default_storage.listdir(beta.schema)[1]
    with beta.inside():
        assert cache.get("kept") == "beta"
    assert AuditEntry.objects.filter(action="merchant.erased", target="merchant:alpha").exists()
    assert service.merchant_erase(pk) is None


def test_a_plans_limit_is_told_with_figures(alpha):
    plan = alpha.merchant.plan
    plan.agents = 4
    plan.save()
    with alpha.inside():
        assert limits.used("agents") == 4
        with pytest.raises(limits.LimitReached) as caught:
            limits.check("agents")
    assert caught.value.data == {"name": "agents", "limit": 4, "used": 4}


@pytest.mark.django_db(transaction=True)
def test_an_archive_is_of_one_moment_whatever_is_written_meanwhile(alpha):
    """Somebody deletes and adds while it is being made: neither shows."""
    with alpha.inside():
        before = Article.objects.create(title="Before", text="x")
        kept, gone = (file_save(b"x", name=name, purpose="chat") for name in ("kept", "gone"))
    written: list[str] = []

    def add_and_delete() -> None:
        with alpha.inside(), transaction.atomic():
            AuditEntry.objects.create(action="meanwhile", target="x")
            Article.objects.create(title="Meanwhile", text="x")
            Article.objects.filter(pk=before.pk).delete()
            file_delete(StoredFile.objects.get(pk=gone.pk))
        connections.close_all()

    def meanwhile(execute, sql, params, many, context):
        # People come first, articles last.
        if not written and '"bots_article"' in sql:
            written.append(sql)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(add_and_delete).result()
        return execute(sql, params, many, context)

    archive = io.BytesIO()
    with connection.execute_wrapper(meanwhile):
        rows = export_to(alpha.merchant, archive)

    assert written and rows
    with zipfile.ZipFile(archive) as found:
        names = found.namelist()
        articles, log = (
            [json.loads(line) for line in found.read(f"{name}.jsonl").splitlines()]
            for name in ("bots.article", "workspace.auditentry")
        )
    assert [row["title"] for row in articles if row["id"] >= before.pk] == ["Before"]
    assert "meanwhile" not in {row["action"] for row in log}
    # Files are read when the database is no longer held: one deleted by then is missing.
    assert [name for name in names if name.startswith("files/")] == [f"files/{kept.pk}-kept"]
    with connection.cursor() as cursor:
        cursor.execute("SHOW transaction_isolation")
        assert cursor.fetchone() == ("read committed",)
    with alpha.inside():
        assert Article.objects.filter(title="Meanwhile").exists()
