import { afterEach, describe, expect, it, vi } from 'vitest';
import { help, NoHelp } from '../src/composer/assist';
import { Away, call, Refused, whyDown } from '../src/net/api';
import { speak } from '../src/words';
import { told } from '../src/words/told';
import { offline, refusal, server } from './fakes';

afterEach(() => vi.unstubAllGlobals());

const failure = async (answer: () => unknown): Promise<unknown> => {
  server(answer);
  return call('GET', '/desk/').catch((error: unknown) => error);
};
const page = (status: number) => (): Response => new Response('<h1>Bad gateway</h1>', { status });

describe('what did not work is told by whom and what to do', () => {
  it('a server that is busy and says so is no dead line', async () => {
    for (const status of [502, 503]) {
      const error = await failure(() => refusal(status, 'model_failed'));
      expect(error).toBeInstanceOf(Refused);
      expect([(error as Refused).status, told(error)]).toEqual([status, 'model_failed']);
    }
  });

  it('a proxy without a server, and no line at all, are two things', async () => {
    speak('ru', 'UTC');
    const proxy = await failure(page(502));
    const dead = await failure(offline);
    expect([proxy, dead].map((one) => one instanceof Away && one.isServer)).toEqual([true, false]);
    expect(told(proxy)).toContain('Сервер не отвечает');
    expect(told(dead)).toContain('Нет связи');
  });

  it('a refusal without words is not told as a number alone', async () => {
    speak('ru', 'UTC');
    expect(told(await failure(page(500)))).toContain('Ничего не потеряно');
    expect(told(await failure(page(405)))).toContain('Сервер отказал (405)');
  });

  it('a model’s failure is told in the server’s words, streamed or not', async () => {
    const words = 'Модель не ответила. Попробуйте ещё раз.';
    const ask = () => help(7, 'fix', 'х', () => undefined, new AbortController().signal);
    server(
      () =>
        new Response(JSON.stringify({ error: { code: 'model_failed', message: words } }), {
          status: 503,
        }),
    );
    await expect(ask()).rejects.toMatchObject({ status: 503, message: words });
    const line = { t: 'error', error: { code: 'model_failed', message: words } };
    server(() => new Response(`${JSON.stringify(line)}\n`));
    await expect(ask()).rejects.toThrowError(new NoHelp(words));
    server(page(502));
    await expect(ask()).rejects.toMatchObject({ isServer: true });
  });

  it('why facts no longer come is found out', async () => {
    server(offline);
    expect(await whyDown()).toBe('line');
    server(page(502));
    expect(await whyDown()).toBe('server');
    server(() => ({}));
    expect(await whyDown()).toBe('news');
  });
});
