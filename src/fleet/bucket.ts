import { type KV, Kvm } from '@nats-io/kv';
import type { NatsConnection } from '@nats-io/transport-node';
import type { Link } from './link.ts';

/** A bucket of the fleet, made where there is none, and opened once a connection: to open one costs a call to the servers. */
export interface Bucket {
  /** Uses it. After a failure it is opened anew by the next use, since it may have been removed meanwhile. */
  use<T>(signal: AbortSignal, use: (bucket: KV) => Promise<T>): Promise<T>;
}

export function createBucket(link: Pick<Link, 'connected'>, name: string): Bucket {
  let open: { readonly connection: NatsConnection; readonly bucket: Promise<KV> } | undefined;
  return {
    async use(signal, use) {
      const connection = await link.connected(signal);
      if (open?.connection !== connection) open = { connection, bucket: new Kvm(connection).create(name, { history: 1 }) };
      const used = open;
      try {
        return await use(await used.bucket);
      } catch (error) {
        if (open === used) open = undefined;
        throw error;
      }
    },
  };
}
