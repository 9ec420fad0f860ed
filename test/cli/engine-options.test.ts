import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { OptionValues } from '../../src/cli/command.ts';
import {
  type EngineModelOptions,
  engineModel,
  type ReadRenderer,
} from '../../src/cli/engine-model.ts';
import type { ManagedServer } from '../../src/models/index.ts';
import { MetricsRegistry } from '../../src/telemetry/index.ts';
import { say } from '../models/chatml.ts';
import { ggufBytes } from '../models/rendering/gguf-file.ts';
import { ChatWorld } from '../support/engines/chat-world.ts';
import { servePolicy } from '../support/engines/served-policy.ts';
import { startVllmFake } from '../support/engines/vllm-fake.ts';
import { cli } from './support.ts';

const shop = path.resolve(import.meta.dirname, '../../examples/environments/shop.ts');

test.each([
  [['--engine', 'triton'], /--engine: "triton" is unknown; give vllm, vllm-completions, sglang/],
  [['--engine', 'vllm'], /--engine-url: is missing; --engine needs it/],
  [['--engine-url', 'http://127.0.0.1:1'], /--engine: is missing; --engine-url needs it/],
  [['--tool-parser', 'hermes'], /--engine: is missing; --tool-parser needs it/],
  [['--engine', 'vllm', '--engine-url', 'http://127.0.0.1:1'], /--tokenizer: is missing/],
  [['--engine', 'vllm', '--policy-address', 'x:1'], /--engine: and --policy-address exclude/],
  [
    ['--engine', 'vllm', '--engine-url', 'u', '--tokenizer', 'f', '--tool-parser', 'x'],
    /--tool-parser: there is no parser "x"/,
  ],
  [
    ['--engine', 'vllm', '--engine-url', 'u', '--tokenizer', 'f', '--engine-allow', 'x'],
    /--engine-allow: "x" is unknown; give text_tier/,
  ],
  [
    ['--engine', 'vllm', '--engine-url', 'u', '--tokenizer', 'f', '--engine-logprobs', 'x'],
    /--engine-logprobs: is "x"; give raw or processed/,
  ],
  [
    ['--engine', 'vllm', '--engine-url', 'u', '--tokenizer', 'f', '--engine-lies', 'x'],
    /--engine-lies: is "x"; give refuse or mark/,
  ],
  [['--engine', 'vllm-chat'], /--engine-url: is missing; --engine needs it/],
  [
    ['--engine', 'vllm-chat', '--engine-url', 'u', '--tokenizer', 'f'],
    /--tokenizer: is not for vllm-chat: the server tokenises by itself/,
  ],
  [
    ['--engine', 'vllm-chat', '--engine-url', 'u', '--tool-parser', 'hermes'],
    /--tool-parser: is not for vllm-chat: .*start vLLM with --tool-call-parser/,
  ],
  [
    ['--engine', 'vllm-chat', '--engine-url', 'u', '--chat-template', 'f'],
    /--chat-template: is not for vllm-chat/,
  ],
  [
    ['--engine', 'vllm-chat', '--engine-url', 'http://a', '--engine-url', 'http://b'],
    /--engine-url: is given 2 times; vllm-chat takes one/,
  ],
  [['--engine', 'vllm-chat', '--engine-url', 'u'], /url: is no http\(s\) URL/],
  [
    ['--engine', 'vllm', '--engine-url', 'u', '--tokenizer', 'f', '--chat-template', '/no/file'],
    /--chat-template: can't be read: ENOENT/,
  ],
])('serve %j says what is wrong and fails', async (args, message) => {
  const run = cli('serve', shop, ...args);
  expect(await run.code).not.toBe(0);
  expect(run.err()).toMatch(message);
});

const shownIn = (name: string): string[] => {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs', name), 'utf8');
  return [...page.matchAll(/^ {4}npx lachesis (.*)$/gm)].map(([, command = '']) => command);
};
const shown = shownIn('engines.md');

const every = [...shown, ...shownIn('rendering.md')];

