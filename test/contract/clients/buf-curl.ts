import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import {
  type DescMethod,
  fromBinary,
  type JsonObject,
  type JsonValue,
  toJson,
} from '@bufbuild/protobuf';
import { ErrorDetailSchema } from '../../../gen/lachesis/v1/error_pb.ts';
import { root } from '../../../scripts/generate.ts';
import {
  type CallOptions,
  type CallOutcome,
  type ClientColumn,
  pathOf,
  type Target,
} from './contract-client.ts';

/** `buf curl` (Go) over gRPC, with the schema from the server's own reflection. */
export const bufCurlClient: ClientColumn = {
  name: 'buf curl',
  connect: async (target) => ({
    call: (method, requests, options) => call(target, method, requests, options),
    [Symbol.asyncDispose]: async () => {},
  }),
};

async function call(
  { host, port, token }: Target,
  method: DescMethod,
  requests: readonly JsonValue[],
  options: CallOptions = {},
): Promise<CallOutcome> {
  const child = spawn(bufProgram(), [
    'curl',
    '--protocol=grpc',
    '--http2-prior-knowledge',
    `--header=authorization: Bearer ${token}`,
    // Reflection first; the schema is for when a bad token is refused that too.
    '--reflect',
    '--reflect-header=*',
    `--schema=${root}`,
    '--data=@-',
    ...(options.timeoutMs === undefined ? [] : [`--timeout=${options.timeoutMs}ms`]),
    `http://${host}:${port}/${pathOf(method)}`,
  ]);
  const responses: JsonValue[] = [];
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    errors += text;
  });
  child.stdout.setEncoding('utf8').on(
    'data',
    splitJson((response) => {
      responses.push(response);
      options.onResponse?.(response);
      if (responses.length === options.cancelAfter) child.kill('SIGINT');
    }),
  );
  // A server that refuses early ends the program before it has read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(requests.map((request) => JSON.stringify(request)).join('\n'));
  const exitCode = await new Promise<number | null>((resolve) => child.on('close', resolve));
  if (exitCode === 0) return { code: 'ok', message: '', responses };
  return { ...outcomeOf(errors), responses };
}

/** The program itself: npm's wrapper around it would keep a signal for itself. */
function bufProgram(): string {
  const folder = path.join(root, 'node_modules', '@bufbuild');
  const platform = readdirSync(folder).find((name) => name.startsWith('buf-'));
  if (platform === undefined) throw new Error('buf is not installed: run npm ci.');
  return path.join(folder, platform, 'bin', process.platform === 'win32' ? 'buf.exe' : 'buf');
}

/** Messages are printed indented, so one ends at a brace in the first column. */
function splitJson(onMessage: (message: JsonValue) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    rest += text;
    for (let end = endOfMessage(rest); end > 0; end = endOfMessage(rest)) {
      onMessage(JSON.parse(rest.slice(0, end)));
      rest = rest.slice(end);
    }
  };
}

function endOfMessage(text: string): number {
  const match = /^\s*\{\}\n|\n\}\n/.exec(text);
  return match === null ? 0 : match.index + match[0].length;
}

interface CurlError {
  readonly code: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

function outcomeOf(errors: string): Omit<CallOutcome, 'responses'> {
  const start = errors.indexOf('{');
  if (start < 0) return { code: 'unknown', message: errors.trim() };
  const error: CurlError = JSON.parse(errors.slice(start));
  const detail = error.details?.find(({ type }) => type === ErrorDetailSchema.typeName);
  const outcome = { code: error.code, message: error.message ?? '' };
  if (detail === undefined) return outcome;
  const message = fromBinary(ErrorDetailSchema, Buffer.from(detail.value, 'base64'));
  return { ...outcome, detail: toJson(ErrorDetailSchema, message) as JsonObject };
}
