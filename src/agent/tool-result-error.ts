import { type MemberSpan, scanJson, skipJsonSpace } from '../parsers/index.ts';

/** What a result's own text says of its failure. */
export interface ToolResultError {
  readonly message: string;
  /** Only a negative exit code makes a {@link ToolError} row, as in the seed. */
  readonly isReported: boolean;
}

/**
 * The seed's rule: a result that is a JSON object has failed when its `error` is truthy or its
 * `exit_code` is a negative integer (not a float, not a string). Anything else is fine.
 */
export function toolResultError(text: string): ToolResultError | undefined {
  const start = skipJsonSpace(text, 0);
  // Most results are plain text, and most objects hold neither key: parse no more than needed.
  if (text[start] !== '{' || !/"(?:error|exit_code|[^"]*\\u)/.test(text)) return undefined;
  const members: MemberSpan[] = [];
  const scan = scanJson(text, start, members);
  if (scan.kind !== 'complete' || skipJsonSpace(text, scan.end) !== text.length) return undefined;

  let error = '';
  let exitCode = '';
  for (const { key, value } of members) {
    const name: unknown = JSON.parse(text.slice(key.start, key.end));
    if (name === 'error') error = text.slice(value.start, value.end);
    if (name === 'exit_code') exitCode = text.slice(value.start, value.end);
  }
  const isNegative = /^-[1-9]\d*$/.test(exitCode);
  const hasError = isPythonTruthy(error);
  if (!isNegative && !hasError) return undefined;
  return { message: hasError ? plain(error) : 'nonzero exit_code', isReported: isNegative };
}

/** Python's truth of a JSON value, by its text. */
function isPythonTruthy(json: string): boolean {
  if (json === '' || json === 'null' || json === 'false' || json === '""') return false;
  if (json.startsWith('{') || json.startsWith('['))
    return skipJsonSpace(json, 1) !== json.length - 1;
  return json.startsWith('"') || json === 'true' || Number(json) !== 0;
}

function plain(json: string): string {
  return json.startsWith('"') ? (JSON.parse(json) as string) : json;
}
