import { describe, expect, it } from 'vitest';
import { gaps, hasGaps, nextGap } from '../src/composer/asks';
import { emojiFound } from '../src/composer/emoji';
import { troubleWith, worthShrinking } from '../src/composer/files';
import { replaced, triggerAt } from '../src/composer/trigger';
import { speak } from '../src/words';

const trigger = (text: string, mode: 'reply' | 'note' = 'reply') => {
  const found = triggerAt(text, text.length, mode);
  return found && [found.sign, found.query];
};

describe('signs', () => {
  it('open lists at the beginning of a word only', () => {
    expect(trigger('/воз')).toEqual(['/', 'воз']);
    expect(trigger('Добрый день. /')).toEqual(['/', '']);
    expect(trigger('/возврат денег')).toEqual(['/', 'возврат денег']);
    expect(trigger('и/или')).toBeNull();
    expect(trigger('https://shop.ru')).toBeNull();
    expect(trigger('#лампа')).toEqual(['#', 'лампа']);
    expect(trigger('№лампа')).toEqual(['#', 'лампа']); // the same key in the Russian layout
    expect(trigger('№ 5')).toBeNull();
    expect(trigger('заказ №12')).toBeNull();
    expect(trigger(':спас')).toEqual([':', 'спас']);
    expect(trigger(':)')).toBeNull();
    expect(trigger('Цена: 5')).toBeNull();
  });

  it('belong to their mode: people are called in notes, templates go to buyers', () => {
    expect(trigger('@Ан', 'note')).toEqual(['@', 'Ан']);
    expect(trigger('@Ан', 'reply')).toBeNull();
    expect(trigger('/воз', 'note')).toBeNull();
  });

  it('are replaced by what was chosen, at the caret', () => {
    const text = 'Да. /воз и ещё';
    const found = triggerAt(text, 8, 'reply')!;
    expect(replaced(text, found, 'Вернём.')).toEqual({ text: 'Да. Вернём. и ещё', caret: 11 });
  });
});

describe('gaps', () => {
  const text = 'Привезём ⟦день⟧ в ⟦час⟧.';

  it('are stops of Tab, going round', () => {
    const [day, hour] = gaps(text);
    expect(hasGaps(text)).toBe(true);
    expect(hasGaps('Привезём завтра.')).toBe(false);
    expect(nextGap(text, 0)).toEqual(day);
    expect(nextGap(text, day!.to)).toEqual(hour);
    expect(nextGap(text, hour!.to)).toEqual(day);
    expect(nextGap(text, hour!.from, true)).toEqual(day);
  });
});

describe('files', () => {
  const channel = { text_limit: 100, files: ['image'], max_file_bytes: 5_000_000, trouble: '' };

  it('are refused before they are uploaded, with the way out', () => {
    speak('ru', 'UTC');
    expect(troubleWith({ name: 'a.png', type: 'image/png', size: 100 }, channel)).toBeNull();
    expect(troubleWith({ name: 'a.pdf', type: 'application/pdf', size: 1 }, channel)?.text).toMatch(
      'этот канал не передаёт',
    );
    const large = troubleWith({ name: 'a.png', type: 'image/png', size: 9_000_000 }, channel)!;
    expect(large.text).toMatch(/8,6\sМБ, а канал берёт до 4,8\sМБ/);
    expect(large.canShrink).toBe(true);
  });

  it('that are large pictures may be made smaller', () => {
    expect(worthShrinking({ type: 'image/jpeg', size: 3_000_000 })).toBe(true);
    expect(worthShrinking({ type: 'image/jpeg', size: 300_000 })).toBe(false);
    expect(worthShrinking({ type: 'image/gif', size: 3_000_000 })).toBe(false);
  });
});

it('faces are found in both languages', () => {
  expect(emojiFound('спас')[0]?.sign).toBe('🙏');
  expect(emojiFound('thanks')[0]?.sign).toBe('🙏');
  expect(emojiFound('елка')[0]?.sign).toBe('🎄');
});
