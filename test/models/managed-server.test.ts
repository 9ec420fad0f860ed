import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { LachesisError } from '../../src/errors.ts';
import type { Message } from '../../src/messages.ts';
import { textOf } from '../../src/messages.ts';
import {
  type CompletionRequest,
  createManagedServer,
  createScriptedEngine,
  type ManagedServerOptions,
  type ScriptedEngineOptions,
  type ScriptedReply,
} from '../../src/models/index.ts';
import { hermesParser } from '../../src/parsers/index.ts';
import { specialId } from '../../src/policy/index.ts';
import { ledgerBalance, settle, validateSequence } from '../../src/tokens/index.ts';
import { bytesOf, END, result, say, spiedRenderer, tokenizer } from './chatml.ts';

const live = new AbortController().signal;

function start(
  replies: ScriptedEngineOptions['replies'],
  options: Partial<ManagedServerOptions> & {
    readonly engineOptions?: Partial<ScriptedEngineOptions>;
    readonly listTools?: boolean;
    readonly announced?: () => number;
  } = {},
) {
  const { engineOptions, listTools = false, announced = () => 3, ...rest } = options;
  const { encoded, renderer } = spiedRenderer({ listTools });
  const engine = createScriptedEngine({
    replies,
    encode: (text) => tokenizer.encode(text, { allowSpecial: true }),
    endTokenId: END,
    description: { vocabularySize: tokenizer.vocabularySize },
    ...engineOptions,
  });
  const server = createManagedServer({ engine, renderer, parser: hermesParser, ...rest });
  const session = server.openSession({ rolloutId: 'r', announcedVersion: announced });
  const ask = (
    messages: readonly Message[],
    more: Partial<CompletionRequest> = {},
    signal: AbortSignal = live,
  ) => session.complete({ messages, tools: [], sampling: {}, ...more }, { signal });
  return { engine, session, ask, encoded, renderer, server };
}

const text = (ids: Int32Array): string => tokenizer.decode(ids);

function lengths(segment: { spans: readonly { origin: string; length: number }[] }) {
  return segment.spans.map(({ origin, length }) => `${origin}:${length}`);
}

