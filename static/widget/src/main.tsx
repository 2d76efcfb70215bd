/**
 * One line on a page: `<script src="https://HOST/widget.js" data-key="KEY" async></script>`.
 *
 * Everything lives in one shadow tree with constructed style sheets, so a strict policy of the
 * page (no inline styles, no eval) is kept. docs/widget.md tells the attributes and the API.
 */

import { render } from 'preact';
import { applyBrand } from '../../shared/tokens';
import tokens from '../../shared/tokens.css?inline';
import { App } from './app';
import { Chat } from './chat';
import type { Config } from './protocol';
import { box } from './store';
import styles from './widget.css?inline';
import { type Lang, langOf, WORDS } from './words';

type Listener = (data?: unknown) => void;

function boot(script: HTMLScriptElement): void {
  const key = script.dataset.key ?? '';
  const host = new URL(script.src, location.href).origin;
  const isPage = script.dataset.mode === 'page';
  let storage: Storage | null = null;
  try {
    storage = window.localStorage;
  } catch {
    // Forbidden: this page remembers by itself.
  }
  const kept = box(`shopchat:${key}:`, storage);
  let wish = script.dataset.locale ?? document.documentElement.lang ?? '';
  let lang: Lang = 'ru';
  let config: Config | null = null;
  let isOpen = isPage;
  let teaser = !kept.get<boolean>('teaser-off');
  let greeted = 0;
  const before = kept.get<number>('here') ?? 0;
  const returning = before > 0 && Date.now() - before > 1_800_000;
  const listeners: [string, Listener][] = [];
  const emit = (name: string, data?: unknown): void => {
    for (const [known, listener] of listeners) {
      if (known === name) {
        listener(data);
      }
    }
  };

  const chat = new Chat({
    host,
    key,
    box: kept,
    locale: () => lang,
    fetch: window.fetch.bind(window),
    WebSocket: window.WebSocket,
    channel: 'BroadcastChannel' in window ? new BroadcastChannel(`shopchat:${key}`) : null,
    isLooking: () => isOpen && document.visibilityState === 'visible',
  });

  const element = document.createElement('shop-chat');
  const root = element.attachShadow({ mode: 'open' });
  const mount = document.createElement('div');
  mount.className = isPage ? 'root whole' : 'root';
  dress(root, tokens + styles, script.nonce);
  root.append(mount);

  const draw = (): void => {
    if (!config || chat.isShut) {
      render(null, mount);
      return;
    }
    element.lang = lang;
    render(
      <App
        {...{ chat, config, lang, emit, isPage, isOpen, teaser }}
        words={WORDS[lang]}
        setOpen={setOpen}
        hideTeaser={() => {
          teaser = false;
          kept.set('teaser-off', true);
          draw();
        }}
      />,
      mount,
    );
  };

  function setOpen(open: boolean): void {
    if (isPage || open === isOpen) {
      return;
    }
    isOpen = open;
    if (open) {
      opened = greeted;
      teaser = false;
      kept.set('teaser-off', true);
      void chat.start();
      chat.look();
    }
    emit(open ? 'open' : 'close');
    draw();
  }

  let drawing = false;
  chat.on('change', () => {
    if (!drawing) {
      drawing = true;
      queueMicrotask(() => {
        drawing = false;
        draw();
      });
    }
  });
  chat.on('shut', draw);
  chat.on('unread', (count) => emit('unread', count));
  chat.on('identified', (outcome) => emit('identified', outcome));
  chat.on('message', (message) => {
    teaser = true;
    emit('message', message);
  });
  addEventListener('online', () => chat.kick());
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') {
      chat.kick();
      chat.look();
    }
  });

  const api = {
    open: () => setOpen(true),
    close: () => setOpen(false),
    identify: (token: string) => chat.identify(String(token)),
    cart: (cart: unknown) => chat.setCart(cart),
    event: (name: string, data?: unknown) => chat.event(String(name), data),
    locale: (tag: string) => {
      wish = tag;
      lang = langOf(wish, 'ru');
      draw();
    },
    on: (name: string, listener: Listener) => {
      const entry: [string, Listener] = [name, listener];
      listeners.push(entry);
      return () => listeners.splice(listeners.indexOf(entry), 1);
    },
  };
  const page = window as unknown as { ShopChat?: unknown };
  const early = Array.isArray(page.ShopChat) ? (page.ShopChat as [keyof typeof api, never][]) : [];
  page.ShopChat = api;

  // Who only looks around is told to the shop's people while they do, where the shop wants it.
  let opened = 0;
  const beat = async (): Promise<void> => {
    let again = 60;
    if (document.visibilityState === 'visible') {
      try {
        const told = await chat.beat({ returning, open: isOpen, opened });
        again = told.again;
        if (told.greeting && config) {
          const said = told.greeting.text;
          config = { ...config, said, bot: { ...config.bot, greeting: said } };
          opened = 0;
          greeted = told.greeting.id ?? 0;
          teaser = true;
          draw();
        }
      } catch {
        // Not now: the shop's page is not bothered.
      }
    } else {
      again = 15;
    }
    if (again) {
      setTimeout(beat, again * 1000);
    }
  };

  const begin = async (): Promise<void> => {
    config = await chat.config();
    lang = langOf(wish || navigator.language, config.language);
    (isPage ? document.getElementById('chat') : null)?.append(element);
    if (!element.isConnected) {
      document.body.append(element);
    }
    element.dataset.position = script.dataset.position ?? config.position;
    applyBrand(element, config.colour, script.dataset.theme ?? config.theme);
    for (const [name, ...data] of early) {
      (api[name] as ((...args: never[]) => void) | undefined)?.(...data);
    }
    if (isPage) {
      void chat.start();
    } else {
      chat.resume();
    }
    draw();
    if (config.visitors) {
      kept.set('here', Date.now());
      void beat();
    }
    document.dispatchEvent(new CustomEvent('shopchat:ready'));
    if (script.dataset.open === 'true') {
      setOpen(true);
    }
  };
  const start = (): void => {
    begin().catch(() => setTimeout(start, 15_000)); // our server is away: the shop is not bothered
  };
  if (document.body) {
    start();
  } else {
    addEventListener('DOMContentLoaded', start);
  }
}

/** Constructed sheets need no permission of the page; the fallback carries the script's nonce. */
function dress(root: ShadowRoot, css: string, nonce: string): void {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
  } catch {
    const style = document.createElement('style');
    style.nonce = nonce;
    style.textContent = css;
    root.append(style);
  }
}

const script = document.currentScript;
if (script instanceof HTMLScriptElement && script.dataset.key && !customElements.get('shop-chat')) {
  // Twice on one page is one chat.
  customElements.define('shop-chat', class extends HTMLElement {});
  boot(script);
}
