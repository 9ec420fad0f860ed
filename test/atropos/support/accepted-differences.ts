/** A way in which our answers differ from Atropos' on purpose; docs/from-atropos.md shows them all. */
export interface AcceptedDifference {
  readonly what: string;
  readonly theirs: string;
  readonly ours: string;
  readonly why: string;
  /** The fields that it is about. Default: the whole answer. */
  readonly fields?: RegExp;
  /** It may be met at any request; the others are named by the requests that meet them. */
  readonly anywhere?: true;
}

export const ACCEPTED = {
  uuid: {
    what: '`uuid` of `/register`',
    theirs: 'an integer of up to 128 bits',
    ours: 'an integer of up to 48 bits',
    why: 'no reader of JSON loses its digits; nobody reads it',
    fields: /^body\.uuid$/,
    anywhere: true,
  },
  detail: {
    what: '`detail` of a 422',
    theirs: 'every mistake, each with its input',
    ours: 'the first mistake, without its input',
    why: 'a body is megabytes, and its first mistake is enough to refuse it',
    fields: /^body\.detail\[(0\]\.(input|ctx)|[1-9])/,
    anywhere: true,
  },
  jsonPosition: {
    what: 'a body that is no JSON',
    theirs: '422 with the position',
    ours: '422 without the position',
    why: 'the parsers tell it differently',
    fields: /^body\.detail\[0\]\.loc\[1\]$/,
  },
  pythonWords: {
    what: '`error` of `/disconnect-env`',
    theirs: '`list index out of range`',
    ours: 'the id that there is no environment of',
    why: 'says what is wrong; no client reads it',
    fields: /^body\.error$/,
  },
  unknownEnvironment: {
    what: '`/status-env` with an id that is not known, or before any registration',
    theirs: '500',
    ours: 'the environment is taken in, and answered',
    why: "the SDK ends its process at three 500s in a row: a server's restart killed every environment",
  },
  statusForms: {
    what: '`/status-env` with a query, and as a POST',
    theirs: '422, 405',
    ours: 'answered as the GET with a body',
    why: '`fetch` can send no body with a GET',
  },
  shareRange: {
    what: '`min_batch_allocation` outside of 0 to 1',
    theirs: 'registered',
    ours: '422',
    why: 'no batch can keep it',
  },
  minimum: {
    what: 'which groups a batch has where an environment registered a `min_batch_allocation`',
    theirs:
      'none without a group of each such environment, also of one that died; the part itself is not kept',
    ours: 'its part of each batch, or none until it is there or the environment was silent for 60 seconds',
    why: 'an environment that died must not stop all training',
  },
  order: {
    what: 'which batch `/batch` hands out',
    theirs: 'the newest of all that were formed',
    ours: 'the oldest',
    why: 'data gets no older than it has to',
    fields: /^body\.batch\[0\]\.tokens/,
  },
  step: {
    what: '`/status` after a first `/batch`',
    theirs: 'the step counts every batch that could be formed, and these wait in no queue any more',
    ours: 'the step counts batches that were handed out, and `queue_size` all groups that were not',
    why: 'a jump of the step makes environments skip evaluations and checkpoints',
    fields: /^body\.(current_step|queue_size)$/,
  },
  negativeId: {
    what: 'a negative `env_id`',
    theirs: 'counts from the newest environment, or is stored',
    ours: '`/disconnect-env` fails, the others answer 422',
    why: 'it is a mistake, and must hit nobody else',
  },
  cutGzip: {
    what: 'gzip whose end is missing',
    theirs: '500',
    ours: '400',
    why: 'the SDK would send it again twice',
  },
  messageTypes: {
    what: '`messages` that are no lists of objects',
    theirs: '500',
    ours: '422',
    why: 'the same',
  },
  distillPlaces: {
    what: 'positions of `distill_token_ids` and `distill_logprobs`',
    theirs: 'any number',
    ours: '422 unless there are as many as tokens, with as many logprobs as ids at each',
    why: 'a trainer would read past their end',
  },
  lengths: {
    what: '`masks`, `scores` and the other columns whose lengths are not those of `tokens`; an empty group or sequence',
    theirs: 'received, and handed to the trainer',
    ours: '422 with the place',
    why: 'a bad group spoils its whole batch',
  },
  logprobs: {
    what: 'NaN, infinities and null in `inference_logprobs`',
    theirs: 'NaN as in any field; null is a 422',
    ours: '`received`, and handed out as they came, NaN in the spelling that Python reads',
    why: 'an engine that does not tell a logprob is no reason to lose a group',
  },
  finite: {
    what: 'NaN and infinities, in any other field',
    theirs: 'received; the batch that holds it, and `/latest_example`, answer 500 and are lost',
    ours: '422 with the place',
    why: 'JSON has no such numbers',
  },
  tokenRange: {
    what: 'token ids below 0 or of more than 31 bits',
    theirs: 'received',
    ours: '422 with the place',
    why: 'no vocabulary has them',
  },
  oddSizes: {
    what: 'a group whose size is not the one its environment registered',
    theirs:
      '`buffered` until others complete its size; sizes that do not divide the batch stop all batches',
    ours: '`received`; batches are packed exactly from any sizes',
    why: 'nothing has to wait for an environment of the right size',
  },
  largerThanBatch: {
    what: 'a group larger than a batch',
    theirs: 'received, never handed out, and stops all batches behind it',
    ours: '422',
    why: 'it could never be trained on',
  },
  noWeight: {
    what: '`env_weight` when no environment has a weight above 0',
    theirs: '500',
    ours: 'equal parts',
    why: 'a weight of -1 is documented as "ignore the weight"',
  },
  groupsOfOne: {
    what: '`queue_size` of `/status-env` when all groups have one sequence',
    theirs: "the others' groups count as none",
    ours: 'they count',
    why: 'the limit of what may wait would not hold',
    fields: /^body\.queue_size$/,
  },
  reset: {
    what: 'after `/reset_data`',
    theirs: '`/batch` answers 500; `/info` keeps `max_token_len`',
    ours: 'as before any registration',
    why: 'a reset forgets the trainer',
  },
  earlyPush: {
    what: 'a push before `/register`',
    theirs: '`received`, and no registration is taken any more',
    ours: '`received`, and its run has it when a trainer opens it',
    why: 'any order of starting must do',
  },
} as const satisfies Readonly<Record<string, AcceptedDifference>>;

export type AcceptedName = keyof typeof ACCEPTED;

/** The rows of the table that docs/from-atropos.md shows. */
export function acceptedRows(): readonly string[] {
  return Object.values<AcceptedDifference>(ACCEPTED).map(
    ({ what, theirs, ours, why }) => `| ${what} | ${theirs} | ${ours} | ${why} |`,
  );
}
