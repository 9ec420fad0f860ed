/**
 * Whether an engine's own text is that of the ids it gave. Spaces are left out, since tokenizers put and
 * strip them at borders as they like, and so are characters that end within a token. The token that
 * closed the turn stands in the ids and often not in the text, and servers cut a stop string that they were
 * asked to end at out of the text, and keep its ids.
 */
export function textAgrees(
  text: string,
  decoded: { readonly all: string; readonly open: string },
  stops: readonly string[] = [],
): boolean {
  const given = bare(text);
  if (given === bare(decoded.all) || given === bare(decoded.open)) return true;
  return stops.some((stop) => {
    const at = stop === '' ? -1 : decoded.all.indexOf(stop);
    if (at < 0) return false;
    // A token that ends the stop string may hold more than it.
    const end = at + stop.length;
    return given === bare(decoded.all.slice(0, at)) || given === bare(decoded.all.slice(0, end));
  });
}

/** A text without what tokenizers put and strip at borders. */
export function bare(text: string): string {
  return text.replaceAll(/[\s\u2581\ufffd]/g, '');
}
