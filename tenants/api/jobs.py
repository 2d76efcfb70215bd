"""Long work: the row a program watches."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import generics, serializers, status
from rest_framework.response import Response

from tenants.workspace.models import Job, User


class RowError(serializers.Serializer):
    """A row that was not taken, and why in words."""

    row = serializers.JSONField(help_text=_("Number of the row, or its id."))
    field = serializers.CharField(allow_blank=True)
    message = serializers.CharField()


class JobOut(serializers.ModelSerializer):
    """`refused` counts all bad rows; `errors` keeps the first thousand of them."""

    url = serializers.SerializerMethodField()
    errors = RowError(many=True)  # type: ignore[assignment]
    result = serializers.DictField()
    seconds_left = serializers.FloatField(allow_null=True)

    class Meta:
        model = Job
        fields: tuple[str, ...] = (
            "id", "url", "kind", "state", "done", "total", "refused", "errors", "message",
            "result", "created_at", "started_at", "finished_at", "seconds_left",
        )  # fmt: skip
        read_only_fields = fields

    @extend_schema_field(OpenApiTypes.STR)
    def get_url(self, job: Job) -> str:
        return job_url(job)


def job_url(job: Job) -> str:
    return reverse("api:job", args=[job.pk])


def job_answer(job: Job, *, status_code: int = status.HTTP_202_ACCEPTED) -> Response:
    return Response(JobOut(job).data, status=status_code, headers={"Location": job_url(job)})


def jobs_for(user: User | AnonymousUser) -> QuerySet[Job]:
    """Owners and administrators see all of it, others what they began."""
    if not isinstance(user, User):
        return Job.objects.none()
    if user.role in (User.Role.OWNER, User.Role.ADMIN):
        return Job.objects.all()
    return Job.objects.filter(user_id=user.pk)


@extend_schema(tags=["jobs"])
class JobList(generics.ListAPIView):
    """Long work, newest first."""

    serializer_class = JobOut

    def get_queryset(self):
        found = jobs_for(self.request.user)
        for name in ("kind", "state"):
            if value := self.request.query_params.get(name):
                found = found.filter(**{name: value})
        return found


@extend_schema(tags=["jobs"])
class JobDetail(generics.RetrieveAPIView):
    """How far a piece of long work is."""

    serializer_class = JobOut
    queryset = Job.objects.none()

    def get_queryset(self):
        return jobs_for(self.request.user)
