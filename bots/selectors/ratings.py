"""Ratings by one policy, as lists and pages narrow them."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Avg, Count, Q, QuerySet

from bots.models import Rating
from bots.selectors.policy import of_visible
from tenants.kernel.text import whole
from tenants.workspace.models import User


def ratings_found(user: User, asked: Mapping[str, str]) -> QuerySet[Rating]:
    """By `about`, `agent`, `score` (several with commas), `rated`, `q`; nonsense finds nothing."""
    found = of_visible(user, Rating.objects.select_related("conversation__contact", "agent"))
    if about := asked.get("about"):
        found = found.filter(about=about)
    if agent := asked.get("agent"):
        found = found.filter(agent=whole(agent) or 0)
    if score := asked.get("score"):
        found = found.filter(score__in=[whole(one) or 0 for one in score.split(",")[:5]])
    if asked.get("rated") in ("1", "true", "True"):
        found = found.exclude(rated_at=None)
    if query := asked.get("q", "").strip()[:100]:
        found = found.filter(
            Q(comment__icontains=query) | Q(conversation__contact__name__icontains=query)
        )
    return found


def ratings_summed(found: QuerySet[Rating]) -> dict[str, dict[str, float | int | None]]:
    """For the assistant and for people apart: how many were asked, how many answered, the mean
    of the answers and the share of 4 and 5 in per cent."""
    rows = found.order_by().values("about").annotate(
        asked=Count("pk"), rated=Count("score"), mean=Avg("score"),
        good=Count("pk", filter=Q(score__gte=4)),
    )  # fmt: skip
    return {
        row["about"]: {
            "asked": row["asked"],
            "rated": row["rated"],
            "mean": round(row["mean"], 2) if row["mean"] is not None else None,
            "good": round(100 * row["good"] / row["rated"]) if row["rated"] else None,
        }
        for row in rows
    }
