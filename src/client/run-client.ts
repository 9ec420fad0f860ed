import type { Client, Transport } from '@connectrpc/connect';
import type { GroupChunk, GroupHeader } from '../../gen/lachesis/v1/group_pb.ts';
import { RunService } from '../../gen/lachesis/v1/run_service_pb.ts';
import type { DeadLetter, RunState, RunStatus } from '../broker/index.ts';
import {
  deadLetterFromProto,
  decodeGroup,
  durationFromMs,
  type Group,
  runFromProto,
  runSettingsToProto,
  runStatusFromProto,
} from '../contract/index.ts';
import { LachesisError } from '../errors.ts';
import type { Row } from '../tokens/index.ts';
import { createRpcClient } from '../transport/index.ts';
import { type CallOptions, toConnect } from './call-options.ts';
import { cutShort } from './cut-short.ts';
import { PartsReceiver } from './parts-receiver.ts';
import { Reconnector } from './reconnect.ts';
import { type RunOptions, runSettingsOf } from './run-options.ts';

/** A group as it was submitted. */
export interface ReadGroup {
  readonly header: GroupHeader;
  /** Undefined when only headers were asked for. */
  readonly parts: readonly Uint8Array[] | undefined;
  /** Decodes the parts; throws when there are none. */
  decode(): { readonly group: Group; readonly rows: readonly Row[] };
}

/** Training runs: opening, watching and closing them, and reading what they hold. */
export class RunClient {
  readonly #client: Client<typeof RunService>;

  readonly #reconnect: Reconnector;

  constructor(transport: Transport, reconnect: Reconnector = new Reconnector(false)) {
    this.#client = createRpcClient(RunService, transport);
    this.#reconnect = reconnect;
  }

  /** Opens a run, or takes over one with the same settings. */
  async open(
    runId: string,
    settings: RunOptions,
    options: CallOptions & { readonly initialPolicyVersion?: number } = {},
  ): Promise<{ readonly run: RunState; readonly existed: boolean }> {
    const request = {
      runId,
      settings: runSettingsToProto(runSettingsOf(settings)),
      initialPolicyVersion: BigInt(options.initialPolicyVersion ?? 0),
    };
    const { run, existed } = await this.#client.openRun(request, toConnect(options));
    return { run: runFromProto(run), existed };
  }

  async get(runId: string, options?: CallOptions): Promise<RunState> {
    return runFromProto((await this.#client.getRun({ runId }, toConnect(options))).run);
  }

  /** Newest first, a page at a time as they are asked for. */
  async *list(options?: CallOptions): AsyncGenerator<RunState, void, void> {
    let pageToken = '';
    do {
      const page = await this.#client.listRuns({ pageToken }, toConnect(options));
      yield* page.runs.map((run) => runFromProto(run));
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
  }

  async close(runId: string, options?: CallOptions): Promise<RunState> {
    return runFromProto((await this.#client.closeRun({ runId }, toConnect(options))).run);
  }

  async status(runId: string, options?: CallOptions): Promise<RunStatus> {
    const { status } = await this.#client.getRunStatus({ runId }, toConnect(options));
    return runStatusFromProto(status);
  }

  /** The latest assignments that were given up, oldest first. */
  async deadLetters(runId: string, options?: CallOptions): Promise<readonly DeadLetter[]> {
    const { deadLetters } = await this.#client.listDeadLetters({ runId }, toConnect(options));
    return deadLetters.map((letter, index) =>
      deadLetterFromProto(letter, `dead_letters[${index}]`),
    );
  }

  /** The figures at once and then at every interval, until the run is closed; survives reconnects. */
  async *watch(
    runId: string,
    options: CallOptions & { readonly intervalMs?: number } = {},
  ): AsyncGenerator<RunStatus, void, void> {
    const { intervalMs } = options;
    const request = {
      runId,
      ...(intervalMs !== undefined && { interval: durationFromMs(intervalMs) }),
    };
    const figures = this.#reconnect.stream(
      (_, signal) => this.#client.watchRun(request, { ...toConnect(options), signal }),
      { cursorOf: () => undefined, signal: options.signal },
    );
    for await (const { status } of figures) {
      yield runStatusFromProto(status);
    }
  }

  async group(
    runId: string,
    groupId: string,
    options: CallOptions & { readonly headerOnly?: boolean } = {},
  ): Promise<ReadGroup> {
    const { headerOnly = false } = options;
    const request = { runId, groupId, headerOnly };
    for await (const [, group] of readGroups(
      this.#client.getGroup(request, toConnect(options)),
      headerOnly,
    )) {
      return group;
    }
    throw cutShort(MID_GROUP);
  }

  /** The groups in submit order, each with its position, from after `afterPosition`. */
  async *scan(
    runId: string,
    options: CallOptions & {
      readonly afterPosition?: number;
      readonly maxGroups?: number;
      readonly headerOnly?: boolean;
    } = {},
  ): AsyncGenerator<readonly [position: number, group: ReadGroup], void, void> {
    const { headerOnly = false, afterPosition = 0, maxGroups = 0 } = options;
    const request = {
      runId,
      headerOnly,
      afterPosition: BigInt(afterPosition),
      maxGroups: BigInt(maxGroups),
    };
    yield* readGroups(this.#client.scanGroups(request, toConnect(options)), headerOnly);
  }
}

const MID_GROUP = 'the stream ended in the middle of a group.';

type Frame =
  | { readonly case: 'header'; readonly value: GroupHeader }
  | {
      readonly case: 'group';
      readonly value: { readonly position: bigint; readonly header?: GroupHeader | undefined };
    }
  | { readonly case: 'chunk'; readonly value: GroupChunk }
  | { readonly case: 'end' }
  | { readonly case: undefined };

async function* readGroups(
  frames: AsyncIterable<{ readonly frame: Frame }>,
  headerOnly: boolean,
): AsyncGenerator<readonly [number, ReadGroup], void, void> {
  let position = 0;
  let receiver: PartsReceiver | undefined;
  for await (const { frame } of frames) {
    switch (frame.case) {
      case 'header':
        receiver = new PartsReceiver(frame.value);
        break;
      case 'group':
        if (frame.value.header === undefined) throw cutShort(MID_GROUP);
        position = Number(frame.value.position);
        receiver = new PartsReceiver(frame.value.header);
        break;
      case 'chunk':
        receiver?.add(frame.value);
        break;
      case 'end':
        if (receiver === undefined) throw cutShort(MID_GROUP);
        yield [position, readGroup(receiver.header, headerOnly ? undefined : receiver.all())];
        receiver = undefined;
    }
  }
  if (receiver !== undefined) throw cutShort(MID_GROUP);
}

function readGroup(header: GroupHeader, parts: readonly Uint8Array[] | undefined): ReadGroup {
  return {
    header,
    parts,
    decode: () => {
      if (parts !== undefined) return decodeGroup(header, parts);
      throw new LachesisError('failed_precondition', 'only the header of the group was read.', {
        reason: 'HEADER_ONLY',
        remedy: 'Read it without headerOnly.',
      });
    },
  };
}
