import { type DownloadOptions, downloadedFile } from './download.ts';
import { shownUrl } from './shown-url.ts';

/** A file that tasks are read from, wherever it lies. */
export interface TaskFile {
  /** For messages: the path as it was given, or the URL without anything secret. */
  readonly name: string;
  /** Where it lies on this machine; what a URL names is downloaded first, once. */
  path(signal?: AbortSignal): Promise<string>;
}

/** A path is read as it is; an http or https URL from the copy that is kept of it. */
export function taskFile(pathOrUrl: string, options: DownloadOptions): TaskFile {
  if (!/^https?:\/\//i.test(pathOrUrl)) {
    return { name: pathOrUrl, path: async () => pathOrUrl };
  }
  let found: Promise<string> | undefined;
  return {
    name: shownUrl(pathOrUrl),
    path: (signal) => {
      // A failed download is not kept: the server may come back, or the wait may have been cancelled.
      found ??= downloadedFile(pathOrUrl, options, signal).catch((error: unknown) => {
        found = undefined;
        throw error;
      });
      return found;
    },
  };
}
