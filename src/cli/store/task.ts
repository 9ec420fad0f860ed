/** What a task of `lachesis store` has to say. */
export interface StoreAnswer {
  /** As JSON. */
  readonly report: object;
  /** As text. */
  readonly lines: readonly string[];
  /** False when something is damaged or lost. */
  readonly isSound: boolean;
}

export type StoreTask = (
  folder: string,
  options: { readonly signal: AbortSignal },
) => Promise<StoreAnswer>;

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `1.5 MiB`. */
export function bytesText(bytes: number): string {
  const power = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}
