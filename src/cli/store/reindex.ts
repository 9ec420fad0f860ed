import { reindexStore } from '../../broker/index.ts';
import type { StoreTask } from './task.ts';

/** `lachesis store reindex`: makes `index.db` anew from the commit log. */
export const reindex: StoreTask = async (folder, { signal }) => {
  const report = await reindexStore(folder, { signal });
  const { records, payloads, commits, isWhole, missingCommits, lost } = report;
  return {
    report,
    isSound: isWhole && missingCommits === 0 && lost.length === 0,
    lines: [
      `index.db has ${records} records and ${payloads} payloads again, of ${commits} commits`,
      ...(isWhole
        ? []
        : ["The commit log is damaged, or doesn't reach back to its beginning: there was more."]),
      ...(missingCommits === 0 ? [] : [`${missingCommits} commits are missing in the commit log.`]),
      ...lost.map(({ label, problem }) => `${JSON.stringify(label)} is lost: ${problem}`),
    ],
  };
};