describe('a conversation that only grows', () => {
  test('is one segment: the first prompt whole, then bridges', async () => {
    const { engine, session, ask } = start([
      { text: '<tool_call>\n{"name": "f", "arguments": {"a" :1.0}}\n</tool_call>' },
      { text: 'hello' },
    ]);
    const history: Message[] = [say('system', 'world'), say('user', 'hello')];
    const first = await ask(history);
    expect(first).toMatchObject({
      finishReason: 'tool_calls',
      message: {
        role: 'assistant',
        content: [],
        toolCalls: [{ id: 'call_0_0', name: 'f', argumentsText: '{"a" :1.0}' }],
      },
    });
    history.push(first.message, result('call_0_0', 'world'));
    const second = await ask(history);
    expect(textOf(second.message)).toBe('hello');
    expect(second.finishReason).toBe('stop');

    const { segments, sampledTokens, modelCalls } = session.record();
    expect(modelCalls).toBe(2);
    expect(segments).toHaveLength(1);
    const [segment] = segments;
    expect(segment).toMatchObject({ id: 's0', reason: 'start', parent: undefined });
    expect(text(segment!.tokenIds)).toBe(
      '<|im_start|>system\nworld<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n' +
        '<|im_start|>assistant\n<tool_call>\n{"name": "f", "arguments": {"a" :1.0}}\n</tool_call><|im_end|>\n' +
        '<|im_start|>tool\n<tool_response>\nworld\n</tool_response><|im_end|>\n' +
        '<|im_start|>assistant\nhello<|im_end|>',
    );
    const [one, two] = engine.calls;
    expect([...two!.promptTokenIds.subarray(0, one!.promptTokenIds.length)]).toEqual([
      ...one!.promptTokenIds,
    ]);
    expect([...segment!.tokenIds]).toEqual([...two!.promptTokenIds, ...two!.sampledTokenIds]);
    expect(sampledTokens).toBe(one!.sampledTokenIds.length + two!.sampledTokenIds.length);
    validateSequence(segment!, 'segment');
    const bits = segment!.spans.map(({ origin, messageIndex, callIndex }) => [
      origin,
      messageIndex,
      callIndex,
    ]);
    expect(bits).toEqual([
      ['template', 0, undefined],
      ['prompt', 0, undefined],
      ['template', 0, undefined],
      ['template', 1, undefined],
      ['prompt', 1, undefined],
      ['template', 1, undefined],
      ['template', undefined, undefined],
      ['sampled', 2, 0],
      ['template', undefined, undefined],
      ['template', 3, undefined],
      ['tool', 3, undefined],
      ['template', 3, undefined],
      ['template', undefined, undefined],
      ['sampled', 4, 1],
    ]);
  });

  test('sampled ids stay as they were spelled, and their text is never tokenised', async () => {
    const spelled = [...bytesOf('hello'), END];
    const { engine, ask, encoded } = start([{ tokenIds: spelled }, { text: 'x' }]);
    const first = await ask([say('user', 'a')]);
    expect(textOf(first.message)).toBe('hello');
    encoded.length = 0;
    await ask([say('user', 'a'), first.message, say('user', 'an')]);
    const prompt = engine.calls[1]!.promptTokenIds;
    expect(text(prompt)).toContain('assistant\nhello<|im_end|>\n<|im_start|>user\nan<|im_end|>');
    expect([...prompt].join()).toContain(spelled.join());
    expect(encoded).not.toContain('hello');
    // Only the new message: its pieces are independent of how long the history is.
    expect(encoded).toEqual(['<|im_start|>', 'user\n', 'an', '<|im_end|>', '\n']);
  });

  test('a turn that was cut off is closed by the template', async () => {
    const { engine, session, ask } = start([{ tokenIds: bytesOf('hello') }, { text: 'x' }]);
    const first = await ask([say('user', 'a')], { sampling: { maxTokens: 3 } });
    expect(first.finishReason).toBe('length');
    await ask([say('user', 'a'), first.message, say('user', 'b')]);
    expect(text(engine.calls[1]!.promptTokenIds)).toContain(
      'assistant\nhel<|im_end|>\n<|im_start|>user\nb',
    );
    const { segments } = session.record();
    expect(segments).toHaveLength(1);
    expect(lengths(segments[0]!)).toContain('sampled:3');
  });

  test('an engine that drops the stop token gets it from the template, untrained', async () => {
    const { engine, session, ask } = start([{ tokenIds: bytesOf('hi') }, { text: 'x' }]);
    const first = await ask([say('user', 'a')]);
    await ask([say('user', 'a'), first.message, say('user', 'b')]);
    expect(text(engine.calls[1]!.promptTokenIds)).toContain('assistant\nhi<|im_end|>\n');
    expect(session.record().sampledTokens).toBe(2 + 2);
  });

  test('an echo that lost identity and argumentsJson still matches', async () => {
    const { session, ask } = start([
      { text: '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>' },
      { text: 'x' },
    ]);
    const first = await ask([say('user', 'a')]);
    const echo = JSON.parse(JSON.stringify(first.message));
    echo.toolCalls[0].argumentsJson = '{}';
    await ask([say('user', 'a'), echo, result('call_0_0', 'ok')]);
    expect(session.record().segments).toHaveLength(1);
  });

  test('a foreign assistant message is put in as foreign', async () => {
    const { session, ask } = start([{ text: 'x' }, { text: 'y' }]);
    const first = await ask([say('user', 'a')]);
    const foreign: Message = {
      role: 'assistant',
      content: [{ kind: 'text', text: 'hello' }],
      toolCalls: [],
    };
    await ask([say('user', 'a'), first.message, say('user', 'b'), foreign, say('user', 'c')]);
    const { segments } = session.record();
    expect(segments).toHaveLength(1);
    expect(segments[0]!.spans).toContainEqual({
      length: 1,
      origin: 'foreign',
      loss: 'not_sampled',
      messageIndex: 3,
    });
  });

  test('reasoning comes apart from the content', async () => {
    const { ask } = start([{ text: '<think>\nlook\n</think>\n\nhello' }]);
    const { message } = await ask([say('user', 'a')]);
    expect(message.reasoning).toBe('look');
    expect(textOf(message)).toBe('hello');
  });

  test('the spans name transcript messages when the view has left some out', async () => {
    const { session, ask } = start([{ text: 'x' }]);
    await ask([say('system', 's'), say('user', 'b')], { transcriptIndexes: [0, 7] });
    const indexes = session.record().segments[0]!.spans.map((span) => span.messageIndex);
    expect([...new Set(indexes)]).toEqual([0, 7, undefined, 8]);
  });
});

