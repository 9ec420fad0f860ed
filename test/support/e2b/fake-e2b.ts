import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { signalNumber } from '../../../src/sandbox/exec/signal-number.ts';
import {
  createBubblewrapBackend,
  type Sandbox,
  type SandboxBackend,
  type SandboxProcess,
} from '../../../src/sandbox/index.ts';

/** What E2B's own client is to meet instead of an answer, at calls of this name. */
export type E2bFault = number | 'drop';

interface World {
  readonly box: Sandbox;
  readonly metadata: Readonly<Record<string, string>>;
  readonly processes: Map<number, SandboxProcess>;
}

const KEY = 'e2b_test';

/** Stands in for E2B on loopback: its control plane and its daemon, with real commands in our own boxes. */
export class FakeE2b implements AsyncDisposable {
  readonly calls: string[] = [];
  readonly unexpected: string[] = [];
  /** Bodies of what was asked to be made. */
  readonly created: Readonly<Record<string, unknown>>[] = [];
  readonly #faults = new Map<string, E2bFault[]>();
  readonly #worlds = new Map<string, World>();
  readonly #boxes: SandboxBackend = createBubblewrapBackend();
  readonly #server: Server;
  #count = 0;

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#answer(request, response).catch(() => response.destroy());
    });
  }

  static async start(): Promise<FakeE2b> {
    const fake = new FakeE2b();
    fake.#server.listen(0, '127.0.0.1');
    await once(fake.#server, 'listening');
    return fake;
  }

  get options() {
    const url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
    return { apiKey: KEY, apiUrl: url, sandboxUrl: url, workdir: '/workspace' };
  }

  /** The next calls of this name fail so. */
  fail(call: string, ...faults: readonly E2bFault[]): void {
    this.#faults.set(call, [...(this.#faults.get(call) ?? []), ...faults]);
  }

  /** As when its time is over. */
  async expire(id: string): Promise<void> {
    const world = this.#worlds.get(id);
    this.#worlds.delete(id);
    await world?.box.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.#boxes[Symbol.asyncDispose]();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://fake');
    const [name, id = ''] = nameOf(request.method ?? '', url.pathname);
    this.calls.push(name);
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    const body = Buffer.concat(pieces);
    const fault = this.#faults.get(name)?.shift();
    if (fault === 'drop') return void response.destroy();
    if (fault !== undefined) return json(response, fault, { code: fault, message: 'injected' });
    if (name.startsWith('process.Process/')) {
      const world = this.#worlds.get(String(request.headers['e2b-sandbox-id']));
      if (world === undefined) return json(response, 502, { code: 'unavailable', message: 'gone' });
      return await this.#daemon(name, world, body, response);
    }
    if (request.headers['x-api-key'] !== KEY)
      return json(response, 401, { code: 401, message: 'no key' });
    const world = this.#worlds.get(id);
    if (name === 'create') return await this.#create(JSON.parse(body.toString()), response);
    if (name === 'list') return json(response, 200, this.#list(url));
    if (name !== 'info' && name !== 'kill') {
      this.unexpected.push(`${request.method} ${url.pathname}`);
      return json(response, 501, { code: 501, message: 'not expected' });
    }
    if (world === undefined) return json(response, 404, { code: 404, message: 'not found' });
    if (name === 'info') return json(response, 200, described(id, world));
    await this.expire(id);
    response.writeHead(204).end();
  }

  async #create(body: { readonly metadata?: Record<string, string> }, response: ServerResponse) {
    this.created.push(body);
    const box = await this.#boxes.create({}, { signal: new AbortController().signal });
    const id = `i${++this.#count}fake`;
    const world = { box, metadata: body.metadata ?? {}, processes: new Map() };
    this.#worlds.set(id, world);
    json(response, 201, described(id, world));
  }

  #list(url: URL): readonly unknown[] {
    const wanted = [...new URLSearchParams(url.searchParams.get('metadata') ?? '')];
    return [...this.#worlds]
      .filter(([, { metadata }]) => wanted.every(([name, value]) => metadata[name] === value))
      .map(([id, world]) => described(id, world));
  }

  async #daemon(name: string, world: World, body: Buffer, response: ServerResponse) {
    if (name === 'process.Process/Start') {
      return await this.#run(world, JSON.parse(body.subarray(5).toString()), response);
    }
    const { process: selected, input } = JSON.parse(body.toString());
    const process = world.processes.get(selected.pid);
    if (process === undefined)
      return json(response, 404, { code: 'not_found', message: 'no process' });
    if (name === 'process.Process/SendInput')
      await process.write(Buffer.from(input.stdin, 'base64'));
    else if (name === 'process.Process/CloseStdin') await process.closeInput();
    else {
      this.unexpected.push(name);
      return json(response, 501, { code: 'unimplemented', message: 'not expected' });
    }
    json(response, 200, {});
  }

  async #run(
    world: World,
    { process: config, stdin }: { process: { cmd: string; args: string[] }; stdin?: boolean },
    response: ServerResponse,
  ) {
    const process = await world.box.spawn({
      argv: [config.cmd, ...config.args],
      cwd: '/',
      ...(stdin === true ? { stdin: 'open' } : {}),
    });
    const pid = ++this.#count;
    world.processes.set(pid, process);
    response.writeHead(200, { 'content-type': 'application/connect+json' });
    const send = async (event: unknown) => {
      if (!response.write(envelope(0, { event })) && !response.destroyed) {
        await new Promise<void>((resolve) => {
          const go = () => {
            response.off('drain', go).off('close', go);
            resolve();
          };
          response.on('drain', go).on('close', go);
        });
      }
    };
    await send({ start: { pid } });
    const dropped = setInterval(() => {
      if (this.#faults.get('stream')?.shift() === 'drop') response.destroy();
    }, 20);
    try {
      const reading = (async () => {
        for await (const { stream, bytes } of process.output) {
          await send({ data: { [stream]: Buffer.from(bytes).toString('base64') } });
        }
      })();
      const exit = await process.exited;
      // Whether E2B's own daemon waits for a child that holds the pipes is not known; this one does not.
      const patience = setTimeout(() => process.detach(), 300);
      await reading;
      clearTimeout(patience);
      const exitCode = exit.code ?? 128 + signalNumber(exit.signal);
      await send({ end: { exitCode, exited: true, status: `exit ${exitCode}` } });
      response.end(envelope(2, {}));
    } finally {
      clearInterval(dropped);
      world.processes.delete(pid);
    }
  }
}

function nameOf(method: string, path: string): readonly [string, string?] {
  if (path.startsWith('/process.Process/')) return [path.slice(1)];
  if (path === '/v2/sandboxes') return [method === 'POST' ? 'create' : 'list'];
  const id = /^\/sandboxes\/([^/]+)$/.exec(path)?.[1];
  if (id !== undefined && method === 'GET') return ['info', id];
  if (id !== undefined && method === 'DELETE') return ['kill', id];
  return [`${method} ${path}`];
}

function described(id: string, { metadata }: World) {
  const at = new Date().toISOString();
  return {
    ...{ sandboxID: id, templateID: 'base', clientID: 'fake', envdVersion: '0.6.0', metadata },
    ...{ startedAt: at, endAt: at, state: 'running', cpuCount: 1, memoryMB: 512 },
  };
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

function envelope(flags: number, message: unknown): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(text.length, 1);
  return Buffer.concat([head, text]);
}
