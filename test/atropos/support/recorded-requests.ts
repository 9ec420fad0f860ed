import { gzipSync } from 'node:zlib';
import { environment, group, type Sent, trainer } from '../../gateways/atropos/support.ts';
import type { AcceptedName } from './accepted-differences.ts';

/** A request, and the differences that its two answers have. */
export type RecordedRequest = readonly [
  path: string,
  sent?: Sent,
  ...differences: readonly AcceptedName[],
];

/** Requests in order, against a server that knows nothing yet. */
export interface Scenario {
  readonly name: string;
  readonly requests: readonly RecordedRequest[];
}

type Names = readonly AcceptedName[];
const register: RecordedRequest = ['/register', { body: trainer }];
const get = (path: string, ...names: Names): RecordedRequest => [path, {}, ...names];
const registerEnv = (more: object = {}, ...names: Names): RecordedRequest => [
  '/register-env',
  { body: { ...environment, ...more } },
  ...names,
];
const push = (body: unknown, ...names: Names): RecordedRequest => [
  '/scored_data',
  { body },
  ...names,
];
const raw = (
  bytes: string | Uint8Array,
  headers: Sent['headers'] = {},
  ...names: Names
): RecordedRequest => ['/scored_data', { bytes, headers }, ...names];
const statusEnv = (env_id: unknown, ...names: Names): RecordedRequest => [
  '/status-env',
  { method: 'GET', body: { env_id } },
  ...names,
];
const disconnect = (env_id: unknown, ...names: Names): RecordedRequest => [
  '/disconnect-env',
  { body: { env_id } },
  ...names,
];
const begin: readonly RecordedRequest[] = [register, ['/batch'], registerEnv()];
const gzip = { 'content-encoding': 'gzip' };
const accept = { headers: { 'accept-encoding': 'gzip' } };

const nullLogprob =
  '{"tokens":[[1,2]],"masks":[[-100,2]],"scores":[1.0],"inference_logprobs":[[1.0,null]]}';

