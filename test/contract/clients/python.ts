import { spawn } from 'node:child_process';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { JsonValue } from '@bufbuild/protobuf';
import { root } from '../../../scripts/generate.ts';
import { ensurePython, pythonSource } from '../../../scripts/python.ts';
import {
  type CallOptions,
  type CallOutcome,
  type ClientColumn,
  pathOf,
} from './contract-client.ts';

const ready = await ensurePython();

type Line = { readonly id: number } & (
  | { readonly response: JsonValue }
  | { readonly outcome: Omit<CallOutcome, 'responses'> }
);

interface Waiting {
  readonly options: CallOptions;
  readonly responses: JsonValue[];
  readonly resolve: (outcome: CallOutcome) => void;
  readonly reject: (error: Error) => void;
}

/** grpcio with the generated stubs: one child process per server, see python/tests/calls.py. */
export const pythonClient: ClientColumn = {
  name: 'Python grpcio',
  ...('skipped' in ready ? { skipped: ready.skipped } : {}),
  connect: async ({ host, port, token }) => {
    if ('skipped' in ready) throw new Error(ready.skipped);
    const script = path.join(root, 'python', 'tests', 'calls.py');
    const child = spawn(ready.python, [script, `${host}:${port}`, token], {
      env: { ...process.env, PYTHONPATH: pythonSource },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const waiting = new Map<number, Waiting>();
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      errors += text;
    });
    createInterface(child.stdout).on('line', (text) => take(JSON.parse(text), waiting));
    const ended = new Promise<void>((resolve) => {
      child.on('close', () => {
        for (const { reject } of waiting.values()) reject(new Error(`calls.py ended: ${errors}`));
        resolve();
      });
    });
    let calls = 0;
    return {
      call: (method, requests, options = {}) => {
        const id = ++calls;
        const timeout = options.timeoutMs === undefined ? undefined : options.timeoutMs / 1000;
        const order = { id, method: pathOf(method), requests, timeout };
        child.stdin.write(`${JSON.stringify({ ...order, cancelAfter: options.cancelAfter })}\n`);
        return new Promise<CallOutcome>((resolve, reject) => {
          waiting.set(id, { options, responses: [], resolve, reject });
        });
      },
      [Symbol.asyncDispose]: async () => {
        child.stdin.end();
        await ended;
      },
    };
  },
};

function take(line: Line, waiting: Map<number, Waiting>): void {
  const call = waiting.get(line.id);
  if (call === undefined) return;
  if ('response' in line) {
    call.responses.push(line.response);
    call.options.onResponse?.(line.response);
    return;
  }
  waiting.delete(line.id);
  call.resolve({ ...line.outcome, responses: call.responses });
}
