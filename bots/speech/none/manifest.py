from django.utils.translation import gettext_lazy as _

from bots.speech.base import Maturity, SpeechManifest

MANIFEST = SpeechManifest(
    key="none",
    title=_("None"),
    implementation="bots.speech.none.provider.Nothing",
    leaves=_("Nothing leaves. Voice notes are listened to by people, and there is no voice."),
    maturity=Maturity.PROVEN,
)
