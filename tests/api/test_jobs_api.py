"""Long work: who sees which row."""

from __future__ import annotations

from tenants.kernel.jobs import job_start


def test_a_job_and_what_it_made_are_seen_by_who_began_it_and_by_those_in_charge(
    alpha, beta, api_of
):
    with alpha.inside():
        mine = job_start("test", user=alpha.user("agent"))
        other = job_start("test", user=alpha.user("owner"))

    def seen(shop, role):
        rows = api_of(shop, role).get("/api/v1/jobs/?kind=test").json()["results"]
        return sorted(row["id"] for row in rows)

    assert seen(alpha, "agent") == [mine.pk]
    assert seen(alpha, "owner") == sorted([mine.pk, other.pk])
    assert seen(beta, "owner") == []
    agent = api_of(alpha, "agent")
    assert agent.get(f"/api/v1/jobs/{mine.pk}/").status_code == 200
    assert agent.get(f"/api/v1/jobs/{other.pk}/").status_code == 404
