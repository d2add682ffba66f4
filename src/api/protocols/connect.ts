/** Connect, unary and streams: served by its own handlers; an error alone is its JSON, or the last envelope of a stream. */
import { encodeEnvelope } from '@connectrpc/connect/protocol';
import { codeToHttpStatus, endStreamFlag, errorToJson } from '@connectrpc/connect/protocol-connect';
import { errorHeaders } from '../errors/codes.ts';
import type { ServingProtocol } from '../seam.ts';
import { answerEarly } from '../transports/body.ts';
import { header } from '../transports/exchange.ts';
import { toConnectError } from './connect-error.ts';
import type { ConnectHandlers } from './connect-handlers.ts';

export function createConnectUnary(handlers: () => ConnectHandlers): ServingProtocol {
  return {
    name: 'connect',
    bodyBytes: (messageBytes) => messageBytes,
    mediaTypes: ['application/json', 'application/proto'],
    serve: (call, exchange) => handlers().serve(call, exchange),
    refuse(exchange, error) {
      const headers = { 'content-type': 'application/json', ...errorHeaders(error) };
      const said = toConnectError(error);
      const body = JSON.stringify(errorToJson(said, undefined));
      return answerEarly(exchange, { status: codeToHttpStatus(said.code), headers, body });
    },
  };
}

export function createConnectStream(handlers: () => ConnectHandlers): ServingProtocol {
  return {
    name: 'connect',
    bodyBytes: (messageBytes) => messageBytes + 5,
    mediaTypes: ['application/connect+json', 'application/connect+proto'],
    serve: (call, exchange) => handlers().serve(call, exchange),
    refuse(exchange, error) {
      const data = Buffer.from(JSON.stringify({ error: errorToJson(toConnectError(error), undefined) }));
      const headers = { 'content-type': header(exchange, 'content-type') ?? '', ...errorHeaders(error) };
      return answerEarly(exchange, { status: 200, headers, body: encodeEnvelope(endStreamFlag, data) });
    },
  };
}
