/**
 * Connect's JSON codec, made as strict and as plain-spoken as REST: depth is judged before the text is parsed, and what
 * does not fit a field is told with the field's name. Connect reads requests before any service sees them, so this
 * stands where it turns bytes into text (`textDecoder` of its serializer).
 */
import type { DescMessage, JsonReadOptions, JsonWriteOptions } from '@bufbuild/protobuf';
import type { Settings } from '../../settings/types.ts';
import { toConnectError } from './connect-error.ts';
import { decodeText, parseJson } from './rest/body.ts';
import { decodeJson } from './rest/decode.ts';

export type ConnectJsonLimits = Pick<Settings['api']['limits'], 'jsonDepth'>;

type ConnectJsonOptions = Partial<JsonReadOptions & JsonWriteOptions> & {
  readonly textDecoder: { decode(bytes?: Uint8Array): string };
};

function accepted(input: DescMessage, bytes: Uint8Array, limits: ConnectJsonLimits): string {
  if (bytes.byteLength === 0) return '';
  decodeJson(input, parseJson(bytes, limits.jsonDepth));
  return decodeText(bytes);
}

/** Throws ConnectErrors with ErrorInfo and violations. */
export function connectJson(input: DescMessage, limits: () => ConnectJsonLimits): ConnectJsonOptions {
  return {
    ignoreUnknownFields: false,
    alwaysEmitImplicit: true,
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
