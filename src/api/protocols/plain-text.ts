/**
 * For an RPC path that is asked in an unknown media type: clients of all protocols judge that by its status alone, and must find no
 * error of theirs in it.
 */

import { errorHeaders, httpStatusOf } from '../errors/codes.ts';
import type { Protocol } from '../seam.ts';
import { answerEarly } from '../transports/body.ts';

const mediaTypes =
  'application/json, application/proto, application/connect+json, application/connect+proto, application/grpc, application/grpc+proto, application/grpc+json, application/grpc-web, application/grpc-web+proto, application/grpc-web+json, application/grpc-web-text, application/grpc-web-text+proto';

export const plainText: Protocol = {
  name: 'rest',
  bodyBytes: (messageBytes) => messageBytes,
  matches: () => false,
  refuse(exchange, error) {
    const headers = { 'content-type': 'text/plain; charset=utf-8', 'accept-post': mediaTypes, ...errorHeaders(error) };
    return answerEarly(exchange, { status: httpStatusOf(error), headers, body: `${error.reason}: ${error.message}\n` });
  },
};
