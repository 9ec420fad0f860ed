import type { ToolCallMetrics, ToolStatistics } from './result.ts';

/** How one call ended. Each call of a run ends once, which is why the counters' identities hold. */
export type CallOutcome =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly toolName: string }
  | {
      readonly kind: 'dispatched';
      readonly toolName: string;
      readonly schemaValid: boolean;
      readonly coerced: boolean;
      readonly repaired: boolean;
      readonly jsonSchemaValid: boolean;
      readonly isError: boolean;
      readonly timedOut: boolean;
      readonly durationMs: number;
    };

type Counters = { -readonly [Name in keyof Omit<ToolCallMetrics, 'tools'>]: number };
type Statistics = { -readonly [Name in keyof ToolStatistics]: ToolStatistics[Name] };

/** Counts a run's tool calls; {@link ToolCallMetrics} says what is counted. */
export class ToolCallMeter {
  readonly #counters: Counters = {
    attempted: 0,
    schemaValid: 0,
    executedOk: 0,
    execError: 0,
    unknown: 0,
    coerced: 0,
    repaired: 0,
    refused: 0,
    timedOut: 0,
    jsonSchemaValid: 0,
  };
  /** Known tools only, so that invented names can't fill it. */
  readonly #tools = new Map<string, Statistics>();

  record(outcome: CallOutcome): void {
    const counters = this.#counters;
    if (outcome.kind === 'unknown') {
      counters.unknown += 1;
      counters.execError += 1;
      return;
    }
    counters.attempted += 1;
    if (outcome.kind === 'refused') {
      counters.refused += 1;
      counters.execError += 1;
      this.#recordTool(outcome.toolName, true, 0);
      return;
    }
    if (outcome.schemaValid) counters.schemaValid += 1;
    if (outcome.coerced) counters.coerced += 1;
    if (outcome.repaired) counters.repaired += 1;
    if (outcome.jsonSchemaValid) counters.jsonSchemaValid += 1;
    if (outcome.timedOut) counters.timedOut += 1;
    if (outcome.isError) counters.execError += 1;
    else counters.executedOk += 1;
    this.#recordTool(outcome.toolName, outcome.isError, outcome.durationMs);
  }

  /** The counts so far; per tool by name. */
  snapshot(): ToolCallMetrics {
    const tools = [...this.#tools.values()].map((tool) => Object.freeze({ ...tool }));
    tools.sort((a, b) => (a.toolName < b.toolName ? -1 : 1));
    return Object.freeze({ ...this.#counters, tools: Object.freeze(tools) });
  }

  #recordTool(toolName: string, isError: boolean, durationMs: number): void {
    let tool = this.#tools.get(toolName);
    if (tool === undefined) {
      tool = { toolName, calls: 0, errors: 0, durationMs: 0 };
      this.#tools.set(toolName, tool);
    }
    tool.calls += 1;
    if (isError) tool.errors += 1;
    tool.durationMs += durationMs;
  }
}
