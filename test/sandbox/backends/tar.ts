/** Tar archives of a test, written and read by hand: ustar, with long names as GNU and pax write them. */
export interface TarEntry {
  readonly name: string;
  readonly type: 'file' | 'directory' | 'link' | 'other';
  readonly content: Buffer;
  readonly mode: number;
  readonly target: string;
}

export function file(name: string, content: string | Buffer, mode = 0o644): TarEntry {
  return { name, type: 'file', content: Buffer.from(content), mode, target: '' };
}

export function directory(name: string, mode = 0o755): TarEntry {
  return { name, type: 'directory', content: Buffer.alloc(0), mode, target: '' };
}

export function link(name: string, target: string): TarEntry {
  return { name, type: 'link', content: Buffer.alloc(0), mode: 0o777, target };
}

const FLAGS = { file: '0', directory: '5', link: '2', other: '6' } as const;

export function tarOf(entries: readonly TarEntry[]): Buffer {
  const blocks = entries.flatMap((entry) => [header(entry), padded(entry.content)]);
  return Buffer.concat([...blocks, Buffer.alloc(1_024)]);
}

function header({ name, type, content, mode, target }: TarEntry): Buffer {
  const block = Buffer.alloc(512);
  const octal = (value: number, width: number) => `${value.toString(8).padStart(width - 1, '0')}\0`;
  block.write(name, 0, 100);
  block.write(octal(mode, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(content.length, 12), 124);
  block.write(octal(Math.floor(Date.now() / 1_000), 12), 136);
  block.write('        ', 148);
  block.write(FLAGS[type], 156);
  block.write(target, 157, 100);
  block.write('ustar\x0000', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return block;
}

function padded(content: Buffer): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

export function readTar(tar: Buffer): readonly TarEntry[] {
  const entries: TarEntry[] = [];
  let longName: string | undefined;
  let longTarget: string | undefined;
  for (let at = 0; at + 512 <= tar.length && tar[at] !== 0; ) {
    const block = tar.subarray(at, at + 512);
    const text = (from: number, length: number) => {
      const bytes = block.subarray(from, from + length);
      const end = bytes.indexOf(0);
      return bytes.subarray(0, end < 0 ? length : end).toString();
    };
    const size = Number.parseInt(text(124, 12).trim() || '0', 8);
    const content = Buffer.from(tar.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
    const flag = text(156, 1) || '0';
    if (flag === 'L') longName = content.toString().replace(/\0$/, '');
    else if (flag === 'K') longTarget = content.toString().replace(/\0$/, '');
    else if (flag === 'x') {
      longName = /\d+ path=([^\n]*)\n/.exec(content.toString())?.[1] ?? longName;
      longTarget = /\d+ linkpath=([^\n]*)\n/.exec(content.toString())?.[1] ?? longTarget;
    } else if (flag !== 'g') {
      const prefix = text(257, 6) === 'ustar' ? text(345, 155) : '';
      const type =
        flag === '0' || flag === '7'
          ? 'file'
          : flag === '5'
            ? 'directory'
            : flag === '2'
              ? 'link'
              : 'other';
      entries.push({
        name: longName ?? (prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`),
        type,
        content,
        mode: Number.parseInt(text(100, 8).trim() || '0', 8),
        target: longTarget ?? text(157, 100),
      });
      longName = undefined;
      longTarget = undefined;
    }
  }
  return entries;
}