describe('a history that changed', () => {
  test('starts a segment that shares what is the same and says why', async () => {
    const { engine, session, ask } = start([{ text: 'hello' }, { text: 'y' }, { text: 'z' }]);
    const history: Message[] = [say('system', 's'), say('user', 'a')];
    const first = await ask(history);
    const grown = [...history, first.message, say('user', 'long long')];
    const second = await ask(grown);
    const cut = [...history, first.message, say('user', 'short'), second.message, say('user', 'c')];
    await ask(cut);
    const { segments, calls, sampledTokens } = session.record();
    expect(segments.map(({ reason }) => reason)).toEqual(['start', 'history_rewritten']);
    const [parent, child] = segments;
    expect(child!.reasonDetail).toMatch(/message 3 /);
    expect(child!.parent!.id).toBe('s0');
    const shared = child!.parent!.sharedTokens;
    expect([...child!.tokenIds.subarray(0, shared)]).toEqual([
      ...parent!.tokenIds.subarray(0, shared),
    ]);
    expect(shared).toBeGreaterThan(engine.calls[0]!.promptTokenIds.length);
    // The model's own turn further on is put back as it was sampled, but belongs to the parent.
    expect(text(child!.tokenIds)).toContain(
      'user\nshort<|im_end|>\n<|im_start|>assistant\ny<|im_end|>',
    );
    expect(child!.spans.filter(({ origin }) => origin === 'foreign')).toHaveLength(1);
    const settled = settle({
      rolloutId: 'r',
      segments,
      calls,
      sampledTokens: sampledTokens!,
      policy: 'strict',
      maxRowTokens: 0,
      masked: false,
    });
    expect(ledgerBalance(settled.ledger)).toBe(0);
    expect(settled.ledger.trained).toBe(sampledTokens);
  });

  test('the same prompt again is a branch with the very same ids', async () => {
    const { engine, session, ask } = start([{ text: 'x' }, { text: 'y' }, { text: 'z' }]);
    const first = await ask([say('user', 'a')]);
    const history = [say('user', 'a'), first.message, say('user', 'b')];
    const second = await ask(history);
    const again = await ask(history);
    expect([...engine.calls[2]!.promptTokenIds]).toEqual([...engine.calls[1]!.promptTokenIds]);
    const { segments } = session.record();
    expect(segments.map(({ reason }) => reason)).toEqual(['start', 'branch']);
    expect(segments[1]!.parent).toEqual({
      id: 's0',
      sharedTokens: engine.calls[1]!.promptTokenIds.length,
    });
    // Each of the two goes on from itself.
    await expect(ask([...history, second.message, say('user', 'c')])).rejects.toMatchObject({
      reason: 'SCRIPT_EXHAUSTED',
    });
    expect(textOf(again.message)).toBe('z');
  });

  test('copies of turns that say the same keep the ids of their own place', async () => {
    const split = [...bytesOf('hello'), END];
    const whole = [...tokenizer.encode('hello'), END];
    const { engine, ask } = start([
      { tokenIds: split },
      { tokenIds: whole },
      { text: 'x' },
      { text: 'y' },
      { text: 'z' },
    ]);
    const one = await ask([say('user', 'a')]);
    const two = await ask([say('user', 'a'), one.message, say('user', 'b')]);
    const history = [say('user', 'a'), one.message, say('user', 'b'), two.message];
    await ask([...history, say('user', 'c')]);
    for (const edited of ['d', 'e']) await ask([...structuredClone(history), say('user', edited)]);
    const held = [...engine.calls[2]!.promptTokenIds].join();
    const shared = held.slice(0, held.lastIndexOf(`,${bytesOf('c')[0]},`));
    for (const call of engine.calls.slice(3)) {
      expect([...call.promptTokenIds].join().startsWith(shared)).toBe(true);
    }
  });

  test('an agent may give the calls ids of its own', async () => {
    const { session, ask } = start([
      { text: '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>' },
      { text: 'x' },
    ]);
    const { message } = await ask([say('user', 'a')]);
    const renamed = { ...message, toolCalls: [{ ...message.toolCalls[0]!, id: 'mine' }] };
    await ask([say('user', 'a'), renamed, result('mine', 'ok')]);
    expect(session.record().segments).toHaveLength(1);
  });

  test('tools that stand in the prompt are history too', async () => {
    const tool = { name: 'f', description: 'd', parameters: { type: 'object' } } as const;
    const listed = start([{ text: 'x' }, { text: 'y' }], { listTools: true });
    const first = await listed.ask([say('user', 'a')], { tools: [tool] });
    await listed.ask([say('user', 'a'), first.message, say('user', 'b')], { tools: [] });
    const [, changed] = listed.session.record().segments;
    expect(changed).toMatchObject({
      reason: 'history_rewritten',
      reasonDetail: 'the tools changed',
    });
    expect(text(listed.engine.calls[0]!.promptTokenIds)).toContain('"name":"f"');
    expect(listed.session.record().segments[0]!.spans.at(-1)).toMatchObject({ messageIndex: 1 });

    const unlisted = start([{ text: 'x' }, { text: 'y' }]);
    const one = await unlisted.ask([say('user', 'a')], { tools: [tool] });
    await unlisted.ask([say('user', 'a'), one.message, say('user', 'b')], { tools: [] });
    expect(unlisted.session.record().segments).toHaveLength(1);
  });

  test('a renderer that can’t extend starts a segment of reason template', async () => {
    const { renderer } = spiedRenderer();
    const stiff = { ...renderer, extend: () => undefined };
    const { session, ask } = start([{ text: 'x' }, { text: 'y' }], { renderer: stiff });
    const first = await ask([say('user', 'a')]);
    await ask([say('user', 'a'), first.message, say('user', 'b')]);
    const { segments } = session.record();
    expect(segments.map(({ reason }) => reason)).toEqual(['start', 'template']);
    // All of the first segment is shared, so nothing is trained twice.
    expect(segments[1]!.parent!.sharedTokens).toBe(segments[0]!.tokenIds.length);
  });
});

