import type { RunStatus } from '../../client/index.ts';
import { visible } from '../visible.ts';
import { count, percent } from '../words.ts';
import { table } from './table.ts';

/** What a status shows, as lines; lists have at most `most` entries. */
export function statusLines(status: RunStatus, most: number): readonly string[] {
  return [
    ...totals(status),
    ...section(shareRows(status, most)),
    ...section(stalenessRows(status)),
    ...section(heldRows(status, most)),
    ...section(consumerRows(status, most)),
    ...section(workerRows(status, most)),
  ];
}

/** Of a stranger's id: one line of it, and not all of a long one. */
export function shown(text: string): string {
  const line = visible(text);
  return line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS - 1)}…` : line;
}

const MOST_CHARACTERS = 40;

export function duration(ms: number): string {
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}

function totals(status: RunStatus): readonly string[] {
  const { run, oldestWaitingMs, recentMeanReward, problem } = status;
  const { batchSize } = run.settings;
  const target =
    batchSize.kind === 'rows'
      ? batchSize.rows
      : batchSize.kind === 'tokens'
        ? batchSize.tokens
        : batchSize.groups;
  const oldest =
    oldestWaitingMs === undefined ? '' : `, the oldest for ${duration(oldestWaitingMs)}`;
  const lines: (readonly [string, string])[] = [
    [
      'waiting',
      `${amount(status.waitingGroups, status.waitingRows, status.waitingTokens)}${oldest}`,
    ],
    ['batches', `of ${count(target)} ${batchSize.kind}; ${count(status.leasedBatches)} handed out`],
    ['assigned', `${count(status.openAssignments)} open${listed(status.openByEnvironment)}`],
    [
      'accepted',
      `${count(status.acceptedGroups)} groups of ${count(status.rollouts)} rollouts, ${count(status.notScored)} of them not scored`,
    ],
    ...throughputLines(status),
    [
      'reward',
      recentMeanReward === undefined
        ? 'none yet'
        : `${recentMeanReward.toFixed(3)} on average of late`,
    ],
    ['left out', listed(status.droppedGroups).slice(2) || 'none'],
    ['dead letters', count(status.deadLetters)],
    ...(status.givenUpBatches === 0
      ? []
      : [['given up', `${count(status.givenUpBatches)} batches of damaged groups`] as const]),
    ...(problem === '' ? [] : [['problem', shown(problem)] as const]),
  ];
  const width = Math.max(...lines.map(([name]) => name.length));
  const state = run.closed ? 'closed' : 'open';
  return [
    `${shown(run.id)}  ${state}, step ${count(run.step)}, policy version ${count(run.policyVersion)}`,
    ...lines.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`),
  ];
}

function throughputLines({ throughput }: RunStatus): readonly (readonly [string, string])[] {
  const { windowMs } = throughput;
  const rate = (total: number): string =>
    ((total * 1_000) / Math.max(windowMs, 1_000)).toLocaleString('en', {
      maximumFractionDigits: 1,
    });
  const { acceptedGroups, acceptedRows, acceptedTokens } = throughput;
  const { trainedGroups, trainedRows, trainedTokens } = throughput;
  const line = (groups: number, rows: number, tokens: number): string =>
    `${rate(groups)} groups/s, ${rate(rows)} rows/s, ${rate(tokens)} tokens/s over ${duration(windowMs)}`;
  return [
    ['coming in', line(acceptedGroups, acceptedRows, acceptedTokens)],
    ['trained', line(trainedGroups, trainedRows, trainedTokens)],
  ];
}

function shareRows(status: RunStatus, most: number): readonly (readonly string[])[] {
  const { shares, recentBatches } = status;
  if (shares.first.length === 0) return [];
  const unit = status.run.settings.batchSize.kind;
  const recentOf = (share: (typeof shares.first)[number]): number =>
    unit === 'rows'
      ? share.recentRows
      : unit === 'tokens'
        ? share.recentTokens
        : share.recentGroups;
  const recent = shares.first.reduce((sum, share) => sum + recentOf(share), 0);
  const weights = shares.first.reduce((sum, { weight = 0 }) => sum + weight, 0);
  const part = (value: number | undefined, of: number): string =>
    value === undefined || of === 0 ? '-' : percent(value / of);
  return [
    [
      'environment',
      'waiting groups',
      'rows',
      'tokens',
      `${unit} of the last ${recentBatches} batches`,
      'weight',
    ],
    ...shares.first
      .slice(0, most)
      .map((share) => [
        shown(share.environment),
        count(share.waitingGroups),
        count(share.waitingRows),
        count(share.waitingTokens),
        part(recentOf(share), recent),
        part(share.weight, weights),
      ]),
    ...andMore(shares, most),
  ];
}

