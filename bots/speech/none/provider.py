from bots.speech.base import Heard, NoSpeech, Recording, SpeechProvider


class Nothing(SpeechProvider):
    """What is there without any choice: it says that it cannot listen."""

    def transcribe(self, recording: Recording, timeout_s: float) -> Heard:
        raise NoSpeech("no speech recognition is connected", vendor="none")
