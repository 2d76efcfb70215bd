from django.utils.translation import gettext_lazy as _

from bots.speech.base import Field, SpeechManifest

MANIFEST = SpeechManifest(
    key="yandex",
    title=_("Yandex SpeechKit"),
    implementation="bots.speech.yandex.provider.Yandex",
    simulator="bots.speech.yandex.simulator.SpeechKitSimulator",
    settings=(
        Field(
            "api_key", _("Access key"), "secret",
            _("An API key of a service account with the roles ai.speechkit-stt.user and "
              "ai.speechkit-tts.user."),
        ),
        Field("folder_id", _("Folder"), "text", _("Only for keys that ask for it."),
              is_required=False),
        Field("model", _("Model"), "text", is_required=False, default="general"),
        Field("voice", _("Voice"), "text", _("For example alena. Empty: Yandex chooses."),
              is_required=False),
        Field("base_url", _("Address"), "url", _("Only for a gateway of your own."),
              is_required=False),
        Field("price_minute", _("Price of a minute"), "number", is_required=False),
        Field("currency", _("Currency of the price"), "text", is_required=False, default="RUB"),
    ),
    # Longer recordings go in one call as well; how large it may be is not published.
    max_bytes=10 * 1024 * 1024,
    speaks=True,
    text_limit=5000,
    leaves=_("The recording or the text goes to Yandex Cloud in Russia, with no name or phone "
             "beside it, and is kept out of its logs."),
    gaps=(
        "OGG with Opus, WAV and MP3 only",
        "a recording that is not heard in time is sent anew",
        "streaming recognition is not used",
    ),
)  # fmt: skip
