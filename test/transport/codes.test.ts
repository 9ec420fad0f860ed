import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { type Any, anyPack, DurationSchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ErrorKind, LachesisError } from '../../src/errors.ts';
import {
  codeName,
  codeOfKind,
  decodeRpcStatus,
  encodeRpcStatus,
  kindOfCode,
  toWireError,
} from '../../src/transport/index.ts';
import { packDetails } from '../../src/transport/rpc-status.ts';

describe('a message that quotes what somebody sent', () => {
  it.each(['x', 'é', '界', '🙂'])('is cut to what headers hold, between letters (%s)', (letter) => {
    const thrown = new LachesisError('not_found', letter.repeat(100_000), { reason: 'X' });
    const { rawMessage } = toWireError(thrown).error;
    expect(Buffer.byteLength(rawMessage)).toBeLessThanOrEqual(1_000);
    expect(rawMessage.replaceAll(letter, '')).toBe('…');
    expect(thrown.message).toHaveLength(letter.length * 100_000);
  });
});

describe('codes', () => {
  it.each<[ErrorKind, Code]>([
    ['invalid_input', Code.InvalidArgument],
    ['not_found', Code.NotFound],
    ['already_exists', Code.AlreadyExists],
    ['failed_precondition', Code.FailedPrecondition],
    ['out_of_range', Code.OutOfRange],
    ['aborted', Code.Aborted],
    ['resource_exhausted', Code.ResourceExhausted],
    ['unauthenticated', Code.Unauthenticated],
    ['permission_denied', Code.PermissionDenied],
    ['unimplemented', Code.Unimplemented],
    ['environment_error', Code.Unknown],
    ['model_error', Code.Unavailable],
    ['infrastructure_error', Code.Unavailable],
    ['deadline_exceeded', Code.DeadlineExceeded],
    ['cancelled', Code.Canceled],
    ['internal', Code.Internal],
  ])('%s travels as %i', (kind, code) => {
    expect(codeOfKind(kind)).toBe(code);
  });
  it('read back as the kind they stand for', () => {
    const codes = [Code.NotFound, Code.Unavailable, Code.Unknown, Code.DataLoss];
    expect(codes.map(kindOfCode)).toEqual([
      'not_found',
      'infrastructure_error',
      'environment_error',
      'internal',
    ]);
  });
  it('are named as the Connect protocol names them', () => {
    expect([Code.Canceled, Code.InvalidArgument, Code.DataLoss].map(codeName)).toEqual([
      'canceled',
      'invalid_argument',
      'data_loss',
    ]);
  });
});

describe('toWireError', () => {
  const late = new ConnectError('too late', Code.DeadlineExceeded);
  const abortError = Object.assign(new Error('aborted'), { name: 'AbortError' });

  it('passes a ConnectError and shows a LachesisError whole', () => {
    expect(toWireError(late)).toEqual({ error: late, hidden: false });
    const known = new LachesisError('aborted', 'the lease is stale.', { reason: 'STALE_LEASE' });
    expect(toWireError(known)).toMatchObject({
      error: { code: Code.Aborted, rawMessage: 'the lease is stale.' },
      hidden: false,
    });
  });
  it('prefers the reason of a fired signal to the AbortError it caused', () => {
    expect(toWireError(abortError, AbortSignal.abort(late)).error).toBe(late);
    expect(toWireError(abortError, AbortSignal.abort()).error.code).toBe(Code.Canceled);
  });
  it('hides everything else', () => {
    for (const thrown of [new Error('secret'), 'secret', undefined, abortError]) {
      const { error, hidden } = toWireError(thrown);
      expect(error).toMatchObject({ code: Code.Internal, rawMessage: 'internal error' });
      expect(hidden).toBe(true);
    }
    const bug = new LachesisError('internal', 'cursor behind its head.', { reason: 'BUG' });
    expect(toWireError(bug).hidden).toBe(true);
  });
});

describe('google.rpc.Status', () => {
  it('decodes what it encodes', () => {
    const detail = fc.record({ type: fc.string(), value: fc.uint8Array() });
    const noSlash = fc.array(detail.map((d) => ({ ...d, type: d.type.replaceAll('/', '') })));
    const message = fc.string().map((text) => text.toWellFormed());
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 16 }), message, noSlash, (code, text, details) => {
        const wellFormed = details.map((d) => ({ ...d, type: d.type.toWellFormed() }));
        const status = { code, message: text, details: wellFormed };
        expect(decodeRpcStatus(encodeRpcStatus(status))).toEqual(status);
      }),
    );
  });
  it('packs details as google.protobuf.Any does', () => {
    const value = create(DurationSchema, { seconds: 3n });
    const [packed] = packDetails([{ desc: DurationSchema, value }]);
    const any: Any = anyPack(DurationSchema, value);
    expect(`type.googleapis.com/${packed?.type}`).toBe(any.typeUrl);
    expect(Buffer.compare(packed!.value, any.value)).toBe(0);
    expect(fromBinary(DurationSchema, packed!.value)).toEqual(value);
    expect(Buffer.compare(packed!.value, toBinary(DurationSchema, value))).toBe(0);
  });
});
