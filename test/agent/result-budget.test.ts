import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type AgentHooks, resultBudget, runAgent } from '../../src/agent/index.ts';
import { LachesisError } from '../../src/errors.ts';
import { textContent, textOf } from '../../src/messages.ts';
import { openRolloutSandbox, type RolloutSandbox } from '../../src/sandbox/index.ts';
import { createToolRegistry, noSandbox, tool } from '../../src/tools/index.ts';
import { openHostLease } from '../sandbox/support/host-sandbox.ts';
import { scriptedSession } from '../support/scripted-session.ts';

const lease = await openHostLease();
const sandbox = openRolloutSandbox(lease);
let folder: string;
beforeAll(() => {
  folder = `${sandbox.workdir}/results`;
});
afterAll(() => lease.release());

/** What the model is told of a turn that calls these tools, each of which says its text. */
async function told(
  calls: readonly (readonly [name: string, text: string])[],
  hooks: AgentHooks,
  given: RolloutSandbox = sandbox,
) {
  const names = [...new Set(calls.map(([name]) => name))];
  const registry = createToolRegistry(
    names.map((name) =>
      tool({
        name,
        description: '',
        parameters: { type: 'object' },
        execute: ({ text }) => String(text),
      }),
    ),
  );
  const replies = [
    { calls: calls.map(([name, text]) => ({ name, args: { text } })) },
    { text: 'ok' },
  ];
  const result = await runAgent({
    session: scriptedSession(replies),
    messages: [{ role: 'user', content: textContent('Go.') }],
    tools: registry.definitions,
    handler: registry.callTool,
    rolloutId: 'r1',
    state: undefined,
    hooks,
    sandbox: given,
  });
  const texts = result.messages.filter(({ role }) => role === 'tool').map(textOf);
  return { texts, result };
}

const pathIn = (text: string | undefined) => /All of it is in (\S+)/.exec(text ?? '')?.[1] ?? '';

describe('the budget of results', () => {
  test('one that is too long goes into the sandbox, and is told by its beginning', async () => {
    const long = `${'a line of words\n'.repeat(100)}</end>`;
    const { texts } = await told(
      [['t', long]],
      resultBudget({ maxResultCharacters: 1_000, previewCharacters: 100, folder }),
    );
    expect(texts[0]).toMatch(/^<persisted-output>\nThis result was too long \(1606 characters\)/);
    expect(texts[0]).toContain(`\n${'a line of words\n'.repeat(6).trim()}\n</persisted-output>`);
    expect(pathIn(texts[0])).toMatch(/\/results\/[0-9a-f]{32}\.txt$/);
    expect(await sandbox.readText(pathIn(texts[0]))).toBe(long);
  });

  test('of JSON the text of the program goes, and the rest is told', async () => {
    const output = 'x\n'.repeat(1_000);
    const { texts } = await told(
      [['terminal', JSON.stringify({ output, exit_code: 3, error: null })]],
      resultBudget({ maxResultCharacters: 1_000, folder }),
    );
    expect(texts[0]).toContain('\n{"exit_code":3,"error":null}\n');
    expect(await sandbox.readText(pathIn(texts[0]))).toBe(output);
  });

  test('a page of read_file is never spilled', async () => {
    const page = 'p'.repeat(5_000);
    const budget = { maxResultCharacters: 1_000, folder };
    expect((await told([['read_file', page]], resultBudget(budget))).texts).toEqual([page]);
    const { texts } = await told(
      [['read_file', page]],
      resultBudget({ ...budget, maxTurnCharacters: 4_000, previewCharacters: 10 }),
    );
    expect(texts[0]).toMatch(/^p{10}\n\[Truncated: this page had 5000 characters\. Read it again/);
  });

  test('a tool has a limit of its own', async () => {
    const hooks = resultBudget({ perTool: { t: 10 }, previewCharacters: 5, folder });
    const { texts } = await told(
      [
        ['t', '12345678901'],
        ['other', '12345678901'],
      ],
      hooks,
    );
    expect(texts[0]).toMatch(/^<persisted-output>/);
    expect(texts[1]).toBe('12345678901');
  });

  test('of a turn the longest go first, until the rest fits', async () => {
    const texts = ['a', 'b', 'c'].map((letter, i) => letter.repeat(2_000 * (i + 1)));
    const hooks = resultBudget({ maxTurnCharacters: 7_000, previewCharacters: 100, folder });
    const after = await told(
      texts.map((text) => ['t', text] as const),
      hooks,
    );
    expect(after.texts.slice(0, 2)).toEqual(texts.slice(0, 2));
    expect(await sandbox.readText(pathIn(after.texts[2]))).toBe(texts[2]);
    expect(after.texts.join('').length).toBeLessThanOrEqual(7_000);
  });

  test('without a sandbox the beginning is told, and that the rest is lost', async () => {
    const { texts } = await told(
      [['t', 'x'.repeat(3_000)]],
      resultBudget({ maxResultCharacters: 2_000, previewCharacters: 50 }),
      noSandbox,
    );
    expect(texts[0]).toMatch(
      /^x{50}\n\[Truncated: this result had 3000 characters, which could not be/,
    );
  });

  test('a folder that can not be written to costs the file, and no rollout', async () => {
    await sandbox.writeFile('taken', '');
    const { texts, result } = await told(
      [['t', 'x'.repeat(3_000)]],
      resultBudget({
        maxResultCharacters: 2_000,
        previewCharacters: 50,
        folder: `${sandbox.workdir}/taken`,
      }),
    );
    expect(texts[0]).toMatch(
      /^x{50}\n\[Truncated: this result had 3000 characters, which could not be saved/,
    );
    expect(result.stopReason).toBe('natural');
  });

  test('a sandbox that is gone ends the rollout, typed', async () => {
    const gone = Object.create(sandbox, {
      writeFile: {
        value: () =>
          Promise.reject(
            new LachesisError('infrastructure_error', 'gone', { reason: 'SANDBOX_GONE' }),
          ),
      },
    });
    const { result } = await told(
      [['t', 'x'.repeat(3_000)]],
      resultBudget({ maxResultCharacters: 2_000 }),
      gone,
    );
    expect(result.stopReason).toBe('infrastructure_error');
  });
});

describe('hooks after all calls of a turn', () => {
  test('see what the model is told of each, also of a call of no tool', async () => {
    const seen: unknown[] = [];
    const { texts } = await told(
      [
        ['t', 'a'],
        ['t', 'b'],
      ],
      {
        afterToolCall: [({ result }) => `${result}!`],
        afterToolCalls: [
          (results, { turn, rolloutId }) => {
            seen.push(
              results.map(({ name, result }) => [name, result]),
              turn,
              rolloutId,
            );
            return undefined;
          },
          (results) => results.map(({ result }) => result.toUpperCase()),
        ],
      },
    );
    expect(seen).toEqual([
      [
        ['t', 'a!'],
        ['t', 'b!'],
      ],
      1,
      'r1',
    ]);
    expect(texts).toEqual(['A!', 'B!']);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
      /afterToolCalls hook 1 threw: no/,
    ],
    ['gives too few texts', () => [], /afterToolCalls hook 1 gave 0 texts for 1 calls/],
    ['gives no texts', () => [1] as never, /gave a list, not a list of texts/],
  ])("one that %s ends the run as the environment's error", async (_, hook, detail) => {
    const { texts, result } = await told([['t', 'a']], { afterToolCalls: [hook] });
    expect(result.stopReason).toBe('environment_error');
    expect(result.stopDetail).toMatch(detail);
    expect(texts).toEqual(['a']);
  });
});
