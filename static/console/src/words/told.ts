/** What went wrong in words: what happened, what is lost, what to do. */
import { isAway, isRefused } from '../net/api';
import { t } from '.';

export function told(error: unknown): string {
  if (isAway(error)) return t(error.isServer ? 'noServer' : 'noLine');
  if (!isRefused(error)) return t('brokeHere');
  if (error.message) return error.message;
  return error.status >= 500 ? t('serverBroke') : t('refusedBare', String(error.status));
}
