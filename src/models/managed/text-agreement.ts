/**
 * Whether an engine's own text is that of the ids it gave. Spaces are left out, since tokenizers put and
 * strip them at borders as they like, and so are characters that end within a token. The token that
 * closed the turn stands in the ids and often not in the text.
 */
export function textAgrees(
  text: string,
  decoded: { readonly all: string; readonly open: string },
): boolean {
  const given = bare(text);
  return given === bare(decoded.all) || given === bare(decoded.open);
}

function bare(text: string): string {
  return text.replaceAll(/[\s\u2581\ufffd]/g, '');
}
