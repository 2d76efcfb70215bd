/** A little of localStorage: shared by the tabs of a site, and by memory where it is forbidden. */

export interface Box {
  get<T>(name: string): T | null;
  set(name: string, value: unknown): void;
}

export function box(prefix: string, storage: Storage | null): Box {
  const memory = new Map<string, string>();
  return {
    get<T>(name: string): T | null {
      let raw: string | null | undefined;
      try {
        raw = storage?.getItem(prefix + name);
      } catch {
        raw = null;
      }
      raw ??= memory.get(name);
      try {
        return raw ? (JSON.parse(raw) as T) : null;
      } catch {
        return null;
      }
    },
    set(name: string, value: unknown): void {
      const raw = JSON.stringify(value);
      memory.set(name, raw);
      try {
        storage?.setItem(prefix + name, raw);
      } catch {
        // Full or forbidden: this tab remembers until it is closed.
      }
    },
  };
}
