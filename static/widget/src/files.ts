/** What may be attached, told before anything is uploaded. The server decides by the same list. */

export const MAX_BYTES = 15 * 1024 * 1024;
export const MAX_FILES = 10;
export const ENDINGS =
  'jpg jpeg png gif webp heic pdf txt csv rtf doc xls docx xlsx odt zip mp3 ogg m4a mp4 mov webm'.split(
    ' ',
  );
export const ACCEPT = ENDINGS.map((ending) => `.${ending}`).join(',');

export function trouble(file: { name: string; size: number }): 'type' | 'size' | 'empty' | null {
  const ending = file.name.split('.').pop()?.toLowerCase() ?? '';
  if (!ENDINGS.includes(ending)) {
    return 'type';
  }
  return file.size > MAX_BYTES ? 'size' : file.size ? null : 'empty';
}

/** A pasted picture has no name of its own. */
export function named(file: File): File {
  if (/\.\w+$/.test(file.name)) {
    return file;
  }
  const ending = file.type.split('/')[1]?.replace('jpeg', 'jpg') ?? 'png';
  return new File([file], `${file.name || 'image'}.${ending}`, { type: file.type });
}
