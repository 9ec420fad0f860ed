/** What a Dockerfile says that can be done in a sandbox which is there already. */
export interface DockerfileParts {
  /** What it begins with; nothing here is made of that. */
  readonly base: string;
  /** The last `WORKDIR`. */
  readonly workdir: string | undefined;
  readonly env: Readonly<Record<string, string>>;
  /** Its `COPY` lines: paths of the build's folder, and where they go. */
  readonly copies: readonly { readonly from: readonly string[]; readonly to: string }[];
  /** The first line of a kind that only a build can do, such as `RUN`; undefined when there is none. */
  readonly needsBuild: string | undefined;
}

/** Reads the few kinds of lines that make up the Dockerfile of a simple task. */
export function readDockerfile(text: string): DockerfileParts {
  let base = '';
  let workdir: string | undefined;
  let needsBuild: string | undefined;
  const env: Record<string, string> = {};
  const copies: { from: readonly string[]; to: string }[] = [];
  const lines = text
    .split('\n')
    .filter((line) => !/^\s*#/.test(line))
    .join('\n')
    .replaceAll(/\\\s*\n/g, ' ')
    .split('\n');
  for (const line of lines.map((each) => each.trim()).filter((each) => each !== '')) {
    const [, kind = '', rest = ''] = /^(\S+)\s*(.*)$/.exec(line) ?? [];
    const words = wordsOf(rest);
    const isPlain = !/[$"*?]/.test(rest) && !rest.startsWith('--');
    if (kind === 'LABEL' || kind === 'EXPOSE') continue;
    if (kind === 'FROM') base = words[0] ?? '';
    else if (kind === 'WORKDIR' && isPlain) workdir = absolute(rest, workdir);
    else if (kind === 'COPY' && words.length >= 2 && isPlain) {
      const to = absolute(words.at(-1) ?? '', workdir);
      copies.push({ from: words.slice(0, -1), to: rest.endsWith('/') ? `${to}/` : to });
    } else if (kind === 'ENV' && /^[A-Za-z_]\w*=[^$"\s]*$/.test(rest)) {
      env[rest.slice(0, rest.indexOf('='))] = rest.slice(rest.indexOf('=') + 1);
    } else needsBuild ??= line;
  }
  return { base, workdir, env, copies, needsBuild };
}

function wordsOf(text: string): readonly string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

function absolute(given: string, workdir = '/'): string {
  const path = given.startsWith('/') ? given : `${workdir}/${given === '.' ? '' : given}`;
  return path.replaceAll(/\/(\.?\/)+/g, '/').replace(/(.)\/\.?$/, '$1');
}
