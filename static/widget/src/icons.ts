/** The icons of the chat. */

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
import { iconsOf } from '../../shared/icons';

export const Icon = iconsOf(
  {
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
  },
  20,
);
