/** Files before they are uploaded: what the channel takes, and a smaller picture where it helps. */
import type { Capabilities, DraftFile } from '../types';
import { sizeText, t } from '../words';

export type Trouble = { text: string; canShrink: boolean } | null;

const DEFAULT_LIMIT = 20 * 1024 * 1024;
const SHRINK_FROM = 1.5 * 1024 * 1024;
const SIDE = 1920;

export const kindOf = (mime: string): string =>
  mime.startsWith('image/')
    ? 'image'
    : mime.startsWith('audio/')
      ? 'voice'
      : mime.startsWith('video/')
        ? 'video'
        : 'file';

/** Why a file cannot go through this channel, before it is uploaded. */
export function troubleWith(
  file: { size: number; type: string; name: string },
  channel: Capabilities | null,
): Trouble {
  const limit = Math.min(channel?.max_file_bytes || DEFAULT_LIMIT, DEFAULT_LIMIT);
  const kind = kindOf(file.type);
  const kinds = channel?.files ?? [];
  if (channel && !kinds.includes(kind) && !kinds.includes('file'))
    return { text: t('fileKind', file.name), canShrink: false };
  if (file.size > limit)
    return {
      text: t('fileSize', file.name, sizeText(file.size), sizeText(limit)),
      canShrink: isShrinkable(file),
    };
  return null;
}

export const isShrinkable = (file: { type: string }): boolean =>
  /^image\/(png|jpeg|webp)$/.test(file.type);
export const worthShrinking = (file: { type: string; size: number }): boolean =>
  isShrinkable(file) && file.size > SHRINK_FROM;

/** The picture at most 1920 pixels a side; the file itself where that saves nothing. */
export async function shrunk(file: File): Promise<File> {
  const picture = await createImageBitmap(file);
  const scale = Math.min(1, SIDE / Math.max(picture.width, picture.height));
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(picture.width * scale);
  canvas.height = Math.round(picture.height * scale);
  canvas.getContext('2d')!.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.85));
  if (!blob || blob.size >= file.size) return file;
  return new File([blob], file.name.replace(/\.\w+$/, '.jpg'), { type: 'image/jpeg' });
}

export const asDraft = (
  stored: { id: number; name: string; size: number },
  mime: string,
): DraftFile => ({ id: stored.id, name: stored.name, size: stored.size, mime });
