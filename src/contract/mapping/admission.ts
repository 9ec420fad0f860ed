import {
  Admission,
  type RunSettings as RunSettingsProto,
} from '../../../gen/lachesis/v1/run_service_pb.ts';
import type { AdmissionPolicy } from '../../broker/index.ts';
import { invalidInput } from '../../errors.ts';
import { enumTable } from './enum-table.ts';

const admissions = enumTable<AdmissionPolicy['kind'], Admission>('admission', {
  off: Admission.OFF,
  soft: Admission.SOFT,
  strict: Admission.STRICT,
});

const DEFAULT_FACTOR = 2;
const MOST_FACTOR = 1_000;

export function admissionToProto(
  policy: AdmissionPolicy,
): Pick<RunSettingsProto, 'admission' | 'admissionFactor'> {
  const admission = admissions.toProto(policy.kind);
  return policy.kind === 'soft' ? { admission, admissionFactor: policy.factor } : { admission };
}

export function admissionFromProto(
  { admission, admissionFactor, maxStaleness }: RunSettingsProto,
  field: string,
): AdmissionPolicy {
  const kind =
    admission === Admission.UNSPECIFIED
      ? 'off'
      : admissions.fromProto(admission, `${field}.admission`);
  if (kind !== 'off' && maxStaleness === undefined) {
    throw invalidInput(`${field}.admission`, `is ${kind}, and the run takes groups of any age.`, {
      reason: 'ADMISSION_WITHOUT_STALENESS',
      remedy: `Set \`${field}.max_staleness\`, or leave \`admission\` off.`,
    });
  }
  if (kind !== 'soft') {
    if (admissionFactor === undefined) return { kind };
    throw invalidInput(`${field}.admission_factor`, `is given, and admission is ${kind}.`, {
      remedy: 'Leave it out, or set `admission` to soft.',
    });
  }
  const factor = admissionFactor ?? DEFAULT_FACTOR;
  if (factor >= 1 && factor <= MOST_FACTOR) return { kind, factor };
  throw invalidInput(
    `${field}.admission_factor`,
    `is ${factor}; it must be from 1 to ${MOST_FACTOR}.`,
  );
}