test.each(every)('the page’s `lachesis %s` gets as far as the model', async (command) => {
  const run = cli(
    ...command
      .replace('env.ts', shop)
      .replace('rollouts.jsonl', outFile())
      // Nobody listens there.
      .replace('127.0.0.1:8000', '127.0.0.1:1')
      .split(' '),
  );
  expect(await run.code).not.toBe(0);
  // Without a tokenizer nothing comes before the server itself.
  const missing = command.includes('--tokenizer') ? './model' : "127.0.0.1:1 can't be reached";
  expect(run.err()).toContain(missing);
});

test('the page has commands for process and serve, one of them without a tokenizer', () => {
  expect(shown.map((command) => command.split(' ')[0])).toEqual(['process', 'serve', 'process']);
  expect(shown[2]).toContain('--engine vllm-chat');
});

test('--tokenizer takes a GGUF file, and says what it can’t read of it', async () => {
  const file = path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-engines-')), 'model.gguf');
  writeFileSync(file, ggufBytes([['tokenizer.ggml.model', 'llama']]));
  const engine = ['--engine', 'llama-cpp', '--engine-url', 'http://127.0.0.1:1'];
  const run = cli('process', shop, '--out', outFile(), ...engine, '--tokenizer', file);
  expect(await run.code).not.toBe(0);
  expect(run.err()).toContain(`${file}: can't be tokenised for: its tokenizer is of kind "llama"`);
});

const outFile = () => path.join(mkdtempSync(path.join(tmpdir(), 'lachesis-engines-')), 'r.jsonl');

