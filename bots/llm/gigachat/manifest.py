from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from bots.llm.base import DataRegion, Price
from bots.llm.manifests import Block, Choice, Number, ProviderManifest, Secret, Text


def _rub(thousand: str) -> Price:
    """The vendor prices a thousand tokens, prompt and answer alike; cached ones are free."""
    million = Decimal(thousand) * 1000
    return Price(million, million, "RUB", cached=Decimal(0))


MANIFEST = ProviderManifest(
    key="gigachat",
    title=_("GigaChat (Sber)"),
    data_region=DataRegion.RU,
    settings=(
        Secret(
            "authorization_key",
            _("Authorization key"),
            _("From the project's page; a base64 line, not the client secret."),
        ),
        Choice(
            "scope",
            _("Kind of contract"),
            default="GIGACHAT_API_B2B",
            choices=(
                ("GIGACHAT_API_PERS", _("Individual")),
                ("GIGACHAT_API_B2B", _("Company, prepaid packets")),
                ("GIGACHAT_API_CORP", _("Company, pay as you go")),
            ),
        ),
        Text("model", _("Model"), default="GigaChat-2"),
        Block(
            "ca_pem",
            _("Russian Trusted Root CA (PEM)"),
            _("The service's certificate is issued by it. Empty when the operator has set one."),
            is_required=False,
        ),
        Number(
            "concurrency",
            _("Calls at once"),
            _("1 for individuals, 10 for companies, unless the contract says more."),
            is_required=False,
            default="10",
        ),
    ),
    implementation="bots.llm.gigachat.provider.GigaChat",
    simulator="bots.llm.gigachat.simulator.GigaChatSimulator",
    prices={
        "GigaChat-2": _rub("0.20"),
        "GigaChat-2-Pro": _rub("1.50"),
        "GigaChat-2-Max": _rub("1.95"),
    },
    prices_read="2025, from memory: compare with the vendor's page before relying on them",
    models=("GigaChat-2", "GigaChat-2-Pro", "GigaChat-2-Max"),
    concurrency=10,
    leaves=_(
        "The question, the last messages and the facts found go to Sber's servers in Russia. "
        "Phones, e-mails, cards and known names are replaced by marks before that."
    ),
    gaps=("API v2 is not used", "one tool call an answer: the vendor gives no more"),
)
