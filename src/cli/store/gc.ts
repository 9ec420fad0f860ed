import { collectStore } from '../../broker/index.ts';
import { bytesText, type StoreTask } from './task.ts';

/** `lachesis store gc`: frees what no record cites. */
export const gc: StoreTask = async (folder) => {
  const report = await collectStore(folder);
  const { freedBytes, removedSegments, uncommittedBytes, tornBytes } = report;
  return {
    report,
    isSound: true,
    lines: [
      `${bytesText(freedBytes)} freed: ${removedSegments} segments, ${bytesText(uncommittedBytes)} never committed, ${bytesText(tornBytes)} of a write that was cut off`,
    ],
  };
};
