/** The icons of the console. */

import Back from 'lucide/dist/esm/icons/arrow-left.mjs';
import Bot from 'lucide/dist/esm/icons/bot.mjs';
import Check from 'lucide/dist/esm/icons/check.mjs';
import Checks from 'lucide/dist/esm/icons/check-check.mjs';
import Clock from 'lucide/dist/esm/icons/clock.mjs';
import File from 'lucide/dist/esm/icons/file-text.mjs';
import Globe from 'lucide/dist/esm/icons/globe.mjs';
import Person from 'lucide/dist/esm/icons/headset.mjs';
import Info from 'lucide/dist/esm/icons/info.mjs';
import Lock from 'lucide/dist/esm/icons/lock.mjs';
import Chat from 'lucide/dist/esm/icons/message-circle.mjs';
import Clip from 'lucide/dist/esm/icons/paperclip.mjs';
import Search from 'lucide/dist/esm/icons/search.mjs';
import Send from 'lucide/dist/esm/icons/send.mjs';
import Settings from 'lucide/dist/esm/icons/settings.mjs';
import Theme from 'lucide/dist/esm/icons/sun-moon.mjs';
import Alert from 'lucide/dist/esm/icons/triangle-alert.mjs';
import Sound from 'lucide/dist/esm/icons/volume-2.mjs';
import Close from 'lucide/dist/esm/icons/x.mjs';
import { iconsOf } from '../../shared/icons';

const NODES = {
  back: Back,
  bot: Bot,
  check: Check,
  checks: Checks,
  clock: Clock,
  file: File,
  globe: Globe,
  person: Person,
  info: Info,
  lock: Lock,
  chat: Chat,
  clip: Clip,
  search: Search,
  send: Send,
  settings: Settings,
  theme: Theme,
  alert: Alert,
  sound: Sound,
  close: Close,
};

export type IconName = keyof typeof NODES;
export const Icon = iconsOf(NODES, 16);

const CHANNELS: Record<string, IconName> = { web: 'globe', telegram: 'send' };
export const channelIcon = (kind: string): IconName => CHANNELS[kind] ?? 'chat';
