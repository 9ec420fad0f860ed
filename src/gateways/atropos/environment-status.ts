import type { EnvironmentRecord } from './environments.ts';
import { floatText } from './float-text.ts';
import type { WaitingSequences } from './waiting-sequences.ts';

/** Least share of its own inference concurrency that an environment is told to use. */
const MIN_ENV_WEIGHT = 0.01;

/** So that no sum of parts is infinite. */
const LARGEST_PART = 1e300;

export interface StatusQuestion {
  readonly environment: EnvironmentRecord;
  readonly alive: readonly EnvironmentRecord[];
  readonly waiting: WaitingSequences;
  /** Sequences that wait in the run and did not come through the gateway. */
  readonly otherSequences: number;
  readonly batchSize: number;
  readonly currentStep: number;
}

/** The answer of /status-env as JSON text, field for field as environments steer by it. */
export function environmentStatusText(question: StatusQuestion): string {
  const {
    unallocated_fraction: unallocated,
    env_weight: weight,
    ...counts
  } = environmentStatus(question);
  const floats = `"unallocated_fraction":${floatText(unallocated)},"env_weight":${floatText(weight)}`;
  return `${JSON.stringify(counts).slice(0, -1)},${floats}}`;
}

export interface EnvironmentStatus {
  readonly current_step: number;
  readonly queue_size: number;
  readonly unallocated_fraction: number;
  readonly self_queue_size: number;
  readonly max_group_size: number;
  readonly env_weight: number;
}

function environmentStatus(question: StatusQuestion): EnvironmentStatus {
  const { environment, alive, waiting } = question;
  const own = waiting.of(environment.id);
  // Told too many, an environment waits for a trainer that waits for it; so where its size is not known
  // yet, a batch's stands for it.
  const groupSize = Math.max(1, environment.groupSize ?? question.batchSize);
  const shares = alive.reduce((sum, { minShare }) => sum + (minShare ?? 0), 0);
  return {
    current_step: question.currentStep,
    queue_size: Math.floor((own + freeOfOthers(question)) / groupSize),
    unallocated_fraction: 1 - Math.min(shares, 1),
    self_queue_size: Math.floor(own / groupSize),
    max_group_size: waiting.largest,
    env_weight: environmentWeight(environment, alive),
  };
}

/** What of the others' sequences is more than the minimum that a batch keeps for each of them. */
function freeOfOthers({
  environment,
  alive,
  waiting,
  otherSequences,
  batchSize,
}: StatusQuestion): number {
  const largest = waiting.largest;
  let free = otherSequences;
  for (const [envId, sequences] of waiting.byEnvironment()) {
    if (envId === environment.id) continue;
    const share = alive.find(({ id }) => id === envId)?.minShare ?? 0;
    const packed = Math.ceil(sequences / largest) * largest;
    free += Math.max(0, packed - Math.floor(batchSize * share));
  }
  return free;
}

/** Its context times its weight, among those that are alive. When none of them has any, equal parts. */
function environmentWeight(
  environment: EnvironmentRecord,
  alive: readonly EnvironmentRecord[],
): number {
  const said = alive.flatMap(({ contextTokens }) => contextTokens ?? []);
  const average = said.reduce((sum, tokens) => sum + tokens / said.length, 0) || 1;
  const partOf = ({ contextTokens, weight }: EnvironmentRecord): number =>
    Math.max(0, Math.min((contextTokens ?? average) * weight, LARGEST_PART));
  const total = alive.reduce((sum, each) => sum + partOf(each), 0);
  if (total <= 0) return Math.max(MIN_ENV_WEIGHT, 1 / Math.max(1, alive.length));
  return Math.max(MIN_ENV_WEIGHT, partOf(environment) / total);
}
