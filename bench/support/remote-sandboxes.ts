// Measures a backend whose other side runs in the process that started this one, which it sends the figures.
import {
  createDockerBackend,
  createE2bBackend,
  createModalBackend,
  type SandboxBackend,
} from '../../src/sandbox/index.ts';
import { execs, leasing, storm } from './sandbox-measures.ts';

interface RemotePlan {
  readonly rounds: number;
  readonly execs: number;
  /** 0 for none. */
  readonly storm: number;
}

const [name = '', optionsText = '{}', planText = ''] = process.argv.slice(2);
const plan: RemotePlan = JSON.parse(planText);
await using backend = open(JSON.parse(optionsText));
const figures = {
  ...(await leasing(backend, plan.rounds)),
  ...(await execs(backend, plan)),
  ...(plan.storm === 0 ? {} : { stormWithReuse: await storm(backend, plan.storm) }),
};
process.send?.(figures);
process.disconnect();

function open(options: object): SandboxBackend {
  // Modal's client finds the fake by its variables.
  if (name === 'modal') return createModalBackend();
  if (name === 'e2b') {
    return createE2bBackend(options as Parameters<typeof createE2bBackend>[0]);
  }
  return createDockerBackend(options as Parameters<typeof createDockerBackend>[0]);
}
