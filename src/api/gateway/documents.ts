/** Documents that come and go as they are, by media type, instead of in a field of JSON. Declared by method. */
import type { Message } from '@bufbuild/protobuf';
import { header } from '../exchange.ts';
import type { HttpRequest } from '../seam.ts';

const yamlTypes = ['application/yaml', 'text/yaml', 'application/x-yaml', 'text/x-yaml'];

export interface RawDocument {
  /** The request's field that takes the text of the body. */
  readonly field: string;
  /** Media types of bodies that are taken so. */
  readonly types: readonly string[];
}

const yaml: RawDocument = { field: 'yaml', types: yamlTypes };

export const rawDocuments: Readonly<Record<string, RawDocument>> = {
  '/sboxagent.v1.ConfigService/UpdateConfig': yaml,
  '/sboxagent.v1.ConfigService/ValidateConfig': yaml,
};

interface RawAnswer {
  /** The answer's field that is told alone. */
  readonly field: string;
  /** What `Accept` must name, in order of preference; the first is the type of the answer. */
  readonly types: readonly string[];
}

const rawAnswers: Readonly<Record<string, RawAnswer>> = {
  '/sboxagent.v1.ConfigService/GetConfig': { field: 'yaml', types: yamlTypes },
};

/** The text that was asked for instead of JSON, and its type; undefined where JSON is as good. */
export function rawAnswer(
  method: string,
  req: HttpRequest,
  message: Message,
): { readonly type: string; readonly text: string } | undefined {
  const raw = rawAnswers[method];
  const accept = (header(req, 'accept') ?? '').toLowerCase();
  const place = Math.min(...(raw?.types ?? []).map((type) => accept.indexOf(type)).filter((at) => at >= 0));
  const json = accept.indexOf('application/json');
  if (raw === undefined || place === Number.POSITIVE_INFINITY || (json >= 0 && json < place)) return undefined;
  const text: unknown = Reflect.get(message, raw.field);
  return { type: raw.types[0] ?? 'text/plain', text: typeof text === 'string' ? text : '' };
}
