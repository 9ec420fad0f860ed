import { type GgufBytes, openGguf } from './gguf-bytes.ts';

/** A value of a GGUF file's metadata. 64-bit integers are numbers where they are safe as such. */
export type GgufValue = number | bigint | boolean | string | readonly (number | string)[];

export type GgufMetadata = ReadonlyMap<string, GgufValue>;

export interface GgufMetadataOptions {
  /** Whether a key's value is kept; the others are only passed over. */
  readonly wants: (key: string) => boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads the key and value pairs at the head of a GGUF file, never its tensors. The format is that of
 * docs/gguf.md in ggml-org/ggml at 01f0d4da3e44: versions 2 and 3, little endian.
 * @throws invalid_input (`GGUF_INVALID`) for what is no such file, naming it.
 */
export async function readGgufMetadata(
  file: string,
  { wants, signal }: GgufMetadataOptions,
): Promise<GgufMetadata> {
  await using bytes = await openGguf(file, signal);
  await bytes.need(HEADER_BYTES);
  if (bytes.u32() !== MAGIC) throw bytes.refuse('is no GGUF file');
  const version = bytes.u32();
  if (version !== 2 && version !== 3) {
    const isBig = version === 0x0200_0000 || version === 0x0300_0000;
    throw bytes.refuse(isBig ? 'is big endian' : `is GGUF of version ${version}`);
  }
  bytes.u64();
  const count = bytes.u64();
  if (count > MAX_KEYS) throw bytes.refuse(`says that it has ${count} keys`);
  const found = new Map<string, GgufValue>();
  for (let i = 0; i < count; i++) {
    const key = await readText(bytes, MAX_KEY_BYTES);
    await bytes.need(4);
    const type = bytes.u32();
    const isWanted = wants(key);
    const value =
      type === ARRAY ? await readArray(bytes, key, isWanted) : await readScalar(bytes, type, key);
    if (isWanted && value !== undefined) found.set(key, value);
  }
  return found;
}

const MAGIC = 0x4655_4747;
const HEADER_BYTES = 24;
const MAX_KEYS = 65_536;
const MAX_KEY_BYTES = 65_535;
const MAX_TEXT_BYTES = 16 << 20;
/** Of what is kept: four times the largest vocabulary's merges. */
const MAX_ITEMS = 4_000_000;

const STRING = 8;
const ARRAY = 9;
/** Bytes of the scalar types, by their numbers. */
const SIZES: Readonly<Record<number, number>> = {
  0: 1,
  1: 1,
  2: 2,
  3: 2,
  4: 4,
  5: 4,
  6: 4,
  7: 1,
  10: 8,
  11: 8,
  12: 8,
};

async function readText(bytes: GgufBytes, most: number): Promise<string> {
  const length = await readLength(bytes, most);
  const wait = bytes.need(length);
  if (wait !== undefined) await wait;
  return bytes.text(length);
}

async function readLength(bytes: GgufBytes, most: number): Promise<number> {
  const wait = bytes.need(8);
  if (wait !== undefined) await wait;
  const length = bytes.u64();
  if (length > most) throw bytes.refuse(`has a text of ${length} bytes`);
  return length;
}

async function readScalar(
  bytes: GgufBytes,
  type: number,
  key: string,
): Promise<Exclude<GgufValue, readonly unknown[]>> {
  if (type === STRING) return readText(bytes, MAX_TEXT_BYTES);
  const size = SIZES[type];
  if (size === undefined) throw bytes.refuse(`has a value of unknown type ${type} for ${key}`);
  const wait = bytes.need(size);
  if (wait !== undefined) await wait;
  switch (type) {
    case 0:
      return bytes.byte();
    case 1:
      return (bytes.byte() << 24) >> 24;
    case 2:
      return bytes.byte() | (bytes.byte() << 8);
    case 3:
      return ((bytes.byte() | (bytes.byte() << 8)) << 16) >> 16;
    case 4:
      return bytes.u32();
    case 5:
      return bytes.i32();
    case 6:
      return bytes.f32();
    case 7:
      return bytes.byte() !== 0;
    case 12:
      return bytes.f64();
    default: {
      const value = bytes.i64();
      const whole = type === 10 ? BigInt.asUintN(64, value) : value;
      return Number.isSafeInteger(Number(whole)) ? Number(whole) : whole;
    }
  }
}

async function readArray(
  bytes: GgufBytes,
  key: string,
  isWanted: boolean,
): Promise<readonly (number | string)[] | undefined> {
  await bytes.need(12);
  const type = bytes.u32();
  const length = bytes.u64();
  const size = type === STRING ? 8 : SIZES[type];
  // llama.cpp reads no lists of lists either.
  if (size === undefined) throw bytes.refuse(`has a list of unknown type ${type} for ${key}`);
  bytes.expect(length * size);
  if (isWanted && length > MAX_ITEMS) throw bytes.refuse(`has ${length} items for ${key}`);
  if (type !== STRING && !isWanted) {
    bytes.skip(length * size);
    return undefined;
  }
  const items: (number | string)[] = [];
  for (let i = 0; i < length; i++) {
    if (!isWanted) bytes.skip(await readLength(bytes, Number.MAX_SAFE_INTEGER));
    else {
      const item = await readScalar(bytes, type, key);
      items.push(typeof item === 'string' ? item : Number(item));
    }
  }
  return isWanted ? items : undefined;
}
