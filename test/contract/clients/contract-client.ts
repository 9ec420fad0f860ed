import type { DescMethod, JsonObject, JsonValue } from '@bufbuild/protobuf';

/** Where a server is and what opens it. */
export interface Target {
  readonly host: string;
  readonly port: number;
  readonly token: string;
}

export interface CallOptions {
  /** Deadline, sent to the server. */
  readonly timeoutMs?: number;
  /** Cancel once this many responses came. */
  readonly cancelAfter?: number;
  /** Called after each response. */
  readonly onResponse?: (response: JsonValue) => void;
}

/** How a call ended. `code` is spelled as Connect does: `ok`, `not_found`, ... */
export interface CallOutcome {
  readonly code: string;
  readonly message: string;
  /** The `lachesis.v1.ErrorDetail` that came with an error. */
  readonly detail?: JsonObject;
  /** As proto JSON, in order. */
  readonly responses: readonly JsonValue[];
}

/**
 * One column of the behaviour table: a gRPC or Connect implementation that speaks to a server.
 * Requests are proto JSON, so that the rows are written once for all languages.
 */
export interface ContractClient extends AsyncDisposable {
  call(
    method: DescMethod,
    requests: readonly JsonValue[],
    options?: CallOptions,
  ): Promise<CallOutcome>;
}

export interface ClientColumn {
  readonly name: string;
  /** Why the column can't run on this machine; absent when it can. */
  readonly skipped?: string;
  connect(target: Target): Promise<ContractClient>;
}

export function pathOf(method: DescMethod): string {
  return `${method.parent.typeName}/${method.name}`;
}
