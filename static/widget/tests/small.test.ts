import { expect, test } from 'vitest';
import { ENDINGS, named, trouble } from '../src/files';
import { about, clean, utmOf } from '../src/page';
import { box } from '../src/store';
import { dayName, safe, sizeOf } from '../src/text';
import { langOf, WORDS } from '../src/words';

test('an address keeps its path and loses what is private', () => {
  expect(clean('https://u:p@shop.example/p/1?color=red&token=abc&email=a@b.c#x')).toBe(
    'https://shop.example/p/1?color=red',
  );
  expect(clean('nonsense')).toBe('');
});

test('campaign marks are kept, other parameters are not', () => {
  expect(utmOf('?utm_source=ya&utm_campaign=&yclid=1&x=2')).toEqual({
    utm_source: 'ya',
    yclid: '1',
  });
});

test('the first referrer from outside stays while the buyer walks the shop', () => {
  const kept = box('t:', null);
  const from = { referrer: 'https://ya.ru/search?text=x', title: 'T' } as Document;
  const at = { href: 'https://s.example/', origin: 'https://s.example', search: '?utm_source=ya' };
  about(kept, from, at as Location);
  const later = about(
    kept,
    { referrer: 'https://s.example/', title: 'T2' } as Document,
    { ...at, href: 'https://s.example/p', search: '' } as Location,
  );
  expect(later).toMatchObject({
    page: 'https://s.example/p',
    referrer: 'https://ya.ru/search?text=x',
    utm: { utm_source: 'ya' },
  });
});

test('files are judged before anything is sent', () => {
  expect(trouble({ name: 'a.exe', size: 1 })).toBe('type');
  expect(trouble({ name: 'a.PNG', size: 16 * 1024 * 1024 })).toBe('size');
  expect(trouble({ name: 'a.pdf', size: 0 })).toBe('empty');
  expect(trouble({ name: 'a.jpeg', size: 1 })).toBeNull();
  expect(ENDINGS).not.toContain('svg');
});

test('a pasted picture gets a name', () => {
  expect(named(new File(['x'], 'image', { type: 'image/jpeg' })).name).toBe('image.jpg');
});

test('no address runs a script', () => {
  expect(safe('javascript:alert(1)')).toBeUndefined();
  expect(safe('data:text/html,x')).toBeUndefined();
  expect(safe('https://shop.example/')).toBe('https://shop.example/');
  expect(safe('/static/a.svg')).toBe('/static/a.svg');
});

test('the language is the wish, else the shop’s own', () => {
  expect(langOf('ru-RU', 'en')).toBe('ru');
  expect(langOf('de', 'ru')).toBe('en');
  expect(langOf('', 'ru')).toBe('ru');
});

test('both languages say everything, without an exclamation mark', () => {
  expect(Object.keys(WORDS.en).sort()).toEqual(Object.keys(WORDS.ru).sort());
  expect(Object.values({ ...WORDS.ru, ...WORDS.en }).join('')).not.toMatch(/!|пожалуйста/i);
});

test('sizes and days are told as people tell them', () => {
  expect(sizeOf(1_536_000, 'ru')).toBe('1,5 МБ');
  expect(dayName(new Date().toISOString(), 'ru', 'Сегодня', 'Вчера')).toBe('Сегодня');
  expect(dayName('2025-11-12T12:00:00Z', 'ru', '', '')).toMatch(/12 ноября 2025/);
});

test('forbidden storage is replaced by memory', () => {
  const kept = box('t:', {
    getItem: () => {
      throw new Error('denied');
    },
    setItem: () => {
      throw new Error('denied');
    },
  } as unknown as Storage);
  kept.set('a', [1]);
  expect(kept.get('a')).toEqual([1]);
});
