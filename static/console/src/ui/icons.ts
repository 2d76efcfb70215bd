/** The icons of the console. */

import Snooze from 'lucide/dist/esm/icons/alarm-clock.mjs';
import Back from 'lucide/dist/esm/icons/arrow-left.mjs';
import Up from 'lucide/dist/esm/icons/arrow-up.mjs';
import At from 'lucide/dist/esm/icons/at-sign.mjs';
import Bell from 'lucide/dist/esm/icons/bell.mjs';
import Book from 'lucide/dist/esm/icons/book-open.mjs';
import Bot from 'lucide/dist/esm/icons/bot.mjs';
import Check from 'lucide/dist/esm/icons/check.mjs';
import Checks from 'lucide/dist/esm/icons/check-check.mjs';
import Down from 'lucide/dist/esm/icons/chevron-down.mjs';
import Right from 'lucide/dist/esm/icons/chevron-right.mjs';
import Help from 'lucide/dist/esm/icons/circle-question-mark.mjs';
import Clock from 'lucide/dist/esm/icons/clock.mjs';
import Download from 'lucide/dist/esm/icons/download.mjs';
import More from 'lucide/dist/esm/icons/ellipsis.mjs';
import Eye from 'lucide/dist/esm/icons/eye.mjs';
import Face from 'lucide/dist/esm/icons/face-slightly-smiling.mjs';
import File from 'lucide/dist/esm/icons/file-text.mjs';
import Flag from 'lucide/dist/esm/icons/flag.mjs';
import Globe from 'lucide/dist/esm/icons/globe.mjs';
import Person from 'lucide/dist/esm/icons/headset.mjs';
import Window from 'lucide/dist/esm/icons/hourglass.mjs';
import Info from 'lucide/dist/esm/icons/info.mjs';
import Languages from 'lucide/dist/esm/icons/languages.mjs';
import Template from 'lucide/dist/esm/icons/layout-template.mjs';
import List from 'lucide/dist/esm/icons/list.mjs';
import Lock from 'lucide/dist/esm/icons/lock.mjs';
import Pin from 'lucide/dist/esm/icons/map-pin.mjs';
import Chat from 'lucide/dist/esm/icons/message-circle.mjs';
import Minus from 'lucide/dist/esm/icons/minus.mjs';
import Goods from 'lucide/dist/esm/icons/package.mjs';
import Clip from 'lucide/dist/esm/icons/paperclip.mjs';
import Pencil from 'lucide/dist/esm/icons/pencil.mjs';
import CallIn from 'lucide/dist/esm/icons/phone-incoming.mjs';
import CallMissed from 'lucide/dist/esm/icons/phone-missed.mjs';
import CallOut from 'lucide/dist/esm/icons/phone-outgoing.mjs';
import Plus from 'lucide/dist/esm/icons/plus.mjs';
import Quote from 'lucide/dist/esm/icons/reply.mjs';
import Search from 'lucide/dist/esm/icons/search.mjs';
import Send from 'lucide/dist/esm/icons/send.mjs';
import Settings from 'lucide/dist/esm/icons/settings.mjs';
import Prefs from 'lucide/dist/esm/icons/sliders-horizontal.mjs';
import Ai from 'lucide/dist/esm/icons/sparkles.mjs';
import Bad from 'lucide/dist/esm/icons/thumbs-down.mjs';
import Good from 'lucide/dist/esm/icons/thumbs-up.mjs';
import Alert from 'lucide/dist/esm/icons/triangle-alert.mjs';
import Offline from 'lucide/dist/esm/icons/wifi-off.mjs';
import Close from 'lucide/dist/esm/icons/x.mjs';
import Macro from 'lucide/dist/esm/icons/zap.mjs';
import { iconsOf } from '../../../shared/icons';

const NODES = {
  ai: Ai,
  back: Back,
  bell: Bell,
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
  callIn: CallIn,
  callOut: CallOut,
  callMissed: CallMissed,
  clip: Clip,
  search: Search,
  send: Send,
  settings: Settings,
  alert: Alert,
  close: Close,
  offline: Offline,
  up: Up,
  down: Down,
  right: Right,
  more: More,
  flag: Flag,
  eye: Eye,
  pencil: Pencil,
  quote: Quote,
  pin: Pin,
  good: Good,
  bad: Bad,
  minus: Minus,
  plus: Plus,
  download: Download,
  goods: Goods,
  book: Book,
  at: At,
  face: Face,
  template: Template,
  help: Help,
  prefs: Prefs,
  snooze: Snooze,
  window: Window,
  languages: Languages,
  list: List,
  macro: Macro,
};

export type IconName = keyof typeof NODES;
export const Icon = iconsOf(NODES, 16);

const CHANNELS: Record<string, IconName> = {
  web: 'globe',
  telegram: 'send',
  rostelecom: 'callIn',
};
export const channelIcon = (kind: string): IconName => CHANNELS[kind] ?? 'chat';
