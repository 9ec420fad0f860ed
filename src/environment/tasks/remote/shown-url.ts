/** A URL as messages and files may show it: without user, password, query and fragment, any of which may be a secret. */
export function shownUrl(text: string): string {
  if (!URL.canParse(text)) return 'the URL of the tasks';
  const { origin, pathname, search } = new URL(text);
  return `${origin}${pathname}${search === '' ? '' : '?…'}`;
}
