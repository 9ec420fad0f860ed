import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { tokenLines } from '../../../src/cli/inspect/token-view.ts';
import { type Rollout, readRolloutLine } from '../../../src/contract/index.ts';
import { defineEnvironment, hostEnvironment, playRollout } from '../../../src/environment/index.ts';
import { readModelRenderer } from '../../../src/models/index.ts';
import { emptyLedger, SegmentBuilder } from '../../../src/tokens/index.ts';
import { tool } from '../../../src/tools/index.ts';
import { byteTokenizer } from '../../models/rendering/byte-model.ts';
import { terseModel } from '../../support/terse-model.ts';
import { cli } from '../support.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-inspect-'));
const file = path.join(folder, 'rollouts.jsonl');
const shop = path.resolve(import.meta.dirname, '../../../examples/environments/shop.ts');
let ids: string[] = [];

beforeAll(async () => {
  const run = cli('process', shop, '--out', file, '--tasks', '2', '--seed', '1');
  expect(await run.code).toBe(0);
  const all = cli('inspect', 'tokens', file, '--max', '9');
  expect(await all.code).toBe(0);
  ids = [...all.out().matchAll(/^rollout (\S+)/gm)].map(([, id = '']) => id);
});

async function inspected(...args: string[]): Promise<string> {
  const run = cli('inspect', 'tokens', file, ...args);
  expect(run.err() + String(await run.code)).toBe('0');
  return run.out();
}

test('a rollout is shown with its ledger, its spans, and the text of its tokens', async () => {
  const out = await inspected();
  expect(out).toMatch(
    /^rollout \S+ {2}task \S+ {2}reward [01]\nledger {2}[\d,]+ sampled = [\d,]+ trained/,
  );
  expect(out).toMatch(/segment s0 {2}start {2}\d+ tokens/);
  expect(out).toMatch(
    /sampled, trained {2}\d+ tokens {2}message 1 {2}call 0 {2}version 0 {2}mean logprob -/,
  );
  expect(out).toContain('<|im_start|>user⏎');
  expect(out).not.toContain('\u001b');
});

test('one of many is found by its id, and an unknown one is told', async () => {
  expect(ids).toHaveLength(2);
  expect(await inspected('--rollout', ids[1] ?? '')).toMatch(new RegExp(`^rollout ${ids[1]} `));
  const run = cli('inspect', 'tokens', file, '--rollout', 'nobody');
  expect(await run.code).toBe(1);
  expect(run.err()).toContain('holds no rollout "nobody"');
});

test('ids of another model are text with its own files, and refused with those of any other', async () => {
  const model = path.join(folder, 'model');
  mkdirSync(model);
  const json = byteTokenizer(['<|im_start|>', '<|im_end|>']);
  writeFileSync(path.join(model, 'tokenizer.json'), JSON.stringify(json));
  writeFileSync(
    path.join(model, 'chat_template.jinja'),
    '{% for m in messages %}<|im_start|>{{ m.role }} {{ m.content }}<|im_end|>{% endfor %}',
  );
  const { fingerprint } = await readModelRenderer(model);
  const [line = '{}'] = readFileSync(file, 'utf8').split('\n');
  const rollout = JSON.parse(line);
  rollout.provenance.rendering.tokenizer_sha256 = fingerprint.tokenizerSha256;
  for (const segment of rollout.segments) segment.token_ids = segment.token_ids.map(() => 97);
  const played = path.join(folder, 'played.jsonl');
  writeFileSync(played, `${JSON.stringify(rollout)}\n`);
  const run = cli('inspect', 'tokens', played, '--tokenizer', model);
  expect(run.err() + String(await run.code)).toBe('0');
  expect(run.out()).toContain('aaaaaaaa');
  const other = cli('inspect', 'tokens', file, '--tokenizer', model);
  expect(await other.code).not.toBe(0);
  expect(other.err()).toMatch(/--tokenizer: is \w{12}, and the rollout was made with \w{12}/);
});

test('colours say likely and unlikely, and strike through what is in no loss', async () => {
  const [line = ''] = readFileSync(file, 'utf8').split('\n');
  const { rollout } = readRolloutLine(line, 'line');
  const rendering = { tokenizerSha256: '', templateSha256: '' };
  const builder = new SegmentBuilder({ id: 's0', reason: 'start', rendering });
  builder.append([1], { origin: 'prompt' });
  const call = { callIndex: 0, announcedVersion: 7 };
  builder.appendSampled(Int32Array.of(2, 3), Float32Array.of(-0.01, -6), call);
  const segment = builder.build();
  const lost = segment.spans.map((span) =>
    span.origin === 'sampled' ? ({ ...span, loss: 'abandoned_retry' } as const) : span,
  );
  const shown = (spans: typeof segment.spans, color: boolean) => {
    const one: Rollout = { ...rollout, segments: [{ ...segment, spans }] };
    return tokenLines(one, { color, columns: 80, textOf: undefined }).join('\n');
  };
  expect(shown(segment.spans, true)).toContain('\u001b[38;5;34m2 \u001b[0m\u001b[38;5;196m3 ');
  expect(shown(lost, true)).toContain('\u001b[9m\u001b[38;5;34m2 ');
  // Without a tokenizer, ids.
  expect(shown(lost, false)).toContain('sampled, abandoned_retry  2 tokens  call 0  version 7');
  expect(shown(lost, false)).toContain('\n    2 3 ');
});

