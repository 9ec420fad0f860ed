export interface DockerBackendOptions {
  /** How the daemon is reached, as dockerode takes it. Default: `DOCKER_HOST`, else `/var/run/docker.sock`. */
  readonly connection?: DockerConnection;
  /** Of a spec that names none. Default: `debian:bookworm`. It must be on the daemon: nothing is pulled. */
  readonly image?: string;
  /** Who commands run as, as `uid:gid` or a name in the image. Default: the image's own. */
  readonly user?: string;
  /** The daemon's name of a runtime, such as `runsc`. Default: the daemon's own. */
  readonly runtime?: string;
  /** Say `strong` where that runtime has a kernel of its own. Default: `namespace`. */
  readonly isolation?: 'namespace' | 'strong';
  /** What a spec that says nothing is given. Default: 4 GiB of memory, 1 GiB of disk, 512 processes. */
  readonly defaults?: {
    readonly cpus?: number;
    readonly memoryMiB?: number;
    readonly diskMiB?: number;
    readonly pids?: number;
  };
  /** Of `/tmp`. Default: 256. */
  readonly temporaryMiB?: number;
  /** By the names of `docker run --ulimit`. Default: `nofile` 1,024. */
  readonly ulimits?: Readonly<Record<string, number>>;
  /** A container ends by itself then, whoever is left to end it. Default: 24 h. */
  readonly lifetimeMs?: number;
  /** For making a sandbox. Default: 60 s. */
  readonly createTimeoutMs?: number;
}

export interface DockerConnection {
  readonly socketPath?: string;
  readonly host?: string;
  readonly port?: number;
  readonly protocol?: 'http' | 'https';
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
}
