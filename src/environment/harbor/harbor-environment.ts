import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorMessage, invalidInput } from '../../errors.ts';
import type { Message } from '../../messages.ts';
import { type RolloutSandbox, shellWord } from '../../sandbox/index.ts';
import { sandboxTools } from '../../tools/index.ts';
import { defineEnvironment } from '../define.ts';
import type { EnvironmentDefinition } from '../environment.ts';
import { type HarborTask, readHarborTask } from './harbor-task.ts';
import { copyInto, requirementOf } from './prepare.ts';
import { verify, workdirIn } from './verify.ts';

/** For what surrounds an agent's or a verifier's own time. */
const MARGIN_MS = 60_000;
/** Most that the terminal tool lets one command take. */
const MOST_COMMAND_SEC = 600;

export interface HarborOptions {
  /** Default: the folder's name. */
  readonly name?: string;
  readonly split?: string;
  /** What a task's sandbox is made of, in place of its own `docker_image` and Dockerfile. */
  readonly image?: string | ((task: { readonly key: string }) => string | undefined);
  /** `skip` plays tasks whose Dockerfile would have to be built in a sandbox without what it builds. Default: they are refused. */
  readonly dockerfile?: 'refuse' | 'skip';
  /** Told, once each, of what sandboxes are made without. Default: Node's own warnings. */
  readonly onWarning?: (message: string) => void;
}

/** What an agent is asked, and by whom it was told. */
export interface HarborTaskData {
  readonly instruction: string;
}

interface Episode {
  readonly sandbox: RolloutSandbox;
  readonly startMs: number;
}

/**
 * An environment of a folder whose folders are tasks of Harbor's format: `instruction.md`, `task.toml`,
 * `environment/`, `tests/test.sh` and, where it has one, `solution/solve.sh`. All are read at once; what is missing
 * or broken throws an invalid_input that names the file and the field.
 */
export function harborEnvironment(
  folder: string | URL,
  options: HarborOptions = {},
): EnvironmentDefinition<HarborTaskData, Episode> {
  const root = path.resolve(folder instanceof URL ? fileURLToPath(folder) : folder);
  const tasks = readTasks(root, options);
  const of = (key: string): HarborTask => {
    const task = tasks.get(key);
    if (task === undefined) throw invalidInput('task', `\`${key}\` is none of ${root}.`);
    return task;
  };
  const all = [...tasks.values()];
  const warn = warningOnce(options.onWarning);
  const unbuilt = all.filter(
    (task) => task.dockerfile !== undefined && imageOf(task, options) === undefined,
  );
  const bases = [...new Set(unbuilt.map(({ dockerfile }) => dockerfile?.base))];
  if (unbuilt.length > 0) {
    warn(
      `${unbuilt.length} tasks of ${root} have a Dockerfile and no image (${bases.slice(0, 3).join(', ')}): they are played in the host's ` +
        'own sandboxes, with the files that it copies. Say docker_image in task.toml, or `image`, for those they are meant for.',
    );
  }
  const longest = (field: 'agentTimeoutMs' | 'verifierTimeoutMs'): number =>
    Math.max(...all.map((task) => task[field])) + MARGIN_MS;
  return defineEnvironment<HarborTaskData, Episode>({
    name: options.name ?? path.basename(root),
    description: `The ${all.length} tasks of ${path.basename(root)}, in Harbor's format.`,
    tasks: all.map(({ key, instruction }) => ({
      ...{ key, data: { instruction } },
      ...(options.split === undefined ? {} : { split: options.split }),
    })),
    tools: sandboxTools(['terminal', 'files']),
    sandbox: ({ key }, { backend }) =>
      requirementOf(of(key), imageOf(of(key), options), backend, warn),
    setup: async ({ key }, { sandbox, signal }) => {
      const task = of(key);
      await copyInto(sandbox, task, signal);
      const cwd = await workdirIn(task, sandbox, signal);
      if (cwd !== sandbox.workdir) await sandbox.shell.run(`cd -- ${shellWord(cwd)}`, { signal });
      return { sandbox, startMs: performance.now() };
    },
    prompt: ({ data }) => data.instruction,
    // As in Harbor, an agent whose time is over is scored by what it did until then.
    isDone: ({ task, state }) => performance.now() - state.startMs > of(task.key).agentTimeoutMs,
    reward: ({ task, sandbox, signal }) => verify(of(task.key), sandbox, signal),
    ...(all.every(({ hasSolution }) => hasSolution)
      ? { solution: async ({ key }, { state }) => await solve(of(key), state.sandbox) }
      : {}),
    maxTurns: 100,
    timeoutMs: longest('agentTimeoutMs'),
    toolTimeoutMs: MOST_COMMAND_SEC * 1_000 + MARGIN_MS,
    rewardTimeoutMs: longest('verifierTimeoutMs'),
  });
}

