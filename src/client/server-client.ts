import type { Client, Transport } from '@connectrpc/connect';
import {
  type GetServerInfoResponse,
  ServerService,
} from '../../gen/lachesis/v1/server_service_pb.ts';
import { createRpcClient } from '../transport/index.ts';
import { type CallOptions, toConnect } from './call-options.ts';

/** What the server is and can do. */
export class ServerClient {
  readonly #client: Client<typeof ServerService>;

  constructor(transport: Transport) {
    this.#client = createRpcClient(ServerService, transport);
  }

  async info(options?: CallOptions): Promise<GetServerInfoResponse> {
    return await this.#client.getServerInfo({}, toConnect(options));
  }
}
