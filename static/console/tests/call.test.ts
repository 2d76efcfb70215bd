import { describe, expect, it } from 'vitest';
import { callText } from '../src/thread/call';
import { itemsOf } from '../src/thread/items';
import type { Call } from '../src/types';
import { message, thread } from './fakes';

const call = (change: Partial<Call> = {}): Call => ({
  direction: 'in',
  state: 'ended',
  at: '2026-11-20T10:00:00Z',
  seconds: 65,
  line: '+74950000001',
  answered_by: 'Анна',
  recording: true,
  ...change,
});

describe('a call in the thread', () => {
  it('stands by itself among folded events', () => {
    const items = itemsOf(
      thread([
        message(1, { kind: 'system', author: 'system', meta: { code: 'taken_over' } }),
        message(2, { kind: 'system', author: 'system', meta: { code: 'call', call: call() } }),
        message(3, { kind: 'system', author: 'system', meta: { code: 'resolved' } }),
      ]),
      null,
    );
    expect(items.map((item) => item.kind)).toEqual(['day', 'events', 'call', 'events']);
  });

  it('says what it was, who took it and how long', () => {
    expect(callText(call())).toBe('Входящий звонок · Анна · 1:05 · +74950000001');
    expect(callText(call({ state: 'missed', seconds: 0, answered_by: '' }))).toBe(
      'Пропущенный звонок · +74950000001',
    );
    expect(callText(call({ state: 'missed', direction: 'out', seconds: 0, line: '' }))).toBe(
      'Исходящий звонок, не ответили · Анна',
    );
    expect(callText(call({ state: 'ringing', seconds: 0, answered_by: '', line: '' }))).toBe(
      'Входящий звонок · звонит',
    );
  });
});
