/** What the help says, in both languages: the same chapters in the same order. */
import type { IconName } from '../ui/icons';

export interface Chapter {
  id: string;
  title: string;
  lines: string[];
  marks?: [IconName, string, string][]; // icon, its name, what it means
  pairs?: [string, string][]; // what one sees, what it is and what to do
}

const RU: Chapter[] = [
  {
    id: 'start',
    title: 'Как устроен пульт',
    lines: [
      'Слева списки и диалоги, посередине разговор, справа всё, что известно о покупателе. На телефоне это три экрана: к списку ведёт стрелка, о покупателе расскажет кнопка в шапке.',
      '«Ждут ответа» — те, кому сейчас нужен человек, сначала самый близкий срок. Остальные списки: ваши, ничьи, с ботом, отложенные, где вас упомянули, пропущенные, решённые. Свой список сохраняется через «…».',
      'Строка не уходит из-под указателя: если пришло новое, вверху появится «3 новых».',
    ],
  },
  {
    id: 'speaker',
    title: 'Кто говорит с покупателем',
    lines: [
      'Говорит всегда кто-то один: бот, человек или никто, пока диалог ждёт в очереди или решён. Кто именно, написано в шапке и в строке списка.',
      'Бот отвечает сам, пока хватает проверенных фактов. Он зовёт человека, если покупатель попросил, тема для людей, факт не подтвердился, не успел или сломался. Тогда в диалоге появляется заметка: что спросили, что уже известно, почему остановился.',
      '«Взять» или просто ответ останавливают бота сразу: то, что он дописывал, не уйдёт. «Вернуть боту» отдаёт разговор обратно, можно со словом, что сделать.',
      'Если диалог держит коллега, отправка скажет об этом и предложит забрать. Если кто-то написал, пока вы печатали, отправка один раз остановится: посмотрите и нажмите ещё раз.',
    ],
  },
  {
    id: 'queue',
    title: 'Очередь, предложения, смены',
    lines: [
      'Команда раздаёт диалоги сама или даёт брать из очереди. Предложенный диалог ждёт «Принять» столько секунд, сколько задано команде. Два пропуска подряд ставят «Отошёл».',
      'Новые диалоги идут только тем, кто «Онлайн», и не больше, чем указано в профиле. «Занят», «Отошёл» и «Невидимка» оставляют вам ваши диалоги, но новых не дают.',
      'В конце смены диалоги, в которых покупатель ждёт, возвращаются в очередь, остальные остаются у вас.',
      '«Отложить» убирает диалог до времени или до слова покупателя. «Решить» закрывает; «спасибо» его не откроет.',
    ],
  },
  {
    id: 'time',
    title: 'Сроки',
    lines: [
      'Срок ответа считается в рабочем времени магазина. Когда прошло 70 %, он янтарный, после срока красный. Отложенный диалог часы останавливает.',
      'Песочные часы — сколько ещё канал разрешает писать. Когда окно закрыто, вместо поля остаются шаблон, заметка и то, что ещё можно.',
      '«Пропущенные» — кто ждёт пятнадцать минут и больше обещанного. «Взять и написать» берёт диалог и пишет первым.',
    ],
  },
  {
    id: 'writing',
    title: 'Ответы, заметки, заказы',
    lines: [
      '«/» — шаблоны, «#» — статья или товар, «:» — эмодзи, «@» в заметке зовёт коллегу. Пропуск ⟦так⟧ надо заполнить: к следующему ведёт Tab.',
      'Заметку и её файлы видят только коллеги. Шёпот видит только тот, кто отвечает.',
      'Файлы прикладываются кнопкой, перетаскиванием или вставкой. Чего канал не берёт, скажем до отправки.',
      '«Отправить позже» уйдёт в своё время и отменится, если покупатель напишет раньше. Черновики хранятся на сервере и ждут вас на любом компьютере.',
      'У заказа справа три кнопки. «Статус» — слова прямо из заказа: отправьте или возьмите в ответ. «Возврат» и «Повтор» сначала покажут товары и суммы, потом запишут заявку с номером; её закрывает тот, кто выполнил. Заказы видны, только когда покупатель подтвердил телефон или почту.',
    ],
  },
  {
    id: 'marks',
    title: 'Что значат значки',
    lines: [],
    marks: [
      ['bot', 'Бот', 'говорит бот или сообщение написал он'],
      ['person', 'Человек', 'диалог держит коллега или вы'],
      ['clock', 'Часы', 'у сообщения — ещё уходит; у строки — сколько ждёт покупатель'],
      ['check', 'Одна галочка', 'ушло в канал'],
      ['checks', 'Две галочки', 'доставлено; закрашены — прочитано'],
      ['alert', 'Треугольник', 'не доставлено или срок прошёл: рядом сказано почему'],
      ['window', 'Песочные часы', 'сколько ещё можно писать в этот канал'],
      ['up', 'Стрелка вверх', 'важный или срочный диалог'],
      ['at', 'Собака', 'вас позвали в заметке'],
      ['lock', 'Замок', 'заметка: только для коллег'],
      ['snooze', 'Будильник', 'отложен и вернётся'],
      ['languages', 'Языки', 'текст показан в переводе, второй текст — по нажатию'],
      ['flag', 'Флажок', 'здесь разговор закончился и чем'],
    ],
  },
  {
    id: 'keys',
    title: 'Клавиши',
    lines: [
      'Работают по месту на клавиатуре, раскладка не важна. В поле ввода слушаются только сочетания с Ctrl и Alt. Каждую можно заменить.',
    ],
  },
  {
    id: 'notices',
    title: 'Звук и уведомления',
    lines: [
      'Что и как вам сообщать, выбирается в «Моих уведомлениях»: на странице, звуком, пушем, письмом, в Telegram. Тихие часы и заглушённые каналы действуют везде.',
      'Когда бот зовёт человека, звук повторяется каждые 20 секунд, пока кто-нибудь не откроет или не возьмёт диалог. Открытый перед глазами диалог не звучит.',
    ],
  },
  {
    id: 'fails',
    title: 'Если что-то не так',
    lines: [],
    pairs: [
      [
        'Полоса «Нет связи»',
        'Пропала ваша сеть. Читайте: последние 50 диалогов здесь. Написанное уйдёт один раз, когда связь вернётся.',
      ],
      [
        'Полоса «Интернет есть, но сервер не отвечает»',
        'Сервер перезапускается. Ничего не потеряно; если дольше пяти минут — скажите администратору.',
      ],
      [
        'Полоса «ИИ недоступен»',
        'Модель не отвечает, диалоги идут в очередь. Вернётся сама; администратор увидит причину в «Моделях».',
      ],
      [
        'Красная полоса с именем канала',
        'Канал перестал принимать или отправлять. «Исправить» ведёт к его настройкам, там сказано, чего не хватает.',
      ],
      [
        '«Не доставлено» под сообщением',
        'Причина рядом. Кнопка рядом вернёт слова в поле ответа; если закрыто окно, выберите шаблон.',
      ],
      [
        'Диалог пропал из списка',
        'Его решили, отложили, взял коллега или передали другой команде. Найдёт поиск или Ctrl K, если он вам виден.',
      ],
      [
        'Заказов не видно',
        'Покупатель не подтвердил телефон или почту. Попросите поделиться контактом или кодом.',
      ],
      [
        'Нет звука',
        'Браузеру нужен один щелчок по странице. Проверьте «Проверить звук» в настройках пульта, тихие часы и статус.',
      ],
      [
        'Бот ответил неверно',
        'Палец вниз под ответом: знание, тон или правило. «Почему так» покажет, на чём он стоял.',
      ],
    ],
  },
  {
    id: 'unseen',
    title: 'Чего покупатель не видит',
    lines: [
      'Заметок, шёпота, меток, системных строк, проверок и источников для коллег, вашего статуса и того, кто смотрит диалог.',
    ],
  },
];

