import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type ListenOptions } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { abuse } from '../support/abuse.ts';
import { METADATA } from '../support/namespace.ts';
import type { World } from '../support/world.ts';

export const network = [
  abuse('7', "a service on the host's loopback, such as our own, answers", {
    box: async (world) => {
      const server = await listen(world, { port: 0, host: '127.0.0.1' });
      assert.doesNotMatch((await world.inBox(tcp('127.0.0.1', server.port))).out, /hello/);
      assert.equal(server.heard(), 0);
    },
    control: async (world) => {
      const server = await listen(world, { port: 0, host: '127.0.0.1' });
      assert.match((await world.inPlain(tcp('127.0.0.1', server.port))).out, /hello/);
    },
  }),
  abuse('8', "the network can be reached, and a cloud's metadata", {
    box: async (world) => {
      const server = await listen(world, { port: 80, host: METADATA });
      const names = await listenUdp(world);
      assert.doesNotMatch((await world.inBox(tcp(METADATA, 80))).out, /hello/);
      await world.inBox(`echo x > /dev/udp/${METADATA}/53`);
      await pause(50);
      assert.deepEqual([server.heard(), names.heard()], [0, 0]);
    },
    control: async (world) => {
      await listen(world, { port: 80, host: METADATA });
      const names = await listenUdp(world);
      assert.match((await world.inPlain(tcp(METADATA, 80))).out, /hello/);
      await world.inPlain(`echo x > /dev/udp/${METADATA}/53`);
      await pause(50);
      assert.equal(names.heard(), 1);
    },
  }),
  abuse('9', 'an abstract socket of the host answers', {
    box: async (world) => {
      const server = await listen(world, { path: '\0lachesis-host' });
      assert.doesNotMatch((await world.inBox(unix('\\0lachesis-host'))).out, /hello/);
      assert.equal(server.heard(), 0);
    },
    control: async (world) => {
      await listen(world, { path: '\0lachesis-host' });
      assert.match((await world.inPlain(unix('\\0lachesis-host'))).out, /hello/);
    },
  }),
  abuse('10', 'a socket in the file system, such as `docker.sock`, answers', {
    box: async (world) => {
      const server = await listen(world, { path: `${world.folder}/docker.sock` });
      assert.doesNotMatch((await world.inBox(unix(`${world.folder}/docker.sock`))).out, /hello/);
      assert.equal(server.heard(), 0);
    },
    control: async (world) => {
      await listen(world, { path: `${world.folder}/docker.sock` });
      assert.match((await world.inPlain(unix(`${world.folder}/docker.sock`))).out, /hello/);
    },
  }),
];

function tcp(host: string, port: number): string {
  return `timeout 3 cat < /dev/tcp/${host}/${port}`;
}

function unix(name: string): string {
  return `python3 -c "import socket; s = socket.socket(socket.AF_UNIX); s.connect('${name}'); print(s.recv(9))"`;
}

async function listen(world: World, where: ListenOptions) {
  let heard = 0;
  const server = createServer((socket) => {
    heard += 1;
    socket.on('error', () => {});
    socket.end('hello');
  });
  server.listen(where);
  await once(server, 'listening');
  world.atEnd(() => {
    server.close();
    if (where.path?.startsWith('/') === true) rmSync(where.path, { force: true });
  });
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  return { port, heard: () => heard };
}

async function listenUdp(world: World) {
  let heard = 0;
  const socket = createSocket('udp4', () => {
    heard += 1;
  });
  socket.bind(53, METADATA);
  await once(socket, 'listening');
  world.atEnd(() => socket.close());
  return { heard: () => heard };
}
