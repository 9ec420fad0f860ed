export interface ProcessOptions {
  /** Is told once, when the first sandbox is made, what is not kept apart. Required: nobody should miss it. */
  readonly onWarning: (warning: string) => void;
  /** Without it, making a sandbox as root is refused. */
  readonly allowRoot?: boolean;
  /** Where the sandboxes' private folders are made. Default: the system's folder for temporary files. */
  readonly folder?: string;
  /** Of each process. Default: 1 GiB. */
  readonly fileMiB?: number;
  /** Of each process. Default: 1,024. */
  readonly openFiles?: number;
}
