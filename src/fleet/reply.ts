import { type MsgHdrs, type NatsConnection, headers as newHeaders } from '@nats-io/transport-node';
import type { Flow } from './flow.ts';
import { controlHeader, endHeader, partBytes, placeHeader, statusHeader } from './frames.ts';

type Head = Readonly<Record<string, string | number | readonly string[]>>;

/** The answer to one call, in as many messages as it needs. */
export interface Reply {
  head(status: number, headers: Head): void;
  write(chunk: Buffer): void;
  end(trailers: Head): void;
  abort(): void;
  pendingBytes(): number;
  onTaken(fn: () => void): void;
  onLeft(fn: () => void): void;
}

/** What of the answer's own headers the caller is told. */
const passed = ['content-type', 'x-trace-id', 'grpc-status', 'grpc-message', 'grpc-status-details-bin', 'retry-after'] as const;

/**
 * The flow is the caller's: it says how many bytes it has taken, at a subject that it is told, and what it has not counts as pending. Who
 * vanished takes nothing, and is ended like every reader that stalls.
 */
export function createReply(connection: NatsConnection, subject: string, flow: Flow): Reply {
  let place = 0;
  let written = 0;
  let taken = 0;
  let over = false;
  let headSent: MsgHdrs | undefined;
  let onTaken = (): void => {};
  let onLeft = (): void => {};

  const send = (body: Uint8Array, headers: MsgHdrs): void => {
    headers.set(placeHeader, String(place));
    place += 1;
    try {
      connection.publish(subject, body, { headers });
    } catch {
      // The connection is closed for good: nobody can be answered.
      finish();
      onLeft();
    }
  };
  const finish = (): void => {
    over = true;
    close();
  };
  const { subject: control, close } = flow.open({
    taken(bytes) {
      taken = Math.min(written, Math.max(taken, bytes));
      onTaken();
    },
    left() {
      finish();
      onLeft();
    },
  });
  /** Headers of the next message: those of the head where they still wait for a body. */
  const next = (): MsgHdrs => {
    const headers = headSent ?? newHeaders();
    headSent = undefined;
    return headers;
  };
  const put = (headers: MsgHdrs, values: Head): void => {
    for (const name of passed) if (values[name] !== undefined) headers.set(name, String(values[name]));
  };
  return {
    head(status, values) {
      const headers = newHeaders();
      headers.set(statusHeader, String(status));
      headers.set(controlHeader, control);
      put(headers, values);
      // Sent with the first bytes, in the same turn or soon after, unless there are none for a while.
      headSent = headers;
      setImmediate(() => {
        if (headSent !== undefined && !over) send(new Uint8Array(), next());
      });
    },
    write(chunk) {
      if (over) return;
      written += chunk.byteLength;
      for (let at = 0; at < chunk.byteLength; at += partBytes) send(chunk.subarray(at, at + partBytes), next());
    },
    end(trailers) {
      if (over) return;
      const headers = next();
      put(headers, trailers);
      headers.set(endHeader, 'end');
      send(new Uint8Array(), headers);
      finish();
    },
    abort() {
      if (over) return;
      const headers = next();
      headers.set(endHeader, 'abort');
      send(new Uint8Array(), headers);
      finish();
    },
    pendingBytes: () => written - taken,
    onTaken(fn) {
      onTaken = fn;
    },
    onLeft(fn) {
      onLeft = fn;
    },
  };
}
