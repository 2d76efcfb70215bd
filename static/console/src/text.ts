/** Words of the console in both languages, plurals and times as people write them. */
const RU = {
  dialogues: 'Диалоги',
  waiting: 'Ждут ответа',
  mine: 'Мои',
  unassigned: 'Без ответственного',
  bot: 'С ботом',
  resolved: 'Решённые',
  all: 'Все',
  search: 'Имя, телефон или слова',
  take: 'Взять',
  takeFrom: 'Забрать',
  toBot: 'Вернуть боту',
  resolve: 'Решить',
  reply: 'Ответ',
  note: 'Заметка',
  send: 'Отправить',
  sendAnyway: 'Отправить всё равно',
  saveNote: 'Сохранить заметку',
  replyHint: 'Напишите покупателю. Ctrl+Enter — отправить, / — шаблоны',
  noteHint: 'Видят только коллеги',
  you: 'Вы',
  botName: 'Бот',
  queue: 'Очередь',
  nobody: 'Решён',
  phone: 'с телефона',
  automation: 'Автоматически',
  context: 'О покупателе',
  admin: 'Настройки',
  pick: 'Выберите диалог слева',
  pickHint: 'Сверху те, кто ждёт дольше всего.',
  empty: 'Здесь пусто',
  emptyWaiting: 'Никто не ждёт. Бот отвечает сам и позовёт, когда понадобится человек.',
  emptySearch: 'Ничего не нашлось. Попробуйте другое слово.',
  more: 'Показать ещё',
  older: 'Раньше',
  offline: 'Нет связи, показано на {0}. Что вы напишете, уйдёт, когда связь вернётся.',
  pending: 'Уйдёт, когда появится связь',
  failed: 'Не доставлено',
  retry: 'Повторить',
  typing: 'печатает…',
  alsoHere: '{0} тоже здесь',
  alsoTyping: '{0} печатает ответ',
  newer: 'Пришли новые сообщения. Посмотрите и отправьте ещё раз.',
  taken: '{0} уже отвечает этому покупателю.',
  sources: 'Откуда это',
  proven: 'подтверждён',
  claimed: 'со слов покупателя',
  noName: 'Покупатель',
  orders: 'Заказы',
  noOrders: 'Заказы видны, когда личность подтверждена.',
  page: 'Страница',
  came: 'Пришёл из',
  past: 'Прошлые обращения',
  noPast: 'Первое обращение.',
  unreachable: 'Покупатель закрыл этот канал: написать ему нельзя.',
  instruction: 'Что сказать боту? Можно оставить пустым.',
  cancel: 'Отмена',
  keys: 'Клавиши',
  sound: 'Проверить звук',
  templates: 'Шаблоны',
  noTemplates: 'Шаблонов с таким словом нет.',
  edited: 'изменено',
  checked: 'факты проверены',
  draft: 'Черновик',
  newMessages: '{0} ниже',
  close: 'Закрыть',
  theme: 'Тема',
  logout: 'Выйти',
  online: 'Онлайн',
  busy: 'Занят',
  away: 'Отошёл',
  loadFailed: 'Не удалось загрузить. Ничего не потеряно.',
  again: 'Ещё раз',
  waits: 'ждёт {0}',
  min: '{0} мин',
  hour: '{0} ч',
  day: '{0} дн',
  now: 'меньше минуты',
  file: 'Файл',
  attach: 'Прикрепить файл',
  tooLarge: 'Файл больше 20 МБ. Сожмите его или отправьте ссылкой.',
  uploading: 'Загружаем файл…',
  back: 'К списку',
} as const;

export type Word = keyof typeof RU;

const EN: Record<Word, string> = {
  dialogues: 'Dialogues',
  waiting: 'Waiting',
  mine: 'Mine',
  unassigned: 'Unassigned',
  bot: 'With the bot',
  resolved: 'Resolved',
  all: 'All',
  search: 'Name, phone or words',
  take: 'Take',
  takeFrom: 'Take it over',
  toBot: 'Return to bot',
  resolve: 'Resolve',
  reply: 'Reply',
  note: 'Note',
  send: 'Send',
  sendAnyway: 'Send anyway',
  saveNote: 'Save note',
  replyHint: 'Write to the buyer. Ctrl+Enter sends, / opens templates',
  noteHint: 'Only colleagues see this',
  you: 'You',
  botName: 'Bot',
  queue: 'Queue',
  nobody: 'Resolved',
  phone: 'from the phone',
  automation: 'Automatic',
  context: 'About the buyer',
  admin: 'Settings',
  pick: 'Choose a dialogue on the left',
  pickHint: 'Those who have waited longest come first.',
  empty: 'Nothing here',
  emptyWaiting: 'Nobody waits. The bot answers and calls you when a person is needed.',
  emptySearch: 'Nothing found. Try another word.',
  more: 'Show more',
  older: 'Earlier',
  offline: 'No connection, shown as of {0}. What you write goes out when it is back.',
  pending: 'Goes out when the connection is back',
  failed: 'Not delivered',
  retry: 'Retry',
  typing: 'is typing…',
  alsoHere: '{0} is here too',
  alsoTyping: '{0} is writing a reply',
  newer: 'New messages have come. Have a look and send again.',
  taken: '{0} is already answering this buyer.',
  sources: 'Where this is from',
  proven: 'proven',
  claimed: 'as the buyer says',
  noName: 'Buyer',
  orders: 'Orders',
  noOrders: 'Orders show once the identity is proven.',
  page: 'Page',
  came: 'Came from',
  past: 'Earlier talks',
  noPast: 'First talk.',
  unreachable: 'The buyer has closed this channel and cannot be written to.',
  instruction: 'What should the bot know? May stay empty.',
  cancel: 'Cancel',
  keys: 'Keys',
  sound: 'Test the sound',
  templates: 'Templates',
  noTemplates: 'No template has this word.',
  edited: 'edited',
  checked: 'facts checked',
  draft: 'Draft',
  newMessages: '{0} below',
  close: 'Close',
  theme: 'Theme',
  logout: 'Log out',
  online: 'Online',
  busy: 'Busy',
  away: 'Away',
  loadFailed: 'Could not load. Nothing is lost.',
  again: 'Try again',
  waits: 'waiting {0}',
  min: '{0} min',
  hour: '{0} h',
  day: '{0} d',
  now: 'under a minute',
  file: 'File',
  attach: 'Attach a file',
  tooLarge: 'The file is larger than 20 MB. Compress it or send a link.',
  uploading: 'Uploading the file…',
  back: 'To the list',
};

