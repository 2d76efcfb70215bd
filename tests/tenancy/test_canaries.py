"""The marks the other tests look for are really everywhere."""

from django.db import connection
from psycopg import sql

from tests.tenancy import canaries


def test_every_table_has_a_row_and_every_free_text_a_mark(alpha):
    with alpha.inside():
        pks = canaries.plant("alpha")
        planted = [m for m in canaries.tenant_models() if m._meta.label not in canaries.NO_MARKS]
        bare = []
        with connection.cursor() as cursor:
            for model in planted:
                cursor.execute(
                    sql.SQL("SELECT count(*) FROM {0} t WHERE t::text LIKE {1}").format(
                        sql.Identifier(model._meta.db_table), f"%{canaries.mark_of('alpha')}%"
                    )
                )
                if not cursor.fetchone()[0]:
                    bare.append(model._meta.label)
    assert all(pks[model._meta.label] for model in planted)
    # Tables without any free text.
    without = {"bots.OpeningHours", "bots.KnowledgeIndex", "bots.Mention", "bots.PersonMerge"}
    without |= {"bots.Shift"}
    assert set(bare) == without | {"bots.TeamMember"}
