import type { Delivered, Evidence } from './evidence.ts';

export interface Finding {
  readonly kind:
    | 'lost'
    | 'in two batches'
    | 'never sent'
    | 'altered'
    | 'redelivered differently'
    | 'ranks disagree'
    | 'row trained twice'
    | 'row of nobody'
    | 'step missing'
    | 'came back after it was done';
  /** The group, batch or row. */
  readonly what: string;
}

export interface Verdict {
  readonly accepted: number;
  readonly batches: number;
  readonly deliveries: number;
  /** Deliveries to a rank beyond its first of a batch. */
  readonly redeliveries: number;
  readonly findings: readonly Finding[];
}

/**
 * Whether a server kept what it promised: each accepted group in exactly one batch, its bytes those that
 * were sent, each batch the same at every delivery and for every rank, each of its rows with one rank.
 * It wants evidence of a server that was left with an empty queue.
 */
export function checkEvidence(evidence: Evidence): Verdict {
  const findings: Finding[] = [];
  const found = (kind: Finding['kind'], what: string): void => void findings.push({ kind, what });
  const delivered = evidence.events.filter((event) => event.kind === 'delivered');
  const steps = Map.groupBy(delivered, ({ step }) => step);

  const digests = new Map(evidence.accepted.map(({ groupId, digest }) => [groupId, digest]));
  const stepOf = new Map<string, number>();
  for (const [step, [first]] of steps) {
    for (const { id, digest } of first!.groups) {
      if (stepOf.has(id)) found('in two batches', `${id}: ${stepOf.get(id)} and ${step}`);
      stepOf.set(id, step);
      if (!evidence.sent.has(id)) found('never sent', id);
      if ((digests.get(id) ?? digest) !== digest) found('altered', id);
    }
  }
  for (const id of digests.keys()) if (!stepOf.has(id)) found('lost', id);

  const last = Math.max(0, ...steps.keys());
  for (let step = 1; step <= last; step += 1)
    if (!steps.has(step)) found('step missing', `${step}`);

  for (const [step, deliveries] of steps) {
    const byRank = Map.groupBy(deliveries, ({ rank }) => rank);
    const firsts = [...byRank.values()].map(([first]) => first!);
    for (const [rank, [first, ...again]] of byRank) {
      for (const one of again) {
        if (rankText(one) === rankText(first!)) continue;
        found('redelivered differently', `${step} to rank ${rank}`);
      }
    }
    if (new Set(firsts.map(manifestText)).size > 1) found('ranks disagree', `${step}`);
    checkRows(evidence.worldSize, step, firsts, found);
  }
  checkReturns(evidence, found);
  const redeliveries =
    delivered.length - new Set(delivered.map(({ rank, step }) => `${rank} ${step}`)).size;
  return {
    accepted: evidence.accepted.length,
    batches: steps.size,
    deliveries: delivered.length,
    redeliveries,
    findings,
  };
}

type Found = (kind: Finding['kind'], what: string) => void;

/** Each row of each group is with one rank. */
function checkRows(
  worldSize: number,
  step: number,
  firsts: readonly Delivered[],
  found: Found,
): void {
  const trained = new Set<string>();
  for (const { rows } of firsts) {
    for (const row of rows) {
      if (trained.has(row)) found('row trained twice', `${step}: ${row}`);
      trained.add(row);
    }
  }
  // A batch that only some ranks ever got is no batch that was trained.
  if (firsts.length < worldSize) found('ranks disagree', `${step}: not all got it`);
  const all = firsts[0]!.groups.flatMap(({ rows }) => rows);
  for (const row of all) if (!trained.has(row)) found('row of nobody', `${step}: ${row}`);
  if (trained.size > all.length) found('row of nobody', `${step}: more rows than its groups have`);
}

/** What all ranks acked is handed out again only to who went back before it. */
function checkReturns({ events }: Evidence, found: Found): void {
  const done = new Set<number>();
  for (const event of events) {
    if (event.kind === 'acked' && event.complete) done.add(event.step);
    if (event.kind === 'rewinding')
      for (const step of done) if (step > event.step) done.delete(step);
    if (event.kind === 'delivered' && done.has(event.step)) {
      found('came back after it was done', `${event.step} to rank ${event.rank}`);
    }
  }
}

/** The same for every rank and every delivery. */
function manifestText({ batchId, policyVersion, digest, groups }: Delivered): string {
  return JSON.stringify({ batchId, policyVersion, digest, groups });
}

/** The same for every delivery to a rank. */
function rankText(one: Delivered): string {
  return `${manifestText(one)} ${JSON.stringify(one.rows)} ${one.rowsDigest}`;
}
