/** Tabs of one person tell each other what they changed; one of them does what is done once. */
export type Told =
  | { type: 'outbox' }
  | { type: 'draft'; id: string }
  | { type: 'prefs'; prefs: unknown }
  | { type: 'presence'; presence: string }
  | { type: 'noticed'; conversation: number };

export class Tabs {
  private readonly channel =
    typeof BroadcastChannel === 'undefined' ? null : new BroadcastChannel('console');

  listen(hear: (told: Told) => void): void {
    if (this.channel) this.channel.onmessage = (event) => hear(event.data as Told);
  }

  tell(told: Told): void {
    this.channel?.postMessage(told);
  }
}

/** Run in one tab at a time; false when another one is at it. */
export async function alone(name: string, run: () => Promise<void>): Promise<boolean> {
  if (!navigator.locks) {
    await run();
    return true;
  }
  return navigator.locks.request(`console-${name}`, { ifAvailable: true }, async (lock) => {
    if (!lock) return false;
    await run();
    return true;
  });
}

/** Once for all tabs: who comes within three seconds finds it done. */
export function once(name: string, run: () => void): void {
  void alone(name, async () => {
    run();
    await new Promise((done) => setTimeout(done, 3000));
  });
}