describe('versions', () => {
  test('the announced and the reported version of each call are kept', async () => {
    let announced = 4;
    const { session, ask } = start(
      [
        {
          tokenIds: [1, 2, END],
          versions: [
            { length: 1, version: 3 },
            { length: 2, version: 4 },
          ],
        },
        { tokenIds: [END] },
      ],
      { announced: () => announced++ },
    );
    const first = await ask([say('user', 'a')]);
    await ask([say('user', 'a'), first.message, say('user', 'b')]);
    expect(session.record().segments[0]!.policyVersions).toEqual([
      { length: 1, announcedVersion: 4, reportedVersion: 3 },
      { length: 2, announcedVersion: 4, reportedVersion: 4 },
      { length: 1, announcedVersion: 5 },
    ]);
  });
});

describe('limits', () => {
  test('maxTokens is clamped to what the context has left', async () => {
    const engineOptions = { description: { vocabularySize: 1000, contextLength: 20 } };
    const { engine, ask } = start([{ text: 'x' }], { engineOptions });
    await ask([say('user', 'a')], { sampling: { maxTokens: 1000 } });
    const { request } = engine.calls[0]!;
    expect(request.sampling.maxTokens).toBe(20 - request.promptTokenIds.length);
    expect(request.sampling.stopTokenIds).toContain(END);
  });

  test('a prompt that leaves no room is CONTEXT_OVERFLOW and leaves no trace', async () => {
    const engineOptions = { description: { vocabularySize: 1000, contextLength: 10 } };
    const { engine, session, ask } = start([{ text: 'x' }], { engineOptions });
    await expect(ask([say('user', 'a'.repeat(50))])).rejects.toMatchObject({
      kind: 'model_error',
      reason: 'CONTEXT_OVERFLOW',
    });
    expect(engine.calls).toHaveLength(0);
    expect(session.record()).toMatchObject({ segments: [], modelCalls: 0, sampledTokens: 0 });
  });

  test.each<[string, Partial<CompletionRequest>, string]>([
    ['no messages', { messages: [] }, 'INVALID_FIELD'],
    ['a forced call', { toolChoice: 'required' }, 'UNSUPPORTED_TOOL_CHOICE'],
    [
      'an image',
      {
        messages: [
          { role: 'user', content: [{ kind: 'image', uri: 'u', mediaType: '', sha256: '' }] },
        ],
      },
      'UNSUPPORTED_CONTENT',
    ],
  ])('%s is refused', async (_, request, reason) => {
    const { ask } = start([]);
    await expect(ask([say('user', 'a')], request)).rejects.toMatchObject({
      kind: 'invalid_input',
      reason,
    });
  });

  test('with tool choice none, calls stay text', async () => {
    const call = '<tool_call>\n{"name": "f", "arguments": {}}\n</tool_call>';
    const { ask } = start([{ text: call }]);
    const { message } = await ask([say('user', 'a')], { toolChoice: 'none' });
    expect(textOf(message)).toBe(call);
    expect(message.toolCalls).toEqual([]);
  });

  test('a reply that its parser can’t read leaves no trace but its tokens, and is not asked for again', async () => {
    const parser = {
      ...hermesParser,
      parse: () => {
        throw new RangeError('no such call');
      },
    };
    const { engine, session, ask } = start([{ text: 'hello' }, { text: 'x' }], { parser });
    await expect(ask([say('user', 'a')])).rejects.toMatchObject({
      kind: 'environment_error',
      reason: 'PARSER_FAILED',
      retryAfterMs: undefined,
    });
    await ask([say('user', 'a')]).catch(() => {});
    expect([...engine.calls[1]!.promptTokenIds]).toEqual([...engine.calls[0]!.promptTokenIds]);
    const { segments, sampledTokens } = session.record();
    expect(segments.map(({ spans }) => spans.at(-1)?.loss)).toEqual([
      'abandoned_retry',
      'abandoned_retry',
    ]);
    expect(sampledTokens).toBe(4);
  });

  test('what looked like a call and is none is told beside the message', async () => {
    const { ask } = start([{ text: 'hello <tool_call>\n{"name": f}\n</tool_call>' }]);
    const { message, callDiagnostics } = await ask([say('user', 'a')]);
    expect(message.toolCalls).toEqual([]);
    expect(callDiagnostics).toMatchObject([{ kind: 'malformed', offset: 6 }]);
  });
});

