import { firstInOrder, inTakingOrder, type Packable } from './first-in-order.ts';

interface Lane {
  deliveries: number;
  holder: string | undefined;
  acked: Set<number>;
  untilMs: number;
  done: boolean;
}

export interface ModelBatch {
  readonly step: number;
  readonly ids: readonly string[];
  readonly policyVersion: number;
  /** Of its groups. */
  readonly versions: readonly number[];
  readonly groups: readonly Packable[];
  readonly lanes: Map<string, Lane>;
  /** Most deliveries of a lane that was taken away. */
  retired: number;
}

export interface ModelConsumer {
  readonly id: string;
  readonly worldSize: number;
  readonly mode: 'compete' | 'fan_out';
}

/**
 * What one run must do, in the plainest terms: arrays, exhaustive search, no index. The property
 * tests hold the broker to it.
 */
export class BrokerModel {
  readonly target: number;
  readonly maxWaiting: number;
  readonly maxStaleness: number | undefined;
  readonly leaseMs: number;
  readonly maxOpen: number;
  consumers: readonly ModelConsumer[];
  nowMs = 0;
  version = 0;
  step = 0;
  stale = 0;
  /** Groups that came, those of an id that is free again too. */
  acceptedGroups = 0;
  /** Damaged before anybody had them. */
  lost = 0;
  waiting: Packable[] = [];
  open: ModelBatch[] = [];
  readonly accepted = new Set<string>();
  readonly cut: ModelBatch[] = [];
  readonly damaged = new Set<string>();
  readonly givenUp = new Set<ModelBatch>();
  readonly givenUpGroups = { damaged: 0, beside: 0 };

  constructor(fields: {
    readonly target: number;
    readonly maxWaiting: number;
    readonly maxStaleness: number | undefined;
    readonly leaseMs: number;
    readonly maxOpen: number;
    readonly consumers: readonly ModelConsumer[];
  }) {
    this.target = fields.target;
    this.maxWaiting = fields.maxWaiting;
    this.maxStaleness = fields.maxStaleness;
    this.leaseMs = fields.leaseMs;
    this.maxOpen = fields.maxOpen;
    this.consumers = fields.consumers;
  }

  submit(group: Packable): 'stored' | 'duplicate' | 'full' {
    if (this.accepted.has(group.id)) return 'duplicate';
    const fresh = this.#isFresh(group);
    if (fresh && this.waiting.length >= this.maxWaiting) {
      const most = this.maxWaiting + this.target;
      if (this.nextCut() !== undefined || this.waiting.length >= most) return 'full';
    }
    this.accepted.add(group.id);
    this.damaged.delete(group.id);
    this.acceptedGroups += 1;
    if (fresh) this.waiting.push(group);
    else this.stale += 1;
    return 'stored';
  }

  publish(version: number): 'ok' | 'behind' {
    if (version < this.version) return 'behind';
    this.version = version;
    const kept = this.waiting.filter((group) => this.#isFresh(group));
    this.stale += this.waiting.length - kept.length;
    this.waiting = kept;
    return 'ok';
  }

  nextCut(): readonly Packable[] | undefined {
    return firstInOrder(inTakingOrder(this.waiting), this.target);
  }

  /** Groups by why they left without being trained. */
  get dropped(): Readonly<Record<string, number>> {
    const { stale, lost, givenUpGroups } = this;
    const damaged = lost + givenUpGroups.damaged;
    const counts = { stale, damaged, damaged_batch: givenUpGroups.beside };
    return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  }

  next(
    consumer: ModelConsumer,
    rank: number,
  ): { readonly batch: ModelBatch; readonly delivery: number } | undefined {
    for (;;) {
      const found = this.#find(consumer, rank);
      if (found === undefined) return undefined;
      if (found.batch.ids.some((id) => this.damaged.has(id))) {
        this.#giveUp(found.batch);
        continue;
      }
      const { batch, isHeld } = found;
      const lane = batch.lanes.get(laneOf(consumer))!;
      lane.untilMs = this.nowMs + this.leaseMs;
      if (!isHeld) {
        lane.deliveries += 1;
        lane.holder = consumer.id;
        lane.acked = new Set();
      }
      return { batch, delivery: lane.deliveries };
    }
  }

  #find(
    consumer: ModelConsumer,
    rank: number,
  ): { readonly batch: ModelBatch; readonly isHeld: boolean } | undefined {
    const name = laneOf(consumer);
    for (const batch of this.open) {
      const lane = batch.lanes.get(name)!;
      if (lane.done || lane.holder !== consumer.id || lane.untilMs <= this.nowMs) continue;
      // Only a rank that gets the batch keeps it: one that acked speaks for no other.
      if (lane.acked.has(rank)) return undefined;
      return { batch, isHeld: true };
    }
    const batch =
      this.open.find(({ lanes }) => {
        const lane = lanes.get(name)!;
        return !lane.done && (lane.holder === undefined || lane.untilMs <= this.nowMs);
      }) ?? this.#cut();
    return batch && { batch, isHeld: false };
  }

