const written = /^(?:[0-9a-f]{32}|[0-9a-f]{8}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** The 32 hexadecimal digits of a trace id that is written so, as a UUID, or with the 8 digits that sboxmgr logs; undefined for what is none. */
export function traceIdOfText(text: string): string | undefined {
  const lower = text.trim().toLowerCase();
  if (!written.test(lower) || !/[1-9a-f]/.test(lower)) return undefined;
  return lower.replaceAll('-', '').padStart(32, '0');
}
