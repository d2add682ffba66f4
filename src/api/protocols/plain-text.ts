/**
 * For an RPC path that is asked in an unknown media type: clients of all protocols judge that by its status alone, and must find no
 * error of theirs in it.
 */
import { errorHeaders, httpStatusOf } from '../errors/codes.ts';
import type { Protocol } from '../seam.ts';
import { answerEarly } from '../transports/body.ts';

/** `served`: the media types that would have been understood. */
export function createPlainText(served: readonly string[]): Protocol {
  return {
    name: 'rest',
    bodyBytes: (messageBytes) => messageBytes,
    mediaTypes: [],
    refuse(exchange, error) {
      const headers = { 'content-type': 'text/plain; charset=utf-8', 'accept-post': served.join(', '), ...errorHeaders(error) };
      return answerEarly(exchange, { status: httpStatusOf(error), headers, body: `${error.reason}: ${error.message}\n` });
    },
  };
}
