/** The words of the page in the reader's language, with plurals, times and money. */
import type { Episode, Message } from '../types';
import { CLAIMS, CODES, DECISIONS, REASONS, STATUSES } from './codes';
import { EN } from './en';
import { RU, type Word } from './ru';
import { fieldOf, momentOf, offsetOf, offsetText } from './zone';

export type { Word };

let lang = 'ru';
let zone: string | undefined;

// Formats are dear to make, and a list asks for hundreds.
const made = new Map<string, unknown>();

function once<T>(name: string, make: () => T): T {
  let found = made.get(name) as T | undefined;
  if (!found) {
    found = make();
    made.set(name, found);
  }
  return found;
}

export function speak(language: string, timeZone: string): void {
  lang = language === 'en' ? 'en' : 'ru';
  zone = timeZone || undefined;
  made.clear();
  texts.clear();
}

const fill = (text: string, values: (string | number)[]): string =>
  text.replace(/\{(\d)\}/g, (_, n) => {
    const value = values[Number(n)] ?? '';
    return typeof value === 'number' ? count(value) : value;
  });

export const t = (word: Word, ...values: (string | number)[]): string =>
  fill(lang === 'en' ? EN[word] : RU[word], values);

// ── plurals ──
const PLURALS = {
  newRow: { ru: ['{0} новый', '{0} новых', '{0} новых'], en: ['{0} new', '{0} new'] },
  chosen: {
    ru: ['Выбран {0} диалог', 'Выбрано {0} диалога', 'Выбрано {0} диалогов'],
    en: ['{0} dialogue selected', '{0} dialogues selected'],
  },
  buyer: {
    ru: ['{0} покупателю', '{0} покупателям', '{0} покупателям'],
    en: ['{0} buyer', '{0} buyers'],
  },
  dialogue: {
    ru: ['{0} диалог', '{0} диалога', '{0} диалогов'],
    en: ['{0} dialogue', '{0} dialogues'],
  },
} satisfies Record<string, { ru: [string, string, string]; en: [string, string] }>;

export function plural(value: number, of: keyof typeof PLURALS): string {
  const rule = once('plural', () => new Intl.PluralRules(lang)).select(value);
  const forms: string[] = PLURALS[of][lang as 'ru'];
  const at = rule === 'one' ? 0 : lang === 'ru' && rule === 'few' ? 1 : forms.length - 1;
  return fill(forms[at]!, [value]);
}

/** A buyer who gave no name is texts apart by the number of the conversation. */
export const buyerName = (row: { id: number; name: string }): string =>
  row.name || t('noNameNo', String(row.id));

// ── codes ──
const MEN = /^(Никита|Илья|Кузьма|Фома|Лука|Савва|Данила|Добрыня)$/;
const EITHER = /^(Саша|Женя|Валя|Слава|Паша|Миша)$|ь$/;

/** That a colleague was first. Russian wants to know whether it is she or he; a name may not say. */
export function answeredText(name: string, agoS: number): string {
  const [first = ''] = name.split(' ');
  const ago = spanOf(agoS);
  if (lang !== 'ru' || !/^[А-Яё]+$/i.test(first) || EITHER.test(first))
    return t('answeredBy', name, ago);
  return t(/[ая]$/.test(first) && !MEN.test(first) ? 'answeredShe' : 'answeredHe', name, ago);
}

/** An inner fact in words; `request`: of an order, as `OrderRequest` of the server. */
export function codeText(code: string, name: string, request?: Message['meta']['request']): string {
  const more = request && [request.order, money(request.sum, request.currency), request.id];
  const said = fill(CODES[lang]?.[code] ?? code, [name, ...(more ?? [])]);
  return name && /_(done|refused)$/.test(code) ? `${said}: ${name}` : said;
}
export const reasonText = (reason: string): string => REASONS[lang]?.[reason] ?? reason;
export const statusText = (status: string): string => STATUSES[lang]?.[status] ?? status;
export const decisionText = (decision: string): string => DECISIONS[lang]?.[decision] ?? decision;
export const claimKind = (kind: string): string => CLAIMS[lang]?.[kind] ?? kind;

/** How a talk ended, in one line. */
export function outcomeText(episode: Episode): string {
  const parts = [
    episode.resolved_at &&
      t('ended', `${dayText(episode.resolved_at)}, ${clock(episode.resolved_at)}`),
    episode.by && t(`endedBy_${episode.by}` as 'endedBy_agent'),
    episode.reason && reasonText(episode.reason),
  ];
  return parts.filter(Boolean).join(' · ') || dayText(episode.started_at);
}

/** What to press under a message that did not arrive. */
export const failureAdvice = (failure: string): string =>
  t(/window|окно/i.test(failure) ? 'retryTemplate' : 'retry');

