from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from bots.llm.base import DataRegion, Price
from bots.llm.manifests import Choice, ProviderManifest, Secret, Text, Url


def _usd(prompt: str, cached: str, completion: str) -> Price:
    return Price(Decimal(prompt), Decimal(completion), "USD", cached=Decimal(cached))


MANIFEST = ProviderManifest(
    key="openai",
    title=_("OpenAI"),
    data_region=DataRegion.FOREIGN,
    settings=(
        Secret("api_key", _("API key")),
        Text("model", _("Model"), default="gpt-4.1-mini"),
        Choice(
            "reasoning_effort",
            _("Reasoning effort"),
            _("Used by reasoning models only."),
            is_required=False,
            default="low",
            choices=(("low", _("Low")), ("medium", _("Medium")), ("high", _("High"))),
        ),
        Text("organization", _("Organization id"), is_required=False),
        Text("project", _("Project id"), is_required=False),
        Url(
            "base_url",
            _("Address"),
            _("Only for a relay: the service does not answer from Russia."),
            is_required=False,
            default="https://api.openai.com/v1",
        ),
    ),
    implementation="bots.llm.openai.provider.OpenAI",
    simulator="bots.llm.openai.simulator.OpenAISimulator",
    prices={
        "gpt-4.1": _usd("2.00", "0.50", "8.00"),
        "gpt-4.1-mini": _usd("0.40", "0.10", "1.60"),
        "gpt-4.1-nano": _usd("0.10", "0.025", "0.40"),
        "gpt-4o": _usd("2.50", "1.25", "10.00"),
        "gpt-4o-mini": _usd("0.15", "0.075", "0.60"),
        "gpt-5": _usd("1.25", "0.125", "10.00"),
        "gpt-5-mini": _usd("0.25", "0.025", "2.00"),
        "gpt-5-nano": _usd("0.05", "0.005", "0.40"),
    },
    prices_read="2025, from memory: compare with the vendor's page before relying on them",
    models=("gpt-4.1-mini", "gpt-4.1", "gpt-5-mini", "gpt-5"),
    concurrency=100,
    leaves=_(
        "The question, the last messages and the facts found go to servers outside Russia. "
        "Phones, e-mails, cards and known names are replaced by marks before that."
    ),
    gaps=("Responses API is not used", "embeddings are not used"),
)
