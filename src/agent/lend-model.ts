import { LachesisError } from '../errors.ts';
import type { ToolModel } from '../tools/index.ts';
import { askModel } from './ask-model.ts';
import type { Borrower } from './borrower.ts';
import type { AgentConfig } from './options.ts';
import { runSubAgent } from './run-sub-agent.ts';

/** The rollout's model, in the hands of one tool call. */
export interface LentModel {
  readonly model: ToolModel;
  /** Aborts what is still under way, and resolves when it has ended: what it sampled is then in the record. */
  takeBack(): Promise<void>;
}

/** Lends the rollout's model to a tool call, under the call's own signal. */
export function lendModel<State>(
  config: AgentConfig<State>,
  borrower: Borrower,
  signal: AbortSignal,
): LentModel {
  const back = new AbortController();
  const ofCall = AbortSignal.any([signal, back.signal]);
  const open = new Set<Promise<unknown>>();
  function use<Value>(
    own: AbortSignal | undefined,
    work: (config: AgentConfig<State>) => Promise<Value>,
  ): Promise<Value> {
    const both = own === undefined ? ofCall : AbortSignal.any([ofCall, own]);
    const working = work({ ...config, signal: both });
    open.add(working);
    // Also keeps a failure that the tool did not wait for from being unhandled.
    const ended = () => open.delete(working);
    working.then(ended, ended);
    return working;
  }
  return {
    model: Object.freeze<ToolModel>({
      ask: (prompt, options = {}) =>
        use(options.signal, (under) => askModel(prompt, options, borrower, under)),
      run: (options) =>
        use(options.signal, (under) => runSubAgent(options, borrower, under, ofCall)),
    }),
    async takeBack() {
      back.abort(callEnded(borrower.toolName));
      await Promise.allSettled(open);
    },
  };
}

function callEnded(toolName: string): LachesisError {
  return new LachesisError(
    'failed_precondition',
    `The call of tool '${toolName}' that this model was lent to has ended.`,
    { reason: 'TOOL_CALL_ENDED', remedy: 'Await what the model answers before the tool returns.' },
  );
}
