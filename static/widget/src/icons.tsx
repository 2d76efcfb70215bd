/** Outline icons of one set (lucide), drawn from its nodes so that only these few are bundled. */

import Send from 'lucide/dist/esm/icons/arrow-up.mjs';
import Bot from 'lucide/dist/esm/icons/bot.mjs';
import Check from 'lucide/dist/esm/icons/check.mjs';
import CheckCheck from 'lucide/dist/esm/icons/check-check.mjs';
import ChevronDown from 'lucide/dist/esm/icons/chevron-down.mjs';
import Clock from 'lucide/dist/esm/icons/clock.mjs';
import File from 'lucide/dist/esm/icons/file-text.mjs';
import Person from 'lucide/dist/esm/icons/headset.mjs';
import Chat from 'lucide/dist/esm/icons/message-circle.mjs';
import Clip from 'lucide/dist/esm/icons/paperclip.mjs';
import Alert from 'lucide/dist/esm/icons/triangle-alert.mjs';
import Close from 'lucide/dist/esm/icons/x.mjs';
import { createElement } from 'preact';

const NODES = {
  bot: Bot,
  check: Check,
  checks: CheckCheck,
  down: ChevronDown,
  clock: Clock,
  file: File,
  chat: Chat,
  clip: Clip,
  send: Send,
  alert: Alert,
  person: Person,
  close: Close,
};

export function Icon({ name, size = 20 }: { name: keyof typeof NODES; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="2"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {NODES[name].map(([tag, attributes]) => createElement(tag, attributes))}
    </svg>
  );
}
