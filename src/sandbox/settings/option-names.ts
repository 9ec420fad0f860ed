import { invalidInput, type LachesisError } from '../../errors.ts';

/** What a host's spec is given by; where there is no option, the seed's variable. */
const OPTIONS: Readonly<Record<string, string>> = {
  image: '--sandbox-image',
  network: '--sandbox-network',
  workdir: 'TERMINAL_CWD',
  'resources.cpus': '--sandbox-cpus',
  'resources.memoryMiB': '--sandbox-memory',
  'resources.diskMiB': '--sandbox-disk',
  'resources.pids': '--sandbox-pids',
};

/** A refusal of a host's spec, told by the option that gave the field; undefined for any other text. */
export function refusedByOption(
  text: string,
  remedy: string | undefined,
  names: Readonly<Record<string, string>> = {},
): LachesisError | undefined {
  const [, field = '', problem = ''] = /^sandbox\.([\w.]+): (.*)$/s.exec(text) ?? [];
  const option = names[field] ?? OPTIONS[field];
  if (option === undefined) return undefined;
  // A message ends with its remedy.
  const words = remedy === undefined ? problem : problem.replace(` ${remedy}`, '');
  return invalidInput(option, words, {
    reason: 'SANDBOX_OPTION_REFUSED',
    ...(remedy === undefined ? {} : { remedy }),
  });
}
