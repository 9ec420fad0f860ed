import type { Duration } from '@bufbuild/protobuf/wkt';
import type { ExecCommandRequest } from '../../gen/lachesis/v1/sandbox_service_pb.ts';
import { msFromDuration } from '../contract/index.ts';
import { invalidInput, LachesisError } from '../errors.ts';
import { type Command, checkCommand } from '../sandbox/index.ts';

const DEFAULT_TIMEOUT_MS = 60_000;
/** No lease lives so long. */
const MOST_TIMEOUT_S = 86_400;

/** What the request calls the parts of a {@link Command}. */
const WIRE_NAMES = [
  ['command.argv', 'command'],
  ['command.cwd', 'working_directory'],
  ['command.env', 'environment'],
] as const;

/** The command of a request; refusals name the request's own fields. */
export function commandOf(request: ExecCommandRequest): Command {
  const { workingDirectory, environment, standardInput } = request;
  const [program, ...rest] = request.command;
  if (program === undefined) throw invalidInput('command', 'names no program.');
  const command: Command = {
    argv: [program, ...rest],
    ...(workingDirectory === '' ? {} : { cwd: workingDirectory }),
    env: environment,
    stdin: standardInput,
  };
  try {
    checkCommand(command);
  } catch (error) {
    throw inWireNames(error);
  }
  return command;
}

/** In milliseconds. */
export function timeoutOf(timeout: Duration | undefined): number {
  if (timeout === undefined) return DEFAULT_TIMEOUT_MS;
  const { seconds, nanos } = timeout;
  const isWhole = seconds >= 0n && nanos >= 0 && nanos < 1e9;
  const ms = msFromDuration(timeout);
  if (isWhole && ms > 0 && ms <= MOST_TIMEOUT_S * 1_000) return ms;
  throw invalidInput('timeout', `is ${seconds} s and ${nanos} ns.`, {
    remedy: `Give more than 0 and at most ${MOST_TIMEOUT_S} s, with less than 1,000,000,000 ns.`,
  });
}

function inWireNames(error: unknown): unknown {
  if (!(error instanceof LachesisError)) return error;
  const { field = '', message, remedy } = error;
  const [ours, theirs] = WIRE_NAMES.find(([name]) => field.startsWith(name)) ?? ['', ''];
  if (ours === '') return error;
  const words = message.slice(field.length + 2).replace(` ${remedy}`, '');
  return invalidInput(theirs + field.slice(ours.length), words, {
    reason: error.reason,
    ...(remedy === undefined ? {} : { remedy: remedy.replace('`stdin`', '`standard_input`') }),
  });
}
