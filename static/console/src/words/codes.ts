/** What the server tells by a code, in both languages. */

export const CODES: Record<string, Record<string, string>> = {
  ru: {
    taken_over: 'Бот остановлен, отвечает {0}',
    taken_by_phone: 'Бот остановлен: ответили с телефона',
    returned_to_bot: '{0} возвращает диалог боту',
    resolved: 'Диалог решён',
    agent_silent: 'Коллега не ответил вовремя, диалог снова в очереди',
    assigned: 'Назначен: {0}',
    assigned_team: 'Передан команде: {0}',
    snoozed: '{0} откладывает диалог',
    woken: 'Диалог снова открыт',
    reopened: 'Диалог открыт заново',
    labelled: '{0} меняет метки',
    prioritised: '{0} меняет важность',
    still_waiting: 'Покупатель всё ещё ждёт',
    offered: 'Предложен: {0}',
    shift_ended: 'Смена кончилась, диалог снова в очереди',
  },
  en: {
    taken_over: 'Bot stopped, {0} answers',
    taken_by_phone: 'Bot stopped: answered from the phone',
    returned_to_bot: '{0} returns the dialogue to the bot',
    resolved: 'Dialogue resolved',
    agent_silent: 'No answer in time, back in the queue',
    assigned: 'Assigned to {0}',
    assigned_team: 'Handed to {0}',
    snoozed: '{0} snoozes the dialogue',
    woken: 'Open again',
    reopened: 'Opened anew',
    labelled: '{0} changes labels',
    prioritised: '{0} changes the priority',
    still_waiting: 'The buyer still waits',
    offered: 'Offered to {0}',
    shift_ended: 'Shift over, back in the queue',
  },
};

export const REASONS: Record<string, Record<string, string>> = {
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

export const STATUSES: Record<string, Record<string, string>> = {
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

export const DECISIONS: Record<string, Record<string, string>> = {
  ru: { answer: 'ответить', ask: 'уточнить', handover: 'позвать человека', template: 'шаблон' },
  en: { answer: 'answer', ask: 'ask back', handover: 'call a person', template: 'template' },
};

export const CLAIMS: Record<string, Record<string, string>> = {
  ru: {
    price: 'Цена',
    number: 'Число',
    date: 'Дата',
    size: 'Размер',
    address: 'Адрес',
    link: 'Ссылка',
    phone: 'Телефон',
  },
  en: {
    price: 'Price',
    number: 'Number',
    date: 'Date',
    size: 'Size',
    address: 'Address',
    link: 'Link',
    phone: 'Phone',
  },
};
