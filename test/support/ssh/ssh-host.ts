import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ssh2, { type Connection, type ServerChannel } from 'ssh2';
import type { SshBackendOptions } from '../../../src/sandbox/index.ts';
import { newKey, type TestKey } from './keys.ts';

const { Server: SshServer, utils } = ssh2;

/**
 * A host on loopback that is reached by SSH: the server that comes with `ssh2`, which runs lines for real, as sshd
 * does, and refuses everything that our backend has no business to ask for.
 */
export class SshHost implements AsyncDisposable {
  readonly folder: string;
  readonly port: number;
  readonly key: TestKey;
  readonly options: SshBackendOptions;
  /** Asked for though nobody should: terminals, shells, forwarding, odd logins. */
  readonly unexpected: string[] = [];
  /** Connections that are logged in. */
  logins = 0;
  /** Most sessions at a time, of all connections. */
  peakSessions = 0;
  /** As sshd's `MaxSessions`. */
  maxSessions = 10;
  acceptsLogins = true;
  /** False: connections are taken and nothing is ever said. */
  answers = true;
  /** So many connections to come are closed before a word is said, as sshd does where many come at a time. */
  turnedAway = 0;
  /** As a startup file that says something. */
  greeting = '';
  /** Sessions of so many lines to come are closed without a word of how they ended. */
  lostSessions = 0;
  readonly #server: Server;
  readonly #ssh: InstanceType<typeof SshServer>;
  readonly #own: TestKey;
  readonly #sockets = new Set<Socket>();
  #sessions = 0;

  private constructor(folder: string, server: Server, keys: { host: TestKey; own: TestKey }) {
    this.folder = folder;
    this.key = keys.host;
    this.#own = keys.own;
    this.#server = server;
    this.port = (server.address() as { port: number }).port;
    this.options = {
      ...{ host: '127.0.0.1', port: this.port, user: 'worker', fingerprint: keys.host.fingerprint },
      ...{ keyFile: path.join(folder, 'own_key'), folder: this.sandboxes },
    };
    this.#ssh = new SshServer({ hostKeys: [keys.host.private] }, (client) => this.#serve(client));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
      if (this.turnedAway > 0) {
        this.turnedAway -= 1;
        socket.destroy();
        return;
      }
      if (this.answers) this.#ssh.injectSocket(socket);
      else socket.resume();
    });
  }

  static async start(): Promise<SshHost> {
    const folder = await mkdtemp(path.join(tmpdir(), 'lachesis-ssh-host-'));
    const keys = { host: newKey(), own: newKey() };
    await mkdir(path.join(folder, 'home'));
    await writeFile(path.join(folder, 'own_key'), keys.own.private, { mode: 0o600 });
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new SshHost(folder, server, keys);
  }

  get sandboxes(): string {
    return path.join(this.folder, 'home', 'sandboxes');
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Names of sandboxes' folders that are there. */
  async folders(): Promise<readonly string[]> {
    return await readdir(this.sandboxes).catch(() => []);
  }

  /** Ends all connections at once. */
  drop(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.drop();
    await closed;
    await rm(this.folder, { recursive: true, force: true });
  }

  #serve(client: Connection): void {
    let sessions = 0;
    client.on('error', () => {});
    client.on('authentication', (context) => {
      if (context.method === 'none') return context.reject(['publickey']);
      const parsed = utils.parseKey(this.#own.public);
      const own = parsed instanceof Error ? undefined : parsed;
      if (context.method !== 'publickey' || own === undefined) {
        this.unexpected.push(`login by ${context.method}`);
        return context.reject();
      }
      const isOwn =
        this.acceptsLogins &&
        context.username === 'worker' &&
        context.key.data.equals(own.getPublicSSH());
      if (!isOwn) return context.reject(['publickey']);
      const { blob, signature, hashAlgo } = context;
      if (signature === undefined || blob === undefined) return context.accept();
      if (own.verify(blob, signature, hashAlgo) === true) context.accept();
      else context.reject();
    });
    client.on('ready', () => {
      this.logins += 1;
    });
    client.on('request', (_accept, reject, name) => {
      this.unexpected.push(`request ${name}`);
      reject?.();
    });
    client.on('session', (accept, reject) => {
      if (sessions >= this.maxSessions) return void reject();
      sessions += 1;
      this.#sessions += 1;
      this.peakSessions = Math.max(this.peakSessions, this.#sessions);
      const session = accept();
      session.once('close', () => {
        sessions -= 1;
        this.#sessions -= 1;
      });
      for (const kind of [
        'pty',
        'shell',
        'env',
        'subsystem',
        'sftp',
        'x11',
        'auth-agent',
      ] as const) {
        session.on(kind as 'pty', (_accept, refuse) => {
          this.unexpected.push(kind);
          refuse?.();
        });
      }
      session.on('exec', (take, _refuse, { command }) => this.#run(command, take()));
    });
  }

  /** As sshd: tells the end when it comes, and closes the session when nothing holds its output any more. */
  #run(line: string, session: ServerChannel): void {
    session.on('error', () => {});
    if (this.greeting !== '') session.write(this.greeting);
    if (this.lostSessions > 0) {
      this.lostSessions -= 1;
      session.close();
      return;
    }
    const home = path.join(this.folder, 'home');
    const child = spawn('/bin/sh', ['-c', line], {
      cwd: home,
      env: { PATH: process.env['PATH'], HOME: home, SSH_CONNECTION: '127.0.0.1 1 127.0.0.1 22' },
      detached: true,
    });
    for (const stream of child.stdio) stream?.on('error', () => {});
    session.pipe(child.stdin);
    child.stdout.pipe(session, { end: false });
    child.stderr.pipe(session.stderr, { end: false });
    child.once('exit', (code, signal) => {
      if (code === null) session.exit(`${signal}`.replace(/^SIG/, ''), false, '');
      else session.exit(code);
    });
    child.once('close', () => session.end());
    session.once('close', () => {
      for (const stream of child.stdio) stream?.destroy();
    });
  }
}
