import type { ContainerCreateOptions } from 'dockerode';
import { invalidInput } from '../../../errors.ts';
import { checkSpec } from '../../contract/check.ts';
import type { SandboxSpec } from '../../contract/spec.ts';
import type { DockerBackendOptions } from './options.ts';

export const DEFAULT_IMAGE = 'debian:bookworm';
const DEFAULT_WORKDIR = '/workspace';
const DEFAULTS = { memoryMiB: 4_096, diskMiB: 1_024, pids: 512 };
const DEFAULT_LIFETIME_MS = 24 * 3_600_000;
const MIB = 1_048_576;

/** That a container is ours, and its tags, as labels. */
export const OURS = 'lachesis.sandbox';
const TAG = 'lachesis.tag.';

export function tagLabels(tags: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [`${TAG}${name}`, value]));
}

export function tagsOf(labels: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(labels)
      .filter(([name]) => name.startsWith(TAG))
      .map(([name, value]) => [name.slice(TAG.length), value]),
  );
}

export interface ContainerPlan {
  readonly image: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly config: ContainerCreateOptions;
}

/** The container of a spec: no rights, no network unless asked for, bounded, and ended by its own clock. */
export function planContainer(
  spec: SandboxSpec,
  options: DockerBackendOptions,
  {
    tags = {},
    lifetimeMs,
  }: { tags?: Readonly<Record<string, string>> | undefined; lifetimeMs?: number | undefined },
): ContainerPlan {
  checkDockerSpec(spec);
  const { image = options.image ?? DEFAULT_IMAGE, workdir = DEFAULT_WORKDIR, env = {} } = spec;
  const { writable = [] } = spec;
  const { cpus, memoryMiB, diskMiB, pids } = {
    ...DEFAULTS,
    ...options.defaults,
    ...spec.resources,
  };
  const { temporaryMiB = 256, ulimits = { nofile: 1_024 }, user, runtime } = options;
  const lifeMs = Math.min(lifetimeMs ?? Infinity, options.lifetimeMs ?? DEFAULT_LIFETIME_MS);
  const tmpfs = (mib: number) => `rw,exec,nosuid,nodev,mode=1777,size=${Math.ceil(mib * MIB)}`;
  const config: ContainerCreateOptions = {
    Image: image,
    // The image's own entry point is for what the image is for.
    Entrypoint: ['sleep', String(Math.ceil(lifeMs / 1_000))],
    Cmd: [],
    WorkingDir: '/',
    Labels: { [OURS]: '1', ...tagLabels(tags) },
    StopTimeout: 1,
    ...(user === undefined ? {} : { User: user }),
    HostConfig: {
      Init: true,
      AutoRemove: true,
      NetworkMode: spec.network === 'open' ? 'bridge' : 'none',
      CapDrop: ['ALL'],
      SecurityOpt: ['no-new-privileges'],
      PidsLimit: Math.ceil(pids),
      Memory: Math.ceil(memoryMiB * MIB),
      MemorySwap: Math.ceil(memoryMiB * MIB),
      Tmpfs: {
        ...Object.fromEntries(writable.map((each) => [each, tmpfs(diskMiB)])),
        ...{ [workdir]: tmpfs(diskMiB), '/tmp': tmpfs(temporaryMiB) },
      },
      Ulimits: Object.entries(ulimits).map(([Name, most]) => ({ Name, Soft: most, Hard: most })),
      ...(cpus === undefined ? {} : { NanoCpus: Math.ceil(cpus * 1e9) }),
      ...(runtime === undefined ? {} : { Runtime: runtime }),
    },
  };
  return { image, workdir, env, config };
}

function checkDockerSpec(spec: SandboxSpec): void {
  checkSpec(spec);
  if (typeof spec.network === 'object') {
    throw invalidInput('sandbox.network', "can't be a list of hosts for the `docker` backend.", {
      remedy: 'Say `none` or `open`.',
    });
  }
  if (spec.workdir === '/' || spec.workdir === '/tmp') {
    throw invalidInput(
      'sandbox.workdir',
      `can't be ${spec.workdir}, which is no directory of its own.`,
    );
  }
  for (const name of Object.keys(spec.providerOptions ?? {})) {
    throw invalidInput(`sandbox.providerOptions.${name}`, 'is not known to the `docker` backend.');
  }
}
