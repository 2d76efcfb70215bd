from django.utils.translation import gettext_lazy as _

from bots.llm.base import DataRegion
from bots.llm.manifests import Block, Choice, Number, ProviderManifest, Secret, Text, Url

MANIFEST = ProviderManifest(
    key="compatible",
    title=_("OpenAI-compatible server"),
    data_region=DataRegion.OWN,
    settings=(
        Url("base_url", _("Address"), _("With its version, for example https://host:8000/v1")),
        Secret(
            "api_key", _("Access key"), _("Empty when the server asks for none."), is_required=False
        ),
        Text("model", _("Model"), _("The name the server knows it by.")),
        Choice(
            "data_region",
            _("Where the server stands"),
            _("An own server is one nobody else can read."),
            default="own",
            choices=(
                ("own", _("Our own server")),
                ("ru", _("A service in Russia")),
                ("foreign", _("A service outside Russia")),
            ),
        ),
        Block("headers", _("More headers"), _("One a line, as “Name: value”."), is_required=False),
        Block("ca_pem", _("CA certificate (PEM)"), is_required=False),
        Number("concurrency", _("Calls at once"), is_required=False, default="8"),
        Number("price_prompt", _("Price of a million prompt tokens"), is_required=False),
        Number("price_completion", _("Price of a million answer tokens"), is_required=False),
        Text("currency", _("Currency of the price"), is_required=False, default="RUB"),
    ),
    implementation="bots.llm.compatible.provider.Compatible",
    simulator="bots.llm.compatible.simulator.CompatibleSimulator",
    concurrency=8,
    leaves=_(
        "The question, the last messages and the facts found go to the server you name. "
        "Phones, e-mails, cards and known names are replaced by marks before that."
    ),
    gaps=("native Ollama API is not used: its /v1 is",),
)
