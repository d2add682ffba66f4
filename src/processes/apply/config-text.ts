import { maskedText, masksLeft, type Place, restoredText, secretPlaces } from '../../documents/index.ts';
import { createValueMasker, redactText } from '../../kernel/redaction.ts';
import type { Document, Engine } from '../engines/index.ts';
import { type ConfigFormat, type ReadConfig, readConfig } from '../engines/read-config.ts';
import { secretsOf, secretValues } from '../engines/secrets.ts';
import { StepFailure } from './failure.ts';

function placesOf(engine: Engine, document: Document): Place {
  return secretPlaces({ paths: secretsOf(engine, document).map(({ keys }) => keys) });
}

/** A config as it may be shown. One that cannot be read is masked by its look, and by the secrets of the one that it comes of. */
export function shownConfig(engine: Engine, text: string, format: ConfigFormat, known = ''): string {
  const read = readConfig(engine, text, format);
  if (read.ok) return maskedText(text, format, placesOf(engine, read.document));
  const before = readConfig(engine, known, format);
  const [shown = ''] = before.ok ? withoutSecrets(engine, before.document, [text]) : [redactText(text)];
  return shown;
}

/** What the engine says, without the secrets of the config that it speaks of. */
export function withoutSecrets(engine: Engine, document: Document, lines: readonly string[]): readonly string[] {
  const maskValues = createValueMasker(secretValues(secretsOf(engine, document)));
  return lines.map((line) => redactText(maskValues(line)));
}

/** Listeners of a config; none where it cannot be read. */
export function listenersOf(engine: Engine, read: ReadConfig): ReturnType<Engine['listeners']> {
  return read.ok ? engine.listeners(read.document) : [];
}

export interface Candidate {
  readonly text: string;
  readonly format: ConfigFormat;
  readonly document: Document;
}

/**
 * Reads a config that came from outside, within bounds; `***` in it becomes the secret that stands at that place in `kept`.
 * Throws StepFailure PROCESS_CONFIG_INVALID with the place.
 */
export function readCandidate(
  engine: Engine,
  given: { readonly text: string; readonly format: ConfigFormat },
  kept: string | undefined,
): Candidate {
  const { format } = given;
  const asGiven = readOrRefuse(engine, given.text, format);
  if (!given.text.includes('***')) return { ...given, document: asGiven };
  const text = kept === undefined ? given.text : restoreSecrets(engine, { text: given.text, kept, format });
  // What is kept may be no config at all: then nothing in it is meant.
  const left = masksLeft(text, format, kept !== undefined && readConfig(engine, kept, format).ok ? kept : '');
  if (left.length > 0) {
    const message = 'has ***, which keeps a secret that is there already, but there is none; give the value itself';
    refuse(left.map((path) => ({ path, line: 0, rule: 'secret', message })));
  }
  return { text, format, document: readOrRefuse(engine, text, format) };
}

function restoreSecrets(
  engine: Engine,
  { text, kept, format }: { readonly text: string; readonly kept: string; readonly format: ConfigFormat },
): string {
  const read = readConfig(engine, kept, format);
  if (!read.ok) return text;
  return restoredText(text, kept, { format, place: placesOf(engine, read.document) });
}

function readOrRefuse(engine: Engine, text: string, format: ConfigFormat): Document {
  if (text.trim() === '') return refuse([{ path: '', line: 0, rule: 'syntax', message: 'the config is empty' }]);
  const read = readConfig(engine, text, format);
  return read.ok ? read.document : refuse([read.fault]);
}

interface Fault {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
  readonly message: string;
}

function refuse(faults: readonly Fault[]): never {
  const [first] = faults;
  const where =
    first === undefined ? '' : [first.path, first.line > 0 ? `line ${first.line}` : ''].filter((part) => part !== '').join(', ');
  throw new StepFailure(
    'PROCESS_CONFIG_INVALID',
    `the config cannot be taken: ${where === '' ? '' : `${where}: `}${first?.message ?? ''}`,
    {
      violations: faults.map((fault) => ({ ...fault, file: 'document' })),
    },
  );
}
