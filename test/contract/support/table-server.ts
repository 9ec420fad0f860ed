import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from '../../../src/client/index.ts';
import { defineEnvironment, hostEnvironment } from '../../../src/environment/index.ts';
import {
  createChatmlRenderer,
  createManagedServer,
  createScriptedEngine,
  type ScriptedEngine,
} from '../../../src/models/index.ts';
import { createEmbeddedPolicy, readBaseCheckpoint, specialId } from '../../../src/policy/index.ts';
import {
  DEFAULT_SERVER_LIMITS,
  type ServedEnvironment,
  startServer,
} from '../../../src/server/index.ts';
import type { Target } from '../clients/contract-client.ts';

/** The server of the behaviour table: the real one, with engines that do as they are told. */
export interface TableServer extends AsyncDisposable {
  readonly target: Target;
  readonly workerToken: string;
  /** Two rollouts of the environment `quick`, played to their end. */
  readonly playedGroupId: string;
  /** The engine under the environment `stuck`: it samples until it is aborted. */
  readonly stuckEngine: ScriptedEngine;
  /** Requests that are not over. */
  openRequests(): number;
}

/** Ids that the stuck engine has sampled by the time of an abort. */
export const STUCK_SAMPLED_TOKENS = 3;

/** Few enough that a cursor can be too old; more than the table's rows need. */
const rolloutLog = { ...DEFAULT_SERVER_LIMITS.rolloutLog, maxEvents: 64 };

export async function startTableServer(): Promise<TableServer> {
  await using owned = new AsyncDisposableStack();
  const tokenDirectory = mkdtempSync(path.join(tmpdir(), 'lachesis-table-'));
  owned.defer(() => rmSync(tokenDirectory, { recursive: true, force: true }));
  const policy = owned.use(createEmbeddedPolicy({ checkpoint: await readBaseCheckpoint() }));
  const { tokenizer } = policy;
  const scripted = (reply: Parameters<typeof createScriptedEngine>[0]['replies']) =>
    createScriptedEngine({
      replies: reply,
      encode: (text) => tokenizer.encode(text),
      endTokenId: specialId('<|im_end|>'),
      description: { vocabularySize: tokenizer.vocabularySize },
    });
  const serve = async (name: string, engine: ScriptedEngine): Promise<ServedEnvironment> => {
    const definition = defineEnvironment({
      name,
      tasks: [{ key: 'sum', data: 'What is 2 + 2?' }],
      prompt: (task) => task.data,
      reward: ({ finalText }) => ({
        value: finalText.includes('4') ? 1 : 0,
        metrics: { characters: finalText.length },
      }),
      evaluation: { attempts: 2, solvedAt: 0.5 },
    });
    const renderer = createChatmlRenderer({ tokenizer });
    return {
      environment: await hostEnvironment(definition),
      modelServer: createManagedServer({ engine, renderer }),
    };
  };
  const stuckEngine = scripted(() => ({
    text: 'thinking it over at length',
    after: new Promise(() => {}),
    sampledBeforeAbort: STUCK_SAMPLED_TOKENS,
  }));
  const environments = [
    await serve(
      'quick',
      scripted(() => ({ text: 'It is 4.' })),
    ),
    await serve('stuck', stuckEngine),
  ];
  const server = owned.use(
    await startServer({ environments, policy, tokenDirectory, limits: { rolloutLog } }),
  );
  const { tokens } = server;
  if (tokens === undefined) throw new Error('a server on loopback has tokens of its start');
  const playedGroupId = 'played-before';
  await play(server.address, tokens.operator, 'forgotten', 32);
  await play(server.address, tokens.operator, playedGroupId, 2);
  const { host, port } = server;
  const all = owned.move();
  return {
    target: { host, port, token: tokens.operator },
    workerToken: tokens.worker,
    playedGroupId,
    stuckEngine,
    openRequests: () => server.listener.stats().exchanges,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

async function play(address: string, token: string, id: string, groupSize: number): Promise<void> {
  await using client = await connect({ address, token });
  const assignment = {
    id,
    environment: 'quick',
    task: { kind: 'key', key: 'sum' },
    groupSize,
  } as const;
  const { afterSequence } = await client.environments.startRollouts(assignment);
  const events = client.environments.watch({ afterSequence, groupIds: [id], untilFinished: true });
  for await (const _ of events);
}
