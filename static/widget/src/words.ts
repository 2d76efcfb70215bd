/** Interface texts. What the bot says comes from the server. */

const ru = {
  open: 'Открыть чат',
  close: 'Закрыть чат',
  chat: 'Чат',
  botAnswers: 'Отвечает бот',
  botHere: 'бот',
  queue: 'Передали коллеге',
  agent: 'Отвечает {0}',
  agentSome: 'Отвечает сотрудник',
  hello: 'Здравствуйте. Я бот-помощник магазина: подскажу по товарам, доставке и заказам.',
  helloPeople: 'Здравствуйте. Напишите нам, ответит сотрудник.',
  isBot: 'Вам отвечает бот. Человека можно позвать в любой момент.',
  write: 'Сообщение',
  send: 'Отправить',
  attach: 'Прикрепить файл',
  drop: 'Отпустите, чтобы прикрепить',
  remove: 'Убрать {0}',
  person: 'Позвать человека',
  personAsked: 'Ждём коллегу',
  privacy: 'Как мы храним данные',
  offline: 'Нет связи. Сообщения сохранятся и уйдут, когда она появится.',
  connecting: 'Соединяемся…',
  newBelow: 'Новые сообщения',
  typing: 'печатает',
  sources: 'Откуда это',
  more: 'Подробнее',
  queued: 'ждёт отправки',
  sent: 'отправлено',
  read: 'прочитано',
  refused: 'Не отправлено.',
  again: 'Повторить',
  you: 'Вы',
  today: 'Сегодня',
  yesterday: 'Вчера',
  edited: 'изменено',
  unread: 'Новых сообщений: {0}',
  loading: 'загружается',
  type: 'Такой файл не подойдёт',
  size: 'Файл больше 15 МБ',
  empty: 'Файл пуст',
  offlineFile: 'Нет связи',
  too_long: 'Слишком длинно: до 4000 знаков',
  failed: 'Не получилось отправить',
  contactOffer: 'Оставьте телефон или почту: ответим, даже если вы закроете страницу.',
  contactButton: 'Оставить контакт',
  contactTitle: 'Куда вам ответить',
  name: 'Имя',
  phone: 'Телефон',
  email: 'Почта',
  optional: 'необязательно',
  save: 'Сохранить',
  cancel: 'Отмена',
  phoneWrong: 'Укажите телефон или почту',
  emailWrong: 'Проверьте адрес почты',
  consent: 'Без этого согласия мы не вправе сохранить контакт',
  consentChanged: 'Текст согласия изменился. Прочитайте его и отметьте снова: остальное на месте',
  saved: 'Контакт сохранён. Если закроете страницу, напишем вам.',
  image: 'Картинка {0}',
  old: 'старая цена',
};

export type Words = typeof ru;

const en: Words = {
  open: 'Open chat',
  close: 'Close chat',
  chat: 'Chat',
  botAnswers: 'A bot answers',
  botHere: 'bot',
  queue: 'Passed to a colleague',
  agent: '{0} answers',
  agentSome: 'A colleague answers',
  hello: 'Hello. I am the shop’s assistant bot: ask me about products, delivery and orders.',
  helloPeople: 'Hello. Write to us, a person will answer.',
  isBot: 'A bot answers you. You can call a person at any time.',
  write: 'Message',
  send: 'Send',
  attach: 'Attach a file',
  drop: 'Drop to attach',
  remove: 'Remove {0}',
  person: 'Call a person',
  personAsked: 'A colleague is coming',
  privacy: 'How we keep data',
  offline: 'No connection. Messages are kept and will go when it is back.',
  connecting: 'Connecting…',
  newBelow: 'New messages',
  typing: 'is typing',
  sources: 'Where this is from',
  more: 'Details',
  queued: 'waiting to be sent',
  sent: 'sent',
  read: 'read',
  refused: 'Not sent.',
  again: 'Try again',
  you: 'You',
  today: 'Today',
  yesterday: 'Yesterday',
  edited: 'edited',
  unread: 'New messages: {0}',
  loading: 'loading',
  type: 'This kind of file will not do',
  size: 'The file is over 15 MB',
  empty: 'The file is empty',
  offlineFile: 'No connection',
  too_long: 'Too long: up to 4,000 characters',
  failed: 'Could not be sent',
  contactOffer: 'Leave a phone or e-mail: we will answer even if you close the page.',
  contactButton: 'Leave a contact',
  contactTitle: 'Where to answer you',
  name: 'Name',
  phone: 'Phone',
  email: 'E-mail',
  optional: 'optional',
  save: 'Save',
  cancel: 'Cancel',
  phoneWrong: 'Enter a phone or an e-mail',
  emailWrong: 'Check the e-mail address',
  consent: 'Without this consent we may not keep your contact',
  consentChanged:
    'The consent’s words have changed. Read and tick it again: the rest is still here',
  saved: 'Saved. If you close the page, we will write to you.',
  image: 'Picture {0}',
  old: 'old price',
};

export type Lang = 'ru' | 'en';

export const WORDS: Record<Lang, Words> = { ru, en };

export function langOf(wish: string | null | undefined, fallback: string): Lang {
  for (const tag of [wish, fallback]) {
    if (tag?.toLowerCase().startsWith('ru')) {
      return 'ru';
    }
    if (tag) {
      return 'en';
    }
  }
  return 'ru';
}

export const fill = (text: string, value: unknown): string => text.replace('{0}', String(value));
