import { create, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import {
  type PlayGenerationResult,
  type PlayMessageResult,
  type PlayRolloutRequest,
  type PlayRolloutResponse,
  PlayRolloutResponseSchema,
  type PlayToolResult,
} from '../../gen/lachesis/v1/environment_service_pb.ts';
import { Outbox } from '../async/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import { WIRE_LIMITS } from '../wire/index.ts';

/** What a caller of PlayRollout is asked for, and how it answers. */
interface Answers {
  toolRequest: PlayToolResult;
  messageRequest: PlayMessageResult;
  generationRequest: PlayGenerationResult;
}

type Question = keyof Answers;
type Frame = NonNullable<MessageInitShape<typeof PlayRolloutResponseSchema>['frame']>;
type FrameOf<Case extends Question> = Extract<Frame, { case: Case }>['value'];

const ANSWER_OF: Readonly<Record<Question, PlayRolloutRequest['frame']['case']>> = {
  toolRequest: 'toolResult',
  messageRequest: 'messageResult',
  generationRequest: 'generationResult',
};

interface Pending {
  readonly question: Question;
  readonly resolve: (answer: Answers[Question]) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Asks the caller of a PlayRollout and matches the answers. Each question is answered, or withdrawn
 * when its own signal fires; an answer that crosses its withdrawal is dropped.
 */
export class CallerChannel {
  readonly outbox = new Outbox<PlayRolloutResponse>();
  readonly #pending = new Map<string, Pending>();
  #asked = 0;
  #gone: LachesisError | undefined;

  send(frame: Frame): void {
    this.outbox.push(create(PlayRolloutResponseSchema, { frame }));
  }

  /** Asks; rejects with the signal's reason, or when the caller can answer no more. */
  async ask<Case extends Question>(
    question: Case,
    body: Omit<FrameOf<Case>, 'requestId' | '$typeName'>,
    signal: AbortSignal,
  ): Promise<Answers[Case]> {
    signal.throwIfAborted();
    if (this.#gone !== undefined) throw this.#gone;
    const requestId = `q${this.#asked + 1}`;
    const asking = create(PlayRolloutResponseSchema, {
      frame: { case: question, value: { ...body, requestId } } as Frame,
    });
    assertSendable(asking);
    this.#asked += 1;
    const { promise, resolve, reject } = Promise.withResolvers<Answers[Question]>();
    const onAbort = (): void => {
      if (!this.#pending.delete(requestId)) return;
      this.send({ case: 'withdrawn', value: { requestId } });
      reject(signal.reason);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    this.#pending.set(requestId, { question, resolve, reject });
    this.outbox.push(asking);
    try {
      return (await promise) as Answers[Case];
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Takes a frame of the caller. Throws `invalid_input` for an answer to what was never asked. */
  take({ frame }: PlayRolloutRequest): void {
    if (frame.case === undefined || frame.case === 'open') {
      throw invalidInput('frame', 'must be an answer: the stream is open already.');
    }
    const { requestId } = frame.value;
    const pending = this.#pending.get(requestId);
    if (pending === undefined) {
      const number = /^q(\d+)$/.exec(requestId)?.[1];
      if (number !== undefined && Number(number) >= 1 && Number(number) <= this.#asked) return;
      throw invalidInput(`${frame.case}.request_id`, `"${requestId.slice(0, 100)}" was not asked.`);
    }
    if (ANSWER_OF[pending.question] !== frame.case) {
      const wanted = ANSWER_OF[pending.question];
      throw invalidInput('frame', `is a ${frame.case}; request ${requestId} wants a ${wanted}.`);
    }
    this.#pending.delete(requestId);
    pending.resolve(frame.value);
  }

  /** The caller answers no more: what is asked, now or later, fails. */
  callerIsGone(): void {
    this.#gone = new LachesisError(
      'infrastructure_error',
      'the caller closed its side of the stream and can answer no more.',
      { reason: 'CALLER_GONE' },
    );
    for (const { reject } of this.#pending.values()) reject(this.#gone);
    this.#pending.clear();
  }
}

/** A frame that no message can hold would end the stream without an ending of the rollout. */
function assertSendable(frame: PlayRolloutResponse): void {
  const bytes = toBinary(PlayRolloutResponseSchema, frame).length;
  const mostBytes = WIRE_LIMITS.maxResponseMessageBytes;
  if (bytes <= mostBytes) return;
  throw new LachesisError(
    'infrastructure_error',
    `what the caller would be asked has ${bytes} bytes; a message holds ${mostBytes}.`,
    {
      reason: 'QUESTION_TOO_LARGE',
      remedy: 'Shorten the prompt or the tool results, or let the server answer.',
    },
  );
}
