/**
 * The service worker: the page, its script and style without a connection. What people say is not
 * here but on the shelf (shelf.ts), which is one person's and is emptied when they leave.
 */
import { pushes } from '../notices/worker';

interface Fetching extends Event {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface Lasting extends Event {
  waitUntil(work: Promise<unknown>): void;
}

const STORE = 'console-shell';
const SHELL = '/console/';
const here = self as unknown as {
  skipWaiting(): Promise<void>;
  clients: { claim(): Promise<void> };
  addEventListener(name: string, hear: (event: never) => void): void;
};

pushes(self as never);

here.addEventListener('install', (event: Lasting) => {
  event.waitUntil(here.skipWaiting());
});

here.addEventListener('activate', (event: Lasting) => {
  event.waitUntil(here.clients.claim());
});

here.addEventListener('fetch', (event: Fetching) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin) return;
  if (request.mode === 'navigate' && url.pathname === SHELL) event.respondWith(page(request));
  else if (isOurs(url.pathname)) event.respondWith(asset(request));
});

const isOurs = (path: string): boolean =>
  /\/dist\/console\/console[.\w-]*\.(js|css)$/.test(path) || /^\/console\/icon/.test(path);

/** The page as the server has it; without a connection as it was. A log-in page is never kept. */
async function page(request: Request): Promise<Response> {
  const store = await caches.open(STORE);
  try {
    const answer = await fetch(request);
    if (answer.ok && !answer.redirected) await store.put(SHELL, answer.clone());
    else if (answer.type === 'opaqueredirect') await caches.delete(STORE); // to the log-in
    return answer;
  } catch {
    return (await store.match(SHELL)) ?? Response.error();
  }
}

/** Script and style: the server's first, because the page and they belong together. */
async function asset(request: Request): Promise<Response> {
  const store = await caches.open(STORE);
  try {
    const answer = await fetch(request);
    if (answer.ok) await store.put(request, answer.clone());
    return answer;
  } catch {
    return (await store.match(request)) ?? Response.error();
  }
}