const EN: Chapter[] = [
  {
    id: 'start',
    title: 'How the console is laid out',
    lines: [
      'Lists and dialogues on the left, the talk in the middle, what is known of the buyer on the right. On a phone these are three screens: the arrow leads back to the list, a button in the header to the buyer.',
      '“Waiting” holds who needs a person now, the nearest deadline first. Other lists: yours, nobody’s, with the bot, put off, where you were mentioned, missed, resolved. A list of your own is saved by “…”.',
      'A row never moves under the pointer: when more has come, “3 new” stands above.',
    ],
  },
  {
    id: 'speaker',
    title: 'Who speaks to the buyer',
    lines: [
      'Exactly one speaks: the bot, a person, or nobody while a dialogue waits in a queue or is resolved. The header and the row say who.',
      'The bot answers while proven facts suffice. It calls a person when the buyer asks for one, the topic is for people, a fact was not proven, it was too late or failed. It then leaves a note: what was asked, what is known, why it stopped.',
      '“Take”, or simply answering, stops the bot at once: what it was writing is dropped. “Return to bot” gives the talk back, with a word on what to do if you like.',
      'Where a colleague holds a dialogue, sending says so and offers to take it. If somebody wrote while you were typing, sending stops once: look, and press again.',
    ],
  },
  {
    id: 'queue',
    title: 'Queue, offers, shifts',
    lines: [
      'A team gives dialogues out or lets people take them. An offered one waits for “Accept” as long as the team says. Two missed in a row set you to away.',
      'New dialogues go only to who is online, and no more than the profile allows. Busy, away and invisible leave you yours and bring no new ones.',
      'At the end of a shift, dialogues in which a buyer waits go back to the queue; the others stay with you.',
      '“Snooze” hides a dialogue until a time or the buyer’s next word. “Resolve” closes it; a “thank you” does not open it again.',
    ],
  },
  {
    id: 'time',
    title: 'Deadlines',
    lines: [
      'Answer times run in the shop’s working time: amber past 70 %, red when over. Putting off stops the clock.',
      'The hourglass is how long the channel still lets you write. Once it has closed, a template, a note and what else is allowed stand in place of the field.',
      '“Missed” holds who has waited fifteen minutes or longer than promised. “Take it and write” takes the dialogue and writes first.',
    ],
  },
  {
    id: 'writing',
    title: 'Replies, notes, orders',
    lines: [
      '“/” prepared replies, “#” an article or a product, “:” emoji, “@” in a note calls a colleague. A gap ⟦like this⟧ has to be filled: Tab goes to the next.',
      'Only colleagues see a note and its files. Only whoever answers sees a whisper.',
      'Files come by button, dragging or pasting. What the channel does not take is told before it is sent.',
      '“Send later” goes at its time, and is given up if the buyer writes first. Drafts are kept on the server and wait for you on any computer.',
      'An order on the right has three buttons. “Status” is in the order’s own words: send it or take it into the reply. “Return” and “Repeat” show goods and sums first, then note a request with a number; whoever has carried it out closes it. Orders are shown only where the buyer has proven a telephone or e-mail.',
    ],
  },
  {
    id: 'marks',
    title: 'What the marks mean',
    lines: [],
    marks: [
      ['bot', 'Bot', 'the bot speaks, or wrote this message'],
      ['person', 'Person', 'a colleague or you hold the dialogue'],
      ['clock', 'Clock', 'at a message: on its way; in a row: how long the buyer waits'],
      ['check', 'One tick', 'the channel has it'],
      ['checks', 'Two ticks', 'delivered; filled: read'],
      ['alert', 'Triangle', 'not delivered, or too late: the reason stands beside it'],
      ['window', 'Hourglass', 'how long this channel still lets you write'],
      ['up', 'Arrow up', 'a high or urgent priority'],
      ['at', 'At sign', 'a note calls you'],
      ['lock', 'Lock', 'a note: for colleagues only'],
      ['snooze', 'Alarm clock', 'put off; it comes back'],
      ['languages', 'Languages', 'shown in translation; the other text is one press away'],
      ['flag', 'Flag', 'here a talk ended, and how'],
    ],
  },
  {
    id: 'keys',
    title: 'Keys',
    lines: [
      'They go by the place of the key, whatever the layout. In a text field only those with Ctrl and Alt work. Each can be changed.',
    ],
  },
  {
    id: 'notices',
    title: 'Sound and notices',
    lines: [
      'What you are told and how is chosen in “My notices”: on the page, by sound, push, letter, Telegram. Quiet hours and muted channels hold everywhere.',
      'When the bot calls a person, the sound comes every 20 seconds until somebody opens or takes the dialogue. One that lies before your eyes makes no sound.',
    ],
  },
  {
    id: 'fails',
    title: 'When something is wrong',
    lines: [],
    pairs: [
      [
        'The strip “No connection”',
        'Your network is gone. Go on reading: the last 50 dialogues are here. What you write goes once, when the line is back.',
      ],
      [
        'The strip “The internet is there, but the server does not answer”',
        'The server is starting again. Nothing is lost; past five minutes, tell an administrator.',
      ],
      [
        'The strip “No model answers”',
        'The model does not answer, dialogues go to the queue. It comes back by itself; an administrator sees the reason under “Models”.',
      ],
      [
        'A red strip with a channel’s name',
        'The channel takes or sends nothing. “Fix it” leads to its settings, which say what is missing.',
      ],
      [
        '“Not delivered” below a message',
        'The reason stands beside it. The button beside it puts the words back into the reply; if the window has closed, choose a template.',
      ],
      [
        'A dialogue left the list',
        'It was resolved, put off, taken by a colleague or given to another team. Search or Ctrl K finds it if you may see it.',
      ],
      [
        'No orders are shown',
        'The buyer has not proven a telephone or e-mail. Ask them to share the contact or a code.',
      ],
      [
        'No sound',
        'The browser wants one click on the page. Look at “Test the sound” in the preferences, quiet hours and your status.',
      ],
      [
        'The bot answered wrongly',
        'Thumb down below the answer: knowledge, tone or a rule. “Why so” shows what it rested on.',
      ],
    ],
  },
  {
    id: 'unseen',
    title: 'What the buyer does not see',
    lines: [
      'Notes, whispers, labels, inner lines, checks, sources for colleagues, your status, and who looks on.',
    ],
  },
];

