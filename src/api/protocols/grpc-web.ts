/**
 * gRPC-Web, as bytes and as text: served by Connect's handlers; an error alone is an answer without a body whose status stands in its
 * headers.
 */
import { errorHeaders } from '../errors/codes.ts';
import type { ServingProtocol } from '../seam.ts';
import { answerEarly } from '../transports/body.ts';
import { base64Length, decodeBase64, encodeBase64 } from './base64-body.ts';
import type { BodyCoding, ConnectHandlers } from './connect-handlers.ts';
import { grpcStatus } from './grpc-status.ts';

const headBytes = 5;

/** What `application/grpc-web-text` adds: Google's own client sends it by default. */
const text: BodyCoding = {
  request: (type) => type.replace(/-text/i, ''),
  decode: decodeBase64,
  response: (type) => type.replace('grpc-web', 'grpc-web-text'),
  encode: encodeBase64,
};

export function createGrpcWeb(handlers: () => ConnectHandlers, details: boolean): ServingProtocol {
  const mediaTypes = ['application/grpc-web+proto', 'application/grpc-web', 'application/grpc-web+json'];
  return create(handlers, details, { mediaTypes, bodyBytes: (messageBytes) => messageBytes + headBytes });
}

export function createGrpcWebText(handlers: () => ConnectHandlers, details: boolean): ServingProtocol {
  const mediaTypes = ['application/grpc-web-text+proto', 'application/grpc-web-text'];
  return create(handlers, details, { mediaTypes, bodyBytes: (messageBytes) => base64Length(messageBytes + headBytes) }, text);
}

type Form = Pick<ServingProtocol, 'mediaTypes' | 'bodyBytes'>;

/** The first of the media types is the one of an error alone. */
function create(handlers: () => ConnectHandlers, details: boolean, form: Form, coding?: BodyCoding): ServingProtocol {
  const [type = ''] = form.mediaTypes;
  return {
    ...form,
    name: 'grpc_web',
    serve: (call, exchange) => handlers().serve(call, exchange, coding),
    refuse(exchange, error) {
      const headers = { 'content-type': type, ...grpcStatus(error, details), ...errorHeaders(error) };
      return answerEarly(exchange, { status: 200, headers, body: exchange.http2 ? undefined : '' });
    },
  };
}
