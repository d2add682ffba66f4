/** PublishEvents: batches out, acknowledgements in, each batch found again by its number. */
import { PublishEventsRequest, PublishEventsResponse } from '../gen/ts/sboxagent/v1/event_service.ts';
import type { GrpcLink } from './clients/grpc.ts';
import { fieldCounts } from './clients/skim.ts';

export interface Publishing {
  /** `events` is an encoded request without a number; answers `count` when it is acknowledged. */
  publish(events: Uint8Array, count: number): Promise<number>;
  close(): void;
}

export function openPublishing(link: GrpcLink): Publishing {
  const waiting: { readonly count: number; resolve(count: number): void; reject(error: Error): void }[] = [];
  let number = 0;
  const stream = link.stream('/sboxagent.v1.EventService/PublishEvents', {
    message(body) {
      const first = waiting.shift();
      const counts = fieldCounts(body);
      if (counts.has(3)) first?.reject(new Error(`a batch was refused: ${PublishEventsResponse.decode(body).error?.message}`));
      else if (counts.get(2) !== first?.count) first?.reject(new Error(`${counts.get(2)} receipts for ${first?.count} events`));
      else first?.resolve(first.count);
    },
    failed(error) {
      for (const { reject } of waiting.splice(0)) reject(error);
    },
  });
  return {
    publish(events, count) {
      number += 1;
      // Encoded messages that follow each other are one message: the number need not be encoded into every batch anew.
      const head = PublishEventsRequest.encode(PublishEventsRequest.create({ batch_id: String(number) })).finish();
      return new Promise((resolve, reject) => {
        waiting.push({ count, resolve, reject });
        stream.send(Buffer.concat([head, events]));
      });
    },
    close: () => stream.cancel(),
  };
}