/** By their keys, in the order of their names. */
function readTasks(root: string, options: HarborOptions): ReadonlyMap<string, HarborTask> {
  let names: readonly string[];
  try {
    names = readdirSync(root).sort();
  } catch (error) {
    throw invalidInput('harborEnvironment', `${root} can't be read: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  const folders = names
    .filter((name) => !name.startsWith('.'))
    .map((name) => path.join(root, name))
    .filter((each) => statSync(each).isDirectory());
  const tasks = folders.map((each) => readHarborTask(each));
  if (tasks.length === 0) {
    throw invalidInput('harborEnvironment', `${root} has no folder of a task in it.`, {
      remedy:
        'Give the folder that holds the tasks: each is a folder with task.toml and instruction.md.',
    });
  }
  for (const task of tasks) assertPlayable(task, options);
  return new Map(tasks.map((task) => [task.key, task]));
}

function imageOf(task: HarborTask, { image }: HarborOptions): string | undefined {
  return (typeof image === 'function' ? image({ key: task.key }) : image) ?? task.image;
}

/** Nothing here builds images: a Dockerfile that needs that is refused before anything is played. */
function assertPlayable(task: HarborTask, options: HarborOptions): void {
  const line = task.dockerfile?.needsBuild;
  if (line === undefined || options.dockerfile === 'skip') return;
  if (imageOf(task, options) !== undefined) return;
  const folder = path.join(task.folder, 'environment');
  throw invalidInput(
    path.join(folder, 'Dockerfile'),
    `has to be built (${line}), and no image is built here.`,
    {
      remedy:
        `Run \`docker build -t ${task.key} ${folder}\`, then say docker_image = "${task.key}" under [environment] in task.toml ` +
        "or give harborEnvironment its `image`; `dockerfile: 'skip'` plays without what it builds.",
    },
  );
}

function warningOnce(
  tell = (message: string): void =>
    process.emitWarning(message, { type: 'LachesisWarning', code: 'HARBOR' }),
): (message: string) => void {
  const told = new Set<string>();
  return (message) => {
    if (!told.has(message)) tell(message);
    told.add(message);
  };
}

/** Puts the solution into the sandbox; the agent then runs it by the terminal, as it would run anything. */
async function solve(task: HarborTask, sandbox: RolloutSandbox): Promise<readonly Message[]> {
  await sandbox.upload(path.join(task.folder, 'solution'), '/solution');
  const env = Object.entries(task.solutionEnv).map(
    ([name, value]) => `${name}=${shellWord(value)} `,
  );
  const argumentsText = JSON.stringify({
    command: `${env.join('')}bash /solution/solve.sh`,
    timeout: Math.min(MOST_COMMAND_SEC, Math.ceil(task.agentTimeoutMs / 1_000)),
  });
  const toolCalls = [{ id: 'solve', name: 'terminal', argumentsText }];
  return [{ role: 'assistant', content: [], toolCalls }];
}
