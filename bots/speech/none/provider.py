from bots.speech.base import Heard, NoSpeech, NoVoice, Recording, SpeechProvider


class Nothing(SpeechProvider):
    """What is there without any choice: it says that it can neither listen
    nor speak."""

    def transcribe(self, recording: Recording, timeout_s: float) -> Heard:
        raise NoSpeech("no speech recognition is connected", vendor="none")

    def speak(self, text: str, language: str, timeout_s: float) -> Recording:
        raise NoVoice("no voice is connected", vendor="none")
