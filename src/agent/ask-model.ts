import { errorMessage, LachesisError } from '../errors.ts';
import { textOf } from '../messages.ts';
import { type AskOptions, type ModelAnswer, ModelFailure, type ToolModel } from '../tools/index.ts';
import { type Borrower, lineageOf } from './borrower.ts';
import { complete } from './call-model.ts';
import { openingOf } from './opening.ts';
import type { AgentConfig } from './options.ts';
import { estimatedTokens } from './prompt-view/index.ts';
import { stopOfCutOff, stopOfModelFailure } from './stop.ts';

/** One call of the rollout's model by a tool; {@link ToolModel.ask}. */
export async function askModel<State>(
  prompt: Parameters<ToolModel['ask']>[0],
  { agent, purpose = 'side', tools = [], sampling }: AskOptions,
  borrower: Borrower,
  config: AgentConfig<State>,
): Promise<ModelAnswer> {
  const { share, signal } = config;
  const messages = openingOf(prompt);
  const said = { agent: agent ?? borrower.toolName, purpose };
  const lineage = lineageOf(said, messages, borrower, share);
  if (share.spent !== undefined) throw tokensSpent(share.spent.detail);
  const request = {
    messages,
    tools,
    sampling: share.within({ ...config.sampling, ...sampling }),
    lineage,
  };
  const completion = await complete(request, { modelCalls: 0, modelRetries: 0 }, config).catch(
    (error: unknown) => {
      throw signal.aborted ? signal.reason : asModelFailure(error);
    },
  );
  const { callId, finishReason } = completion;
  if (share.countsTokens) {
    share.spendTokens(completion.completionTokens ?? estimatedTokens.message(completion.message));
  }
  const cutOff = stopOfCutOff(finishReason);
  if (cutOff !== undefined && cutOff.reason !== 'length') {
    const kind = cutOff.reason === 'model_error' ? 'model_error' : 'infrastructure_error';
    throw new ModelFailure(kind, cutOff.detail, { reason: 'MODEL_CUT_OFF' });
  }
  const isWhole = cutOff === undefined || completion.message.toolCalls.length === 0;
  const message = isWhole ? completion.message : { ...completion.message, toolCalls: [] };
  share.gave(message, callId);
  return { message, text: textOf(message), finishReason };
}

/** What the tool did wrong is its own error; all else that a model call throws is no tool's. */
function asModelFailure(error: unknown): unknown {
  const isOurs = error instanceof LachesisError;
  if (isOurs && (error.kind === 'invalid_input' || error.reason === 'CONTEXT_OVERFLOW')) {
    return error;
  }
  const { reason: kind } = stopOfModelFailure(error);
  if (kind === 'environment_error') return error;
  return new ModelFailure(
    kind === 'model_error' ? kind : 'infrastructure_error',
    errorMessage(error),
    { reason: isOurs ? error.reason : 'MODEL_SERVER', cause: error },
  );
}

function tokensSpent(detail: string): LachesisError {
  return new LachesisError('resource_exhausted', detail, { reason: 'MAX_SAMPLED_TOKENS' });
}
