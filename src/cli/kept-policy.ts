import {
  createEmbeddedPolicy,
  type EmbeddedPolicy,
  type EmbeddedPolicyOptions,
  PolicyFile,
  readBaseCheckpoint,
} from '../policy/index.ts';

/** The embedded policy of a command, closed with it. */
export interface KeptPolicy extends AsyncDisposable {
  readonly policy: EmbeddedPolicy;
  /** A line about what it goes on from, if anything. */
  readonly lines: readonly string[];
}

/** The embedded policy; with a file it goes on from what that holds, and keeps there what it learns. */
export async function openKeptPolicy(
  file: string | undefined,
  options: Omit<EmbeddedPolicyOptions, 'checkpoint' | 'keeper'>,
): Promise<KeptPolicy> {
  await using owned = new AsyncDisposableStack();
  const checkpoint = await readBaseCheckpoint();
  const keeper =
    file === undefined ? undefined : owned.use(await PolicyFile.open(file, { checkpoint }));
  const policy = owned.use(
    createEmbeddedPolicy({
      ...options,
      checkpoint,
      ...(keeper === undefined ? {} : { keeper }),
    }),
  );
  const all = owned.move();
  return {
    policy,
    lines: keeper?.kept === undefined ? [] : [`from ${keeper.path}: version ${policy.version}`],
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}
