"""What the bot may say: articles, files, and passages made of them and of the catalogue."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.utils.translation import gettext_lazy as _


class KnowledgeFile(models.Model):
    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        READ = "read", _("read")
        FAILED = "failed", _("could not be read")

    file = models.ForeignKey("workspace.StoredFile", models.PROTECT, null=True)
    name = models.CharField(_("file"), max_length=200)
    language = models.CharField(_("language"), max_length=8, default="ru")
    state = models.CharField(_("state"), max_length=8, choices=State.choices, default=State.WAITING)
    error = models.TextField(_("why not"), blank=True)
    pages = models.IntegerField(_("pages"), null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name, verbose_name_plural = _("knowledge file"), _("knowledge files")

    def __str__(self) -> str:
        return self.name


class Article(models.Model):
    """A text the merchant answers with, one row a language; `external_id` joins the languages."""

    external_id = models.CharField(_("id"), max_length=120, blank=True)
    lang = models.CharField(_("language"), max_length=8, default="ru")
    title = models.CharField(_("title"), max_length=300)
    text = models.TextField(_("text"))
    source = models.ForeignKey(KnowledgeFile, models.CASCADE, null=True, editable=False)
    is_active = models.BooleanField(_("used in answers"), default=True)
    is_internal = models.BooleanField(_("for colleagues only"), default=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name, verbose_name_plural = _("article"), _("articles")
        constraints = [
            models.UniqueConstraint(
                fields=["external_id", "lang"],
                condition=~models.Q(external_id=""),
                name="article_once",
            )
        ]

    def __str__(self) -> str:
        return self.title


class Passage(models.Model):
    """A piece of text retrieval finds: a paragraph of an article, or a product's card.

    `lemmas` holds lemmas of both languages, made by bots.retrieval: weight A is the title, B a
    product's brand, properties and variants, C the text. Prices and stock are not here, so they
    change without a rewrite; a product's text is read from the catalogue.
    """

    kind = models.CharField(max_length=8)  # article | product
    object_id = models.BigIntegerField()
    ordinal = models.SmallIntegerField(default=0)
    lang = models.CharField(max_length=8)
    title = models.CharField(max_length=300)
    text = models.TextField()
    lemmas = SearchVectorField()
    is_internal = models.BooleanField(default=False)
    digest = models.CharField(max_length=32)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "object_id", "ordinal", "lang"], name="passage_once"
            )
        ]
        indexes = [GinIndex(fields=["lemmas"], name="passage_lemmas", fastupdate=False)]

    def __str__(self) -> str:
        return f"{self.kind} {self.object_id}/{self.ordinal}"


class KnowledgeIndex(models.Model):
    """One row: which words the passages have and how often (bots.retrieval.vocabulary).

    `version` rises with each change; processes keep the words in memory until it does.
    """

    version = models.BigIntegerField(default=0)
    passages = models.IntegerField(default=0)
    words = models.BinaryField(default=bytes)

    def __str__(self) -> str:
        return f"v{self.version}"


class Synonym(models.Model):
    """Words a merchant's buyers use for the same thing, separated by commas."""

    words = models.CharField(_("words that mean the same"), max_length=400)

    class Meta:
        verbose_name, verbose_name_plural = _("synonyms"), _("synonyms")

    def __str__(self) -> str:
        return self.words
