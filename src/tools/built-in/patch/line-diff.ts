const CONTEXT = 3;
const MAX_CHARACTERS = 20_000;

/** What changed, in the form of a unified diff of one hunk; for a model to look at. */
export function lineDiff(path: string, before: string, after: string): string {
  const [old, made] = [before.split('\n'), after.split('\n')];
  let start = 0;
  while (start < Math.min(old.length, made.length) && old[start] === made[start]) start += 1;
  let end = 0;
  const most = Math.min(old.length, made.length) - start;
  while (end < most && old[old.length - 1 - end] === made[made.length - 1 - end]) end += 1;
  if (start === old.length && start === made.length) return '';
  const first = Math.max(0, start - CONTEXT);
  const lead = old.slice(first, start);
  const trail = old.slice(old.length - end, old.length - end + CONTEXT);
  const removed = old.slice(start, old.length - end);
  const added = made.slice(start, made.length - end);
  const range = (changed: number): string => `${first + 1},${lead.length + changed + trail.length}`;
  const text = [
    `--- a/${path}`,
    `+++ b/${path}`,
    `@@ -${range(removed.length)} +${range(added.length)} @@`,
    ...lead.map((line) => ` ${line}`),
    ...removed.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    ...trail.map((line) => ` ${line}`),
  ].join('\n');
  return text.length <= MAX_CHARACTERS ? text : `${text.slice(0, MAX_CHARACTERS)}\n[... cut]`;
}
