import { expect, test } from 'vitest';
import { eventData } from '../../../src/models/engines/event-stream.ts';

const tooLong = () => new Error('too long');

async function* bytesOf(...chunks: (string | Uint8Array)[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) yield typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
}

async function read(chunks: AsyncIterable<Uint8Array>, maxLineLength = 1_000): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of eventData(chunks, { maxLineLength, tooLong })) lines.push(line);
  return lines;
}

test('lines come out whole however they are cut, in bytes and in characters', async () => {
  const text = ': hello\r\ndata: {"a":"é😀"}\r\n\r\nevent: x\ndata:b\n\ndata: c  \n';
  const bytes = [...Buffer.from(text)].map((byte) => Uint8Array.of(byte));
  const wanted = ['{"a":"é😀"}', 'b', 'c  '];
  expect(await read(bytesOf(text))).toEqual(wanted);
  expect(await read(bytesOf(...bytes))).toEqual(wanted);
});

test('a last line without its break was cut off', async () => {
  expect(await read(bytesOf('data: a\ndata: b'))).toEqual(['a']);
});

test('a line that does not end is refused at its bound, and not kept whole', async () => {
  let given = 0;
  async function* endless() {
    for (;;) {
      given += 100;
      yield Buffer.alloc(100, 'a');
    }
  }
  await expect(read(endless())).rejects.toThrow('too long');
  expect(given).toBeLessThanOrEqual(1_100);
});
