import * as http from 'node:http';
import { gunzipSync } from 'node:zlib';
import { type Broker, createMemoryBroker } from '../../../src/broker/index.ts';
import { withoutPythonNumbers } from '../../../src/gateways/atropos/json-slices.ts';
import {
  type AtroposGateway,
  type AtroposOptions,
  startAtroposGateway,
} from '../../../src/gateways/index.ts';

export interface Answered {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Parsed where it is JSON. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any shape, looked at by a test
  readonly body: any;
  readonly text: string;
}

export interface Sent {
  readonly method?: string;
  readonly body?: unknown;
  /** Sent as it is, in place of `body`. */
  readonly bytes?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request as `fetch` can't make it: a GET may have a body, and nothing is decompressed unseen. */
export function ask(address: string, path: string, sent: Sent = {}): Promise<Answered> {
  const bytes =
    sent.bytes ?? (sent.body === undefined ? undefined : Buffer.from(JSON.stringify(sent.body)));
  const size = bytes === undefined ? {} : { 'content-length': String(Buffer.byteLength(bytes)) };
  return new Promise((resolve, reject) => {
    const request = http.request(
      `${address}${path}`,
      {
        method:
          sent.method ?? (sent.body === undefined && sent.bytes === undefined ? 'GET' : 'POST'),
        headers: { 'content-type': 'application/json', ...size, ...sent.headers },
        agent: false,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          const raw = Buffer.concat(chunks);
          const plain = response.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw;
          const text = plain.toString('utf8');
          const isJson = String(response.headers['content-type']).startsWith('application/json');
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            // As Python reads it: a batch may hold NaN where that was pushed.
            body: isJson ? JSON.parse(withoutPythonNumbers(text) ?? text) : text,
            text,
          });
        });
      },
    );
    request.on('error', reject);
    request.end(bytes);
  });
}

export interface TestGateway extends AsyncDisposable {
  readonly gateway: AtroposGateway;
  readonly broker: Broker;
  readonly address: string;
  ask(path: string, sent?: Sent): Promise<Answered>;
  /** Registers a trainer, and asks for the first batch, as one does. */
  begin(batchSize: number, more?: object): Promise<void>;
  register(name?: string, more?: object): Promise<number>;
  push(group: object): Promise<Answered>;
}

export async function startTestGateway(
  options: Partial<AtroposOptions> = {},
): Promise<TestGateway> {
  const broker = options.broker ?? createMemoryBroker();
  const gateway = await startAtroposGateway({ ...options, broker });
  const { address } = gateway;
  const send = (path: string, sent?: Sent): Promise<Answered> => ask(address, path, sent);
  return {
    gateway,
    broker,
    address,
    ask: send,
    begin: async (batchSize, more = {}) => {
      await send('/register', { body: { ...trainer, batch_size: batchSize, ...more } });
      await send('/batch');
    },
    register: async (name = 'gsm8k', more = {}) => {
      const answer = await send('/register-env', {
        body: { ...environment, desired_name: name, ...more },
      });
      return answer.body.env_id;
    },
    push: (group) => send('/scored_data', { body: group }),
    [Symbol.asyncDispose]: async () => {
      await gateway[Symbol.asyncDispose]();
      if (options.broker === undefined) await broker.close();
    },
  };
}

export const trainer = {
  wandb_group: 'group',
  wandb_project: 'project',
  batch_size: 4,
  max_token_len: 2048,
  checkpoint_dir: '/tmp/checkpoints',
  save_checkpoint_interval: 10,
  starting_step: 0,
  num_steps: 100,
};

export const environment = {
  max_token_length: 2048,
  desired_name: 'gsm8k',
  weight: 1.0,
  group_size: 2,
  min_batch_allocation: null,
};

/** A group of `sequences`, told apart by its first token. */
export function group(sequences: number, mark = 7, more: object = {}): object {
  const rows = Array.from({ length: sequences }, (_, i) => [mark, 11 + i, 12, 13]);
  return {
    tokens: rows,
    masks: rows.map((row) => [-100, -100, ...row.slice(2)]),
    scores: rows.map((_, i) => i % 2),
    ...more,
  };
}

export const EVERY_KEY = [
  'tokens',
  'masks',
  'scores',
  'advantages',
  'ref_logprobs',
  'messages',
  'generation_params',
  'inference_logprobs',
  'overrides',
  'group_overrides',
  'images',
  'env_id',
  'distill_token_ids',
  'distill_logprobs',
];
