import type { SamplingParameters } from '../../messages.ts';
import type { Engine, EngineGeneration } from '../engine.ts';
import { modelError } from '../model-errors.ts';

/** A generation and how it was asked for, which is a part of what it is held against. */
export interface AskedGeneration extends EngineGeneration {
  /** Absent: nothing of it is compared. */
  readonly asked?: SamplingParameters;
}

/** What sessions need of an engine: its generations, which have their shape and say what was asked. */
export function askedEngine(engine: Engine): Pick<Engine, 'generate'> {
  return {
    async generate(request, options) {
      const generation: unknown = await engine.generate(request, options);
      assertShape(generation);
      const asked: AskedGeneration = { ...generation, asked: request.sampling };
      return asked;
    },
  };
}

/** An engine may be anybody's own, written without types. */
function assertShape(value: unknown): asserts value is EngineGeneration {
  if (typeof value !== 'object' || value === null) throw bad(`${value}`);
  const { tokenIds, logprobs, versions } = value as Record<string, unknown>;
  if (!is(tokenIds, 'Int32Array')) throw bad(`tokenIds that are ${kindOf(tokenIds)}`);
  if (logprobs !== undefined && !is(logprobs, 'Float32Array')) {
    throw bad(`logprobs that are ${kindOf(logprobs)}`);
  }
  if (!Array.isArray(versions) || versions.some((run) => typeof run !== 'object' || run === null)) {
    throw bad(`versions that are ${kindOf(versions)}`);
  }
}

function is(value: unknown, kind: string): boolean {
  return kindOf(value) === kind;
}

/** `Int32Array`, `Array`, `Undefined`, ..., whatever realm it is of. */
function kindOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function bad(what: string): Error {
  return modelError(`The engine's generate() gave ${what.slice(0, 80)}.`, {
    reason: 'BAD_ENGINE_GENERATION',
    remedy:
      "It must resolve to { tokenIds: Int32Array, logprobs: Float32Array or undefined, finish: 'stop', 'length' or 'abort', versions: [{ length, version }] or [] }.",
  });
}