/** Everything that a ScoredData can say. */
const full = {
  ...group(2, 9, { env_id: 0 }),
  advantages: [
    [0, 0, 0.5, 0.25],
    [0, 0, -0.5, 1],
  ],
  ref_logprobs: [
    [1, 1, -0.125, -0.1],
    [1, 1, -2, -0.3],
  ],
  inference_logprobs: [
    [1, 1, -0.5, -0.1234567890123],
    [1, 1, -1, -3.25],
  ],
  messages: [
    [
      { role: 'user', content: 'hi', reward: 1 },
      { role: 'robot', content: null },
    ],
    [{ role: 'assistant', content: [{ type: 'text', text: 'ö' }], tool_calls: [] }],
  ],
  generation_params: { temperature: 0.7, top_p: 1, stop: ['a'] },
  overrides: [{ set_advantage_to_zero: true }, {}],
  group_overrides: { temperature: 0.5 },
  images: [null, { data: 'aGk=' }],
  distill_token_ids: [
    [
      [1, 2],
      [3, 4],
      [5, 6],
      [7, 8],
    ],
    [[1], [], [2, 3], [4]],
  ],
  distill_logprobs: [
    [
      [-0.5, -1],
      [-0.25, -2],
      [-1, -1],
      [-3, -0.1],
    ],
    [[-1], [], [-0.5, -0.75], [-2]],
  ],
  not_a_field: 1,
};

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'fresh',
    requests: [
      ['/'],
      ['/info'],
      ['/wandb_info'],
      ['/status'],
      ['/batch'],
      ['/latest_example'],
      registerEnv(),
      disconnect(0, 'pythonWords'),
      statusEnv(0, 'unknownEnvironment'),
      ['/nothing'],
      ['/register'],
    ],
  },
  {
    name: 'registration',
    requests: [
      register,
      ['/register', { body: { ...trainer, batch_size: 8, wandb_group: 'other' } }],
      ['/info'],
      ['/wandb_info'],
      ['/status'],
      registerEnv(),
      ['/batch'],
      registerEnv(),
      registerEnv({ max_token_length: 6144 }),
      registerEnv({ desired_name: 'math' }),
      statusEnv(1),
      get('/status-env?env_id=1', 'statusForms'),
      ['/status-env', { body: { env_id: 1 } }, 'statusForms'],
      disconnect(1),
      statusEnv(0),
      ['/register', { body: { ...trainer, wandb_group: null } }],
      ['/register', { body: {} }],
      registerEnv({ desired_name: null }),
      registerEnv({ weight: '0.5', group_size: '2', max_token_length: 2048.0 }),
      registerEnv({ min_batch_allocation: 5 }, 'shareRange'),
    ],
  },
  {
    name: 'short queue',
    requests: [
      ...begin,
      push(group(2, 1, { env_id: 0 })),
      ['/batch'],
      ['/status'],
      push(group(2, 2, { env_id: 0 })),
      ['/status'],
      statusEnv(0),
      ['/batch'],
      ['/batch'],
      ['/status'],
      ['/latest_example'],
    ],
  },
  {
    name: 'several batches',
    requests: [
      ...begin,
      push(group(4, 1)),
      push(group(4, 2)),
      push(group(4, 3)),
      get('/batch', 'order'),
      get('/status', 'step'),
      ['/batch'],
      get('/batch', 'order'),
      ['/status'],
    ],
  },
  {
    name: 'unknown environment',
    requests: [
      ...begin,
      push(group(2, 1, { env_id: 7 })),
      disconnect(12, 'pythonWords'),
      statusEnv(8, 'unknownEnvironment'),
      push(group(2, 1, { env_id: null })),
      ['/batch'],
    ],
  },
  {
    name: 'negative environment',
    requests: [
      ...begin,
      disconnect(-1, 'negativeId'),
      statusEnv(-1, 'negativeId'),
      push(group(2, 1, { env_id: -1 }), 'negativeId'),
    ],
  },
  {
    name: 'masks',
    requests: [
      ...begin,
      push(full),
      push(
        group(2, 3, {
          masks: [
            [-100, -100, -100, -100],
            [7, 8, -100, 99],
          ],
        }),
      ),
      ['/latest_example'],
      ['/batch', accept],
    ],
  },
  {
    name: 'empty lists of the SDK',
    requests: [
      ...begin,
      push({
        ...group(2, 1, { env_id: 0 }),
        advantages: [],
        ref_logprobs: [],
        messages: [],
        overrides: [],
        images: [],
        group_overrides: {},
      }),
      ['/latest_example'],
    ],
  },
  {
    name: 'gzip',
    requests: [
      ...begin,
      raw(gzipSync(JSON.stringify(group(4, 1, { images: 'x'.repeat(999) }))), gzip),
      raw('no gzip', gzip),
      raw(gzipSync(JSON.stringify(group(4))).subarray(0, -10), gzip, 'cutGzip'),
      raw('', gzip),
      ['/info', accept],
      ['/latest_example', accept],
      ['/batch', accept],
    ],
  },
  {
    name: 'wrong types',
    requests: [
      ...begin,
      raw('[]'),
      raw('"x"'),
      raw('{"tokens": [[1', {}, 'jsonPosition'),
      raw('{}'),
      ...(
        [
          ['tokens', null],
          ['tokens', [1, 2]],
          ['tokens', [[1, 2.5, 3]]],
          ['tokens', [['x', 2, 3]]],
          ['tokens', [[{}, 2, 3]]],
          ['masks', 'x'],
          ['scores', ['high']],
          ['scores', [null]],
          ['generation_params', []],
          ['overrides', [3]],
          ['overrides', {}],
          ['group_overrides', 'x'],
          ['messages', [[{ content: '' }]]],
          ['messages', 3, 'messageTypes'],
          ['messages', [[3]], 'messageTypes'],
          ['env_id', 'x'],
          ['distill_token_ids', [[1]], 'distillPlaces'],
        ] as readonly (readonly [string, unknown, ...Names])[]
      ).map(([name, value, ...names]) =>
        push({ tokens: [[1, 2, 3]], masks: [[-100, 2, 3]], scores: [1], [name]: value }, ...names),
      ),
      disconnect('x'),
      ['/disconnect-env', { body: [] }],
      statusEnv('x'),
      ['/scored_data_list', { body: {} }],
      ['/scored_data_list', { body: [group(2), 3] }],
      ['/status'],
    ],
  },
  {
    name: 'lax types',
    requests: [
      ...begin,
      raw('{"tokens":[["5",6.0,true]],"masks":[[-100," 6 ",1]],"scores":["0.5"],"env_id":"3"}'),
      ['/latest_example'],
    ],
  },
  {
    name: 'poison',
    requests: [
      ...begin,
      push({ tokens: [[1, 2]], masks: [[1]], scores: [] }, 'lengths'),
      push({ tokens: [], masks: [], scores: [] }, 'lengths'),
      push({ tokens: [[]], masks: [[]], scores: [1] }, 'lengths'),
      raw('{"tokens":[[1,2]],"masks":[[1,2]],"scores":[NaN]}', {}, 'finite'),
      get('/latest_example', 'finite'),
      push({ tokens: [[1, -2]], masks: [[1, -2]], scores: [1] }, 'tokenRange'),
      push({ tokens: [[1, 2 ** 40]], masks: [[1, 2 ** 40]], scores: [1] }, 'tokenRange'),
    ],
  },
  {
    name: 'logprobs that are none',
    requests: [
      ...begin,
      push(
        group(2, 1, {
          inference_logprobs: [
            [1, 1, 1, 1],
            [0, 2, -0.5, 0.25],
          ],
        }),
      ),
      ['/latest_example'],
      raw(nullLogprob, {}, 'logprobs'),
      raw(nullLogprob.replace('null', 'NaN')),
      get('/latest_example', 'logprobs'),
    ],
  },
  {
    name: 'odd sizes',
    requests: [
      ...begin,
      push(group(3, 1, { env_id: 0 }), 'oddSizes'),
      push(group(1, 2, { env_id: 0 }), 'oddSizes'),
      get('/status', 'oddSizes'),
      get('/batch', 'oddSizes'),
      push(group(5, 3, { env_id: 0 }), 'largerThanBatch'),
      push(group(5, 3), 'largerThanBatch'),
      push(group(4, 4)),
      get('/batch', 'largerThanBatch'),
      [
        '/scored_data_list',
        { body: [group(2, 5, { env_id: 0 }), group(1, 6, { env_id: 0 })] },
        'oddSizes',
      ],
    ],
  },
  {
    name: 'weights and shares',
    requests: [
      register,
      ['/batch'],
      registerEnv({ weight: -1 }),
      statusEnv(0, 'noWeight'),
      registerEnv({ max_token_length: 16384, min_batch_allocation: 0.25 }),
      registerEnv({ group_size: 1 }),
      statusEnv(0),
      statusEnv(1),
      statusEnv(2),
      push(group(2, 1, { env_id: 0 })),
      push(group(2, 2, { env_id: 1 })),
      statusEnv(0),
      statusEnv(1),
      statusEnv(2),
    ],
  },
  {
    name: 'minimum of an environment that has nothing',
    requests: [
      register,
      ['/batch'],
      registerEnv({ min_batch_allocation: 0.5 }),
      registerEnv(),
      push(group(2, 1, { env_id: 1 })),
      push(group(2, 2, { env_id: 1 })),
      ['/batch'],
    ],
  },
  {
    name: 'minimum that is not reached',
    requests: [
      register,
      ['/batch'],
      registerEnv({ min_batch_allocation: 0.75 }),
      registerEnv(),
      push(group(2, 1, { env_id: 1 })),
      push(group(2, 2, { env_id: 1 })),
      push(group(2, 3, { env_id: 0 })),
      get('/batch', 'minimum'),
    ],
  },
  {
    name: 'groups of one',
    requests: [
      register,
      ['/batch'],
      registerEnv({ group_size: 1 }),
      registerEnv({ group_size: 1 }),
      push(group(1, 1, { env_id: 0 })),
      push(group(1, 2, { env_id: 0 })),
      statusEnv(0),
      statusEnv(1, 'groupsOfOne'),
    ],
  },
  {
    name: 'reset',
    requests: [
      ...begin,
      push(group(4, 1)),
      ['/reset_data'],
      get('/info', 'reset'),
      ['/wandb_info'],
      ['/status'],
      get('/batch', 'reset'),
      register,
      ['/batch'],
      push(group(4, 2)),
      ['/batch'],
    ],
  },
  {
    name: 'push before registration',
    requests: [
      push(group(4, 1)),
      get('/status', 'earlyPush'),
      register,
      get('/info', 'earlyPush'),
      get('/batch', 'earlyPush'),
    ],
  },
];
