from django.utils.translation import gettext_lazy as _

from bots.speech.base import Field, SpeechManifest

MANIFEST = SpeechManifest(
    key="compatible",
    title=_("OpenAI-compatible server"),
    implementation="bots.speech.compatible.provider.Compatible",
    simulator="bots.speech.compatible.simulator.SpeechSimulator",
    settings=(
        Field(
            "base_url", _("Address"), "url",
            _("With its version, for example https://host:8000/v1"),
        ),
        Field("api_key", _("Access key"), "secret", is_required=False),
        Field("model", _("Model"), "text", default="whisper-1"),
        Field(
            "voice_model", _("Model of the voice"), "text",
            _("For example tts-1. Empty: it listens and does not speak."), is_required=False,
        ),
        Field("voice", _("Voice"), "text", is_required=False, default="alloy"),
        Field(
            "data_region", _("Where the server stands"), "choice", default="own",
            choices=(
                ("own", _("Our own server")),
                ("ru", _("A service in Russia")),
                ("foreign", _("A service outside Russia")),
            ),
        ),
        Field("price_minute", _("Price of a minute"), "number", is_required=False),
        Field("currency", _("Currency of the price"), "text", is_required=False, default="RUB"),
    ),
    speaks=True,
    text_limit=4096,
    leaves=_("The recording goes to the server you name, with no name or phone beside it."),
    gaps=("streaming recognition is not used", "a recording above 25 MB is not sent"),
)  # fmt: skip