test('calls say which agent made them, what for, and from where', async () => {
  const ask = tool({
    name: 'ask',
    description: '',
    parameters: { type: 'object' },
    execute: async (_, { model }) => (await model.ask('who?', { agent: 'oracle' })).text,
  });
  const definition = defineEnvironment({
    name: 'asking',
    tasks: [{ data: 0 }],
    tools: [ask],
    prompt: () => 'go',
    reward: () => 1,
  });
  const rollout = await playRollout({
    environment: await hostEnvironment(definition),
    modelServer: terseModel(({ last }) => (last === 'go' ? '!ask' : 'me')),
    ...{ rolloutId: 'r', groupId: '', index: 0, task: { key: '0', split: '', data: 0 } },
    signal: new AbortController().signal,
  });
  const lines = tokenLines(rollout, { color: false, columns: 80, textOf: undefined });
  expect(lines.slice(1, 4)).toEqual([
    'ledger  11 sampled = 8 trained, not_for_training 3',
    'call 0  id #0',
    'call 1  after #0  agent oracle  purpose side',
  ]);
  const heads = lines.filter((line) => line.startsWith('segment'));
  expect(heads[1]).toMatch(/^segment s1 {2}sub_agent \(agent oracle\) {2}\d+ tokens/);
});

const hostile = '\u001b]0;title\u0007\u001b[2J\u202e\u200b\u009b1A\n';

interface FileRollout {
  readonly segments: readonly [
    {
      readonly spans: readonly [{ origin: string; loss: string }];
      readonly token_ids: unknown[];
    },
  ];
  readonly ledger: { sampled: number; trained: number; dropped_branch: number };
  readonly calls: readonly [{ index: number; sampled_tokens: number; purpose: string }];
}

/** The first rollout of the file, changed, in a file of its own. */
function changed(name: string, change: (rollout: FileRollout) => void): string {
  const [line = '{}'] = readFileSync(file, 'utf8').split('\n');
  const rollout = JSON.parse(line);
  change(rollout);
  const to = path.join(folder, name);
  writeFileSync(to, `${JSON.stringify(rollout)}\n`);
  return to;
}

test('nothing that a file or a model says acts on the terminal', () => {
  const rendering = { tokenizerSha256: '', templateSha256: '' };
  const parent = { id: hostile, sharedTokens: 0 };
  const builder = new SegmentBuilder({ id: hostile, reason: 'start', rendering });
  builder.append([1], { origin: 'prompt' });
  const segment = { ...builder.build(), parent, agent: hostile, reasonDetail: hostile };
  const call = { index: 0, callId: hostile, parentCallId: hostile, agent: hostile };
  const calls = [{ ...call, purpose: hostile, failed: true }];
  const outcome = { kind: 'not_scored', failure: { reason: hostile } };
  const rollout = { id: hostile, taskKey: hostile, calls, segments: [segment], outcome };
  const whole = { ...rollout, ledger: emptyLedger() } as unknown as Rollout;
  const lines = tokenLines(whole, { color: false, columns: 80, textOf: () => hostile });
  expect(lines.join('')).not.toMatch(/\p{Cc}|\p{Cf}/u);
});

test('nor what an error quotes of it', async () => {
  const bad = changed('bad.jsonl', (rollout) => {
    rollout.segments[0].spans[0].origin = hostile;
    rollout.segments[0].spans[0].loss = hostile;
  });
  const run = cli('inspect', 'tokens', bad);
  expect(await run.code).toBe(2);
  expect(run.err()).not.toMatch(/(?!\n)\p{Cc}|\p{Cf}/u);
});

test('a ledger that does not balance is told', async () => {
  const off = changed('off.jsonl', (rollout) => {
    rollout.ledger.sampled += 5;
    rollout.ledger.dropped_branch = 2;
  });
  const run = cli('inspect', 'tokens', off);
  expect(await run.code).toBe(0);
  expect(run.out()).toMatch(
    /trained, dropped_branch 2; DOES NOT BALANCE: 3 too few in the buckets/,
  );
  expect(await inspected()).not.toContain('BALANCE');
});

