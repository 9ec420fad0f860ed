import path from 'node:path';
import type { StoreFile, StoreFileSystem } from './file-system.ts';
import type { Citation } from './logged-change.ts';
import { decodeRecordHead, RECORD_HEADER_BYTES, segmentName } from './segment-format.ts';
import { hasChecksum } from './segment-walk.ts';
import { type Readable, windowOn } from './window.ts';

/** Whether payloads are what they were; reads them segment by segment, whole. */
export class PayloadCheck implements AsyncDisposable {
  readonly #folder: string;
  readonly #fileSystem: StoreFileSystem;
  #open:
    | {
        readonly segment: number;
        readonly file: StoreFile | undefined;
        readonly window: Readable | undefined;
      }
    | undefined;

  constructor(folder: string, fileSystem: StoreFileSystem) {
    this.#folder = folder;
    this.#fileSystem = fileSystem;
  }

  /** Undefined when there is none. */
  async problemOf(citation: Citation): Promise<string | undefined> {
    const file = await this.#windowOn(citation.segment);
    const name = segmentName(citation.segment);
    if (file === undefined) return `${name} is missing`;
    const headBytes = RECORD_HEADER_BYTES + Buffer.byteLength(citation.label);
    const at = citation.offset - headBytes;
    const head = at < 0 ? undefined : decodeRecordHead(await file.read(headBytes, at));
    const isOwn =
      head?.label === citation.label &&
      head.payloadLength === citation.length &&
      head.payloadCrc32 === citation.crc32;
    if (!isOwn) return `${name} has another header at ${at}`;
    if (await hasChecksum(file, citation)) return undefined;
    return `${name} has other bytes at ${citation.offset}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#open?.file?.[Symbol.asyncDispose]();
    this.#open = undefined;
  }

  async #windowOn(segment: number): Promise<Readable | undefined> {
    if (this.#open?.segment === segment) return this.#open.window;
    await this[Symbol.asyncDispose]();
    const name = path.join(this.#folder, segmentName(segment));
    const file = await this.#fileSystem.open(name, 'read').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    });
    const window = file && windowOn(file);
    this.#open = { segment, file, window };
    return window;
  }
}
