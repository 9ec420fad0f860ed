import type { Message } from '../messages.ts';
import type { Completion } from '../models/index.ts';
import { CallCounts } from './call-counts.ts';
import { CallIds } from './call-ids.ts';
import type { ModelCallCounts } from './call-model.ts';
import type { AgentResult, ToolError, Turn, Usage } from './result.ts';
import type { AnsweredCall } from './run-tool-calls.ts';
import type { Stop } from './stop.ts';
import { ToolCallMeter } from './tool-call-meter.ts';

/**
 * All that a run has brought forth so far. It only grows, and {@link Transcript.result} can be asked
 * at any point: that is why every path has its counters.
 */
export class Transcript {
  readonly messages: Message[];
  readonly turns: Turn[] = [];
  readonly callIds: CallIds;
  readonly counts: ModelCallCounts = { modelCalls: 0, modelRetries: 0 };
  turnsBegun = 0;
  /** What the prompts left out of the messages. */
  messagesTruncated = 0;
  readonly callCounts = new CallCounts();
  readonly #toolErrors: ToolError[] = [];
  readonly #meter = new ToolCallMeter();
  #promptTokens: number | undefined = 0;
  #completionTokens: number | undefined = 0;

  constructor(opening: readonly Message[]) {
    this.messages = [...opening];
    this.callIds = new CallIds(opening);
  }

  addAnswers(answers: readonly AnsweredCall[]): void {
    for (const { message, outcome, error } of answers) {
      this.messages.push(message);
      this.#meter.record(outcome);
      if (error !== undefined) this.#toolErrors.push(error);
    }
  }

  /** One completion that doesn't say its tokens makes the sum unknown. */
  addUsage({ promptTokens, completionTokens }: Completion): void {
    this.#promptTokens = sum(this.#promptTokens, promptTokens);
    this.#completionTokens = sum(this.#completionTokens, completionTokens);
  }

  result(stop: Stop): AgentResult {
    return Object.freeze({
      messages: Object.freeze([...this.messages]),
      stopReason: stop.reason,
      stopDetail: stop.detail,
      finishedNaturally: stop.reason === 'natural',
      turnsUsed: this.turnsBegun,
      turns: Object.freeze([...this.turns]),
      toolErrors: Object.freeze([...this.#toolErrors]),
      toolCalls: this.#meter.snapshot(),
      usage: this.#usage(),
      messagesTruncated: this.messagesTruncated,
    });
  }

  #usage(): Usage {
    const isKnown = this.turns.length > 0;
    return Object.freeze({
      ...(isKnown && this.#promptTokens !== undefined ? { promptTokens: this.#promptTokens } : {}),
      ...(isKnown && this.#completionTokens !== undefined
        ? { completionTokens: this.#completionTokens }
        : {}),
      ...this.counts,
    });
  }
}

function sum(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a + b;
}
