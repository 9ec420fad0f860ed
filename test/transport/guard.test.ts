import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GuardedHead, judgeHead } from '../../src/transport/server/guard.ts';

const policy = {
  boundHost: 'gpu-7.internal',
  allowedHosts: ['rl.example.org', '*.svc.cluster.local'],
  allowedOrigins: ['https://app.example.org'],
};

const head = (changes: Partial<GuardedHead>): GuardedHead => ({
  method: 'POST',
  target: '/a.B/C',
  authority: 'localhost:1',
  origin: undefined,
  fetchSite: undefined,
  fetchMode: undefined,
  ...changes,
});

const verdict = (changes: Partial<GuardedHead>): string => {
  const judged = judgeHead(head(changes), policy);
  return judged.ok ? 'ok' : judged.reason;
};

describe('judgeHead', () => {
  it.each([
    ['localhost:8080', 'ok'],
    ['LOCALHOST', 'ok'],
    ['env.localhost', 'ok'],
    ['127.0.0.1:9', 'ok'],
    ['10.0.0.8', 'ok'],
    ['[::1]:50051', 'ok'],
    ['gpu-7.internal:50051', 'ok'],
    ['rl.example.org', 'ok'],
    ['rl.example.org.', 'ok'],
    ['broker.svc.cluster.local', 'ok'],
    ['svc.cluster.local', 'forbidden'],
    ['evilsvc.cluster.local', 'forbidden'],
    ['evil.example', 'forbidden'],
    ['127.0.0.1.evil.example', 'forbidden'],
    [undefined, 'malformed'],
    ['', 'malformed'],
    ['[', 'malformed'],
    ['a b', 'malformed'],
    ['localhost:99999', 'malformed'],
    ['user@localhost', 'malformed'],
    ['localhost/x', 'malformed'],
  ])('authority %o is %s', (authority, expected) => {
    expect(verdict({ authority })).toBe(expected);
  });
  it.each([
    ['/', 'ok'],
    ['*', 'ok'],
    ['/a?b=[', 'ok'],
    [undefined, 'malformed'],
    ['a', 'malformed'],
    ['//[', 'malformed'],
    ['//other.example/x', 'malformed'],
    ['http://localhost/', 'malformed'],
  ])('target %o is %s', (target, expected) => {
    expect(verdict({ target })).toBe(expected);
  });
  it('origins pass only by name, and cross-site requests without one only as navigation', () => {
    expect(verdict({ origin: 'https://app.example.org' })).toBe('ok');
    expect(verdict({ origin: 'https://app.example.org.evil.example' })).toBe('forbidden');
    expect(verdict({ origin: 'null' })).toBe('forbidden');
    expect(verdict({ fetchSite: 'same-origin' })).toBe('ok');
    expect(verdict({ fetchSite: 'none' })).toBe('ok');
    expect(verdict({ fetchSite: 'same-site' })).toBe('forbidden');
    const link = { method: 'GET', fetchSite: 'cross-site', fetchMode: 'navigate' };
    expect(verdict(link)).toBe('ok');
    expect(verdict({ ...link, method: 'POST' })).toBe('forbidden');
  });
  it('never throws, and what it accepts is a URL of the same host', () => {
    const text = fc.oneof(fc.string({ unit: 'binary' }), fc.webAuthority(), fc.string());
    fc.assert(
      fc.property(text, fc.oneof(text, fc.webPath()), (authority, target) => {
        if (!judgeHead(head({ authority, target }), policy).ok) return;
        expect(new URL(target, `http://${authority}`).host).toBe(
          new URL(`http://${authority}`).host,
        );
      }),
    );
  });
});
