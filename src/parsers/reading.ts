import type { ToolDefinition } from '../messages.ts';
import type { ParseOptions } from './tool-call-parser.ts';

/** What reading a block may ask. */
export interface Reading {
  readonly text: string;
  /** `length` also while more text may come. */
  readonly finishReason: string;
  readonly tools: ReadonlyMap<string, ToolDefinition>;
  /**
   * Where `marker` stands next, at or after `from`; Infinity when it does not. Asked for ever later
   * positions, it reads the text once in all.
   */
  find(marker: string, from: number): number;
}

export function readingOf(text: string, { tools, finishReason }: ParseOptions): Reading {
  /** By marker: it stands at `next` and nowhere from `from` up to there. */
  const found = new Map<string, { readonly from: number; readonly next: number }>();
  let byName: ReadonlyMap<string, ToolDefinition> | undefined;
  return {
    text,
    finishReason,
    get tools() {
      byName ??= new Map(tools.map((tool) => [tool.name, tool]));
      return byName;
    },
    find(marker, from) {
      const known = found.get(marker);
      if (known !== undefined && known.from <= from && from <= known.next) return known.next;
      const index = text.indexOf(marker, from);
      const next = index === -1 ? Number.POSITIVE_INFINITY : index;
      found.set(marker, { from, next });
      return next;
    },
  };
}

/** Whether the text ends at `at` or within a `marker` that begins there. */
export function endsWithin(text: string, at: number, marker: string): boolean {
  const rest = text.length - at;
  return rest < marker.length && marker.startsWith(text.slice(at));
}

/** Where the longest piece of a marker begins with which the text ends. */
export function beforeCut(text: string, from: number, markers: readonly string[]): number {
  const longest = Math.max(0, ...markers.map((marker) => marker.length - 1));
  for (let at = Math.max(from, text.length - longest); at < text.length; at += 1) {
    if (markers.some((marker) => endsWithin(text, at, marker))) return at;
  }
  return text.length;
}