export function languageName(code: string): string {
  if (!code) return '';
  try {
    const names = once('languages', () => new Intl.DisplayNames([lang], { type: 'language' }));
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}

// ── times ──
// What was said of a minute: the same few times are drawn again and again.
const texts = new Map<string, string>();
const TOLD_AT_MOST = 2000;

function say(name: string, iso: string, options: Intl.DateTimeFormatOptions): string {
  const at = Date.parse(iso);
  const key = `${name}${Math.floor(at / 60_000)}`;
  let text = texts.get(key);
  if (text === undefined) {
    text = once(name, () => new Intl.DateTimeFormat(lang, { ...options, timeZone: zone })).format(
      at,
    );
    if (texts.size >= TOLD_AT_MOST) texts.clear();
    texts.set(key, text);
  }
  return text;
}

export const clock = (iso: string): string =>
  say('clock', iso, { hour: '2-digit', minute: '2-digit' });

export function dayText(iso: string): string {
  const isOld = Math.abs(Date.now() - Date.parse(iso)) > 300 * 86_400_000;
  return isOld
    ? say('old', iso, { day: 'numeric', month: 'long', year: 'numeric' })
    : say('day', iso, { day: 'numeric', month: 'long' });
}

export const whenText = (iso: string): string => `${dayText(iso)}, ${clock(iso)}`;

export const sameDay = (one: string, other: string): boolean =>
  one.slice(0, 13) === other.slice(0, 13) || dayText(one) === dayText(other);

// ── fields of day and time: they mean the shop's clock, wherever the browser is ──
export const shopField = (iso: string): string => fieldOf(Date.parse(iso), zone);

export function shopMoment(field: string): string | null {
  const at = momentOf(field, zone);
  return at === null ? null : new Date(at).toISOString();
}

/** Whose clock a field means, where one's own shows another time; nothing where it does not. */
export function zoneNote(field: string, now = Date.now()): string {
  const at = momentOf(field, zone) ?? now;
  const there = offsetOf(at, zone);
  if (there === offsetOf(at, undefined)) return '';
  const own = new Intl.DateTimeFormat(lang, {
    day: 'numeric',
    month: 'long',
    hour: '2-digit',
    minute: '2-digit',
  });
  return field
    ? t('zoneYours', offsetText(there), own.format(at))
    : t('zoneShop', offsetText(there), clock(new Date(at).toISOString()));
}

/** Short age for a list row: a time today, else a day. */
export const ageText = (iso: string, now: number): string =>
  sameDay(iso, new Date(now).toISOString())
    ? clock(iso)
    : say('short', iso, { day: 'numeric', month: 'short' });

export function waitText(since: string, now: number): string {
  return spanText(now - Date.parse(since));
}

export function spanText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return t('now');
  if (minutes < 60) return t('min', minutes);
  if (minutes < 60 * 24) return t('hour', Math.floor(minutes / 60));
  return t('day', Math.floor(minutes / 1440));
}

/** How long ago, to the second under a minute. */
export const spanOf = (secs: number): string =>
  secs < 60 ? t('secs', secs) : spanText(secs * 1000);

/** What is left of a reply window: hours and minutes, under an hour to the minute. */
export function leftText(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return minutes < 1 ? t('now') : t('min', minutes);
  const rest = minutes % 60;
  const hours = Math.floor(minutes / 60);
  return rest && hours < 10 ? `${t('hour', hours)} ${t('min', rest)}` : t('hour', hours);
}

export const seconds = (ms: number): string =>
  t('secs', new Intl.NumberFormat(lang, { maximumFractionDigits: 1 }).format(ms / 1000));

/** How near the deadline is: nothing, amber from 70 %, red past it. */
export function urgency(since: string, deadline: string | null, now: number): '' | 'amber' | 'red' {
  if (!deadline) return '';
  const begun = Date.parse(since);
  const end = Date.parse(deadline);
  if (now >= end) return 'red';
  return now - begun >= (end - begun) * 0.7 ? 'amber' : '';
}

// ── numbers ──
export const count = (value: number): string =>
  once('count', () => new Intl.NumberFormat(lang === 'ru' ? 'ru' : 'en')).format(value);

export function money(sum: string, currency: string): string {
  return new Intl.NumberFormat(lang, {
    style: 'currency',
    currency,
    currencyDisplay: 'narrowSymbol',
    maximumFractionDigits: 2,
    minimumFractionDigits: 0,
  }).format(Number(sum));
}

export function sizeText(bytes: number): string {
  const units = lang === 'ru' ? ['Б', 'КБ', 'МБ'] : ['B', 'KB', 'MB'];
  const at = bytes < 1024 ? 0 : bytes < 1024 ** 2 ? 1 : 2;
  const value = bytes / 1024 ** at;
  const number = new Intl.NumberFormat(lang, { maximumFractionDigits: at > 1 ? 1 : 0 }).format(
    value,
  );
  return `${number}\u00a0${units[at]}`;
}