const CODES: Record<string, Record<string, string>> = {
  ru: {
    taken_over: 'Бот остановлен, отвечает {0}',
    taken_by_phone: 'Бот остановлен: ответили с телефона',
    returned_to_bot: '{0} возвращает диалог боту',
    resolved: 'Диалог решён',
    agent_silent: 'Коллега не ответил вовремя, диалог снова в очереди',
  },
  en: {
    taken_over: 'Bot stopped, {0} answers',
    taken_by_phone: 'Bot stopped: answered from the phone',
    returned_to_bot: '{0} returns the dialogue to the bot',
    resolved: 'Dialogue resolved',
    agent_silent: 'No answer in time, back in the queue',
  },
};

const REASONS: Record<string, Record<string, string>> = {
  ru: {
    asked: 'попросил человека',
    policy: 'тема для человека',
    complaint: 'жалоба',
    no_knowledge: 'нет ответа в базе',
    failure: 'сбой',
    deadline: 'не успели вовремя',
    budget: 'кончился бюджет модели',
    check: 'факты не подтвердились',
    identity: 'нужно подтвердить личность',
    abuse: 'грубость',
    media: 'файл или голосовое',
    bot_off: 'бот выключен',
  },
  en: {
    asked: 'asked for a person',
    policy: 'a topic for a person',
    complaint: 'complaint',
    no_knowledge: 'no answer in the base',
    failure: 'failure',
    deadline: 'no answer in time',
    budget: 'model budget spent',
    check: 'facts not proven',
    identity: 'identity to be proven',
    abuse: 'rudeness',
    media: 'file or voice note',
    bot_off: 'the bot is off',
  },
};

const STATUSES: Record<string, Record<string, string>> = {
  ru: {
    new: 'новый',
    paid: 'оплачен',
    assembling: 'собирается',
    shipped: 'в пути',
    ready: 'ждёт в пункте',
    delivered: 'получен',
    cancelled: 'отменён',
    returned: 'возврат',
    other: 'в работе',
  },
  en: {
    new: 'new',
    paid: 'paid',
    assembling: 'being packed',
    shipped: 'on its way',
    ready: 'at the pick-up point',
    delivered: 'delivered',
    cancelled: 'cancelled',
    returned: 'returned',
    other: 'in progress',
  },
};

let lang = 'ru';
let zone: string | undefined;

export function speak(language: string, timeZone: string): void {
  lang = language === 'en' ? 'en' : 'ru';
  zone = timeZone || undefined;
}

const fill = (text: string, values: (string | number)[]): string =>
  text.replace(/\{(\d)\}/g, (_, n) => String(values[Number(n)] ?? ''));

export const t = (word: Word, ...values: (string | number)[]): string =>
  fill(lang === 'en' ? EN[word] : RU[word], values);

export const codeText = (code: string, name: string): string =>
  fill(CODES[lang]?.[code] ?? code, [name]);
export const reasonText = (reason: string): string => REASONS[lang]?.[reason] ?? reason;
export const statusText = (status: string): string => STATUSES[lang]?.[status] ?? status;

export function clock(iso: string): string {
  return new Intl.DateTimeFormat(lang, {
    hour: '2-digit',
    minute: '2-digit',
    timeZone: zone,
  }).format(new Date(iso));
}

export function dayText(iso: string): string {
  return new Intl.DateTimeFormat(lang, { day: 'numeric', month: 'long', timeZone: zone }).format(
    new Date(iso),
  );
}

export function sameDay(one: string, other: string): boolean {
  return dayText(one) === dayText(other);
}

/** Short age for a list row: a time today, else a day. */
export function ageText(iso: string, now: number): string {
  return sameDay(iso, new Date(now).toISOString()) ? clock(iso) : dayText(iso);
}

export function waitText(since: string, now: number): string {
  const minutes = Math.floor((now - Date.parse(since)) / 60_000);
  if (minutes < 1) return t('now');
  if (minutes < 60) return t('min', minutes);
  if (minutes < 60 * 24) return t('hour', Math.floor(minutes / 60));
  return t('day', Math.floor(minutes / 1440));
}

/** How near the deadline is: nothing, amber from 70 %, red past it. */
export function urgency(since: string, deadline: string | null, now: number): '' | 'amber' | 'red' {
  if (!deadline) return '';
  const begun = Date.parse(since);
  const end = Date.parse(deadline);
  if (now >= end) return 'red';
  return now - begun >= (end - begun) * 0.7 ? 'amber' : '';
}

export function money(sum: string, currency: string): string {
  return new Intl.NumberFormat(lang, {
    style: 'currency',
    currency,
    maximumFractionDigits: 2,
    minimumFractionDigits: 0,
  }).format(Number(sum));
}
