/** The procedures that rooms bring into the store's threads: addresses only, since the store knows no room. */
export function storeModules(): Readonly<Record<string, URL>> {
  return { events: new URL('../events/journal-procedures.ts', import.meta.url) };
}
