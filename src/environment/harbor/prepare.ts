import { statSync } from 'node:fs';
import path from 'node:path';
import { LachesisError } from '../../errors.ts';
import type { RolloutSandbox, SandboxBackend } from '../../sandbox/index.ts';
import type { SandboxRequirement } from '../environment.ts';
import type { HarborTask } from './harbor-task.ts';

/** Where Harbor's scripts look for things. */
const PLACES = ['/tests', '/logs', '/solution'];

/** The sandbox that a task asks for, as far as the backend can hold to it. */
export function requirementOf(
  task: HarborTask,
  image: string | undefined,
  { name, capabilities }: Pick<SandboxBackend, 'name' | 'capabilities'>,
  warn: (message: string) => void,
): SandboxRequirement {
  if (
    image !== undefined &&
    (!capabilities.images || (name === 'bubblewrap' && !image.startsWith('/')))
  ) {
    throw new LachesisError(
      'environment_error',
      `Task \`${task.key}\` is made of the image ${image}, and \`${name}\` has none.`,
      {
        reason: 'HARBOR_IMAGE',
        field: 'environment.docker_image',
        remedy:
          'Play it with --sandbox docker, modal or e2b; or unpack the image and give its folder as `image`, for bubblewrap.',
      },
    );
  }
  const limits: readonly string[] = capabilities.limits;
  const held = Object.entries(task.resources).filter(([limit]) => limits.includes(limit));
  for (const [limit] of Object.entries(task.resources)) {
    if (limits.includes(limit)) continue;
    warn(
      `\`${name}\` can't hold sandboxes to \`${limit}\`, which their task.toml says: they are made without it.`,
    );
  }
  const { env = {} } = task.dockerfile ?? {};
  return {
    // An image has files of its own in its working directory, which an empty one would hide.
    ...(image === undefined ? { workdir: task.workdir } : { image }),
    writable: [...new Set([...PLACES, ...copiedTo(task)])],
    ...(Object.keys(env).length === 0 ? {} : { env }),
    ...(held.length === 0 ? {} : { resources: Object.fromEntries(held) }),
    ...(task.network === undefined ? {} : { network: task.network }),
  };
}

/** Folders that its Dockerfile copies to, outside of its working directory. */
function copiedTo({ dockerfile, workdir }: HarborTask): readonly string[] {
  return (dockerfile?.copies ?? [])
    .map(({ to }) => (to.endsWith('/') ? to.slice(0, -1) : path.posix.dirname(to)))
    .filter(
      (to) =>
        to !== '/' && to !== '' && !`${to}/`.startsWith(`${workdir}/`) && !/^\/(tmp|home)/.test(to),
    );
}

/** Does in a sandbox what the Dockerfile's `COPY` lines would have done in an image. */
export async function copyInto(
  sandbox: RolloutSandbox,
  { folder, dockerfile }: HarborTask,
  signal: AbortSignal,
): Promise<void> {
  const root = path.join(folder, 'environment');
  for (const { from, to } of dockerfile?.copies ?? []) {
    for (const each of from) {
      const source = path.join(root, each);
      const found = statSync(source, { throwIfNoEntry: false });
      if (found === undefined || !`${source}/`.startsWith(`${root}/`)) {
        const what = `environment/Dockerfile copies ${each}, which is not in its folder.`;
        throw new LachesisError('environment_error', what, {
          reason: 'HARBOR_COPY',
          field: source,
        });
      }
      const isInto = to.endsWith('/') || from.length > 1;
      const target = isInto && found.isFile() ? path.posix.join(to, path.basename(each)) : to;
      await sandbox.upload(source, target.replace(/(.)\/$/, '$1'), { signal });
    }
  }
}
