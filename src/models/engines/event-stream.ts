/**
 * The `data:` lines of an event stream, up to its end. Linear in its bytes, however they come: a line that is
 * not over yet is kept in pieces. A last line without its break was cut off, and is left out.
 */
export async function* eventData(
  chunks: AsyncIterable<Uint8Array>,
  bounds: { readonly maxLineLength: number; readonly tooLong: () => Error },
): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    let from = 0;
    for (;;) {
      const end = text.indexOf('\n', from);
      const piece = text.slice(from, end < 0 ? undefined : end);
      length += piece.length;
      if (length > bounds.maxLineLength) throw bounds.tooLong();
      pieces.push(piece);
      if (end < 0) break;
      const data = dataOf(pieces.length === 1 ? piece : pieces.join(''));
      pieces = [];
      length = 0;
      from = end + 1;
      if (data !== '') yield data;
    }
  }
}

function dataOf(line: string): string {
  if (!line.startsWith('data:')) return '';
  const start = line[5] === ' ' ? 6 : 5;
  return line.slice(start, line.endsWith('\r') ? -1 : undefined);
}
