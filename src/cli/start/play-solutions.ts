import { Limiter } from '../../async/index.ts';
import type { Rollout, Task } from '../../contract/index.ts';
import type { CommandIo } from '../command.ts';
import { type Answers, playScript } from '../play-script.ts';
import { RolloutWriter } from '../rollout-writer.ts';
import { count } from '../words.ts';
import type { KeptStart, PlayedRow, StartRecord } from './kept-start.ts';
import { DEFAULT_ENVIRONMENT } from './plan.ts';
import { placeText } from './sandbox-account.ts';
import type { StartEnvironment } from './start-environment.ts';
import { transcriptLines } from './transcript.ts';

const TASKS = { quick: 8, whole: 16 };
const CONCURRENCY = 8;
const NULL_ANSWER = 'I do not know.';

/** Who plays each task. */
const SOLUTION = 'its solution';
const NOTHING = 'an agent that does nothing';

/**
 * Plays an environment whose agents write commands, which the policy of the quick start is too small for: the
 * solutions that it has, and an agent that does nothing, each through the pool. What is kept of an earlier
 * sitting is not played again.
 */
export async function playSolutions(
  kept: KeptStart,
  begun: StartRecord,
  hosted: StartEnvironment,
  io: CommandIo,
): Promise<StartRecord> {
  const { environment, sandboxes, account } = hosted;
  const { plan } = begun;
  const { solution } = environment.definition;
  const players: readonly (readonly [player: string, answers: Answers])[] = [
    ...(solution === undefined ? [] : [[SOLUTION, solution] as const]),
    [NOTHING, () => NULL_ANSWER],
  ];
  io.out(
    `Agents of ${environment.name} write commands, which the small policy of the quick start can't. So each task is played by ${players.map(([player]) => player).join(', and by ')}. To train on it all the same, give --train.\n`,
  );
  if (sandboxes !== undefined) io.out(`${placeText(sandboxes)}\n`);
  const tasks = await firstTasks(hosted, plan.quick ? TASKS.quick : TASKS.whole, io.signal);
  const rows = new Map((begun.played ?? []).map((row) => [row.id, row]));
  if (begun.resumed > 0) io.out(`resumed: ${count(rows.size)} rollouts were played before\n`);
  let shown: readonly string[] | undefined = begun.shown;
  await using writer = new RolloutWriter(kept.rolloutFile());
  const record = (): StartRecord => ({
    ...begun,
    ...{ played: [...rows.values()], shown },
    rolloutsWritten: begun.rolloutsWritten + writer.count,
    wallSeconds: begun.wallSeconds + performance.now() / 1000,
  });
  const limiter = new Limiter(CONCURRENCY);
  // One that failed for our own sake ends the others, and all have ended before their sandboxes go.
  const broken = new AbortController();
  const signal = AbortSignal.any([io.signal, broken.signal]);
  let writing = Promise.resolve();
  const all = await Promise.allSettled(
    tasks.flatMap((task) =>
      players.map(async ([player, answers]) => {
        const rolloutId = `${player === SOLUTION ? 'solution' : 'nothing'}.${task.key}`;
        if (rows.has(rolloutId)) return;
        using _place = await limiter.acquire(signal);
        const { rollout, answersThrew } = await playScript({
          ...{ environment, task, answers, rolloutId, player },
          ...{ seed: plan.seed, signal },
        });
        // What Ctrl-C ended is played again.
        if (signal.aborted) return;
        writer.write(rollout, '');
        const row = rowOf(rollout, player, answersThrew);
        rows.set(rolloutId, row);
        if (player === SOLUTION) shown ??= transcriptLines(rollout);
        writing = writing.then(() => kept.write(record()));
        await writing.catch((error: unknown) => broken.abort(error));
        io.out(`${rowLine(row, task.key)}\n`);
      }),
    ),
  );
  signal.throwIfAborted();
  const failed = all.find((each) => each.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  const last = record();
  const played = last.played ?? [];
  const lines = [
    '',
    ...players.map(([player]) => rewardLine(player, played)),
    `tool calls       ${callsText(played)}`,
    ...(sandboxes === undefined ? [] : [`sandboxes        ${account.text(sandboxes)}`]),
    `wall time        ${last.wallSeconds.toFixed(1)} s`,
    '',
    ...(shown ?? []).map((line) => `    ${line}`),
    '',
    `${count(last.rolloutsWritten)} rollouts are in ${writer.path}${begun.resumed > 0 ? ' and the files of before beside it' : ''}`,
    '',
    'Three things to try:',
    ...nextSteps(plan.environment ?? DEFAULT_ENVIRONMENT).map((line) => `  ${line}`),
  ];
  return { ...last, ended: { lines, failures: failuresOf(played) } };
}

async function firstTasks(
  { environment }: StartEnvironment,
  most: number,
  signal: AbortSignal,
): Promise<readonly Task[]> {
  const tasks: Task[] = [];
  for await (const task of environment.tasks.tasks({ signal })) {
    tasks.push(task);
    if (tasks.length >= most) break;
  }
  return tasks;
}

function rowOf(rollout: Rollout, player: string, answersThrew: string | undefined): PlayedRow {
  const { outcome, result, id, startTimeMs, endTimeMs } = rollout;
  const { attempted, executedOk } = result.toolCalls;
  const seconds = (endTimeMs - startTimeMs) / 1_000;
  const row = { id, player, attempted, executedOk, seconds };
  if (answersThrew !== undefined) return { ...row, failure: `its solution threw: ${answersThrew}` };
  if (outcome.kind === 'scored') return { ...row, reward: outcome.reward };
  return { ...row, failure: outcome.failure.message };
}

function rowLine({ player, reward, failure, attempted, seconds }: PlayedRow, key: string): string {
  const end = reward === undefined ? `not scored: ${failure}` : `reward ${reward.toFixed(2)}`;
  return `task ${key.padStart(3)}  ${player.padEnd(NOTHING.length)}  ${end}  ${count(attempted)} ${attempted === 1 ? 'call ' : 'calls'}  ${seconds.toFixed(1)} s`;
}

function rewardLine(player: string, played: readonly PlayedRow[]): string {
  const scored = rewardsOf(player, played);
  const mean = scored.reduce((sum, reward) => sum + reward, 0) / scored.length;
  const text = scored.length === 0 ? 'none was scored' : `mean reward ${mean.toFixed(2)}`;
  return `${player.padEnd(NOTHING.length)}  ${text} (${count(scored.length)} rollouts)`;
}

function rewardsOf(player: string, played: readonly PlayedRow[]): readonly number[] {
  return played
    .filter((row) => row.player === player)
    .flatMap(({ reward }) => (reward === undefined ? [] : [reward]));
}

function callsText(played: readonly PlayedRow[]): string {
  const attempted = played.reduce((sum, row) => sum + row.attempted, 0);
  const ok = played.reduce((sum, row) => sum + row.executedOk, 0);
  return `${count(attempted)} attempted, ${count(ok)} ok`;
}

function failuresOf(played: readonly PlayedRow[]): readonly string[] {
  const lost = played.filter(({ reward }) => reward === undefined);
  const under = rewardsOf(SOLUTION, played).filter((reward) => reward < 1).length;
  return [
    ...(lost.length > 0 ? [`${lost.length} rollouts were not scored: ${lost[0]?.failure}`] : []),
    ...(under > 0 ? [`${under} solutions earn less than 1.`] : []),
  ];
}

/** What a user does next: another one, a model of their own, and where commands run. */
function nextSteps(name: string): readonly string[] {
  const isCheckout = import.meta.url.endsWith('.ts');
  const start = isCheckout ? 'npm start -- ' : 'npx lachesis start ';
  const file = isCheckout ? `examples/environments/${name}.ts` : 'YOUR_ENV.ts';
  return [
    `${start}--env ${name} --sandbox docker   # in other sandboxes`,
    `npx lachesis process ${file} --openai-url URL --openai-model NAME --out rollouts.jsonl   # a model of yours`,
    'npx lachesis doctor   # which sandboxes work here',
  ];
}
