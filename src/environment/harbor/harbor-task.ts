import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { errorMessage, invalidInput } from '../../errors.ts';
import type { SandboxResources } from '../../sandbox/index.ts';
import { type DockerfileParts, readDockerfile } from './dockerfile.ts';
import { TomlTable } from './toml-table.ts';

const DEFAULT_TIMEOUT_SEC = 600;
/** Where a task that says nothing is worked on. */
const DEFAULT_WORKDIR = '/app';

/** One folder of Harbor's format, read and checked. */
export interface HarborTask {
  /** The folder's name. */
  readonly key: string;
  readonly folder: string;
  readonly instruction: string;
  /** What it is made of, if it names that itself. */
  readonly image: string | undefined;
  /** Undefined where there is an image, or no Dockerfile. */
  readonly dockerfile: DockerfileParts | undefined;
  readonly workdir: string;
  readonly resources: SandboxResources;
  /** Undefined leaves it to the host. */
  readonly network: 'none' | 'open' | undefined;
  readonly agentTimeoutMs: number;
  readonly verifierTimeoutMs: number;
  readonly verifierEnv: Readonly<Record<string, string>>;
  readonly solutionEnv: Readonly<Record<string, string>>;
  readonly hasSolution: boolean;
}

const OTHER_USER = 'commands have one user here; leave it out, or make it that of the image.';

/** Reads the folder of one task. Throws an invalid_input that names the file, and the field of it. */
export function readHarborTask(folder: string): HarborTask {
  const at = (...parts: readonly string[]): string => path.join(folder, ...parts);
  const toml = TomlTable.read(at('task.toml'));
  toml.refuse({ steps: 'tasks of several steps are not played; make each step a task.' });
  const agent = toml.table('agent');
  const verifier = toml.table('verifier');
  const environment = toml.table('environment');
  agent.refuse({ user: OTHER_USER });
  verifier.refuse({
    ...{ user: OTHER_USER, collect: 'nothing is collected before a verifier runs.' },
    environment: 'the verifier runs where the agent did.',
  });
  environment.refuse({
    gpus: 'no sandbox here has one.',
    mcp_servers: 'tools are those of the environment here.',
    healthcheck: 'nothing is waited for before a task begins.',
  });
  if (existsSync(at('environment', 'docker-compose.yaml'))) {
    throw invalidInput(
      at('environment', 'docker-compose.yaml'),
      'asks for several containers; a rollout has one sandbox.',
    );
  }
  required(at('tests', 'test.sh'));
  const image = environment.text('docker_image');
  const dockerfile =
    image === undefined ? dockerfileOf(at('environment', 'Dockerfile')) : undefined;
  return Object.freeze({
    ...{ key: path.basename(folder), folder, image, dockerfile },
    instruction: instructionOf(at('instruction.md')),
    workdir: environment.text('workdir') ?? dockerfile?.workdir ?? DEFAULT_WORKDIR,
    resources: resourcesOf(environment),
    network: networkOf(environment),
    agentTimeoutMs: (agent.amount('timeout_sec') ?? DEFAULT_TIMEOUT_SEC) * 1_000,
    verifierTimeoutMs: (verifier.amount('timeout_sec') ?? DEFAULT_TIMEOUT_SEC) * 1_000,
    verifierEnv: verifier.variables('env'),
    solutionEnv: toml.table('solution').variables('env'),
    hasSolution: existsSync(at('solution', 'solve.sh')),
  });
}

function required(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) return;
  throw invalidInput(file, 'is missing; every task has one.');
}

function instructionOf(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw invalidInput(file, `can't be read: ${errorMessage(error)}`, { cause: error });
  }
  if (text.trim() !== '') return text;
  throw invalidInput(file, 'is empty; it is what the agent is told.');
}

function dockerfileOf(file: string): DockerfileParts | undefined {
  return existsSync(file) ? readDockerfile(readFileSync(file, 'utf8')) : undefined;
}

function resourcesOf(environment: TomlTable): SandboxResources {
  const cpus = environment.amount('cpus');
  const memoryMiB = environment.amount('memory_mb') ?? environment.size('memory');
  const diskMiB = environment.amount('storage_mb') ?? environment.size('storage');
  return {
    ...(cpus === undefined ? {} : { cpus }),
    ...(memoryMiB === undefined ? {} : { memoryMiB }),
    ...(diskMiB === undefined ? {} : { diskMiB }),
  };
}

function networkOf(environment: TomlTable): 'none' | 'open' | undefined {
  const isAllowed = environment.flag('allow_internet');
  if (isAllowed === undefined) return undefined;
  return isAllowed ? 'open' : 'none';
}
