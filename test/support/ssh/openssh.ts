import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { SshBackendOptions } from '../../../src/sandbox/index.ts';
import { newKey } from './keys.ts';

const SSHD = '/usr/sbin/sshd';

/** Why no sshd can be run here; undefined when one can. */
export const noSshd =
  process.platform === 'linux' && existsSync(SSHD) ? undefined : `there is no ${SSHD}`;

/** A real sshd on loopback, with keys and settings of its own, that logs this user in. */
export class Openssh implements AsyncDisposable {
  readonly port: number;
  readonly folder: string;
  readonly options: SshBackendOptions;
  readonly #child: ChildProcess;
  #log = '';

  private constructor(
    port: number,
    folder: string,
    child: ChildProcess,
    options: SshBackendOptions,
  ) {
    this.port = port;
    this.folder = folder;
    this.options = options;
    this.#child = child;
    child.stderr?.on('data', (text) => {
      this.#log = `${this.#log}${text}`.slice(-20_000);
    });
  }

  static async start(settings: readonly string[] = []): Promise<Openssh> {
    const folder = await mkdtemp(path.join(tmpdir(), 'lachesis-sshd-'));
    const [host, own] = [newKey(), newKey()];
    const inFolder = (name: string) => path.join(folder, name);
    for (const [name, text] of [
      ['host_key', host.private],
      ['own_key', own.private],
      ['authorized_keys', `${own.public}\n`],
    ] as const) {
      await writeFile(inFolder(name), text, { mode: 0o600 });
    }
    await chmod(folder, 0o755);
    const port = await freePort();
    await writeFile(
      inFolder('config'),
      [
        `ListenAddress 127.0.0.1:${port}`,
        `HostKey ${inFolder('host_key')}`,
        `AuthorizedKeysFile ${inFolder('authorized_keys')}`,
        `PidFile ${inFolder('pid')}`,
        ...['PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'UsePAM no'],
        // bash reads this machine's own ~/.bashrc for the outermost shell of a login only.
        'SetEnv SHLVL=1',
        ...['PermitRootLogin yes', 'StrictModes no', 'LogLevel ERROR', ...settings, ''],
      ].join('\n'),
    );
    // Where it locks its unprivileged half in.
    if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 });
    const child = spawn(SSHD, ['-D', '-e', '-f', inFolder('config')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const sshd = new Openssh(port, folder, child, {
      ...{ host: '127.0.0.1', port, user: userInfo().username, keyFile: inFolder('own_key') },
      ...{ fingerprint: host.fingerprint, folder: inFolder('sandboxes') },
    });
    for (let tries = 0; !(await answers(port)); tries++) {
      if (tries > 200 || child.exitCode !== null) throw new Error(`No sshd: ${sshd.#log}`);
      await pause(25);
    }
    return sshd;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill('SIGTERM');
      await once(this.#child, 'exit');
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('data', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => resolve(false));
  });
}
