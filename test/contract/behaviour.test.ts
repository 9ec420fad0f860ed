import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { behaviours, type Cell, type Need } from './behaviours.ts';
import { columns, skipNote } from './clients/columns.ts';
import { connectHttp1Client, ownClient } from './clients/connect-transport.ts';
import type { ClientColumn, ContractClient } from './clients/contract-client.ts';
import { startTableServer } from './support/table-server.ts';

/** Why a cell is empty; undefined when it is not. */
function absent(column: ClientColumn, needs: Need): string | undefined {
  if (column === connectHttp1Client && needs === 'bidi_streaming') {
    return 'HTTP/1.1 answers only after the whole request';
  }
  return undefined;
}

const server = await startTableServer();
const setUp = await ownClient.connect(server.target);
afterAll(async () => {
  await setUp[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe.each(columns)('$name', (column) => {
  let client: ContractClient;
  if (column.skipped === undefined) {
    beforeAll(async () => {
      client = await column.connect(server.target);
    });
    afterAll(() => client[Symbol.asyncDispose]());
  }
  for (const [index, { name, needs, run }] of behaviours.entries()) {
    const reason = absent(column, needs);
    if (reason !== undefined) {
      it(`${name}: no such cell, ${reason}`, () => expect(reason).not.toBe(''));
      continue;
    }
    it.skipIf(column.skipped !== undefined)(`${name}${skipNote(column)}`, async () => {
      const cell: Cell = {
        client,
        setUp,
        withToken: (token) => column.connect({ ...server.target, token }),
        workerToken: server.workerToken,
        playedGroupId: server.playedGroupId,
        stuckEngine: server.stuckEngine,
        id: `run-${columns.indexOf(column)}-${index}`,
        openRequests: server.openRequests,
      };
      await run(cell);
    });
  }
});
