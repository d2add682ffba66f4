/** The procedures that rooms bring into the store's threads: addresses only, since the store knows no room. */
export function storeModules(): Readonly<Record<string, URL>> {
  return {
    alerts: new URL('../alerts/alert-procedures.ts', import.meta.url),
    audit: new URL('../audit/audit-procedures.ts', import.meta.url),
    documents: new URL('../documents/document-procedures.ts', import.meta.url),
    events: new URL('../events/journal-procedures.ts', import.meta.url),
    fleet: new URL('../fleet/fleet-procedures.ts', import.meta.url),
    process_applies: new URL('../processes/apply/applies-procedures.ts', import.meta.url),
    traces: new URL('../traces/trace-procedures.ts', import.meta.url),
    plugins: new URL('../plugins/plugin-procedures.ts', import.meta.url),
    plugin_schemas: new URL('../plugins/documents/schema-procedures.ts', import.meta.url),
  };
}
