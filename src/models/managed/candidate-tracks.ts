import type { CallLineage } from '../model-server.ts';
import type { CallLog } from './call-log.ts';
import type { Track } from './track.ts';

/**
 * The conversations that a call may go on from: those that hold the call it names as its parent, else its
 * agent's. A parent of another agent's set it off, and then there are none: two sub-agents of one name that
 * one call set off are two conversations, whatever they say.
 */
export function candidateTracks(
  tracks: readonly Track[],
  { agent = '', parentCallId = '' }: CallLineage,
  log: CallLog,
): readonly Track[] {
  if (parentCallId === '') return tracks.filter((track) => track.agent === agent);
  const parent = log.indexOf(parentCallId);
  if (agent !== '' && log.agentOf(parent) !== agent) return [];
  return tracks.filter((track) => track.holdsCall(parent));
}
