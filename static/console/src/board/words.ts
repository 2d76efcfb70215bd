/** Words of the areas in both languages, and figures as people write them. */

const WORDS = {
  board: ['Табло', 'Board'],
  reports: ['Отчёты', 'Reports'],
  waiting: ['Ждут человека', 'Waiting for a person'],
  queue: ['В очереди', 'In the queue'],
  silent: ['Ждут ответа сотрудника', 'Waiting for their agent'],
  held: ['В работе у людей', 'With people'],
  bot: ['У ассистента', 'With the assistant'],
  overdue: ['Просрочены', 'Overdue'],
  windows: ['Окно закроется за час', 'Window closes within an hour'],
  short: ['Не успеем', 'Will not make it'],
  oldest: ['дольше всех', 'longest'],
  nobody: ['никто не ждёт', 'nobody waits'],
  teams: ['Команды', 'Teams'],
  people: ['Сотрудники', 'People'],
  assistant: ['Ассистент сегодня', 'The assistant today'],
  channels: ['Каналы', 'Channels'],
  models: ['Модели', 'Models'],
  team: ['Команда', 'Team'],
  person: ['Сотрудник', 'Person'],
  channel: ['Канал', 'Channel'],
  state: ['Состояние', 'State'],
  load: ['Загрузка', 'Load'],
  silence: ['Дольше всех ждёт', 'Longest silence'],
  shift: ['смена', 'on shift'],
  offShift: ['не в смене', 'off shift'],
  gone: ['консоль закрыта', 'console closed'],
  online: ['онлайн', 'online'],
  busy: ['занят', 'busy'],
  away: ['отошёл', 'away'],
  invisible: ['невидимка', 'invisible'],
  lastIn: ['Последнее входящее', 'Last in'],
  lastOut: ['Последнее исходящее', 'Last out'],
  works: ['работает', 'works'],
  answered: ['Сообщений отправлено', 'Messages sent'],
  closedAlone: ['Закрыто без человека', 'Closed without a person'],
  handed: ['Передано людям', 'Handed to people'],
  late: ['Просрочено ответов', 'Deadlines missed'],
  breach: ['Нарушено обещаний', 'Promises broken'],
  reasons: ['Почему передано', 'Why handed over'],
  list: ['Список', 'List'],
  empty: ['Здесь пусто.', 'Nothing here.'],
  more: ['Показаны первые {0} из {1}.', 'The first {0} of {1} are shown.'],
  watch: ['Смотреть незаметно', 'Watch unseen'],
  whisper: ['Шепнуть', 'Whisper'],
  whisperTo: ['Шепнуть: увидит только {0}', 'Whisper: only {0} will see it'],
  whispered: ['Передано: видит только {0}', 'Told: only {0} sees it'],
  send: ['Отправить', 'Send'],
  take: ['Взять себе', 'Take over'],
  rebalance: ['Разгрузить', 'Even out'],
  rebalanceTitle: ['Кому передать без ответа', 'Who gets what waits'],
  rebalanceNone: [
    'Передавать нечего: ни у кого нет лишних чатов без ответа или некому их взять.',
    'Nothing to move: nobody has too many unanswered chats, or nobody has room.',
  ],
  move: ['Передать {0}', 'Move {0}'],
  moved: ['Передано: {0}', 'Moved: {0}'],
  moving: ['Передаём…', 'Moving…'],
  undo: ['Вернуть как было', 'Undo'],
  undone: ['Возвращено как было', 'Taken back'],
  cancel: ['Отмена', 'Cancel'],
  close: ['Закрыть', 'Close'],
  formula: ['Как посчитано', 'How it is counted'],
  shortParts: [
    'В очереди {0}, на месте {1}, чатов сразу {2}, свободно {3}, медиана работы {4}.',
    'In the queue {0}, people here {1}, chats at once {2}, free {3}, median handling {4}.',
  ],
  updated: ['на {0}', 'as of {0}'],
  period: ['Период', 'Period'],
  days7: ['7 дней', '7 days'],
  days30: ['30 дней', '30 days'],
  days90: ['90 дней', '90 days'],
  from: ['С', 'From'],
  to: ['По', 'To'],
  all: ['все', 'all'],
  by: ['Строки', 'Rows'],
  by_agent: ['по сотрудникам', 'by person'],
  by_team: ['по командам', 'by team'],
  by_channel: ['по каналам', 'by channel'],
  by_hour: ['по часам', 'by hour'],
  by_day: ['по дням', 'by day'],
  before: ['было {0}', 'was {0}'],
  export: ['Скачать CSV', 'Download CSV'],
  exporting: ['Готовим таблицу: {0} из {1}', 'Making the table: {0} of {1}'],
  zone: ['Время магазина: {0}', 'Shop time: {0}'],
  cost: ['Расходы на модели', 'Spent on models'],
  chart: ['Диалоги по дням', 'Dialogues by day'],
  chartOpened: ['начато', 'begun'],
  chartHanded: ['передано людям', 'handed over'],
  chartBefore: ['периодом раньше', 'the period before'],
  asTable: ['Таблицей', 'As a table'],
  day: ['День', 'Day'],
  flow: ['Поток', 'Flow'],
  people_group: ['Люди', 'People'],
  speed: ['Скорость', 'Speed'],
  quality: ['Качество', 'Quality'],
  bot_group: ['Ассистент', 'The assistant'],
  noData: ['За этот период диалогов не было.', 'There were no dialogues in this period.'],
  failed: ['Не получилось: {0}', 'That did not work: {0}'],
} as const;

export type Key = keyof typeof WORDS;
export type Words = (key: Key, ...values: (string | number)[]) => string;

export const wordsOf =
  (lang: string): Words =>
  (key, ...values) =>
    WORDS[key][lang === 'en' ? 1 : 0].replace(/\{(\d)\}/g, (_, n) => String(values[Number(n)]));

const UNITS = { ru: ['с', 'мин', 'ч', 'д'], en: ['s', 'min', 'h', 'd'] };

/** «2 ч 05 мин»: two parts at most, and nothing lost below an hour. */
export function lengthText(seconds: number, lang: string): string {
  const [s, m, h, d] = UNITS[lang === 'en' ? 'en' : 'ru'] as [string, string, string, string];
  const part = (n: number, unit: string): string => `${n}\u00a0${unit}`;
  const two = (big: string, small: string): string => (small ? `${big} ${small}` : big);
  if (seconds < 60) return part(seconds, s);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return two(part(minutes, m), seconds % 60 ? part(seconds % 60, s) : '');
  const hours = Math.floor(minutes / 60);
  if (hours < 24) return two(part(hours, h), minutes % 60 ? part(minutes % 60, m) : '');
  return two(part(Math.floor(hours / 24), d), hours % 24 ? part(hours % 24, h) : '');
}

export function figureText(value: number | null, unit: string, lang: string): string {
  if (value === null) return '–';
  if (unit === 'seconds') return lengthText(value, lang);
  if (unit === 'minutes') return value ? lengthText(value * 60, lang) : lengthText(0, lang);
  const number = new Intl.NumberFormat(lang === 'en' ? 'en' : 'ru', { maximumFractionDigits: 2 });
  return number.format(value) + (unit === 'percent' ? '\u00a0%' : '');
}
