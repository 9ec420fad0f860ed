import { invalidInput } from '../../errors.ts';
import { type CallUse, FIRST_CALL, isActPurpose, type LossState } from '../../tokens/index.ts';
import type { CallLineage, ModelCall } from '../model-server.ts';

type OpenCall = { -readonly [Key in keyof ModelCall]: ModelCall[Key] };

/** A session's calls in the order of asking, with what was said of each and what became of it. */
export class CallLog {
  readonly #calls: OpenCall[] = [];

  get count(): number {
    return this.#calls.length;
  }

  /** From the engine's replies, not from the segments: a disagreement must show. */
  get sampledTokens(): number {
    return this.#calls.reduce((sum, { sampledTokens }) => sum + sampledTokens, 0);
  }

  get calls(): readonly ModelCall[] {
    return this.#calls.map((call) => Object.freeze({ ...call }));
  }

  /** Begins a call; its index is its place in the log. */
  begin(lineage: CallLineage, announcedVersion: number): number {
    const { callId = '', parentCallId = '', agent = '', purpose = '' } = lineage;
    if (callId.startsWith('#')) {
      throw invalidInput(
        'lineage.callId',
        `is \`${callId}\`; ids with # say the place of a call.`,
        {
          reason: 'ILLEGAL_ID',
          remedy: 'Let it begin with something else.',
        },
      );
    }
    const index = this.#calls.length;
    this.#calls.push({
      ...FIRST_CALL,
      ...{ index, callId, parentCallId, agent, purpose, announcedVersion },
      sampledTokens: 0,
      finishReason: '',
      failed: true,
    });
    return index;
  }

  /** What it made of the answers before it. */
  used(index: number, use: CallUse): void {
    Object.assign(this.#at(index), use);
  }

  sampled(index: number, tokens: number, finishReason: string): void {
    Object.assign(this.#at(index), { sampledTokens: tokens, finishReason });
  }

  /** Its reply is handed out. A call that never is answered has failed. */
  answered(index: number): void {
    this.#at(index).failed = false;
  }

  /** Why a call's tokens are in no loss, whatever the policy; undefined for those that may be. */
  lossOf(index: number): LossState | undefined {
    const { failed, purpose } = this.#at(index);
    if (failed) return 'abandoned_retry';
    return isActPurpose(purpose) ? undefined : 'not_for_training';
  }

  /** What calls after this one may name it by: the id that it declared, else one by its place. */
  idOf(index: number): string {
    return this.#at(index).callId || `#${index}`;
  }

  /** Also while it is under way. */
  hasFailed(index: number): boolean {
    return this.#at(index).failed;
  }

  agentOf(index: number): string {
    return this.#at(index).agent;
  }

  /** The place of a call by its id; throws `invalid_input` for one that is unknown. */
  indexOf(callId: string): number {
    const index = this.#calls.findLastIndex(
      ({ failed }, at) => !failed && this.idOf(at) === callId,
    );
    if (index >= 0) {
      // The record has the id from now on, for whoever reads which call it is that is named.
      this.#at(index).callId = callId;
      return index;
    }
    throw invalidInput(
      'lineage.parentCallId',
      `names \`${callId}\`, which no call here was answered as.`,
      {
        reason: 'UNKNOWN_CALL',
        remedy: 'Give the callId of an earlier call of this session, or leave it out.',
      },
    );
  }

  #at(index: number): OpenCall {
    return this.#calls[index] as OpenCall;
  }
}
