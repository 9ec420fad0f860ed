import { type Deadline, startDeadline } from '../../../async/index.ts';
import { errorMessage, invalidInput, LachesisError } from '../../../errors.ts';
import { CacheFolder, type KeptCopy } from './cache-folder.ts';
import { shownUrl } from './shown-url.ts';

/** How a file that a URL names comes to this machine; of no meaning for a path. */
export interface DownloadOptions {
  /** The folder for copies. Default: one of this user's among the system's temporary files. */
  readonly cache?: string;
  /** Of the whole download. Default: 10 minutes. */
  readonly downloadTimeoutMs?: number;
  /** Of the file; more is refused. Default: 4 GiB. */
  readonly maxDownloadBytes?: number;
  /** Told when a kept copy is used because the server did not answer. Default: a warning of the process. */
  readonly onWarning?: (message: string) => void;
}

const DEFAULT_TIMEOUT_MS = 600_000;
const DEFAULT_MAX_BYTES = 4 * 1024 ** 3;

/** The server gave no answer, or half of one; a copy from before is as good as it was. */
class Unreachable extends LachesisError {}

/**
 * The path of a copy of what a URL names. A kept copy is used when the server says that it is still
 * the same (ETag or Last-Modified), and, with a warning, when the server can't be reached or fails. When
 * the server refuses (4xx), it is refused here too: the data may be gone for a reason.
 */
export async function downloadedFile(
  text: string,
  options: DownloadOptions,
  signal?: AbortSignal,
): Promise<string> {
  const shown = shownUrl(text);
  const { href, headers } = addressOf(text, shown);
  const cache = await CacheFolder.open({ href, shown }, options.cache);
  const kept = await cache.current();
  const timeoutMs = options.downloadTimeoutMs ?? DEFAULT_TIMEOUT_MS;
  using deadline = startDeadline({
    timeoutMs,
    signal,
    reason: () =>
      new Unreachable('deadline_exceeded', `${shown} did not come within ${timeoutMs} ms.`, {
        reason: 'DOWNLOAD_TIMEOUT',
        field: shown,
        remedy: 'Raise downloadTimeoutMs, or download the file first and give its path.',
      }),
  });
  try {
    return await fetched({ href, shown, headers, cache, kept, deadline, options });
  } catch (error) {
    if (!(error instanceof Unreachable) || kept === undefined) throw error;
    const warn = options.onWarning ?? emitWarning;
    warn(`${errorMessage(error)} The copy from before is used: ${kept.path}`);
    return kept.path;
  }
}

interface Fetch {
  readonly href: string;
  readonly shown: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly cache: CacheFolder;
  readonly kept: KeptCopy | undefined;
  readonly deadline: Deadline;
  readonly options: DownloadOptions;
}

async function fetched(given: Fetch): Promise<string> {
  const { href, shown, cache, kept, deadline, options } = given;
  const headers = {
    ...given.headers,
    // So that length and ETag are those of the file itself.
    'accept-encoding': 'identity',
    ...(kept !== undefined && kept.etag !== '' && { 'if-none-match': kept.etag }),
    ...(kept !== undefined &&
      kept.lastModified !== '' && { 'if-modified-since': kept.lastModified }),
  };
  const response = await reached(given, () => fetch(href, { headers, signal: deadline.signal }));
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel().catch(() => {});
    if (response.status === 304 && kept !== undefined) return kept.path;
    throw refusal(shown, response.status);
  }
  const maxBytes = options.maxDownloadBytes ?? DEFAULT_MAX_BYTES;
  const reader = response.body.getReader();
  const length = lengthOf(response);
  try {
    if (length !== undefined && length > maxBytes) throw tooLarge(shown, maxBytes);
    return await cache.keep(async (append) => {
      let received = 0;
      while (true) {
        // A body that is cut off rejects here.
        const { done, value } = await reached(given, () => reader.read());
        if (done) break;
        received += value.length;
        if (received > maxBytes) throw tooLarge(shown, maxBytes);
        await append(value);
      }
      return {
        etag: response.headers.get('etag') ?? '',
        lastModified: response.headers.get('last-modified') ?? '',
      };
    });
  } finally {
    await reader.cancel().catch(() => {});
  }
}

/** Without user and password, which `fetch` takes as a header alone. */
function addressOf(
  text: string,
  shown: string,
): { readonly href: string; readonly headers: Readonly<Record<string, string>> } {
  if (!URL.canParse(text)) throw invalidInput(shown, 'is no URL.');
  const url = new URL(text);
  const { username, password } = url;
  url.username = '';
  url.password = '';
  url.hash = '';
  if (username === '' && password === '') return { href: url.href, headers: {} };
  const plain = [username, password].map(decoded).join(':');
  const authorization = `Basic ${Buffer.from(plain).toString('base64')}`;
  return { href: url.href, headers: { authorization } };
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The whole file's, where the server says it of the bytes that it sends. */
function lengthOf({ headers }: Response): number | undefined {
  const text = headers.get('content-length');
  return text === null || headers.has('content-encoding') ? undefined : Number(text);
}

/** What fails in here is the network's failure, unless the deadline or the caller's signal ended it. */
async function reached<Result>(
  { shown, deadline }: Fetch,
  act: () => Promise<Result>,
): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    if (deadline.signal.aborted) throw deadline.signal.reason;
    // The error of `fetch` itself says no more than that it failed.
    const { cause } = error as { readonly cause?: NodeJS.ErrnoException };
    const problem = cause?.message || cause?.code || errorMessage(error);
    throw unreachable(shown, `can't be downloaded: ${problem}`, error);
  }
}

function unreachable(shown: string, problem: string, cause?: unknown): LachesisError {
  return new Unreachable('infrastructure_error', `${shown} ${problem}.`, {
    reason: 'DOWNLOAD_FAILED',
    field: shown,
    cause,
  });
}

function refusal(shown: string, status: number): LachesisError {
  // "Later" and "our fault"; all others are about what was asked for.
  if (status === 408 || status === 429 || status >= 500) {
    return unreachable(shown, `can't be downloaded now: the server answers ${status}`);
  }
  return new LachesisError('invalid_input', `${shown} can't be downloaded: ${status}.`, {
    reason: 'TASK_FILE_UNREADABLE',
    field: shown,
    remedy: 'Check the URL, and whether it may be read without logging in.',
  });
}

function tooLarge(shown: string, maxBytes: number): LachesisError {
  return new LachesisError('invalid_input', `${shown} has more than ${maxBytes} bytes.`, {
    reason: 'TASK_FILE_TOO_LARGE',
    field: shown,
    remedy: 'Raise maxDownloadBytes, or download the file first and give its path.',
  });
}

function emitWarning(message: string): void {
  process.emitWarning(message, { type: 'LachesisWarning', code: 'TASK_FILE_KEPT_COPY' });
}