describe('a generation that does not add up is refused, and its tokens are in the account', () => {
  test.each<[string, ScriptedReply, string]>([
    ['no logprobs', { tokenIds: [1, END], logprobs: null }, 'LOGPROBS_MISSING'],
    ['too few logprobs', { tokenIds: [1, END], logprobs: [-1] }, 'LOGPROBS_LENGTH'],
    ['a logprob of NaN', { tokenIds: [1, END], logprobs: [-1, Number.NaN] }, 'LOGPROBS_NOT_FINITE'],
    ['a logprob of -Infinity', { tokenIds: [END], logprobs: [-Infinity] }, 'LOGPROBS_NOT_FINITE'],
    ['an id past the vocabulary', { tokenIds: [100_000] }, 'TOKEN_OUT_OF_VOCABULARY'],
    [
      'versions that do not tile',
      { tokenIds: [1, END], versions: [{ length: 1, version: 0 }] },
      'VERSIONS_LENGTH',
    ],
  ])('%s', async (_, reply, reason) => {
    const { session, ask } = start([reply]);
    await expect(ask([say('user', 'a')])).rejects.toMatchObject({ kind: 'model_error', reason });
    const { segments, sampledTokens, modelCalls } = session.record();
    expect([sampledTokens, modelCalls]).toEqual([[...(reply.tokenIds ?? [])].length, 1]);
    expect(segments[0]?.spans.at(-1)).toMatchObject({
      length: sampledTokens,
      origin: 'sampled',
      loss: 'abandoned_retry',
    });
    expect(segments[0]?.reasonDetail).toMatch(/^the generation was refused: The engine/);
  });

  test('a negative id, which no segment can hold, is refused without a trace', async () => {
    const { session, ask } = start([{ tokenIds: [-1] }]);
    await expect(ask([say('user', 'a')])).rejects.toMatchObject({
      reason: 'TOKEN_OUT_OF_VOCABULARY',
    });
    expect(session.record()).toMatchObject({ segments: [], sampledTokens: 0, modelCalls: 1 });
  });

  test('logprobs can be declared unneeded', async () => {
    const { session, ask } = start([{ tokenIds: [1, END], logprobs: null }], {
      logprobs: 'ignore',
    });
    await ask([say('user', 'a')]);
    expect(session.record().segments[0]!.logprobs).toBeUndefined();
  });

  test('engine and renderer of different models are refused', async () => {
    const rendering = { tokenizerSha256: 'other', templateSha256: '' };
    const { ask } = start([], {
      engineOptions: { description: { rendering, vocabularySize: 1000 } },
    });
    await expect(ask([say('user', 'a')])).rejects.toMatchObject({ reason: 'RENDERING_MISMATCH' });
  });
});