  /** One that nobody had never was. */
  #giveUp(batch: ModelBatch): void {
    this.open = this.open.filter((other) => other !== batch);
    const lanes = [...batch.lanes.values()];
    if (batch.retired > 0 || lanes.some(({ deliveries, done }) => done || deliveries > 0)) {
      this.givenUp.add(batch);
      this.step = Math.max(this.step, this.#furthest());
      const damaged = batch.ids.filter((id) => this.damaged.has(id)).length;
      this.givenUpGroups.damaged += damaged;
      this.givenUpGroups.beside += batch.ids.length - damaged;
      return;
    }
    this.cut.splice(this.cut.indexOf(batch), 1);
    for (const group of batch.groups) {
      if (this.damaged.has(group.id)) {
        this.lost += 1;
        this.accepted.delete(group.id);
      } else if (this.#isFresh(group)) this.waiting.push(group);
      else this.stale += 1;
    }
    const order = [...this.accepted];
    this.waiting.sort((one, other) => order.indexOf(one.id) - order.indexOf(other.id));
  }

  /** Whether it was done with a batch before that was given up. */
  wasDone(consumer: ModelConsumer, batch: ModelBatch): boolean {
    const lane = batch.lanes.get(laneOf(consumer));
    return lane?.done === true && lane.holder === consumer.id;
  }

  /** Undefined when the lease is stale. `delivery` 0 does not say of which it is. */
  ack(
    consumer: ModelConsumer,
    batch: ModelBatch,
    rank: number,
    delivery: number,
  ): boolean | undefined {
    const lane = batch.lanes.get(laneOf(consumer));
    if (lane?.holder !== consumer.id) return undefined;
    if (lane.done) return true;
    if (delivery > 0 && delivery !== lane.deliveries) return undefined;
    lane.acked.add(rank);
    lane.untilMs = this.nowMs + this.leaseMs;
    lane.done = lane.acked.size === consumer.worldSize;
    this.#close();
    if (lane.done) this.step = Math.max(this.step, this.#furthest());
    return lane.done;
  }

  /** Undefined when the lease is stale. */
  nack(consumer: ModelConsumer, batch: ModelBatch, delivery: number): true | undefined {
    const lane = batch.lanes.get(laneOf(consumer));
    if (lane === undefined) return undefined;
    if (!lane.done && lane.holder === undefined) return true;
    if (lane.done || lane.holder !== consumer.id) return undefined;
    if (delivery > 0 && delivery !== lane.deliveries) return undefined;
    lane.holder = undefined;
    return true;
  }

  /** False when the lease is stale. */
  extend(consumer: ModelConsumer, batch: ModelBatch, delivery: number): boolean {
    const lane = batch.lanes.get(laneOf(consumer));
    if (lane === undefined || lane.done || lane.holder !== consumer.id) return false;
    if (delivery > 0 && delivery !== lane.deliveries) return false;
    lane.untilMs = this.nowMs + this.leaseMs;
    return true;
  }

  commit(consumer: ModelConsumer, step: number): 'ok' | 'not acked' {
    const lane = laneOf(consumer);
    const isDone = !this.open.some(
      (one) => one.step <= step && one.lanes.get(lane)?.done === false,
    );
    return step <= this.cut.length && isDone ? 'ok' : 'not acked';
  }

  /** How many batches are handed out again; undefined for a step that there is not yet. */
  rewind(consumer: ModelConsumer, step: number): number | undefined {
    if (step > this.cut.length) return undefined;
    const again = this.cut.slice(step).filter((batch) => !this.givenUp.has(batch));
    for (const batch of again) {
      // What was done without somebody is none of theirs, unless they go back to it themselves.
      for (const one of this.consumers) this.#join(batch, one, true);
      const lane = batch.lanes.get(laneOf(consumer))!;
      lane.holder = undefined;
      lane.done = false;
    }
    this.open = this.cut.filter((batch) => this.open.includes(batch) || again.includes(batch));
    this.step = this.#furthest();
    return again.length;
  }

  isGone(consumer: ModelConsumer): boolean {
    return !this.consumers.includes(consumer);
  }

  /** How many batches it had still to do; undefined when it was gone. */
  unregister(consumer: ModelConsumer): number | undefined {
    if (this.isGone(consumer)) return undefined;
    this.consumers = this.consumers.filter((other) => other !== consumer);
    const name = laneOf(consumer);
    const isLast = !this.consumers.some((other) => laneOf(other) === name);
    let released = 0;
    for (const batch of this.open) {
      const lane = batch.lanes.get(name);
      if (lane === undefined || lane.done) continue;
      if (isLast) {
        batch.lanes.delete(name);
        batch.retired = Math.max(batch.retired, lane.deliveries);
      } else if (lane.holder !== consumer.id) continue;
      lane.holder = undefined;
      released += 1;
    }
    this.#close();
    return released;
  }

  /** Again, after it was gone. */
  rejoin(consumer: ModelConsumer): void {
    if (this.isGone(consumer)) this.consumers = [...this.consumers, consumer];
    for (const batch of this.open) this.#join(batch, consumer, false);
    this.step = Math.max(this.step, this.#furthest());
  }

  /** Which delivery of a batch its lane is at; 0 for none. */
  deliveryOf(consumer: ModelConsumer, batch: ModelBatch): number {
    return batch.lanes.get(laneOf(consumer))?.deliveries ?? 0;
  }

  stepOf(consumer: ModelConsumer): number {
    const name = laneOf(consumer);
    return (
      this.cut.length - this.open.filter(({ lanes }) => lanes.get(name)?.done === false).length
    );
  }

  #furthest(): number {
    return Math.max(0, ...this.consumers.map((consumer) => this.stepOf(consumer)));
  }

  /** What everyone who has part in it is done with. */
  #close(): void {
    this.open = this.open.filter(
      ({ lanes }) => lanes.size === 0 || [...lanes.values()].some(({ done }) => !done),
    );
  }

  #join(batch: ModelBatch, consumer: ModelConsumer, done: boolean): void {
    const name = laneOf(consumer);
    if (batch.lanes.has(name)) return;
    const lane = { holder: undefined, acked: new Set<number>(), untilMs: 0 };
    batch.lanes.set(name, { ...lane, deliveries: batch.retired, done });
  }

