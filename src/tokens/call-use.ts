/** What a session knows of a call beside its tokens: who made it, and what it made of earlier answers. */
export interface CallUse {
  /** Empty for the main agent's. */
  readonly agent: string;
  /** The call whose answer it went on from; -1 where it begins a conversation. */
  readonly continues: number;
  /**
   * Calls at whose place it was asked again, without their answers: with the same prompt, or with another
   * once they had ended. Ascending.
   */
  readonly passesOver: readonly number[];
  /** The answer that it was given in other words; undefined for none. */
  readonly alters: AlteredAnswer | undefined;
}

/** What is judged of a call beside its tokens. */
export interface JudgedCall extends CallUse {
  /** What it was for; {@link isActPurpose} says whether that is its agent's next word. */
  readonly purpose: string;
  /** Its reply never reached who asked. */
  readonly failed: boolean;
}

/** Whether a call is for its agent's next word, which it is when it names no purpose of its own. */
export function isActPurpose(purpose: string): boolean {
  return purpose === '' || purpose === 'act';
}

export interface AlteredAnswer {
  readonly callIndex: number;
  /** How many of its tokens, from the start, the other words have too. */
  readonly commonTokens: number;
}

export const FIRST_CALL: JudgedCall = Object.freeze({
  agent: '',
  continues: -1,
  passesOver: Object.freeze([]),
  alters: undefined,
  purpose: '',
  failed: false,
});