function stalenessRows(status: RunStatus): readonly (readonly string[])[] {
  const { waitingByStaleness, trainedByStaleness } = status;
  const buckets = Math.max(waitingByStaleness.length, trainedByStaleness.length);
  if (buckets === 0) return [];
  const all = Array.from({ length: buckets }, (_, at) => at);
  return [
    ['versions behind', ...all.map((at) => (at === FURTHEST ? `${at}+` : String(at)))],
    ['groups waiting', ...all.map((at) => count(waitingByStaleness[at] ?? 0))],
    ['groups trained', ...all.map((at) => count(trainedByStaleness[at] ?? 0))],
  ];
}

/** The bucket of all that is so far behind or further. */
const FURTHEST = 16;

function heldRows({ heldBatches }: RunStatus, most: number): readonly (readonly string[])[] {
  if (heldBatches.first.length === 0) return [];
  return [
    ['batch held by', 'step', 'ranks acked', 'lease', 'delivery'],
    ...heldBatches.first.slice(0, most).map((held) => {
      const { ackedRanks, worldSize, missingRanks } = held;
      const cut = missingRanks.length < worldSize - ackedRanks ? ', ...' : '';
      const missing =
        worldSize > 1 && missingRanks.length > 0 ? `, not ${missingRanks.join(', ')}${cut}` : '';
      return [
        `${shown(held.consumerId)}${held.mode === 'fan_out' ? ' (gets all)' : ''}`,
        count(held.step),
        `${count(ackedRanks)} of ${count(worldSize)}${missing}`,
        held.leftMs > 0 ? `${duration(held.leftMs)} left` : 'run out',
        count(held.delivery),
      ];
    }),
    ...andMore(heldBatches, most),
  ];
}

function consumerRows({ consumers }: RunStatus, most: number): readonly (readonly string[])[] {
  if (consumers.first.length === 0) return [];
  return [
    ['consumer', 'next batch', 'committed', 'to ack', 'kept', 'last seen', 'holds the run back'],
    ...consumers.first
      .slice(0, most)
      .map((one) => [
        `${shown(one.consumerId)}${one.mode === 'fan_out' ? ' (gets all)' : ''}`,
        count(one.nextStep),
        one.committedStep === undefined ? '-' : count(one.committedStep),
        count(one.openBatches),
        count(one.keptBatches),
        one.lastSeenMs === undefined ? '-' : `${duration(one.lastSeenMs)} ago`,
        one.holdsBack === undefined ? '-' : `${HELD_BY[one.holdsBack]}${cutAgo(one.oldestMs)}`,
      ]),
    ...andMore(consumers, most),
  ];
}

const HELD_BY = { ack: 'it has to ack', commit: 'it has to commit' } as const;

function cutAgo(oldestMs: number | undefined): string {
  return oldestMs === undefined ? '' : `, the oldest cut ${duration(oldestMs)} ago`;
}

function workerRows({ workers }: RunStatus, most: number): readonly (readonly string[])[] {
  if (workers.first.length === 0) return [];
  return [
    ['worker', 'assignments', 'oldest'],
    ...workers.first
      .slice(0, most)
      .map(({ workerId, assignments, oldestMs }) => [
        shown(workerId),
        count(assignments),
        duration(oldestMs),
      ]),
    ...andMore(workers, most),
  ];
}

function andMore(
  { first, more }: { readonly first: readonly unknown[]; readonly more: number },
  most: number,
): readonly (readonly string[])[] {
  const left = Math.max(0, first.length - most) + more;
  return left === 0 ? [] : [[`and ${count(left)} more`]];
}

function section(rows: readonly (readonly string[])[]): readonly string[] {
  return rows.length === 0 ? [] : ['', ...table(rows)];
}

function amount(groups: number, rows: number, tokens: number): string {
  return `${count(groups)} groups, ${count(rows)} rows, ${count(tokens)} tokens`;
}

/** `: gsm8k 3, shop 1`, the largest first. */
function listed(counts: Readonly<Record<string, number>>): string {
  const all = Object.entries(counts).sort((a, b) => b[1] - a[1]);
  const texts = all.slice(0, 8).map(([name, value]) => `${shown(name)} ${count(value)}`);
  if (all.length > 8) texts.push(`and ${count(all.length - 8)} more`);
  return texts.length === 0 ? '' : `: ${texts.join(', ')}`;
}
