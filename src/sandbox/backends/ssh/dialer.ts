import { homedir, userInfo } from 'node:os';
import path from 'node:path';
import type { Client, ConnectConfig } from 'ssh2';
import { Limiter, sleep, startDeadline, untilAborted } from '../../../async/index.ts';
import { errorMessage, type LachesisError } from '../../../errors.ts';
import { optionalPackage } from '../remote/optional-package.ts';
import { SshConnection } from './connection.ts';
import { connectFault, type HostName, levelOf } from './faults.ts';
import { type HostKeyRule, knownKeys, pinnedKey } from './host-keys.ts';
import { loginMethods } from './identities.ts';
import { DEFAULT_SESSIONS, type SshBackendOptions } from './options.ts';

/** sshd turns some away that come while ten are not logged in yet (`MaxStartups`), whoever's they are. */
const LOGINS_AT_A_TIME = 4;
const MOST_TRIES = 5;
const RETRY_MS = 200;
const KEEPALIVES_MISSED = 3;
const DEFAULT_CONNECT_TIMEOUT_MS = 20_000;
const DEFAULT_KEEPALIVE_MS = 5_000;

/** Opens connections to one host, by `ssh2`, which is loaded on first use. */
export class SshDialer {
  readonly name: HostName;
  readonly #options: SshBackendOptions;
  readonly #logins = new Limiter(LOGINS_AT_A_TIME);

  constructor(options: SshBackendOptions) {
    const { host, port = 22, user = userInfo().username } = options;
    this.name = { host, port, user };
    this.#options = options;
  }

  /** Rejects with the signal's reason once it fires; what was begun is ended then. */
  async dial(signal: AbortSignal): Promise<SshConnection> {
    const { default: ssh } = await optionalPackage('ssh2@1.17.0', 'ssh', () => import('ssh2'));
    // Read each time: what its remedy mended works at the next try.
    const rule = await this.#hostKeys();
    const { host, port, user } = this.name;
    const methods = await loginMethods(this.#options, user, ssh.utils.parseKey);
    const { connectTimeoutMs: timeoutMs = DEFAULT_CONNECT_TIMEOUT_MS } = this.#options;
    const { keepaliveMs = DEFAULT_KEEPALIVE_MS } = this.#options;
    using place = await this.#logins.acquire(signal);
    void place;
    let login = new Login(new ssh.Client(), this.name, rule);
    using deadline = startDeadline({
      ...{ timeoutMs, signal },
      reason: () => login.tooLong(timeoutMs),
    });
    for (let tries = 1; ; tries++) {
      try {
        const ready = login.start({
          ...{ host, port, username: user, readyTimeout: 0 },
          authHandler: [...methods],
          algorithms: { serverHostKey: [...rule.algorithms] },
          keepaliveInterval: keepaliveMs,
          keepaliveCountMax: KEEPALIVES_MISSED,
        });
        await untilAborted(ready, { signal: deadline });
        break;
      } catch (error) {
        login.client.destroy();
        if (deadline.aborted || !login.wasTurnedAway || tries === MOST_TRIES) throw error;
      }
      // Not all at once again.
      await sleep(tries * RETRY_MS * (0.5 + Math.random()), { signal: deadline.signal });
      login = new Login(new ssh.Client(), this.name, rule);
    }
    login.client.setNoDelay(true);
    const { sessionsPerConnection = DEFAULT_SESSIONS } = this.#options;
    return new SshConnection(login.client, this.name, sessionsPerConnection);
  }

  async #hostKeys(): Promise<HostKeyRule> {
    const { fingerprint, knownHostsFiles } = this.#options;
    if (fingerprint !== undefined) return pinnedKey(this.name, fingerprint);
    const own = path.join(homedir(), '.ssh', 'known_hosts');
    return await knownKeys(this.name, knownHostsFiles ?? [own, '/etc/ssh/ssh_known_hosts']);
  }
}

/** One try to connect, and what it came to. */
class Login {
  readonly client: Client;
  readonly #name: HostName;
  readonly #rule: HostKeyRule;
  #refused: LachesisError | undefined;
  #said: unknown;
  #hasShaken = false;

  constructor(client: Client, name: HostName, rule: HostKeyRule) {
    this.client = client;
    this.#name = name;
    this.#rule = rule;
    client.once('handshake', () => {
      this.#hasShaken = true;
    });
    // Also of a client that nobody waits for any more.
    client.on('error', (error) => {
      if (levelOf(error) !== 'agent' || this.#said === undefined) this.#said = error;
    });
  }

  /** It reached the host, which closed it before it had said who it is. */
  get wasTurnedAway(): boolean {
    const { code, message = '' } = (this.#said ?? {}) as { code?: unknown; message?: string };
    const isClosed = code === 'ECONNRESET' || code === 'EPIPE' || /before handshake/.test(message);
    return isClosed && !this.#hasShaken && this.#refused === undefined;
  }

  start(config: ConnectConfig): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => reject(this.#fault());
      this.client
        .once('ready', resolve)
        .once('close', fail)
        .on('error', (error) => {
          // After one of these a further way to log in may be tried; a close ends it.
          if (!['agent', 'client-authentication'].includes(levelOf(error) ?? '')) fail();
        });
      try {
        this.client.connect({
          ...config,
          hostVerifier: (key: Buffer) => {
            this.#refused = this.#rule.refuse(key);
            return this.#refused === undefined;
          },
        });
      } catch (error) {
        this.#said = error;
        fail();
      }
    });
  }

  tooLong(timeoutMs: number): LachesisError {
    const said = this.#said === undefined ? '' : ` (${errorMessage(this.#said)})`;
    return connectFault(this.#name, new Error(`it took longer than ${timeoutMs} ms${said}`));
  }

  #fault(): LachesisError {
    const said = this.#said ?? new Error('the host closed it');
    return this.#refused ?? connectFault(this.#name, said);
  }
}
