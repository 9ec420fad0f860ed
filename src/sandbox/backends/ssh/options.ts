/** Of one connection: sshd's own. */
export const DEFAULT_SESSIONS = 10;
/** Of one sandbox. */
export const DEFAULT_CONNECTIONS = 4;

export interface SshBackendOptions {
  /** Name or address of the host. */
  readonly host: string;
  /** Default: 22. */
  readonly port?: number;
  /** The account there. Default: the name of this process's user, as `ssh` does. */
  readonly user?: string;
  /** File of a private key. Default: the keys of the agent, then `~/.ssh/id_ed25519`, `id_ecdsa` and `id_rsa`. */
  readonly keyFile?: string;
  /** Of that key. */
  readonly passphrase?: string;
  readonly password?: string;
  /** Socket of an SSH agent; asked where no `keyFile` is given. Default: none. */
  readonly agent?: string;
  /** The host's key, as `ssh-keygen -l` tells it: `SHA256:...`. Then no file of known hosts is read. */
  readonly fingerprint?: string;
  /** Default: `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`. */
  readonly knownHostsFiles?: readonly string[];
  /** Absolute, on the host: where the sandboxes' folders are made. Default: `.lachesis/sandboxes` of the account's home. */
  readonly folder?: string;
  /** Sessions on one connection, as the host's `MaxSessions` allows. Default: 10, which is sshd's own. */
  readonly sessionsPerConnection?: number;
  /** Connections of one sandbox at most; a command beyond them waits. Default: 4. */
  readonly connectionsPerSandbox?: number;
  /** For connecting and logging in. Default: 20 s. */
  readonly connectTimeoutMs?: number;
  /** Between asking the host whether it is there; three that it does not answer end the connection. Default: 5 s. */
  readonly keepaliveMs?: number;
  /** A sandbox ends by itself then, by a clock of the host's. Default: 24 h. */
  readonly lifetimeMs?: number;
  /** For making a sandbox. Default: 60 s. */
  readonly createTimeoutMs?: number;
  /** Is told once, when the first sandbox is made, what is not kept apart. */
  readonly onWarning?: (warning: string) => void;
}
