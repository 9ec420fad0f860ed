import { checkStore } from '../../broker/index.ts';
import { bytesText, type StoreTask } from './task.ts';

/** `lachesis store fsck`: reads every payload that lives, and changes nothing. */
export const fsck: StoreTask = async (folder, { signal }) => {
  const report = await checkStore(folder, { signal });
  const { problems, problemCount } = report;
  const isSound = problemCount === 0;
  const more = problemCount - problems.length;
  return {
    report,
    isSound,
    lines: [
      `${report.records} records and ${report.payloads} payloads (${bytesText(report.liveBytes)}) in ${report.segments} segments`,
      `${bytesText(report.garbageBytes)} that no record cites, ${bytesText(report.tornBytes)} of a write that was cut off`,
      ...problems.map(({ message, label }) =>
        label === undefined ? message : `${message}: cited by ${JSON.stringify(label)}`,
      ),
      ...(more > 0 ? [`and ${more} more`] : []),
      isSound ? 'Nothing is damaged.' : `${problemCount} problems.`,
    ],
  };
};
