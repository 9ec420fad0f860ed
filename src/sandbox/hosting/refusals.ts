import { LachesisError } from '../../errors.ts';
import type { BackendProbe, SandboxBackend } from '../contract/backend.ts';
import type { IsolationLevel } from '../contract/isolation.ts';
import type { SandboxSettings } from '../settings/settings.ts';

const OVERRIDE =
  'To run commands without isolation all the same, set LACHESIS_ALLOW_UNSANDBOXED=1 (--allow-unsandboxed).';

/** That keep commands from this host. */
const REAL_BACKENDS = ['bubblewrap', 'docker', 'modal', 'e2b', 'ssh'];

/** The one message of a host whose sandboxes do not work. */
export function notWorking(
  { chosenBy }: SandboxSettings,
  name: string,
  { detail, remedy }: BackendProbe,
): LachesisError {
  const fix = remedy ?? 'Run `lachesis doctor` for what works here.';
  // An override stands in for the default only: whoever chose a backend would be given another.
  // Some backends tell it in their detail too.
  const said = remedy === undefined ? detail : detail.replace(remedy, '').trimEnd();
  const others = REAL_BACKENDS.filter((other) => other !== name).join(', ');
  return new LachesisError(
    'failed_precondition',
    `No sandbox can be made: \`${name}\` (${chosenBy}) was tried and failed. ${said}`,
    {
      reason: 'SANDBOX_BACKEND_FAILED',
      remedy: [
        fix,
        `Or choose another with --sandbox (${others}).`,
        ...(chosenBy === 'default' || name === 'process' ? [OVERRIDE] : []),
      ].join(' '),
      field: 'sandbox',
    },
  );
}

/** The one message of a host whose sandboxes work, and keep commands less far away than is wanted. */
export function belowMinimum(
  backend: SandboxBackend,
  { minimum, wantedBy }: { readonly minimum: IsolationLevel; readonly wantedBy: string },
  probe: BackendProbe,
): LachesisError {
  const { isolation } = backend.capabilities;
  return new LachesisError(
    'failed_precondition',
    `Sandboxes of \`${backend.name}\` give isolation \`${isolation}\`; ${wantedBy} wants at least \`${minimum}\`. It was tried: ${probe.detail}`,
    {
      reason: 'ISOLATION_BELOW_MINIMUM',
      remedy: `Choose a stronger backend with --sandbox (\`lachesis doctor\` tells which work here), or lower isolation.minimum (--isolation-minimum ${isolation}) where its commands are trusted. ${OVERRIDE}`,
      field: 'isolation.minimum',
    },
  );
}

export function noneChosen(environment: string): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `Environment \`${environment}\` asks for a sandbox, and --sandbox is \`none\`.`,
    { reason: 'NO_SANDBOX', remedy: 'Leave --sandbox out, or name a backend.', field: 'sandbox' },
  );
}
