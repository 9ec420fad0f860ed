import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import Docker from 'dockerode';

export const IMAGE = 'localhost/lachesis-busybox:1';

/** Why Podman can't be used here, or undefined. In CI scripts/podman.ts installs what is missing. */
export const noPodman: string | undefined = whyNot();

function whyNot(): string | undefined {
  if (process.platform !== 'linux') return `no Podman for ${process.platform}`;
  if (process.getuid?.() !== 0) return 'Podman is used as root only';
  const tried = spawnSync('podman', ['--version'], { encoding: 'utf8', timeout: 20_000 });
  return tried.status === 0 ? undefined : 'Podman is not installed';
}

/** Podman's Docker-compatible socket, with a store of its own that holds one image, made here of busybox. */
export class PodmanService implements AsyncDisposable {
  readonly socketPath: string;
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #global: readonly string[];
  readonly #service: ChildProcess;

  private constructor(folder: string, env: NodeJS.ProcessEnv) {
    this.#folder = folder;
    this.#env = env;
    // Where it keeps what is under way is else one folder for all Podmans of the machine.
    this.#global = [...GLOBAL, '--tmpdir', path.join(folder, 'tmp')];
    this.socketPath = path.join(folder, 'podman.sock');
    this.#service = spawn(
      'podman',
      [...this.#global, 'system', 'service', '--time', '0', `unix://${this.socketPath}`],
      { env, stdio: ['ignore', 'ignore', 'inherit'] },
    );
  }

  static async start(): Promise<PodmanService> {
    const folder = mkdtempSync(path.join(tmpdir(), 'lachesis-podman-'));
    const storage = path.join(folder, 'storage.conf');
    writeFileSync(
      storage,
      `[storage]\ndriver = "vfs"\nrunroot = "${folder}/run"\ngraphroot = "${folder}/store"\n`,
    );
    const env = { ...process.env, CONTAINERS_STORAGE_CONF: storage };
    const podman = new PodmanService(folder, env);
    try {
      await podman.#importImage();
      await podman.#untilReady();
    } catch (error) {
      await podman[Symbol.asyncDispose]();
      throw error;
    }
    return podman;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.podman('rm', '--all', '--force', '--time', '0');
    if (this.#service.exitCode === null && this.#service.kill('SIGTERM')) {
      await once(this.#service, 'exit');
    }
    this.#endMonitors();
    // A layer may still be mounted; its own program knows how to take it away.
    this.podman('system', 'reset', '--force');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 3 });
  }

  /** Each exec's own monitor stays for five minutes, and would write here again then. */
  #endMonitors(): void {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        if (line.includes('conmon') && line.includes(this.#folder))
          process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
  }

  /** Runs it by hand, as somebody else on the machine would. */
  podman(...args: readonly string[]): string {
    const options = { env: this.#env, encoding: 'utf8', timeout: 60_000 } as const;
    const run = spawnSync('podman', [...this.#global, ...args], options);
    return `${run.stdout}${run.stderr}`;
  }

  async #importImage(): Promise<void> {
    const bin = path.join(this.#folder, 'root', 'bin');
    for (const name of ['bin', 'tmp', 'etc'])
      mkdirSync(path.join(bin, '..', name), { recursive: true });
    const busybox = ['/bin/busybox', '/usr/bin/busybox'].find((file) => existsSync(file));
    if (busybox === undefined)
      throw new Error('There is no busybox: apt-get install busybox-static');
    copyFileSync(busybox, path.join(bin, 'busybox'));
    const names = spawnSync(busybox, ['--list'], { encoding: 'utf8' }).stdout.split('\n');
    for (const name of names) {
      if (name !== '' && name !== 'busybox') symlinkSync('busybox', path.join(bin, name));
    }
    const tar = path.join(this.#folder, 'root.tar');
    spawnSync('tar', ['-C', path.dirname(bin), '-cf', tar, '.']);
    const said = this.podman('import', tar, IMAGE);
    if (!/sha256:|^[0-9a-f]{64}/m.test(said)) throw new Error(`No image was made: ${said}`);
  }

  async #untilReady(): Promise<void> {
    const docker = new Docker({ socketPath: this.socketPath });
    for (let look = 0; ; look++) {
      try {
        await docker.ping();
        return;
      } catch (error) {
        if (look === 100) throw error;
        await pause(50);
      }
    }
  }
}

/** By what Debian packages, on a machine without systemd. */
const GLOBAL = ['--runtime', 'runc', '--cgroup-manager', 'cgroupfs'];
