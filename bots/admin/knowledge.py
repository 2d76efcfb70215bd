"""What the bot may say: articles, synonyms, and the questions it had no answer to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from bots.models import Article, Synonym
from bots.selectors.gaps import gaps
from tenants.admin.base import Empty, ModelAdmin
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel import outbox

LANGUAGES = [("ru", "Русский"), ("en", "English")]


class LanguageFilter(DropdownFilter):
    title = gettext_lazy("language")
    parameter_name = "language"
    field = "lang"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return LANGUAGES

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        value = self.value()
        return queryset.filter(**{self.field: value}) if value not in (None, "") else queryset


class ArticleForm(forms.ModelForm):
    lang = forms.ChoiceField(
        label=gettext_lazy("Language"), choices=LANGUAGES, widget=UnfoldAdminSelectWidget
    )

    class Meta:
        model = Article
        fields = ("title", "text", "lang", "external_id", "is_active", "is_internal")
        help_texts = {
            "title": gettext_lazy("As a buyer would ask: “Delivery by courier”."),
            "text": gettext_lazy(
                "One thought a paragraph; the bot answers with paragraphs. Figures, prices and "
                "dates are said exactly as here."
            ),
            "external_id": gettext_lazy(
                "The same in both languages joins them into one article. May stay empty."
            ),
            "is_internal": gettext_lazy(
                "Helps colleagues in the console, is never told to buyers."
            ),
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        twin = Article.objects.filter(
            external_id=cleaned.get("external_id"), lang=cleaned.get("lang")
        ).exclude(pk=self.instance.pk)
        if cleaned.get("external_id") and twin.exists():
            self.add_error(
                "external_id", _("There is an article with this id in this language already.")
            )
        return cleaned


@admin.register(Article, site=merchant_site)
class ArticleAdmin(ModelAdmin):
    form = ArticleForm
    list_display = ("title", "lang_label", "state", "characters", "updated_at")
    list_filter = (LanguageFilter, "is_active", "is_internal")
    search_fields = ("title", "text", "external_id")
    ordering = ("-updated_at",)
    list_before_template = "desk/knowledge_tabs.html"
    add_label = gettext_lazy("Write an article")
    empty = Empty(
        gettext_lazy("No articles yet"),
        gettext_lazy(
            "The bot answers from articles: delivery, payment, returns, sizes. Three short ones "
            "are enough to begin."
        ),
        gettext_lazy("Write an article"),
        icon="menu_book",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Article]:
        return super().get_queryset(request).annotate(length=Length("text")).defer("text")

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        return {"lang": request.tenant.language, **super().get_changeform_initial_data(request)}  # type: ignore[attr-defined]

    @display(description=gettext_lazy("Language"), ordering="lang")
    def lang_label(self, article: Article) -> str:
        return dict(LANGUAGES).get(article.lang, article.lang)

    @display(
        description=gettext_lazy("State"),
        label={"on": "success", "inner": "info", "off": "warning"},
    )
    def state(self, article: Article) -> tuple[str, str]:
        if not article.is_active:
            return "off", _("switched off")
        if article.is_internal:
            return "inner", _("for colleagues")
        return "on", _("in answers")

    @display(description=gettext_lazy("Characters"), ordering="length")
    def characters(self, article: Any) -> int:
        return int(article.length)

    def save_model(self, request: HttpRequest, obj: Article, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        _changed([obj.pk])

    def delete_model(self, request: HttpRequest, obj: Article) -> None:
        pk = obj.pk
        super().delete_model(request, obj)
        _changed([pk])

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Article]) -> None:
        ids = list(queryset.values_list("pk", flat=True))
        super().delete_queryset(request, queryset)
        _changed(ids)


def _changed(ids: list[int]) -> None:
    """Inside the admin's transaction: the index follows by the outbox."""
    outbox.emit("article.changed", key="articles", data={"articles": ids})


@admin.register(Synonym, site=merchant_site)
class SynonymAdmin(ModelAdmin):
    list_display = ("words",)
    search_fields = ("words",)
    ordering = ("words",)
    list_before_template = "desk/knowledge_tabs.html"
    add_label = gettext_lazy("Add synonyms")
    empty = Empty(
        gettext_lazy("No synonyms yet"),
        gettext_lazy(
            "Buyers call things their own way: “hoodie, sweatshirt”. One line a group; the bot "
            "then takes the words for the same."
        ),
        gettext_lazy("Add synonyms"),
        icon="compare_arrows",
    )

    def get_form(self, request: HttpRequest, obj: Synonym | None = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        if "words" in form.base_fields:
            form.base_fields["words"].help_text = _("With commas: худи, толстовка, кенгурушка")
        return form

    def save_model(self, request: HttpRequest, obj: Synonym, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        outbox.emit("synonyms.changed", key="synonyms", data={"synonym": obj.pk})

    def delete_model(self, request: HttpRequest, obj: Synonym) -> None:
        pk = obj.pk
        super().delete_model(request, obj)
        outbox.emit("synonyms.changed", key="synonyms", data={"synonym": pk})

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Synonym]) -> None:
        super().delete_queryset(request, queryset)
        outbox.emit("synonyms.changed", key="synonyms", data={})


@merchant_site.page("gaps/", name="gaps")
def gaps_page(request: HttpRequest) -> HttpResponse:
    """Questions without an answer, most asked first; each leads to writing the article."""
    if not request.user.has_perm("bots.view_article"):
        raise PermissionDenied
    days = 30 if request.GET.get("days") == "30" else 7
    found = gaps(since=timezone.now() - timedelta(days=days), limit=100)
    return TemplateResponse(
        request,
        "desk/gaps.html",
        merchant_site.context(request, _("Questions without an answer"), gaps=found, days=days),
    )


merchant_menu.add(
    Entry("assistant", 40, gettext_lazy("Knowledge"), "menu_book", "bots_article_changelist",
          may("bots.view_article"),
          covers=("gaps", "bots_synonym_changelist")),
)  # fmt: skip
