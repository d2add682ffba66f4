/** The messages of which a call over NATS is made: names of headers, sizes, and how an answer says where it stands. */

/** Of the request: what is signed besides the body. */
export const requestHeaders = ['content-type', 'grpc-timeout', 'traceparent', 'user-agent'] as const;
export const signing = { key: 'fleet-key', time: 'fleet-time', nonce: 'fleet-nonce', signature: 'fleet-signature' } as const;

/** Of the first message of an answer. */
export const statusHeader = 'fleet-status';
/** Subject at which the agent is told what was taken (`ack <bytes>`), or that the caller leaves (`cancel`). */
export const controlHeader = 'fleet-control';
/** Place of a message in the answer, from 0: a message that was lost on the way is noticed. */
export const placeHeader = 'fleet-place';
/** Of the last message: `end`, or `abort` where the agent ended it in the middle. */
export const endHeader = 'fleet-end';

/** Longest part of an answer in one message: well below what servers take by default. */
export const partBytes = 256 << 10;
/** After so many bytes, or so much time, a caller says what it has taken. */
export const acknowledge = { bytes: 128 << 10, everyMs: 2000 } as const;
