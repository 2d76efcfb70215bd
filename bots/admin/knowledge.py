"""What the bot may say: articles, synonyms, and the questions it had no answer to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.db.models.functions import Length
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from bots.models import Article, KnowledgeFile, Synonym
from bots.selectors.gaps import gaps
from bots.services.knowledge import (
    knowledge_file_add,
    knowledge_file_again,
    knowledge_file_delete,
)
from tenants.admin.base import Empty, ModelAdmin, go_to, row_action, when
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel import outbox
from tenants.kernel.files import file_save
from tenants.kernel.posted import posted, uploads
from tenants.selectors.requests import actor_of, merchant_here
from tenants.services.audit import audit

LANGUAGES = [("ru", "Русский"), ("en", "English")]
DOCUMENTS = (".pdf", ".docx", ".xlsx", ".txt", ".md", ".html", ".htm")
LARGEST = 30 * 1024 * 1024


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
    changed_at = when("updated_at", gettext_lazy("Changed"))
    list_display = ("title", "lang_label", "state", "characters", "changed_at")
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
        initial = super().get_changeform_initial_data(request)
        return {"lang": merchant_here(request).language, **initial}

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


class ManyFiles(forms.FileField):
    """Several uploads in one field, each checked."""

    widget = forms.ClearableFileInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        given = data if isinstance(data, list | tuple) else [data]
        given = given or [None]  # nothing was sent: told as by a field for one
        return [super(ManyFiles, self).clean(one, initial) for one in given]


class _Multiple(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesForm(forms.Form):
    files = ManyFiles(  # type: ignore[assignment]
        label=gettext_lazy("Files"),
        widget=_Multiple({"multiple": True, "accept": ",".join(DOCUMENTS)}),
        help_text=gettext_lazy("PDF, DOCX, XLSX, TXT, MD, HTML; to 30 MB each, 20 at once."),
    )
    language = forms.ChoiceField(label=gettext_lazy("Language of the texts"), choices=LANGUAGES)

    def clean_files(self) -> list[Any]:
        files: list[Any] = self.cleaned_data["files"]
        if len(files) > 20:
            raise forms.ValidationError(_("At most 20 files at once."))
        for file in files:
            if file.size > LARGEST:
                raise forms.ValidationError(
                    _("“%(name)s” is larger than 30 MB.") % {"name": file.name}
                )
        return files


@admin.register(KnowledgeFile, site=merchant_site)
class KnowledgeFileAdmin(ModelAdmin):
    added_at = when("created_at", gettext_lazy("Added"))
    list_display = ("name", "state_label", "why", "articles", "language", "added_at")
    search_fields = ("name",)
    ordering = ("-pk",)
    actions = None
    fields = ("name", "language", "state_words", "error", "articles_linked", "created_at")
    readonly_fields = fields
    actions_detail = ("again",)
    list_before_template = "desk/knowledge_files.html"
    add_label = gettext_lazy("Add files")
    empty = Empty(
        gettext_lazy("No files yet"),
        gettext_lazy(
            "Price lists, instructions, delivery terms: a document is read into articles, one a "
            "heading."
        ),
        gettext_lazy("Add files"),
        icon="upload_file",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[KnowledgeFile]:
        return super().get_queryset(request).annotate(made=Count("article"))

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        waiting = KnowledgeFile.objects.filter(state=KnowledgeFile.State.WAITING).exists()
        return super().changelist_view(request, {"is_reading": waiting, **(extra_context or {})})

    @display(
        description=gettext_lazy("State"),
        label={"waiting": "info", "read": "success", "failed": "danger"},
        ordering="state",
    )
    def state_label(self, file: KnowledgeFile) -> tuple[str, str]:
        return file.state, file.get_state_display()

    @display(description=gettext_lazy("State"))
    def state_words(self, file: KnowledgeFile) -> str:
        return file.get_state_display()

    @display(description=gettext_lazy("Why not"))
    def why(self, file: KnowledgeFile) -> str:
        return file.error or "–"

    @display(description=gettext_lazy("Articles"), ordering="made")
    def articles(self, file: Any) -> int:
        return int(file.made)

    @display(description=gettext_lazy("Articles"))
    def articles_linked(self, file: Any) -> str:
        found = Article.objects.filter(source=file).order_by("pk")[:50]
        return (
            format_html_join(
                "",
                '<div><a href="{}">{}</a></div>',
                [(reverse("merchant:bots_article_change", args=[a.pk]), a.title) for a in found],
            )
            or "–"
        )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("bots.change_article")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("bots.change_article")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm("bots.change_article")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("bots.change_article")

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        initial = {"language": merchant_here(request).language}
        form = FilesForm(posted(request), uploads(request), initial=initial)
        if request.method == "POST" and form.is_valid():
            for upload in form.cleaned_data["files"]:
                stored = file_save(
                    upload.chunks(), name=upload.name, purpose="knowledge", limit=LARGEST
                )
                found, _job = knowledge_file_add(
                    file=stored, language=form.cleaned_data["language"], user=actor_of(request)
                )
                audit("knowledgefile.added", found.name, actor=actor_of(request))
            return redirect("merchant:bots_knowledgefile_changelist")
        return TemplateResponse(
            request,
            "desk/files.html",
            self.admin_site.context(request, _("Add files"), form=form, opts=self.opts),
        )

    def delete_model(self, request: HttpRequest, obj: KnowledgeFile) -> None:
        knowledge_file_delete(obj)

    @row_action(
        gettext_lazy("Read again"),
        icon="refresh",
        ask=gettext_lazy("Read this file once more?"),
        text=gettext_lazy("Articles made of it are replaced."),
    )
    def again(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        found = self.get_object(request, str(object_id))
        if found is None:
            raise PermissionDenied
        knowledge_file_again(found=found, user=actor_of(request))
        return go_to(reverse("merchant:bots_knowledgefile_changelist"))

    def has_again_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm("bots.change_article")


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
    found = gaps(
        user=actor_of(request),
        since=timezone.now() - timedelta(days=days),
        limit=100,
    )
    return TemplateResponse(
        request,
        "desk/gaps.html",
        merchant_site.context(request, _("Questions without an answer"), gaps=found, days=days),
    )


merchant_menu.add(
    Entry("assistant", 40, gettext_lazy("Knowledge"), "menu_book", "bots_article_changelist",
          may("bots.view_article"),
          covers=("gaps", "bots_synonym_changelist", "bots_knowledgefile_changelist")),
)  # fmt: skip
