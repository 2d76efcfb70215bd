import { afterAll, vi } from 'vitest';

// All test files share one page: starting another for each costs four times their own time.
// Whatever a file leaves running would speak into the next one, so it ends with its file.
const pending = new Set<ReturnType<typeof setTimeout>>();
const { setTimeout: later, setInterval: again } = globalThis;
globalThis.setTimeout = ((...given: Parameters<typeof later>) => {
  const timer = later(...given);
  pending.add(timer);
  return timer;
}) as typeof setTimeout;
globalThis.setInterval = ((...given: Parameters<typeof again>) => {
  const timer = again(...given);
  pending.add(timer);
  return timer;
}) as typeof setInterval;

afterAll(() => {
  for (const timer of pending) clearTimeout(timer);
  globalThis.setTimeout = later;
  globalThis.setInterval = again;
  vi.unstubAllGlobals();
  document.body.replaceChildren();
  localStorage.clear();
});
