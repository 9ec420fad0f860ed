import { LachesisError } from '../errors.ts';
import { textOf } from '../messages.ts';
import {
  createToolRegistry,
  ModelFailure,
  type SubAgentOptions,
  type SubAgentResult,
} from '../tools/index.ts';
import { type Borrower, lineageOf } from './borrower.ts';
import { openingOf } from './opening.ts';
import type { AgentConfig } from './options.ts';
import type { AgentResult } from './result.ts';
import type { AgentSettings } from './settings.ts';

/**
 * Plays a sub-agent of a tool in the rollout's session; {@link ToolModel.run}. One whose own signal ended it
 * gives what it has by then; once `ofCall` has fired there is nobody to give it to.
 */
export async function runSubAgent<State>(
  { agent, prompt, systemPrompt, tools = [], sampling, ...options }: SubAgentOptions,
  borrower: Borrower,
  config: AgentConfig<State>,
  ofCall: AbortSignal,
): Promise<SubAgentResult> {
  const {
    abortGraceMs,
    clock,
    random,
    rolloutId,
    sandbox,
    session,
    settings,
    share,
    signal,
    state,
  } = config;
  const { maxTurns = config.maxTurns, purpose = 'act' } = options;
  const messages = openingOf(prompt, systemPrompt);
  const registry = createToolRegistry(tools);
  const result = await config.runAgent({
    ...{ abortGraceMs, clock, random, rolloutId, sandbox, session, settings, share, signal, state },
    ...settingsOf(config),
    maxTurns,
    messages,
    tools: registry.definitions,
    handler: registry.callTool,
    toolTimeoutMs: (name) => registry.timeoutMs(name) ?? config.toolTimeoutMs(name),
    sampling: { ...config.sampling, ...sampling },
    lineage: lineageOf({ agent, purpose }, messages, borrower, share),
  });
  ofCall.throwIfAborted();
  return resultOf(agent, result);
}

/** How the main agent plays is how its sub-agents do; what its hooks and tool choice say is of its own calls. */
function settingsOf<State>(config: AgentConfig<State>): AgentSettings<State> {
  const { argumentProfile, contextTokens, droppedNote, maxParallelToolCalls, promptView } = config;
  const { maxResultCharacters, modelRetries } = config;
  const { max, ...backoff } = modelRetries;
  return {
    ...{ argumentProfile, droppedNote, maxParallelToolCalls, promptView },
    ...(contextTokens === undefined ? {} : { contextTokens }),
    ...(maxResultCharacters === undefined ? {} : { limits: { maxResultCharacters } }),
    modelRetries: { max, backoff },
  };
}

function resultOf(agent: string, result: AgentResult): SubAgentResult {
  const { messages, stopDetail, stopReason, turnsUsed } = result;
  const message = `The sub-agent ${agent} failed: ${stopDetail}`;
  switch (stopReason) {
    case 'model_error':
    case 'infrastructure_error':
      throw new ModelFailure(stopReason, message, { reason: 'SUB_AGENT_FAILED' });
    case 'environment_error':
      throw new LachesisError(stopReason, message, { reason: 'SUB_AGENT_FAILED' });
    default: {
      const last = messages.findLast(({ role }) => role === 'assistant');
      const text = last === undefined ? '' : textOf(last);
      return { text, stopReason, stopDetail, turns: turnsUsed, messages };
    }
  }
}
