import { afterEach, describe, expect, it, vi } from 'vitest';
import { help, NoHelp } from '../src/composer/assist';
import { Away, Refused } from '../src/net/api';
import { offline, refusal, server } from './fakes';

afterEach(() => vi.unstubAllGlobals());

/** An answer in pieces that break lines and letters wherever they like. */
const inPieces = (lines: object[], size: number): Response => {
  const bytes = new TextEncoder().encode(lines.map((one) => `${JSON.stringify(one)}\n`).join(''));
  let at = 0;
  return new Response(
    new ReadableStream({
      pull(control) {
        if (at >= bytes.length) control.close();
        else control.enqueue(bytes.slice(at, at + size));
        at += size;
      },
    }),
  );
};
const signal = new AbortController().signal;

describe('a model’s help', () => {
  it('is shown as it is written, however the answer is cut', async () => {
    const seen: string[] = [];
    const done = { t: 'done', act: 'fix', text: 'Привезём завтра', sources: [], ms: 4 };
    const calls = server(() =>
      inPieces([{ t: 'text', text: 'Привезём' }, { t: 'text', text: 'Привезём за' }, done], 7),
    );
    const made = await help(7, 'fix', 'привизём завтра', (text) => seen.push(text), signal);
    expect(seen).toEqual(['Привезём', 'Привезём за']);
    expect(made).toMatchObject({ act: 'fix', text: 'Привезём завтра' });
    expect(calls[0]).toMatchObject({
      path: '/conversations/7/assist/',
      body: { act: 'fix', text: 'привизём завтра', stream: true },
    });
  });

  it('says in words why there is none', async () => {
    const told = { t: 'error', error: { code: 'no_model', message: 'Модель не подключена.' } };
    server(() => inPieces([told], 100));
    await expect(help(7, 'fix', 'a', vi.fn(), signal)).rejects.toThrow('Модель не подключена.');
    await expect(help(7, 'fix', 'a', vi.fn(), signal)).rejects.toBeInstanceOf(NoHelp);
    server(() => refusal(404, 'not_found'));
    await expect(help(7, 'fix', 'a', vi.fn(), signal)).rejects.toBeInstanceOf(Refused);
    server(() => offline());
    await expect(help(7, 'fix', 'a', vi.fn(), signal)).rejects.toBeInstanceOf(Away);
  });
});