export const chapters = (lang: string): Chapter[] => (lang === 'en' ? EN : RU);

export const PAGE_WORDS = {
  ru: {
    title: 'Помощь',
    find: 'Найти в помощи',
    nothing: 'Ничего не нашли. Попробуйте другое слово.',
    contents: 'Разделы',
    change: 'Изменить клавиши',
    back: 'К диалогам',
  },
  en: {
    title: 'Help',
    find: 'Find in the help',
    nothing: 'Nothing found. Try another word.',
    contents: 'Chapters',
    change: 'Change the keys',
    back: 'To the dialogues',
  },
};

const plain = (text: string): string => text.toLowerCase().replaceAll('ё', 'е');

/** Chapters with all of these words (their beginnings), and of lists only what has them. */
export function found(all: Chapter[], query: string, keys: string[] = []): Chapter[] {
  const words = plain(query).split(/\s+/).filter(Boolean);
  if (!words.length) return all;
  const has = (text: string): boolean =>
    words.every((word) => new RegExp(`(^|[^\\p{L}\\p{N}])${quoted(word)}`, 'u').test(plain(text)));
  return all.flatMap((one) => {
    if (has(one.title)) return [one];
    const lines = one.lines.filter(has);
    const marks = one.marks?.filter((mark) => has(mark.slice(1).join(' ')));
    const pairs = one.pairs?.filter((pair) => has(pair.join(' ')));
    const isKey = one.id === 'keys' && keys.some(has);
    if (!lines.length && !marks?.length && !pairs?.length && !isKey) return [];
    return [{ ...one, lines, ...(marks ? { marks } : {}), ...(pairs ? { pairs } : {}) }];
  });
}

const quoted = (word: string): string => word.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&');
