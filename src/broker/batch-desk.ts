import { invalidInput } from '../errors.ts';
import { BatchChecks } from './batch-checks.ts';
import type { Handed } from './batch-leases.ts';
import type {
  BatchLeaseKey,
  Broker,
  ConsumerKey,
  NextBatch,
  UnregisteredConsumer,
} from './broker.ts';
import type { BrokerMetrics } from './broker-metrics.ts';
import type { CutBatch } from './cut-batch.ts';
import type { Journal } from './journal/journal.ts';
import type { BrokerConfig } from './options.ts';
import { batchTarget } from './packing.ts';
import type { Run } from './run.ts';
import { topicOf } from './topics.ts';
import type { WaitingRoom } from './waiting-room.ts';

type RankKey = ConsumerKey & { readonly rank: number };
type StepKey = ConsumerKey & { readonly step: number };

type Unsure = Extract<Handed, { kind: 'unsure' }>;

/** The runs' batches with a clock, with consumers who wait for one, and a journal that hears of it first. */
export class BatchDesk {
  readonly #config: BrokerConfig;
  readonly #metrics: BrokerMetrics;
  readonly #waiting: WaitingRoom;
  readonly #journal: Journal;
  readonly #closing: AbortSignal;
  readonly #checks: BatchChecks;

  constructor(rooms: {
    readonly config: BrokerConfig;
    readonly metrics: BrokerMetrics;
    readonly waiting: WaitingRoom;
    readonly journal: Journal;
    readonly closing: AbortSignal;
  }) {
    this.#config = rooms.config;
    this.#metrics = rooms.metrics;
    this.#waiting = rooms.waiting;
    this.#journal = rooms.journal;
    this.#closing = rooms.closing;
    this.#checks = new BatchChecks(rooms.closing);
  }