test('each disagreement of ledger or calls with the spans is told', async () => {
  const said = async (change: (rollout: FileRollout) => void) => {
    const run = cli('inspect', 'tokens', changed('said.jsonl', change));
    expect(await run.code).toBe(0);
    return [...run.out().matchAll(/^DOES NOT AGREE: (.*)$/gm)].map(([, what]) => what);
  };
  expect(await said(() => {})).toEqual([]);
  const trained = await said(({ ledger }) => {
    ledger.trained -= 1;
    ledger.dropped_branch += 1;
  });
  expect(trained).toEqual([
    expect.stringMatching(/^rollout\.ledger\.trained: is \d+, but its segments have \d+/),
    expect.stringMatching(/^rollout\.ledger\.dropped_branch: is 1, but its segments have 0/),
  ]);
  const negative = await said((rollout) => {
    rollout.ledger.sampled = -1;
    rollout.ledger.trained = -1;
  });
  expect(negative).toHaveLength(3);
  const calls = await said((rollout) => {
    rollout.calls[0].sampled_tokens = 99;
    rollout.calls[0].index = 7;
  });
  expect(calls).toEqual([
    expect.stringMatching(/calls\[0\]\.index: is 7/),
    expect.stringMatching(/calls\[0\]\.sampled_tokens: is 99, but the segments' spans have \d+/),
    expect.stringMatching(/ledger\.sampled: is \d+, but its calls sampled \d+/),
  ]);
  const purpose = await said((rollout) => {
    rollout.calls[0].purpose = 'side';
  });
  expect(purpose[0]).toMatch(
    /spans\[\d+\]\.loss: is trained, but its call was for another purpose/,
  );
});

test('of very many disagreements some are told, and how many more there are', () => {
  const spans = Array.from({ length: 30 }, (_, callIndex) => ({
    ...{ length: 1, origin: 'sampled', loss: 'trained', callIndex: callIndex + 1 },
  }));
  const segment = {
    ...{ id: 's0', reason: 'start', reasonDetail: '', agent: '', spans },
    tokenIds: new Int32Array(30),
    policyVersions: [{ length: 30, announcedVersion: 0 }],
  };
  const rollout = {
    ...{ id: 'r', taskKey: 't', outcome: { kind: 'scored', reward: 0 }, segments: [segment] },
    ...{ calls: [{ index: 0, purpose: '', announcedVersion: 0, sampledTokens: 30 }] },
    ledger: { ...emptyLedger(), sampled: 30, trained: 30 },
  } as unknown as Rollout;
  const lines = tokenLines(rollout, { color: false, columns: 80, textOf: undefined });
  const told = lines.filter((line) => line.startsWith('DOES NOT AGREE'));
  expect(told).toHaveLength(21);
  expect(told.at(-1)).toBe('DOES NOT AGREE: 11 more');
});

test.each([2 ** 32 + 5, 2 ** 31, 1.5, -3, null, 'a'])(
  'an id that is none is told as it stands: %j',
  async (id) => {
    const bad = changed('ids.jsonl', (rollout) => {
      rollout.segments[0].token_ids[2] = id;
    });
    const run = cli('inspect', 'tokens', bad);
    expect(await run.code).toBe(2);
    expect(run.err()).toContain(
      `segments[0].token_ids[2]: is ${JSON.stringify(id)}; an id is a whole`,
    );
  },
);

test('an id that the tokenizer lacks is shown as a number', async () => {
  const unknown = changed('unknown.jsonl', (rollout) => {
    rollout.segments[0].token_ids[2] = 999_999;
  });
  const run = cli('inspect', 'tokens', unknown);
  expect(run.err() + String(await run.code)).toBe('0');
  expect(run.out()).toContain('<999999>');
});

test.each([
  [['inspect'], /WHAT: is missing/],
  [['inspect', 'weights', 'x'], /WHAT: is weights; `tokens`/],
  [['inspect', 'tokens'], /FILE: is missing/],
  [['inspect', 'tokens', 'a', 'b'], /FILE: is given twice/],
  [['inspect', 'tokens', 'a', '--color', 'red'], /--color: is "red"/],
])('%j is refused', async (args, message) => {
  const run = cli(...args);
  expect(await run.code).toBe(2);
  expect(run.err()).toMatch(message);
});

test('a file that holds no rollout is told by its line', async () => {
  const other = path.join(folder, 'other.jsonl');
  writeFileSync(other, '{"schema": "mine"}\n');
  const run = cli('inspect', 'tokens', other);
  expect(await run.code).toBe(2);
  expect(run.err()).toContain(`${other}:1.schema`);
});
