import type { Socket } from 'node:net';

const HTTP2_PREFACE = 'PRI * HTTP/2.0';

export type Sniffed = 'http1' | 'http2' | 'undecided';

/** What the first bytes of a connection announce; a few bytes can still be either (`P` of POST). */
export function classifyFirstBytes(bytes: Uint8Array): Sniffed {
  const text = Buffer.from(bytes.subarray(0, HTTP2_PREFACE.length)).toString('latin1');
  if (text === HTTP2_PREFACE) return 'http2';
  return HTTP2_PREFACE.startsWith(text) ? 'undecided' : 'http1';
}

export interface SniffOptions {
  /** A socket that has not said what it speaks by then is destroyed. */
  readonly timeoutMs: number;
  readonly onHttp1: (socket: Socket) => void;
  readonly onHttp2: (socket: Socket) => void;
}

/** Waits for the first bytes of a socket, puts them back and hands it to the server that speaks them. */
export function sniff(socket: Socket, options: SniffOptions): void {
  let seen: Buffer = Buffer.alloc(0);
  const timer = setTimeout(() => socket.destroy(), options.timeoutMs);
  const ignore = (): void => {};
  const stop = (): void => {
    clearTimeout(timer);
    socket.off('data', onData);
    socket.off('close', stop);
    socket.off('end', onEnd);
  };
  const onEnd = (): void => {
    stop();
    socket.destroy();
  };
  const onData = (chunk: Buffer): void => {
    seen = seen.byteLength === 0 ? chunk : Buffer.concat([seen, chunk]);
    const kind = classifyFirstBytes(seen);
    if (kind === 'undecided') return;
    stop();
    socket.pause();
    socket.unshift(seen);
    if (kind === 'http2') {
      options.onHttp2(socket);
    } else {
      options.onHttp1(socket);
      // The HTTP/1 server attaches a data listener, which does not undo an explicit pause.
      process.nextTick(() => socket.resume());
    }
    socket.off('error', ignore);
  };
  socket.on('error', ignore);
  socket.on('data', onData);
  socket.once('end', onEnd);
  socket.once('close', stop);
}
