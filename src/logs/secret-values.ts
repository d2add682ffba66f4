import { createValueMasker, mask } from '../kernel/redaction.ts';
import type { Redact } from './clean.ts';

const uuid = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi;

/** Masks the ids by which users of proxies prove themselves, wherever they stand. */
export function maskUuids(text: string): string {
  return text.includes('-') ? text.replaceAll(uuid, mask) : text;
}

/**
 * All masks of a run's lines in one: names and URLs, what the active configuration calls a secret, ids of users. The configuration is asked
 * once for the lines that are read together.
 */
export function createRunMasker(redact: Redact, secrets: (() => readonly string[]) | undefined): () => Redact {
  let known: readonly string[] | undefined;
  let maskValues: Redact = (text) => text;
  return () => {
    const now = secrets?.();
    if (now !== known) {
      known = now;
      maskValues = createValueMasker(now ?? []);
    }
    return (text) => maskUuids(redact(maskValues(text)));
  };
}
