import { type FileContent, InMemoryFs } from 'just-bash';

type Taker = (bytes: Uint8Array) => Promise<void>;
type AppendOptions = Parameters<InMemoryFs['appendFile']>[2];

/** The files of one sandbox. What is appended to a path of `streams` is taken by somebody, and not kept. */
export class SandboxFiles extends InMemoryFs {
  readonly streams = new Map<string, Taker>();

  override async appendFile(
    path: string,
    content: FileContent,
    options?: AppendOptions,
  ): Promise<void> {
    const take = this.streams.get(path);
    if (take === undefined) return await super.appendFile(path, content, options);
    const encoding = typeof options === 'string' ? options : options?.encoding;
    await take(typeof content === 'string' ? Buffer.from(content, encoding) : content);
  }
}
