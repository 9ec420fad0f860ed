import path from 'node:path';
import { clipText, LachesisError } from '../../errors.ts';
import { type ExecResult, outputText, type RolloutSandbox } from '../../sandbox/index.ts';
import type { RewardValue } from '../environment.ts';
import type { HarborTask } from './harbor-task.ts';

const LOGS = '/logs/verifier';
/** What is read of a reward file; one that is longer is none. */
const MAX_REWARD_BYTES = 65_536;
const MAX_SHOWN_BYTES = 400;
const PREPARE_TIMEOUT_MS = 30_000;

/**
 * Puts a task's tests into the sandbox, runs them, and reads the reward that they wrote. A verifier that takes
 * too long, or leaves no reward that can be read, is the task's fault: an environment_error, and no score.
 */
export async function verify(
  task: HarborTask,
  sandbox: RolloutSandbox,
  signal: AbortSignal,
): Promise<RewardValue> {
  // Whatever becomes of it, the next rollout must not find the tests.
  sandbox.taint('the tests of a task were in it');
  // None of the agent's programs may meddle with them.
  await sandbox.endProcesses();
  // What an agent laid there would be taken for a test, or for a reward.
  const empty = `mkdir -p /tests ${LOGS} && find /tests ${LOGS} -mindepth 1 -delete`;
  const emptied = await sandbox.exec(empty, { timeoutMs: PREPARE_TIMEOUT_MS, signal });
  signal.throwIfAborted();
  if (emptied.exitCode !== 0)
    throw faultOf(task, 'PREPARE', `/tests and ${LOGS} could not be emptied`, emptied);
  await sandbox.upload(path.join(task.folder, 'tests'), '/tests', { signal });
  const ran = await sandbox.exec(
    {
      argv: ['bash', '/tests/test.sh'],
      cwd: await workdirIn(task, sandbox, signal),
      env: task.verifierEnv,
    },
    { timeoutMs: task.verifierTimeoutMs, signal },
  );
  signal.throwIfAborted();
  if (ran.timedOut) {
    throw faultOf(
      task,
      'TIMEOUT',
      `tests/test.sh took longer than the ${task.verifierTimeoutMs / 1_000} s of verifier.timeout_sec`,
      ran,
    );
  }
  const text = await rewardFile(sandbox, 'reward.txt', signal);
  if (text !== undefined) return numberOf(text) ?? garbage(task, 'reward.txt', text, ran);
  const json = await rewardFile(sandbox, 'reward.json', signal);
  if (json !== undefined) return valueIn(json) ?? garbage(task, 'reward.json', json, ran);
  throw faultOf(
    task,
    'NO_REWARD',
    `tests/test.sh wrote neither ${LOGS}/reward.txt nor reward.json`,
    ran,
  );
}

/** The task's own directory where the sandbox has it, else the sandbox's. */
export async function workdirIn(
  task: HarborTask,
  sandbox: RolloutSandbox,
  signal: AbortSignal,
): Promise<string> {
  const found = await sandbox.stat(task.workdir, { signal });
  return found?.type === 'directory' ? task.workdir : sandbox.workdir;
}

/** Undefined when there is none that is a file of a sensible size. */
async function rewardFile(
  sandbox: RolloutSandbox,
  name: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const file = `${LOGS}/${name}`;
  const found = await sandbox.stat(file, { signal });
  if (found?.type !== 'file' || found.size > MAX_REWARD_BYTES) return undefined;
  return await sandbox.readText(file, { maxBytes: MAX_REWARD_BYTES, signal });
}

function numberOf(text: string): number | undefined {
  const value = Number(text);
  return text.trim() !== '' && Number.isFinite(value) ? value : undefined;
}

/** Of numbers by name: `reward`, or the only one; the others are told beside it. */
function valueIn(text: string): RewardValue | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof parsed === 'number') return parsed;
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const all = Object.entries(parsed);
  if (!all.every((entry): entry is [string, number] => typeof entry[1] === 'number'))
    return undefined;
  const value = all.length === 1 ? all[0]?.[1] : new Map(all).get('reward');
  return value === undefined ? undefined : { value, metrics: Object.fromEntries(all) };
}

function garbage(task: HarborTask, file: string, text: string, ran: ExecResult): never {
  const shown = clipText(JSON.stringify(text.slice(0, 200)), 200);
  const wanted =
    file === 'reward.txt' ? 'a number' : 'a number, or numbers by name of which one is `reward`';
  throw faultOf(
    task,
    'BAD_REWARD',
    `tests/test.sh wrote ${shown} to ${LOGS}/${file}, which is not ${wanted}`,
    ran,
  );
}

function faultOf(task: HarborTask, reason: string, what: string, ran: ExecResult): LachesisError {
  const said = `${outputText(ran.stdout)}\n${outputText(ran.stderr)}`
    .trim()
    .slice(-MAX_SHOWN_BYTES);
  const end = said === '' ? 'It said nothing.' : `It said at the end: ${said}`;
  return new LachesisError(
    'environment_error',
    `Task \`${task.key}\`: ${what} (exit code ${ran.exitCode}). ${end}`,
    { reason: `HARBOR_${reason}`, field: path.join(task.folder, 'tests', 'test.sh') },
  );
}
