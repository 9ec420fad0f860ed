import { create } from '@bufbuild/protobuf';
import { Code, ConnectError, type ConnectRouter } from '@connectrpc/connect';
import {
  Health,
  HealthCheckResponseSchema,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from '../../gen/grpc/health/v1/health_pb.ts';
import { Notifier } from '../async/index.ts';

/** What `grpc.health.v1` says: of each service by full name, and of the whole server under ''. */
export class HealthState {
  readonly #services: ReadonlySet<string>;
  readonly #changed = new Notifier();
  #serving = true;

  constructor(services: readonly string[]) {
    this.#services = new Set(['', ...services]);
  }

  /** From now on everything is NOT_SERVING: the first step of a drain. */
  stopServing(): void {
    this.#serving = false;
    this.#changed.notify();
  }

  get isServing(): boolean {
    return this.#serving;
  }

  /** Undefined for a service that is not here. */
  statusOf(service: string): ServingStatus | undefined {
    if (!this.#services.has(service)) return undefined;
    return this.#serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  /** The status at once and at every change, until `signal` fires. */
  async *watch(service: string, signal: AbortSignal): AsyncGenerator<ServingStatus> {
    let last: ServingStatus | undefined;
    while (!signal.aborted) {
      const status = this.statusOf(service) ?? ServingStatus.SERVICE_UNKNOWN;
      if (status !== last) yield status;
      last = status;
      await this.#changed.wait({ signal });
    }
  }
}

/** Serves `grpc.health.v1`. */
export function healthService(router: ConnectRouter, health: HealthState): void {
  router.service(Health, {
    check: ({ service }) => {
      const status = health.statusOf(service);
      if (status === undefined) {
        const message = `no service ${JSON.stringify(service.slice(0, 200))} here; an empty name asks for the whole server.`;
        throw new ConnectError(message, Code.NotFound);
      }
      return create(HealthCheckResponseSchema, { status });
    },
    watch: async function* ({ service }, { signal }) {
      for await (const status of health.watch(service, signal)) {
        yield create(HealthCheckResponseSchema, { status });
      }
    },
  });
}
