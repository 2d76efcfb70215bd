/** What was done to a card, by the codes of the audit log. */
export const codeWords: Record<string, readonly [string, string]> = {
  'person.changed': ['изменена карточка', 'card changed'],
  'person.merged': ['карточки объединены', 'cards merged'],
  'person.unmerged': ['карточки разъединены', 'cards parted'],
  'person.split': ['контакт отделён', 'contact given its own card'],
  'person.blocked': ['заблокирован', 'blocked'],
  'person.unblocked': ['разблокирован', 'unblocked'],
  'person.remembered': ['запомнено', 'remembered'],
  'person.fact_removed': ['забыт факт', 'a fact forgotten'],
  'person.exported': ['выгружены данные', 'data exported'],
  'person.forgotten': ['данные забыты', 'data forgotten'],
};
