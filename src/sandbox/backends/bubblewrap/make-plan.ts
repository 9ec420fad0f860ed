import { statSync } from 'node:fs';
import { posix } from 'node:path';
import { invalidInput } from '../../../errors.ts';
import { checkPath, checkSpec } from '../../contract/check.ts';
import type { SandboxSpec } from '../../contract/spec.ts';
import { type BoxPlan, HOME } from './box-plan.ts';
import { hasShell } from './image-shell.ts';
import type { BubblewrapOptions } from './options.ts';

const WORKDIR = '/workspace';
/** Of one process: V8 and the JVM reserve far more than they use. */
const MIN_ADDRESS_SPACE_MIB = 4_096;
const OWN_PLACES = /^\/(proc|dev|sys)(\/|$)/;

/** Fills in what a spec leaves out; refuses what no box can give. */
export function makePlan(
  spec: SandboxSpec,
  options: BubblewrapOptions,
  identity: { readonly uid: number; readonly gid: number },
): BoxPlan {
  checkSpec(spec);
  const { network = 'none', resources = {}, workdir = WORKDIR } = spec;
  if (typeof network !== 'string') {
    throw invalidInput('sandbox.network', 'lists hosts; bubblewrap knows `none` and `open`.', {
      remedy: 'Use a backend whose capabilities list `allowlist`, such as `modal`.',
    });
  }
  if (resources.cpus !== undefined) {
    throw invalidInput('sandbox.resources.cpus', 'is nothing that bubblewrap can hold to.', {
      remedy: 'Leave it out, or use a backend whose capabilities list `cpus`, such as `docker`.',
    });
  }
  if (Object.keys(spec.providerOptions ?? {}).length > 0) {
    throw invalidInput('sandbox.providerOptions', 'has settings; bubblewrap knows none.');
  }
  if (workdir === '/' || OWN_PLACES.test(workdir)) {
    throw invalidInput('sandbox.workdir', `is ${workdir}, which is the box's own.`, {
      remedy: 'Use a directory such as `/workspace`.',
    });
  }
  const { memoryMiB = 4_096, diskMiB = 1_024, pids = 512 } = { ...options.defaults, ...resources };
  return {
    rootfs: rootfsOf(spec.image),
    readOnlyPaths: shownPaths(options.readOnlyPaths ?? [], workdir),
    workdir,
    writable: spec.writable ?? [],
    env: spec.env ?? {},
    network,
    ...identity,
    diskMiB,
    memoryMiB,
    temporaryMiB: options.temporaryMiB ?? 256,
    files: options.files ?? 262_144,
    limits: {
      processes: pids,
      dataMiB: memoryMiB,
      addressSpaceMiB: Math.max(MIN_ADDRESS_SPACE_MIB, memoryMiB * 2),
      fileMiB: Math.max(diskMiB, options.temporaryMiB ?? 256),
      openFiles: options.openFiles ?? 1_024,
    },
  };
}

/** A folder in a writable place is laid over it; one that is such a place would be hidden by it. */
function shownPaths(given: readonly string[], workdir: string): readonly string[] {
  return given.map((path, i) => {
    const field = `readOnlyPaths[${i}]`;
    checkPath(path, field);
    const each = posix.resolve(path);
    if (['/', '/tmp', HOME, posix.resolve(workdir)].includes(each)) {
      throw invalidInput(field, `is ${each}, where a box has its own.`, {
        remedy: 'Name folders in it, or another `workdir`.',
      });
    }
    return each;
  });
}

function rootfsOf(image: string | undefined): string | undefined {
  if (image === undefined) return undefined;
  const isFolder =
    image.startsWith('/') && statSync(image, { throwIfNoEntry: false })?.isDirectory();
  if (isFolder !== true) {
    throw invalidInput('sandbox.image', `is ${JSON.stringify(image.slice(0, 200))}, no folder.`, {
      remedy: 'Give bubblewrap the absolute path of an unpacked root file system.',
    });
  }
  if (!hasShell(image)) {
    throw invalidInput(
      'sandbox.image',
      `is ${JSON.stringify(image.slice(0, 200))}, in which there is no program \`/bin/sh\`.`,
      {
        remedy:
          'Give the folder of an unpacked root file system, in which `bin/sh` is; `tar` and `stat` are needed as well for files.',
      },
    );
  }
  return image;
}