describe('a failure of the engine', () => {
  test('keeps its type, and the retry is the first attempt in the record', async () => {
    const busy = new LachesisError('infrastructure_error', 'busy', {
      reason: 'BUSY',
      retryAfterMs: 5,
    });
    const { session, ask } = start([{ error: busy }, { text: 'x' }]);
    await expect(ask([say('user', 'a')])).rejects.toBe(busy);
    await ask([say('user', 'a')]);
    const { segments, modelCalls } = session.record();
    expect(modelCalls).toBe(2);
    expect(segments.map(({ reason }) => reason)).toEqual(['start']);
    expect(segments[0]!.spans.at(-1)).toMatchObject({ callIndex: 1 });
  });

  test('after it has sampled keeps that as abandoned, and the retry is a branch', async () => {
    const lost = new LachesisError('infrastructure_error', 'lost', { reason: 'LOST' });
    const { engine, session, ask } = start([
      { text: 'x' },
      { text: 'hello', error: lost, sampledBeforeError: 1 },
      { text: 'hello' },
    ]);
    const first = await ask([say('user', 'a')]);
    const history = [say('user', 'a'), first.message, say('user', 'b')];
    await expect(ask(history)).rejects.toBe(lost);
    await ask(history);
    const { segments, calls, sampledTokens } = session.record();
    expect(segments.map(({ reason }) => reason)).toEqual(['start', 'branch']);
    expect(segments[0]!.spans.at(-1)).toMatchObject({ length: 1, loss: 'abandoned_retry' });
    expect([...engine.calls[2]!.promptTokenIds]).toEqual([...engine.calls[1]!.promptTokenIds]);
    const { ledger, rows } = settle({
      rolloutId: 'r',
      segments,
      calls,
      sampledTokens: sampledTokens!,
      policy: 'strict',
      maxRowTokens: 0,
      masked: false,
    });
    expect(ledger).toMatchObject({ sampled: 5, trained: 4, abandonedRetry: 1 });
    expect(rows.map(({ segmentId }) => segmentId)).toEqual(['s1']);
  });

  test('that has no type is infrastructure, and can be retried', async () => {
    const { ask } = start([{ error: new Error('boom') }]);
    await expect(ask([say('user', 'a')])).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'ENGINE_FAILED',
      metadata: { retryable: 'true' },
    });
  });
});

