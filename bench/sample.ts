import type { Event } from '../gen/ts/sboxagent/v1/event.ts';

/** An event of a common size: 200 to 300 bytes encoded. Without an id, so that each that is handed in is a new one. */
export const sampleEvent: Partial<Event> = {
  type: 'bench.sample',
  source: 'bench',
  subject: 'edge',
  correlation_id: 'bench-run',
  attributes: { protocol: 'vless', region: 'eu-north' },
  data: {
    outbound: 'proxy-17',
    latency_ms: 84,
    reachable: true,
    note: 'a sentence of the length that people tend to write into such fields',
  },
};
