import { readStoreFigures } from '../../broker/index.ts';
import { bytesText, type StoreTask } from './task.ts';

/** `lachesis store stats`: what it holds, by its index. */
export const stats: StoreTask = async (folder) => {
  const report = await readStoreFigures(folder);
  return {
    report,
    isSound: true,
    lines: [
      `records   ${report.records}, of ${report.commits} commits`,
      `payloads  ${report.payloads}, ${bytesText(report.liveBytes)}`,
      `segments  ${report.segments}, ${bytesText(report.segmentBytes)}, of which ${bytesText(report.garbageBytes)} no record cites`,
      `index     ${bytesText(report.indexBytes)}, and ${bytesText(report.logBytes)} of commit log`,
      `disk      ${bytesText(report.freeDiskBytes)} free`,
    ],
  };
};
