/** The SQL of every room, as the store's threads load it: in one module, for a thread costs a start half a millisecond for each. */
import { procedures as alerts } from '../alerts/alert-procedures.ts';
import { procedures as audit } from '../audit/audit-procedures.ts';
import { procedures as documents } from '../documents/document-procedures.ts';
import { procedures as events } from '../events/journal-procedures.ts';
import { procedures as fleet } from '../fleet/fleet-procedures.ts';
import { procedures as pluginSchemas } from '../plugins/documents/schema-procedures.ts';
import { procedures as plugins } from '../plugins/plugin-procedures.ts';
import { procedures as processApplies } from '../processes/apply/applies-procedures.ts';
import type { Procedures } from '../store/index.ts';
import { procedures as traces } from '../traces/trace-procedures.ts';

export const rooms: Procedures = {
  alerts,
  audit,
  documents,
  events,
  fleet,
  process_applies: processApplies,
  traces,
  plugins,
  plugin_schemas: pluginSchemas,
};
