/** Words about what is done with an order, in both languages. */

const WORDS = {
  status: ['Статус', 'Status'],
  return: ['Возврат', 'Return'],
  repeat: ['Повтор', 'Repeat'],
  title_status: ['Заказ {0}: где он', 'Order {0}: where it is'],
  title_return: ['Возврат по заказу {0}', 'Return of order {0}'],
  title_repeat: ['Повтор заказа {0}', 'Order {0} once more'],
  request: ['{0} №\u202f{1}', '{0} no.\u202f{1}'],
  open: ['ждёт', 'open'],
  done: ['выполнен', 'done'],
  refused: ['отклонён', 'refused'],
  looking: ['Смотрим заказ…', 'Looking at the order…'],
  again: ['Посмотреть ещё раз', 'Look again'],
  goods: ['Товар', 'Goods'],
  qty: ['Штук', 'Quantity'],
  qtyOf: ['Сколько: {0}', 'How many: {0}'],
  most: ['из {0}', 'of {0}'],
  price: ['Цена', 'Price'],
  was: ['было {0}', 'was {0}'],
  gone: ['нет в наличии', 'not in stock'],
  sum: ['Сумма', 'Sum'],
  total: ['Итого', 'Total'],
  withoutDelivery: ['Без доставки.', 'Without delivery.'],
  note: ['Заметка для коллег', 'Note for colleagues'],
  noteHint: ['Причина, договорённости', 'Reason, what was agreed'],
  tell: ['Написать покупателю', 'Write to the buyer'],
  words: ['Покупатель прочтёт', 'The buyer will read'],
  bound: ['Слово в слово по заказу', 'Word for word from the order'],
  own: [
    'Текст изменён: за цифры в нём отвечаете вы',
    'The text is changed: its figures are yours to answer for',
  ],
  restore: ['Вернуть как было', 'Put it back'],
  toField: ['В поле ответа', 'Into the reply'],
  send: ['Отправить', 'Send'],
  do_return: ['Оформить возврат', 'Note the return'],
  do_repeat: ['Оформить повтор', 'Note the repeat'],
  doTell_return: ['Оформить и написать', 'Note it and write'],
  doTell_repeat: ['Оформить и написать', 'Note it and write'],
  nothing: ['Выберите хотя бы один товар.', 'Choose at least one thing.'],
  sent: ['Отправлено покупателю.', 'Sent to the buyer.'],
  receipt: ['Заявка № {0} принята', 'Request no. {0} is noted'],
  receiptWhere: [
    'Она ждёт в «Возвратах и повторах», её закроет тот, кто выполнит. Магазин сам ничего не узнаёт: заказ меняют люди.',
    'It waits under “Returns and repeats” until somebody has carried it out. The shop is not told by itself: people change the order.',
  ],
  told: ['Покупателю написали.', 'The buyer was written to.'],
  notTold: ['Покупателю не писали.', 'The buyer was not written to.'],
  close: ['Готово', 'Done'],
  cancel: ['Отмена', 'Cancel'],
} as const;

export type Key = keyof typeof WORDS;

export const orderWords =
  (lang: string) =>
  (key: Key, ...values: (string | number)[]): string =>
    WORDS[key][lang === 'en' ? 1 : 0].replace(/\{(\d)\}/g, (_, n) => String(values[Number(n)]));
