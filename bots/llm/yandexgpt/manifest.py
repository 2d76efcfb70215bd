from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from bots.llm.base import DataRegion, Price
from bots.llm.manifests import Block, Number, ProviderManifest, Secret, Text


def _rub(thousand: str) -> Price:
    """The vendor prices a thousand tokens, prompt and answer alike, VAT included."""
    million = Decimal(thousand) * 1000
    return Price(million, million, "RUB")


MANIFEST = ProviderManifest(
    key="yandexgpt",
    title=_("YandexGPT (Yandex AI Studio)"),
    data_region=DataRegion.RU,
    settings=(
        Text("folder_id", _("Folder id"), _("From the cloud console, for example b1g…")),
        Secret(
            "api_key",
            _("API key"),
            _("With the scope yc.ai.languageModels.execute."),
            is_required=False,
        ),
        Secret(
            "service_account_key",
            _("Authorized key of a service account (JSON)"),
            _("Instead of an API key; changed for a short-lived token by itself."),
            is_required=False,
        ),
        Text("model", _("Model"), default="yandexgpt/latest"),
        Number("concurrency", _("Calls at once"), is_required=False, default="10"),
        Block("ca_pem", _("CA certificate (PEM)"), is_required=False),
    ),
    implementation="bots.llm.yandexgpt.provider.YandexGPT",
    simulator="bots.llm.yandexgpt.simulator.YandexSimulator",
    prices={
        "yandexgpt-lite": _rub("0.20"),
        "yandexgpt": _rub("1.20"),
        "llama": _rub("1.20"),
    },
    prices_read="2025, from memory: compare with the vendor's page before relying on them",
    models=("yandexgpt/latest", "yandexgpt/rc", "yandexgpt-lite/latest"),
    concurrency=10,
    leaves=_(
        "The question, the last messages and the facts found go to Yandex Cloud in Russia, with "
        "logging switched off. Phones, e-mails, cards and known names are replaced by marks."
    ),
    gaps=("models that only the OpenAI-compatible endpoint has: use an OpenAI-compatible server",),
)
