/** Proto JSON as REST speaks it: the proto's own field names, scalars always present. A message is turned into text once. */
import { type DescMessage, type JsonValue, type MessageShape, toJson } from '@bufbuild/protobuf';

export const restJson = { useProtoFieldName: true, alwaysEmitImplicit: true } as const;

const texts = new WeakMap<object, () => string>();

export function restValue<D extends DescMessage>(schema: D, message: MessageShape<D>): JsonValue {
  return toJson(schema, message, restJson);
}

function once(make: () => string): () => string {
  let text: string | undefined;
  return () => {
    text ??= make();
    return text;
  };
}

/** Says how the text of a message that many receive is made; it is made at most once. */
export function shareText(message: object, make: () => string): void {
  texts.set(message, once(make));
}

/** One line. */
export function restText<D extends DescMessage>(schema: D, message: MessageShape<D>): string {
  return texts.get(message)?.() ?? JSON.stringify(restValue(schema, message));
}
