import {
  defineEnvironment,
  type EnvironmentDefinition,
  hostEnvironment,
  playRollout,
} from '../../../src/environment/index.ts';
import type { IsolationRule, SandboxPool } from '../../../src/sandbox/index.ts';
import { tool } from '../../../src/tools/index.ts';
import { fakeModelServer } from '../fake-model-server.ts';

export const run = tool({
  name: 'run',
  description: 'Runs a script.',
  parameters: {
    type: 'object',
    properties: { script: { type: 'string' } },
    required: ['script'],
  },
  execute: async ({ script }, { sandbox, signal }) => {
    const done = await sandbox.exec(String(script), { signal });
    return new TextDecoder().decode(done.stdout.head);
  },
});

export interface PlayTerminalOptions {
  readonly part?: Partial<EnvironmentDefinition>;
  readonly sandboxes?: SandboxPool | undefined;
  readonly isolation?: IsolationRule;
  readonly timeoutMs?: number;
  /** The host's. */
  readonly commandTimeoutMs?: number;
  /** Instead of `run`. */
  readonly call?: { readonly name: string; readonly args: object };
  readonly signal?: AbortSignal;
}

/** Its agent runs `script` once in a sandbox of the pool, and answers. */
export async function playTerminal(
  pool: SandboxPool,
  script: string,
  options: PlayTerminalOptions = {},
) {
  const definition = defineEnvironment({
    name: 'terminal',
    tasks: [{ data: {} }],
    tools: [run],
    sandbox: {},
    prompt: () => 'Write 42 to answer.',
    reward: async ({ sandbox }: { sandbox: { readText(path: string): Promise<string> } }) =>
      (await sandbox.readText('answer')) === '42\n' ? 1 : 0,
    ...options.part,
  } as EnvironmentDefinition);
  const { isolation } = options;
  return await playRollout({
    environment: await hostEnvironment(
      definition,
      {},
      {
        sandboxes: 'sandboxes' in options ? options.sandboxes : pool,
        isolation,
        commandTimeoutMs: options.commandTimeoutMs,
      },
    ),
    modelServer: fakeModelServer((_, call) =>
      call === 1 ? { call: options.call ?? { name: 'run', args: { script } } } : { text: 'ready' },
    ),
    ...{ rolloutId: 'r.0', groupId: 'r', index: 0, task: { key: '0', split: '', data: {} } },
    ...(options.timeoutMs === undefined ? {} : { limits: { timeoutMs: options.timeoutMs } }),
    signal: options.signal ?? new AbortController().signal,
  });
}
