/** The part of the service worker that shows what is pushed, and opens the chat when it is pressed. */
interface Pushed {
  title: string;
  body: string;
  tag: string;
  url: string;
}
interface Waiting extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface PushEvent extends Waiting {
  data: { json(): Pushed } | null;
}
interface Pressed extends Waiting {
  notification: { data: string; close(): void };
}
interface Page {
  url: string;
  focused: boolean;
  focus(): Promise<unknown>;
  postMessage(told: unknown): void;
}
interface Worker {
  registration: { showNotification(title: string, options: object): Promise<void> };
  clients: {
    matchAll(options: object): Promise<Page[]>;
    openWindow(url: string): Promise<unknown>;
  };
  addEventListener(name: string, hear: (event: never) => void): void;
}

export function pushes(here: Worker): void {
  const pages = (): Promise<Page[]> =>
    here.clients.matchAll({ type: 'window', includeUncontrolled: true });

  here.addEventListener('push', (event: PushEvent) => {
    const told = event.data?.json();
    if (told) event.waitUntil(show(told));
  });
  here.addEventListener('notificationclick', (event: Pressed) => {
    event.notification.close();
    event.waitUntil(open(event.notification.data));
  });

  /** Whoever looks at the console sees and hears it there. */
  async function show(told: Pushed): Promise<void> {
    if (told.tag !== 'test' && (await pages()).some((page) => page.focused)) return;
    await here.registration.showNotification(told.title, {
      body: told.body,
      tag: told.tag,
      data: told.url,
      icon: '/console/icon-192.png',
    });
  }

  async function open(url: string): Promise<void> {
    const page = (await pages()).find((one) => new URL(one.url).pathname === '/console/');
    if (!page) {
      await here.clients.openWindow(url);
      return;
    }
    page.postMessage({ type: 'open', url });
    await page.focus();
  }
}
