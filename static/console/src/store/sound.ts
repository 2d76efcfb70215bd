let audio: AudioContext | null = null;

/** Two short tones; browsers allow them after the first click or key on the page. */
export function ring(): void {
  if (navigator.userActivation?.hasBeenActive === false) return;
  try {
    audio ??= new AudioContext();
    void audio.resume();
    [660, 880].forEach((pitch, at) => {
      const tone = audio!.createOscillator();
      const volume = audio!.createGain();
      const start = audio!.currentTime + at * 0.14;
      tone.frequency.value = pitch;
      volume.gain.setValueAtTime(0.08, start);
      volume.gain.exponentialRampToValueAtTime(0.001, start + 0.13);
      tone.connect(volume).connect(audio!.destination);
      tone.start(start);
      tone.stop(start + 0.14);
    });
  } catch {
    // No sound device: the list still shows who waits.
  }
}
