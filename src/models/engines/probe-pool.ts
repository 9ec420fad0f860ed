import { errorMessage } from '../../errors.ts';
import type { Engine, EngineTier } from '../engine.ts';
import { isNoAnswer } from './pool-roll.ts';
import type { EngineProbe } from './probe-report.ts';

/**
 * Probes the engines of a pool at once. One that does not answer counts as what its route declares, so what only
 * a probe could find of it stays unknown. Rejects when none answers.
 */
export async function probePool(
  members: readonly Engine[],
  probe: (engine: Engine) => Promise<EngineProbe>,
  signal: AbortSignal,
): Promise<EngineProbe> {
  const asked = await Promise.allSettled(members.map(probe));
  signal.throwIfAborted();
  const wrong = asked.find((one) => one.status === 'rejected' && !isNoAnswer(one.reason));
  const lost = asked.find((one) => one.status === 'rejected');
  if (wrong?.status === 'rejected') throw wrong.reason;
  if (lost?.status === 'rejected' && asked.every(({ status }) => status === 'rejected')) {
    throw lost.reason;
  }
  return weakest(
    asked.map((one, index) =>
      one.status === 'fulfilled' ? one.value : declared(members[index]!, one.reason),
    ),
  );
}

function declared({ capabilities }: Engine, thrown: unknown): EngineProbe {
  return {
    tier: capabilities?.tier ?? 'text',
    stopTokenKept: capabilities?.stopTokenKept,
    promptVerbatim: capabilities?.promptVerbatim,
    logprobMode: capabilities?.logprobMode ?? 'unknown',
    canScore: false,
    canScoreTopK: false,
    versions: capabilities?.versions ?? 'none',
    findings: [
      { probe: 'ids_out', outcome: 'unknown', detail: `it is out: ${errorMessage(thrown)}` },
    ],
    scoreDrift: undefined,
  };
}

/** What holds for every engine of a pool. */
function weakest(probes: readonly EngineProbe[]): EngineProbe {
  const all = <Value>(read: (probe: EngineProbe) => Value): Value | undefined => {
    const [first, ...rest] = probes.map(read);
    return rest.every((value) => value === first) ? first : undefined;
  };
  const tiers: readonly EngineTier[] = ['text', 'captured', 'exact'];
  const isPartlyRaw = probes.some(({ logprobMode }) => logprobMode === 'raw');
  const drifts = probes.flatMap(({ scoreDrift }) => scoreDrift ?? []);
  return {
    tier: tiers.find((tier) => probes.some((probe) => probe.tier === tier)) ?? 'text',
    stopTokenKept: all(({ stopTokenKept }) => stopTokenKept),
    promptVerbatim: all(({ promptVerbatim }) => promptVerbatim),
    logprobMode: all(({ logprobMode }) => logprobMode) ?? 'unknown',
    ...(isPartlyRaw && { isPartlyRaw }),
    canScore: probes.some(({ canScore }) => canScore),
    canScoreTopK: probes.some(({ canScoreTopK }) => canScoreTopK),
    versions: all(({ versions }) => versions) ?? 'none',
    findings: probes.flatMap(({ findings }, engine) =>
      findings.map((finding) => ({ ...finding, detail: `engine ${engine}: ${finding.detail}` })),
    ),
    scoreDrift: drifts.length > 0 ? Math.max(...drifts) : undefined,
  };
}