describe('--engine', () => {
  const io = {
    out: () => {},
    err: () => {},
    terminal: false,
    columns: 80,
    environment: {},
    signal: new AbortController().signal,
  };
  const noRenderer: ReadRenderer = () => {
    throw new Error('a renderer is not asked for');
  };
  const play = async (
    values: OptionValues,
    readRenderer: ReadRenderer,
    options: EngineModelOptions = { purpose: 'train' },
  ) => {
    await using model = await engineModel(
      { tokenizer: 'folder', 'tool-parser': 'hermes', ...values },
      io,
      { ...options, readRenderer },
    );
    const session = model!.modelServer.openSession({ rolloutId: 'r', announcedVersion: () => 5 });
    await session.complete(
      { messages: [say('user', 'the lamp')], tools: [], sampling: { maxTokens: 3 } },
      { signal: io.signal },
    );
    const { drift } = model!.modelServer as ManagedServer;
    if (options.metrics !== undefined) await expect.poll(() => drift()?.turns).toBe(1);
    return { record: session.record(), description: model!.description };
  };

  test('plays with the server that is named, exact tokens kept', async () => {
    await using served = await servePolicy();
    const asked: unknown[] = [];
    const { record, description } = await play(
      { engine: 'vllm', 'engine-url': [served.url] },
      async (folder, { template }) => {
        asked.push(folder, template);
        return served.renderer;
      },
    );
    expect(asked).toEqual(['folder', undefined]);
    expect(description).toBe(`tiny at ${new URL(served.url).host} (vllm, managed)`);
    expect(record.segments[0]!.logprobs).toHaveLength(record.sampledTokens!);
  });

  test('asks for a grammar where the model’s name tells none', async () => {
    await using served = await servePolicy();
    const values = { engine: 'vllm', 'engine-url': [served.url], 'tool-parser': 'auto' };
    await expect(play(values, async () => served.renderer)).rejects.toThrow(
      /--tool-parser: no grammar is known for the model "tiny". Give one of: .*hermes/,
    );
  });

  test('turns are scored again, and how far off they were is measured', async () => {
    await using served = await servePolicy();
    const metrics = new MetricsRegistry();
    await play(
      { engine: 'vllm', 'engine-url': [served.url], 'engine-canary': '1' },
      async () => served.renderer,
      { purpose: 'train', metrics },
    );
    const read = (name: string) =>
      metrics.snapshot().find((metric) => metric.name === name)?.series[0]?.[1];
    expect(read('lachesis_logprob_drift_turns_total')).toBe(1);
    expect(read('lachesis_logprob_drift_max')).toBeLessThan(1e-4);
  });

  test('several addresses are a pool', async () => {
    await using one = await servePolicy();
    await using two = await servePolicy();
    const { description } = await play(
      { engine: 'vllm', 'engine-url': [one.url, two.url] },
      async () => one.renderer,
    );
    expect(description).toContain(`${new URL(one.url).host}, ${new URL(two.url).host}`);
  });

  test('vllm-chat plays without a tokenizer, exact tokens kept', async () => {
    const world = new ChatWorld(() => ({ text: 'a lamp' }));
    await using fake = await startVllmFake({ chat: world.chat });
    const values = { engine: 'vllm-chat', 'engine-url': [fake.url], 'engine-canary': '0' };
    const none = { tokenizer: undefined, 'tool-parser': undefined };
    const { record, description } = await play({ ...none, ...values }, noRenderer);
    expect(description).toBe(`org/model at ${new URL(fake.url).host} (vllm-chat, managed)`);
    const { prompt, sampled } = world.log.at(-1)!;
    expect([...record.segments[0]!.tokenIds]).toEqual([...prompt, ...sampled]);
    expect(record.segments[0]!.logprobs).toHaveLength(7);
    expect(fake.problems).toEqual([]);
  });

  test.each([{ withoutIds: true }, { withoutLogprobs: true }])(
    'vllm-chat is refused before anything plays by a server %j',
    async (how) => {
      const { chat } = new ChatWorld(() => ({ text: 'a lamp' }));
      await using fake = await startVllmFake({ chat, ...how });
      const none = { tokenizer: undefined, 'tool-parser': undefined };
      const values = { ...none, engine: 'vllm-chat', 'engine-url': [fake.url] };
      await expect(play(values, noRenderer)).rejects.toMatchObject({
        reason: 'ENGINE_NOT_TRAINABLE',
      });
      if ('withoutIds' in how) return;
      const { record } = await play(values, noRenderer, { purpose: 'evaluation' });
      expect(record.segments[0]!.logprobs).toBeUndefined();
    },
  );

  test('an evaluation needs no logprobs, training does', async () => {
    await using served = await servePolicy({ nullLogprobs: true });
    const values = { engine: 'vllm', 'engine-url': [served.url] };
    const renderer = async () => served.renderer;
    expect((await play(values, renderer, { purpose: 'evaluation' })).record.segments).toHaveLength(
      1,
    );
    await expect(play(values, renderer)).rejects.toMatchObject({ reason: 'ENGINE_NOT_TRAINABLE' });
  });

  test('what the probe did not find in order is told, a line each', async () => {
    await using served = await servePolicy({ dropStopToken: true });
    const lines: string[] = [];
    const values = { engine: 'vllm', 'engine-url': [served.url], tokenizer: 'f' };
    await using _model = await engineModel(
      { ...values, 'tool-parser': 'hermes' },
      { ...io, err: (text) => void lines.push(text) },
      { purpose: 'train', readRenderer: async () => served.renderer },
    );
    expect(lines).toContainEqual(
      expect.stringMatching(/^engine: stop_token_kept: no: id \d+ was left out\n$/),
    );
  });

  test.each<[string[], Record<string, string>, RegExp]>([
    [['nonsense'], {}, /^--engine-url: is no http\(s\) URL/],
    [['http://127.0.0.1:1', 'ftp://x'], {}, /^--engine-url: number 2 of 2 is no http\(s\) URL/],
    [['http://me:%zz@127.0.0.1:1'], {}, /^--engine-url: has a user or password with a %/],
    [['http://127.0.0.1:1/?x=1'], {}, /^--engine-url: has a query/],
    [['http://127.0.0.1:1/#x'], {}, /^--engine-url: has a query or a fragment/],
    [
      ['http://127.0.0.1:1'],
      { LACHESIS_ENGINE_API_KEY: 'sk-1\n' },
      /^LACHESIS_ENGINE_API_KEY: holds a line break/,
    ],
  ])(
    'an address or a key that can’t be used is told by its name: %j',
    async (urls, environment, message) => {
      await using served = await servePolicy();
      const values = {
        engine: 'vllm',
        'engine-url': urls,
        tokenizer: 'f',
        'tool-parser': 'hermes',
      };
      const made = engineModel(
        values,
        { ...io, environment },
        { purpose: 'train', readRenderer: async () => served.renderer },
      );
      await expect(made).rejects.toMatchObject({ kind: 'invalid_input', message });
    },
  );
});
