import type { CapturedOutput } from '../contract/command.ts';
import { outputBytes } from '../exec/output-capture.ts';
import type { StateLoss } from './shell.ts';

/** Longest name of a directory that Linux takes. */
const MAX_CWD_BYTES = 4_096;
const MAX_NAMES_BYTES = 65_536;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/**
 * What lasts of a shell from one command to the next. It comes out of the sandbox, where anybody may have
 * written it, and is never used but in there: as text that its bash evaluates.
 */
export interface ShellState {
  /** Absolute. */
  readonly cwd: string;
  /** Bash text, each part to be evaluated by itself. */
  readonly parts: readonly Uint8Array[];
  /** Names of the variables that a fresh bash has; undefined until one told. */
  readonly freshNames: readonly string[] | undefined;
}

/** What a call told by its frames. */
export interface ToldState {
  /** Or why there is none. */
  readonly state: Pick<ShellState, 'cwd' | 'parts'> | StateLoss;
  readonly freshNames: readonly string[] | undefined;
}

/** Reads the frames of the call of this nonce; whatever is not one of them is passed over. */
export function readFrames(
  captured: CapturedOutput,
  { nonce, maxStateBytes }: { readonly nonce: string; readonly maxStateBytes: number },
): ToldState {
  const sides =
    captured.omittedBytes === 0
      ? [Buffer.from(outputBytes(captured))]
      : [Buffer.from(captured.head), Buffer.from(captured.tail)];
  const [first, last] = [sides.at(0), sides.at(-1)];
  return {
    state: last === undefined ? 'ended' : readState(last, nonce, maxStateBytes),
    freshNames: first && readNames(first, nonce),
  };
}

function readState(bytes: Buffer, nonce: string, maxStateBytes: number): ToldState['state'] {
  const beginMark = `\0${nonce} state\0`;
  const begin = bytes.lastIndexOf(beginMark);
  const endMark = `\0${nonce} end\0`;
  // Only the end of a state that is far too large is here.
  if (begin < 0) return bytes.includes(endMark) ? 'too_large' : 'ended';
  const start = begin + beginMark.length;
  const end = bytes.indexOf(endMark, start);
  if (end < 0) return 'ended';
  if (end - start > maxStateBytes) return 'too_large';
  const [cwdField, ...parts] = fieldsOf(bytes.subarray(start, end));
  // `pwd` ends its line; the name itself may end in one too.
  const cwdBytes = cwdField?.subarray(0, -1);
  if (cwdBytes === undefined || cwdBytes.length > MAX_CWD_BYTES) return 'directory_name';
  const cwd = cwdBytes.toString('utf8');
  // A name that is no UTF-8 can't be told to the sandbox again.
  if (!cwd.startsWith('/') || !Buffer.from(cwd).equals(cwdBytes)) return 'directory_name';
  return { cwd, parts: parts.filter(({ length }) => length > 0).map((part) => Buffer.from(part)) };
}

function readNames(bytes: Buffer, nonce: string): readonly string[] | undefined {
  const mark = `\0${nonce} names\0`;
  const begin = bytes.indexOf(mark);
  const end = begin < 0 ? -1 : bytes.indexOf(0, begin + mark.length);
  if (end < 0 || end - begin > MAX_NAMES_BYTES) return undefined;
  const text = bytes.subarray(begin + mark.length, end).toString('latin1');
  return text.split('\n').filter((name) => NAME.test(name));
}

function fieldsOf(bytes: Buffer): Buffer[] {
  const fields: Buffer[] = [];
  for (let at = 0; at <= bytes.length; ) {
    const end = bytes.indexOf(0, at);
    const stop = end < 0 ? bytes.length : end;
    fields.push(bytes.subarray(at, stop));
    at = stop + 1;
  }
  return fields;
}

/** Fields that end in NUL, as a bootstrap reads them. */
export function nulFields(fields: readonly (string | Uint8Array)[]): Uint8Array {
  const nul = Buffer.from([0]);
  return Buffer.concat(fields.flatMap((field) => [Buffer.from(field as string), nul]));
}

/** The parts to evaluate, ended as a bootstrap expects it. What the state unset stays unset. */
export function stateFields({ parts, freshNames = [] }: ShellState): (string | Uint8Array)[] {
  if (parts.length === 0) return [''];
  const unset = freshNames.length === 0 ? [] : [`builtin unset -v ${freshNames.join(' ')}`];
  return [...unset, ...parts, ''];
}
