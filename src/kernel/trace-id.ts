const written = /^(?:[0-9a-f]{32}|[0-9a-f]{8}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** The 32 hexadecimal digits of a trace id that is written so, as a UUID, or with the 8 digits that sboxmgr logs; undefined for what is none. */
export function traceIdOfText(text: string): string | undefined {
  const lower = text.trim().toLowerCase();
  if (!written.test(lower) || !isGivenId(lower)) return undefined;
  return normalTraceId(lower);
}

/** Of a text that is a trace id in one of these forms: without dashes, lower case, 32 digits. */
export function normalTraceId(text: string): string {
  return text.replaceAll('-', '').toLowerCase().padStart(32, '0');
}

/** Whether an id is given at all: what records no trace sends nothing but zeros, which W3C Trace Context calls invalid. */
export function isGivenId(id: string): boolean {
  return id !== '' && (id.charCodeAt(0) !== zero || /[^0-]/.test(id));
}

const zero = '0'.charCodeAt(0);