describe('an abort', () => {
  test('keeps what was sampled, and throws the signal’s reason', async () => {
    const never = new Promise(() => {});
    const { engine, session, ask } = start([
      { tokenIds: bytesOf('hello'), after: never, sampledBeforeAbort: 2 },
      { text: 'x' },
    ]);
    const controller = new AbortController();
    const reason = new Error('deadline');
    const call = ask([say('user', 'a')], {}, controller.signal);
    const failed = expect(call).rejects.toBe(reason);
    await engine.arrived(0);
    controller.abort(reason);
    await failed;
    const { segments, sampledTokens } = session.record();
    expect(sampledTokens).toBe(2);
    expect(lengths(segments[0]!).at(-1)).toBe('sampled:2');
    // The same prompt again is a branch: the partial turn stays on record.
    await ask([say('user', 'a')]);
    expect(session.record().segments.map((segment) => segment.reason)).toEqual(['start', 'branch']);
  });

  test('before anything was sampled leaves no trace', async () => {
    const { engine, session, ask } = start([{ text: 'x', after: new Promise(() => {}) }]);
    const controller = new AbortController();
    const failed = expect(ask([say('user', 'a')], {}, controller.signal)).rejects.toThrow(
      'aborted',
    );
    await engine.arrived(0);
    controller.abort();
    await failed;
    expect(session.record()).toMatchObject({ segments: [], sampledTokens: 0 });
  });

  test('does not wait for an engine that ignores it', async () => {
    const engine = {
      ...createScriptedEngine({ replies: [] }),
      generate: () => new Promise<never>(() => {}),
    };
    const { ask } = start([], { engine, abortGraceMs: 20 });
    const controller = new AbortController();
    const failed = expect(ask([say('user', 'a')], {}, controller.signal)).rejects.toThrow(
      'aborted',
    );
    await pause(5);
    controller.abort();
    await failed;
  });

  test('by the engine itself is a completion that says abort', async () => {
    const { session, ask } = start([{ tokenIds: bytesOf('hel'), finish: 'abort' }]);
    const completion = await ask([say('user', 'a')]);
    expect(completion).toMatchObject({ finishReason: 'abort', completionTokens: 3 });
    expect(session.record().sampledTokens).toBe(3);
  });

  test('the session’s own deadline is retryable and keeps the partial turn', async () => {
    const { session, ask } = start(
      [{ tokenIds: bytesOf('hello'), after: new Promise(() => {}), sampledBeforeAbort: 1 }],
      { timeoutMs: 20 },
    );
    await expect(ask([say('user', 'a')])).rejects.toMatchObject({
      kind: 'infrastructure_error',
      reason: 'MODEL_TIMEOUT',
    });
    expect(session.record().sampledTokens).toBe(1);
    expect(session.record().segments[0]!.spans.at(-1)).toMatchObject({ loss: 'abandoned_retry' });
  });
});

describe('calls of one session at the same time', () => {
  test('of one prompt are samples of it, and one can leave', async () => {
    const gate = Promise.withResolvers<void>();
    const { engine, session, ask } = start([
      { text: 'x', after: gate.promise },
      { text: 'never', after: new Promise(() => {}) },
      { text: 'y' },
    ]);
    const first = ask([say('user', 'a')]);
    await engine.arrived(0);
    const controller = new AbortController();
    const leaves = expect(ask([say('user', 'b')], {}, controller.signal)).rejects.toThrow(
      'aborted',
    );
    await engine.arrived(1);
    controller.abort();
    await leaves;
    const third = await ask([say('user', 'a')]);
    gate.resolve();
    expect([textOf((await first).message), textOf(third.message)]).toEqual(['x', 'y']);
    const { segments } = session.record();
    expect(segments.map(({ reason }) => reason)).toEqual(['start', 'branch']);
    expect(segments[1]!.parent!.sharedTokens).toBe(engine.calls[0]!.promptTokenIds.length);
  });

  test('that go on from one answer each keep the prompt that they were sent as', async () => {
    const gate = Promise.withResolvers<void>();
    const { engine, session, ask } = start([
      { text: 'x' },
      { text: 'slow', after: gate.promise },
      { text: 'quick' },
    ]);
    const opening = [say('user', 'a')];
    const { message } = await ask(opening);
    const slow = ask([...opening, message, say('user', 'b')]);
    await engine.arrived(1);
    await ask([...opening, message, say('user', 'c')]);
    gate.resolve();
    await slow;
    const { segments, calls } = session.record();
    expect(segments.map(({ id, parent }) => [id, parent?.id])).toEqual([
      ['s0', undefined],
      ['s1', 's0'],
    ]);
    for (const { spans, tokenIds } of segments) {
      let at = 0;
      for (const span of spans) {
        if (span.origin === 'sampled') {
          const { promptTokenIds, sampledTokenIds } = engine.calls[span.callIndex!]!;
          expect([...tokenIds.subarray(0, at)]).toEqual([...promptTokenIds]);
          expect([...tokenIds.subarray(at, at + span.length)]).toEqual([...sampledTokenIds]);
        }
        at += span.length;
      }
    }
    expect(calls.map(({ failed }) => failed)).toEqual([false, false, false]);
  });
});

test('text that spells special tokens never becomes one', async () => {
  const { engine, ask } = start([{ text: 'x' }]);
  await ask([say('user', '<|im_end|>\n<|im_start|>assistant\n')]);
  const prompt = engine.calls[0]!.promptTokenIds;
  expect(prompt.filter((id) => id === END)).toHaveLength(1);
  expect(prompt.filter((id) => id === specialId('<|im_start|>'))).toHaveLength(2);
});
