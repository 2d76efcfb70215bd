/** What becomes of messages that were said: changed, taken back, translated, put into words. */
import { call } from '../net/api';
import type { Capabilities, Message } from '../types';
import { t } from '../words';
import type { Store } from './core';
import type { Threads } from './threads';

export class Said {
  constructor(
    private readonly store: Store,
    private readonly threads: Threads,
    private readonly complain: (error: unknown) => void,
  ) {}

  private async ask(method: string, path: string, body?: object): Promise<boolean> {
    try {
      await call(method, path, body);
      await this.threads.read();
      return true;
    } catch (error) {
      this.complain(error);
      return false;
    }
  }

  edit = (id: number, text: string): Promise<boolean> =>
    this.ask('PATCH', `/messages/${id}/`, { text });

  takeBack = (id: number): Promise<boolean> => this.ask('DELETE', `/messages/${id}/`);

  translate = (id: number): Promise<boolean> => this.ask('POST', `/messages/${id}/translate/`);

  listen = (id: number): Promise<boolean> => this.ask('POST', `/messages/${id}/transcribe/`);

  begin(id: number | null): void {
    this.store.set({ editing: id });
  }

  /** The newest message of mine that can be changed, where one is shown. */
  beginLast(): boolean {
    const { thread, boot } = this.store.state;
    const last = thread?.messages.findLast((one) => isOwn(one, boot.me) && one.text);
    if (last) this.begin(last.id);
    return Boolean(last);
  }
}

const SENT = ['queued', 'sending', 'sent', 'delivered', 'read'];

/** Written by me and with the buyer, or on its way. */
export const isOwn = (message: Message, me: number): boolean =>
  message.author === 'agent' &&
  message.user === me &&
  message.kind !== 'note' &&
  !message.deleted &&
  SENT.includes(message.state);

/** Why the channel does not let it be changed or taken back; nothing where it does. */
export function whyNot(
  act: 'edit' | 'delete',
  message: Message,
  channel: Capabilities | null,
  now = Date.now(),
): string {
  if (act === 'edit' && !message.text) return t('onlyTexts');
  if (!channel || (act === 'delete' && message.state === 'queued')) return '';
  const [can, within] =
    act === 'edit'
      ? [channel.can_edit, channel.edit_within_s]
      : [channel.can_delete, channel.delete_within_s];
  if (!can) return t('channelDoesNot');
  if (within && now - Date.parse(message.at) > within * 1000)
    return t('channelDidFor', Math.round(within / 3600));
  return '';
}
