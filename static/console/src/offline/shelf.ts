/**
 * What the browser keeps for the time without a connection: threads, lists, drafts, the outbox.
 * One person's: whoever logs in next finds it empty.
 */
import type { Draft, Outgoing, Row, Thread } from '../types';

export interface Kept {
  threads: { id: number; at: number; thread: Thread };
  lists: { id: string; at: number; rows: Row[] };
  drafts: { id: string; draft: Draft; isSaved?: boolean }; // saved: the server's wins over it
  outbox: { id: string; outgoing: Outgoing };
  about: { id: string; value: unknown };
}
export type Place = keyof Kept;

export interface Shelf {
  get<P extends Place>(place: P, id: string | number): Promise<Kept[P] | undefined>;
  all<P extends Place>(place: P): Promise<Kept[P][]>;
  count(place: Place): Promise<number>;
  put<P extends Place>(place: P, value: Kept[P]): Promise<void>;
  remove(place: Place, id: string | number): Promise<void>;
  /** Everything but what is named. */
  clear(but?: readonly Place[]): Promise<void>;
}

const PLACES: Place[] = ['threads', 'lists', 'drafts', 'outbox', 'about'];
/** What its writer alone has typed: it outlives a session that has run out, and nobody's but theirs. */
export const OWN_WORDS: readonly Place[] = ['drafts', 'outbox', 'about'];
const NAME = 'console';
export const THREADS_KEPT = 50;

/** Where there is no database (a private window, a test): as long as the tab lives. */
export class MemoryShelf implements Shelf {
  private readonly places = new Map<Place, Map<string | number, unknown>>(
    PLACES.map((place) => [place, new Map()]),
  );

  async get<P extends Place>(place: P, id: string | number): Promise<Kept[P] | undefined> {
    return this.places.get(place)!.get(id) as Kept[P] | undefined;
  }

  async all<P extends Place>(place: P): Promise<Kept[P][]> {
    return [...this.places.get(place)!.values()] as Kept[P][];
  }

  async count(place: Place): Promise<number> {
    return this.places.get(place)!.size;
  }

  async put<P extends Place>(place: P, value: Kept[P]): Promise<void> {
    this.places.get(place)!.set(value.id, structuredClone(value));
  }

  async remove(place: Place, id: string | number): Promise<void> {
    this.places.get(place)!.delete(id);
  }

  async clear(but: readonly Place[] = []): Promise<void> {
    for (const [place, kept] of this.places) if (!but.includes(place)) kept.clear();
  }
}

class DatabaseShelf implements Shelf {
  constructor(private readonly database: IDBDatabase) {}

  private ask<T>(
    place: Place,
    mode: IDBTransactionMode,
    run: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> {
    return new Promise((done, failed) => {
      const request = run(this.database.transaction(place, mode).objectStore(place));
      request.onsuccess = () => done(request.result);
      request.onerror = () => failed(request.error);
    });
  }

  get<P extends Place>(place: P, id: string | number): Promise<Kept[P] | undefined> {
    return this.ask(place, 'readonly', (store) => store.get(id));
  }

  all<P extends Place>(place: P): Promise<Kept[P][]> {
    return this.ask(place, 'readonly', (store) => store.getAll());
  }

  count(place: Place): Promise<number> {
    return this.ask(place, 'readonly', (store) => store.count());
  }

  async put<P extends Place>(place: P, value: Kept[P]): Promise<void> {
    await this.ask(place, 'readwrite', (store) => store.put(value));
  }

  async remove(place: Place, id: string | number): Promise<void> {
    await this.ask(place, 'readwrite', (store) => store.delete(id));
  }

  async clear(but: readonly Place[] = []): Promise<void> {
    for (const place of PLACES)
      if (!but.includes(place)) await this.ask(place, 'readwrite', (store) => store.clear());
  }
}

function opened(): Promise<IDBDatabase> {
  return new Promise((done, failed) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      for (const place of PLACES) request.result.createObjectStore(place, { keyPath: 'id' });
    };
    request.onsuccess = () => done(request.result);
    request.onerror = () => failed(request.error);
    request.onblocked = () => failed(new Error('blocked'));
  });
}

/** The shelf of this person; what somebody else left is taken away first. */
export async function shelfOf(me: number): Promise<Shelf> {
  let shelf: Shelf;
  try {
    shelf = new DatabaseShelf(await opened());
    const owner = await shelf.get('about', 'owner');
    if (owner?.value !== me) {
      await shelf.clear();
      await shelf.put('about', { id: 'owner', value: me });
    }
  } catch {
    shelf = new MemoryShelf();
  }
  return shelf;
}

// Reading them all to find the oldest is dear: so many more may lie there meanwhile.
const OVER = 20;

/** Keep the newest threads only. */
export async function trim(shelf: Shelf): Promise<void> {
  if ((await shelf.count('threads')) <= THREADS_KEPT + OVER) return;
  const kept = await shelf.all('threads');
  kept.sort((a, b) => b.at - a.at);
  for (const old of kept.slice(THREADS_KEPT)) await shelf.remove('threads', old.id);
}
