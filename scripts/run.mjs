// Runs one TypeScript file under the project's own Node (24), whatever Node the machine has.
// Plain JavaScript with no imports beyond node:, since nothing may be installed yet.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const windows = process.platform === 'win32';

/** True when node_modules holds exactly what package-lock.json asks for. */
function installed() {
  const marker = path.join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(marker)) return false;
  const wanted = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  const have = JSON.parse(readFileSync(marker, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([name, entry]) => name === '' || entry.optional || have[name]?.version === entry.version,
  );
}

function projectNode() {
  const own = path.join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node');
  return existsSync(own) ? own : process.execPath;
}

if (!installed()) {
  process.stderr.write('Installing packages (once)...\n');
  const npm = spawnSync(windows ? 'npm.cmd' : 'npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 2, 2],
    shell: windows,
  });
  if (npm.status !== 0) {
    process.stderr.write('npm ci failed; see its output above.\n');
    process.exit(1);
  }
}

const [file, ...args] = process.argv.slice(2);
const node = projectNode();
const child = spawn(
  node,
  [
    '--conditions=lachesis-source',
    '--disable-warning=ExperimentalWarning',
    path.resolve(root, file),
    ...args,
  ],
  {
    // The channel tells the child when this process is gone, however it ended.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: {
      ...process.env,
      PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH ?? ''}`,
    },
  },
);
let firstMs;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => {
    // One Ctrl-C comes twice, by the terminal and by npm; a later one is for a child that is stuck.
    firstMs ??= performance.now();
    child.kill(performance.now() - firstMs > 1_000 ? 'SIGKILL' : signal);
  });
if (process.connected) {
  process.once('disconnect', () => child.kill('SIGTERM'));
  process.channel.unref();
}
child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
