/**
 * Connect's JSON codec, made as strict and as plain-spoken as REST: depth is judged before the text is parsed, and what
 * does not fit a field is told with the field's name. Connect reads requests before any interceptor sees them, so this
 * stands where it turns bytes into text (`textDecoder` of its serializer).
 */
import type { DescMessage, JsonReadOptions, JsonWriteOptions } from '@bufbuild/protobuf';
import { type BodyLimits, decodeText, parseBody } from './gateway/body.ts';
import { decodeJson } from './gateway/decode.ts';
import { toConnectError } from './wire-error.ts';

export type ConnectJsonOptions = Partial<JsonReadOptions & JsonWriteOptions> & {
  readonly textDecoder: { decode(bytes?: Uint8Array): string };
};

export const connectJson = { ignoreUnknownFields: false, alwaysEmitImplicit: true } as const;

function accepted(input: DescMessage, bytes: Uint8Array, limits: BodyLimits): string {
  if (bytes.byteLength === 0) return '';
  decodeJson(input, parseBody(bytes, limits));
  return decodeText(bytes);
}

/** Throws ConnectErrors with ErrorInfo and violations. */
export function connectJsonOptions(input: DescMessage, limits: () => BodyLimits): ConnectJsonOptions {
  return {
    ...connectJson,
    textDecoder: {
      decode(bytes = new Uint8Array()) {
        try {
          return accepted(input, bytes, limits());
        } catch (error) {
          throw toConnectError(error);
        }
      },
    },
  };
}
