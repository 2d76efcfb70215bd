"""Knowledge: articles and documents."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, PolymorphicProxySerializer, extend_schema
from rest_framework import generics, serializers
from rest_framework.exceptions import ParseError
from rest_framework.parsers import MultiPartParser
from rest_framework.response import Response

from bots.api.files import file_url
from bots.models import Article, KnowledgeFile
from bots.services import knowledge
from tenants.api.bodies import upload_save
from tenants.api.jobs import JobOut, RowError, job_url
from tenants.api.permissions import MemberReadsSupervisorWrites
from tenants.kernel.text import whole

LIMIT = 1_000


class ArticleIn(serializers.Serializer):
    title = serializers.CharField(max_length=knowledge.TITLE_LIMIT)
    text = serializers.CharField(max_length=knowledge.TEXT_LIMIT)
    lang = serializers.CharField(max_length=8, default="ru")
    external_id = serializers.CharField(
        max_length=knowledge.ID_LIMIT, required=False, help_text="Yours; joins the languages"
    )
    is_internal = serializers.BooleanField(default=False, help_text="For colleagues only")
    is_active = serializers.BooleanField(default=True, help_text="Used in answers")


class ArticleOut(serializers.ModelSerializer):
    file = serializers.IntegerField(source="source_id", allow_null=True)

    class Meta:
        model = Article
        fields = (
            "id", "external_id", "lang", "title", "text", "is_active", "is_internal", "file",
            "updated_at",
        )  # fmt: skip


class ArticlesOut(serializers.Serializer):
    """What became of a list."""

    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    articles = ArticleOut(many=True)
    errors = RowError(many=True)  # type: ignore[assignment]


@extend_schema(tags=["knowledge"])
class ArticleList(generics.ListCreateAPIView):
    """Texts the bot answers from, newest first."""

    permission_classes = [MemberReadsSupervisorWrites]
    serializer_class = ArticleOut

    @extend_schema(
        parameters=[
            OpenApiParameter("q", str, description="Words of the title or the text"),
            OpenApiParameter("lang", str),
            OpenApiParameter("external_id", str),
            OpenApiParameter("file", int, description="Articles made of that document"),
        ]
    )
    def get(self, request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self):
        found = Article.objects.all()
        asked = self.request.query_params
        for word in asked.get("q", "").split()[:8]:
            found = found.filter(Q(title__icontains=word) | Q(text__icontains=word))
        for name in ("lang", "external_id"):
            if value := asked.get(name):
                found = found.filter(**{name: value})
        if value := asked.get("file"):
            found = found.filter(source=whole(value) or 0)
        return found

    @extend_schema(
        request=PolymorphicProxySerializer(
            component_name="ArticleOrList",
            serializers=[ArticleIn, ArticleIn(many=True)],
            resource_type_field_name=None,
            many=False,
        ),
        responses={
            (201, "application/json"): PolymorphicProxySerializer(
                component_name="ArticleSaved",
                serializers=[ArticleOut, ArticlesOut],
                resource_type_field_name=None,
            )
        },
    )
    def post(self, request, *args: Any, **kwargs: Any) -> Response:
        """Save one article, or a list. The same `external_id` and `lang` is the same article.

        One: the article (201 new, 200 known). A list: what became of each; a bad row is told in
        `errors` and the rest is saved.
        """
        if isinstance(request.data, list):
            if len(request.data) > LIMIT:
                raise ParseError(_("At most %s articles at once: send them in parts.") % LIMIT)
            report = knowledge.articles_save(request.data)
            body = ArticlesOut(report).data
            status = 201 if report.created else 200 if report.articles else 400
            return Response(body, status=status)
        clean, faults = knowledge.article_clean(request.data)
        _refuse(faults)
        report = knowledge.articles_save([clean])
        return Response(ArticleOut(report.articles[0]).data, status=201 if report.created else 200)


def _refuse(faults: list[tuple[str, str]]) -> None:
    if faults:
        fields: dict[str, list[str]] = {}
        for name, message in faults:
            fields.setdefault(name or "non_field_errors", []).append(message)
        raise serializers.ValidationError(fields)


@extend_schema(tags=["knowledge"])
class ArticleDetail(generics.RetrieveUpdateDestroyAPIView):
    """One article."""

    permission_classes = [MemberReadsSupervisorWrites]
    serializer_class = ArticleOut
    queryset = Article.objects.all()
    http_method_names = ["get", "patch", "delete", "head", "options"]

    @extend_schema(request=ArticleIn(partial=True), responses={200: ArticleOut})
    def patch(self, request, *args: Any, **kwargs: Any) -> Response:
        """Change an article."""
        article = self.get_object()
        if not isinstance(request.data, dict):
            raise ParseError(_("An object is expected."))
        names = ("title", "text", "lang", "external_id", "is_internal", "is_active")
        clean, faults = knowledge.article_clean(
            {name: getattr(article, name) for name in names} | dict(request.data)
        )
        _refuse(faults)
        taken = Article.objects.filter(external_id=clean["external_id"], lang=clean["lang"])
        if clean["external_id"] and taken.exclude(pk=article.pk).exists():
            raise serializers.ValidationError(
                {"external_id": [_("Another article has this id in this language.")]}
            )
        knowledge.article_update(article, clean)
        return Response(ArticleOut(article).data)

    def perform_destroy(self, instance: Article) -> None:
        knowledge.article_delete(instance)


# ── Documents ────────────────────────────────────────────────────────────────────────────────
class FileIn(serializers.Serializer):
    file = serializers.FileField(help_text="PDF, DOCX, XLSX, TXT, MD or HTML, at most 25 MB")
    lang = serializers.CharField(required=False, default="ru")


class FileOut(serializers.ModelSerializer):
    """`error`: why it could not be read, in words."""

    lang = serializers.CharField(source="language")
    articles = serializers.IntegerField(default=0)
    url = serializers.SerializerMethodField(help_text="The document itself, with the same token")

    class Meta:
        model = KnowledgeFile
        fields: tuple[str, ...] = (
            "id", "name", "lang", "state", "error", "pages", "articles", "url", "created_at",
        )  # fmt: skip

    def get_url(self, found: KnowledgeFile) -> str | None:
        return file_url(found.file_id)


class FileAdded(FileOut):
    job = JobOut()

    class Meta(FileOut.Meta):
        fields = (*FileOut.Meta.fields, "job")


@extend_schema(tags=["knowledge"])
class FileList(generics.ListCreateAPIView):
    """Documents the bot answers from, newest first."""

    permission_classes = [MemberReadsSupervisorWrites]
    serializer_class = FileOut
    parser_classes = [MultiPartParser]
    throttle_scope = "import"

    def get_queryset(self):
        return KnowledgeFile.objects.annotate(articles=Count("article"))

    @extend_schema(request={"multipart/form-data": FileIn}, responses={202: FileAdded})
    def post(self, request, *args: Any, **kwargs: Any) -> Response:
        """Add a document. A worker reads it: the job tells when it is done, or why it cannot be."""
        faults: list[tuple[str, str]] = []
        lang = knowledge._lang(request.data.get("lang") or "ru", faults)
        _refuse(faults)
        stored = upload_save(request, purpose="knowledge", limit=knowledge.FILE_LIMIT)
        if stored is None:
            raise serializers.ValidationError({"file": [_("Send a file.")]})
        found, job = knowledge.knowledge_file_add(file=stored, language=lang, user=request.user)
        body = {**FileOut(found).data, "job": JobOut(job).data}
        return Response(body, status=202, headers={"Location": job_url(job)})


@extend_schema(tags=["knowledge"])
class FileDetail(generics.RetrieveDestroyAPIView):
    """One document. Deleting it deletes its articles."""

    permission_classes = [MemberReadsSupervisorWrites]
    serializer_class = FileOut

    def get_queryset(self):
        return KnowledgeFile.objects.annotate(articles=Count("article"))

    def perform_destroy(self, instance: KnowledgeFile) -> None:
        knowledge.knowledge_file_delete(instance)
