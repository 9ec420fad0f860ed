import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ConnectOptions, connect, type LachesisClient } from '../../src/client/index.ts';
import { defineEnvironment, hostEnvironment } from '../../src/environment/index.ts';
import { type LachesisServer, type ServerOptions, startServer } from '../../src/server/index.ts';
import { tool } from '../../src/tools/index.ts';
import { type FakeReply, fakeModelServer } from '../environment/fake-model-server.ts';

export interface ServedForTest extends AsyncDisposable {
  readonly server: LachesisServer;
  /** With the operator's token. */
  readonly client: LachesisClient;
  /** A directory of its own for token files and whatever a test writes. */
  readonly directory: string;
  connect(options?: ConnectOptions): Promise<LachesisClient>;
}

export type ModelReply = Parameters<typeof fakeModelServer>[0];

/** What the fake model says unless a test says otherwise: the task's answer at once. */
const ANSWERS: ModelReply = (): FakeReply => ({ text: '4' });

/**
 * A server on an ephemeral loopback port and a client of it. Without `environments` it hosts `sums`:
 * ten tasks in two splits, one tool, reward 1 for an answer with a 4, played by a fake managed model.
 */
export async function serveForTest(
  options: Partial<ServerOptions> & { readonly reply?: ModelReply } = {},
): Promise<ServedForTest> {
  const { reply = ANSWERS, ...serverOptions } = options;
  await using owned = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'lachesis-test-'));
  owned.defer(() => rm(directory, { recursive: true, force: true }));
  const server = owned.use(
    await startServer({
      environments: [
        { environment: await hostEnvironment(sums), modelServer: fakeModelServer(reply) },
      ],
      tokenDirectory: join(directory, 'tokens'),
      ...serverOptions,
    }),
  );
  const connectTo: ServedForTest['connect'] = (more = {}) =>
    connect({
      address: server.address,
      tokenDirectory: join(directory, 'tokens'),
      connectTimeoutMs: 5_000,
      ...more,
    });
  const client = owned.use(await connectTo());
  const all = owned.move();
  return {
    server,
    client,
    directory,
    connect: connectTo,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

/** The environment that `serveForTest` hosts when it is given none. */
export const sums = defineEnvironment({
  name: 'sums',
  version: '1',
  description: 'Small sums.',
  tasks: Array.from({ length: 10 }, (_, index) => ({
    key: `sum-${index}`,
    split: index < 8 ? 'train' : 'test',
    data: { question: `2 + ${index}?` },
  })),
  tools: [
    tool({
      name: 'add',
      description: 'Adds two numbers.',
      parameters: {
        type: 'object',
        properties: { a: { type: 'number' }, b: { type: 'number' } },
        required: ['a', 'b'],
      },
      execute: ({ a, b }) => String(Number(a) + Number(b)),
    }),
  ],
  prompt: (task) => task.data.question,
  reward: ({ finalText }) => (finalText.includes('4') ? 1 : 0),
});