  /** Groups by versions behind: waiting, and trained. */
  staleness(): { readonly waiting: readonly number[]; readonly trained: readonly number[] } {
    const waiting = this.waiting.map(({ version }) => this.version - version);
    const trained = this.cut
      .filter((batch) => !this.open.includes(batch) && !this.givenUp.has(batch))
      .flatMap(({ policyVersion, versions }) => versions.map((one) => policyVersion - one));
    return { waiting: counted(waiting), trained: counted(trained) };
  }

  /** The broker is gone and opened again: who held a batch holds it for a new lease. */
  reopen(): void {
    for (const { lanes } of this.open) {
      for (const lane of lanes.values()) {
        if (lane.holder !== undefined) lane.untilMs = this.nowMs + this.leaseMs;
      }
    }
  }

  #cut(): ModelBatch | undefined {
    const taken = this.open.length < this.maxOpen ? this.nextCut() : undefined;
    if (taken === undefined) return undefined;
    this.waiting = this.waiting.filter((group) => !taken.includes(group));
    const ids = taken.map(({ id }) => id);
    const versions = taken.map(({ version }) => version);
    const step = this.cut.length + 1;
    const fixed = { step, ids, policyVersion: this.version, versions, groups: taken };
    const batch: ModelBatch = { ...fixed, lanes: new Map(), retired: 0 };
    for (const consumer of this.consumers) this.#join(batch, consumer, false);
    this.cut.push(batch);
    this.open.push(batch);
    return batch;
  }

  #isFresh(group: Packable): boolean {
    return this.maxStaleness === undefined || this.version - group.version <= this.maxStaleness;
  }
}

function counted(behind: readonly number[]): readonly number[] {
  const counts = new Array<number>(Math.min(17, Math.max(0, ...behind.map((one) => one + 1))));
  counts.fill(0);
  for (const one of behind) counts[Math.min(one, 16)]! += 1;
  return counts;
}

function laneOf(consumer: ModelConsumer): string {
  return consumer.mode === 'compete' ? '' : consumer.id;
}
