import type { Event } from '../../../gen/es/sboxagent/v1/event_pb.js';

const gistLength = 200;

/** What an event says in a sentence, where it says one. */
export function gistOf({ data }: Event): string {
  const said = data?.['message'] ?? data?.['summary'] ?? data?.['reason'] ?? data?.['problem'];
  return typeof said === 'string' ? said.slice(0, gistLength) : '';
}
