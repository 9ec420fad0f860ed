const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /Can't find source path.*Permission denied/i,
    'Boxes run as users of their own (`users`): let everybody enter and read the image and `readOnlyPaths`, their parents too (chmod o+rX).',
  ],
  [
    /No permissions to create new namespace|creating new namespace failed|Operation not permitted.*namespace|setting up uid map/i,
    'User namespaces are off: `sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000`, on Ubuntu 24.04 also `kernel.apparmor_restrict_unprivileged_userns=0`; in a container start it with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined`.',
  ],
  [
    /mount proc|can't mount.*proc|remount.*proc/i,
    'The container hides parts of /proc: start it with `--security-opt systempaths=unconfined` (Kubernetes: `procMount: Unmasked`), or use the `docker` backend.',
  ],
  [
    /Failed to make \/ slave|pivot_root|mounting.*Permission denied|Operation not permitted/i,
    'The container forbids mounts: start it with `--security-opt seccomp=unconfined --security-opt apparmor=unconfined` or `--cap-add SYS_ADMIN`, or use the `docker` backend.',
  ],
  [
    /No such file or directory|Can't find source|Read-only file system|Can't mkdir/i,
    'Look at the image, the working directory and `readOnlyPaths`: each must be there or possible to make.',
  ],
  [
    /Resource temporarily unavailable|ENOSPC|No space left|Too many open files|EAGAIN/i,
    'A limit of the host is reached: look at `ulimit -u`, `ulimit -n`, `user.max_user_namespaces` and `user.max_mnt_namespaces`.',
  ],
];

/** What would mend it, by what bwrap said. */
export function bwrapRemedy(words: string): string {
  return (
    REMEDIES.find(([pattern]) => pattern.test(words))?.[1] ??
    'Run `lachesis doctor` to see which backends work here.'
  );
}