  async register(
    run: Run,
    consumer: Parameters<Broker['registerConsumer']>[0],
  ): ReturnType<Broker['registerConsumer']> {
    const { consumerId: id, worldSize, mode, rejoin } = consumer;
    if (!Number.isInteger(worldSize) || worldSize < 1) {
      throw invalidInput('world_size', `is ${worldSize}; it must be at least 1.`);
    }
    const nowMs = this.#nowMs();
    const standing = run.training.register({ id, worldSize, mode }, nowMs, rejoin);
    run.batches.saw(id, nowMs);
    this.#waiting.wake(topicOf.batch(run.id));
    await this.#journal.settled();
    return { leaseMs: this.#config.batchLeaseMs, run: run.state(), ...standing };
  }

  async unregister(run: Run, { consumerId }: ConsumerKey): Promise<UnregisteredConsumer> {
    const released = run.training.unregister(consumerId, this.#nowMs());
    if (released !== undefined) {
      // Who waits as that consumer hears of it, and others may have what it held.
      this.#waiting.wake(topicOf.batch(run.id));
      this.#waiting.wake(topicOf.lease);
    }
    await this.#journal.settled();
    return { existed: released !== undefined, released: released ?? 0 };
  }

  async next(
    run: Run,
    request: RankKey & { readonly waitMs: number | undefined; readonly signal: AbortSignal },
  ): Promise<NextBatch> {
    const { consumerId, rank, waitMs, signal } = request;
    const none = (): NextBatch => ({
      kind: 'none',
      waiting: run.queue.units,
      needed: batchTarget(run.settings.batchSize),
      closed: run.closed,
      heldBackBy: run.batches.heldBackBy(consumerId, this.#nowMs()),
    });
    using _ = this.#present(run, consumerId);
    const untilMs = this.#nowMs() + (waitMs ?? Infinity);
    for (;;) {
      const leftMs = untilMs === Infinity ? undefined : Math.max(0, untilMs - this.#nowMs());
      const next = await this.#waiting.wait<NextBatch | Unsure>({
        topic: topicOf.batch(run.id),
        attempt: () => this.#take(run, consumerId, rank) ?? (run.closed ? none() : undefined),
        fallback: none,
        waitMs: leftMs,
        signal,
      });
      if (next.kind === 'unsure') await this.#check(run, next.cut, signal);
      await this.#journal.settled();
      if (next.kind !== 'unsure') return next;
    }
  }

  /** What can't be handed out any more is given up, and whoever waits is served from what that leaves. */
  async #check(run: Run, cut: CutBatch, signal: AbortSignal): Promise<void> {
    const damaged = await this.#checks.check(cut, signal).catch((error: unknown) => {
      // Who left takes nothing, and neither does anybody from a broker that closes.
      if (signal.aborted || this.#closing.aborted) return new Set<never>();
      throw error;
    });
    if (damaged.size === 0) return;
    run.giveUpBatch(cut, damaged, this.#nowMs());
    for (const topic of [topicOf.batch(run.id), topicOf.lease]) this.#waiting.wake(topic);
  }

  async extend(run: Run, request: BatchLeaseKey): Promise<{ readonly leaseMs: number }> {
    this.#saw(run, request);
    run.batches.leases.extend(request, this.#nowMs());
    return { leaseMs: this.#config.batchLeaseMs };
  }

  async ack(
    run: Run,
    request: BatchLeaseKey,
  ): Promise<{ readonly complete: boolean; readonly step: number }> {
    this.#saw(run, request);
    const { complete, step } = run.training.ack(request, this.#nowMs());
    if (complete) {
      this.#waiting.wake(topicOf.batch(run.id));
      this.#waiting.wake(topicOf.lease);
    }
    await this.#journal.settled();
    return { complete, step };
  }

  async nack(run: Run, request: BatchLeaseKey): Promise<void> {
    this.#saw(run, request);
    if (!run.batches.leases.nack(request)) return;
    this.#metrics.batch('nacked');
    this.#waiting.wake(topicOf.batch(run.id));
    await this.#journal.settled();
  }

  async commit(run: Run, { consumerId, step }: StepKey): Promise<void> {
    this.#saw(run, { consumerId });
    run.training.commit(consumerId, step);
    await this.#journal.settled();
  }

  async rewind(run: Run, { consumerId, step }: StepKey): Promise<{ readonly batches: number }> {
    this.#saw(run, { consumerId });
    const batches = run.training.rewind(consumerId, step, this.#nowMs());
    if (batches > 0) this.#waiting.wake(topicOf.batch(run.id));
    await this.#journal.settled();
    return { batches };
  }

  #take(run: Run, consumerId: string, rank: number): NextBatch | Unsure | undefined {
    const nowMs = this.#nowMs();
    let handed = run.batches.leases.hand(consumerId, rank, nowMs);
    if (handed.kind === 'none' && run.cut(nowMs)) {
      handed = run.batches.leases.hand(consumerId, rank, nowMs);
      for (const topic of [topicOf.room(run.id), topicOf.batch(run.id), topicOf.lease]) {
        this.#waiting.wake(topic);
      }
    }
    if (handed.kind === 'none') {
      run.queue.asked(nowMs);
      this.#waiting.expectExpiry(run.queue.nextMs(nowMs) ?? Infinity);
    }
    if (handed.kind === 'unsure') return handed;
    if (handed.kind !== 'batch') return undefined;
    this.#waiting.expectExpiry(nowMs + this.#config.batchLeaseMs);
    if (handed.batch.delivery > 1) this.#metrics.batch('redelivered');
    return handed;
  }

  #saw(run: Run, { consumerId }: { readonly consumerId: string }): void {
    run.batches.saw(consumerId, this.#nowMs());
  }

  /** It waits here for as long as this is not disposed of. */
  #present(run: Run, consumerId: string): Disposable {
    this.#saw(run, { consumerId });
    return run.batches.waits(consumerId, () => this.#nowMs());
  }

  #nowMs(): number {
    return this.#config.clock.nowMs();
  }
}
