/** What the library's decoder takes for a moment and no calendar has: it would be stored as another day than the caller wrote. */
import type { DescField, DescMessage, JsonValue } from '@bufbuild/protobuf';
import { isCalendarDay } from '../../../kernel/calendar.ts';
import type { Violation } from '../../../kernel/errors.ts';
import { maxViolations } from '../../convert/data.ts';

const timestamp = 'google.protobuf.Timestamp';

interface Path {
  readonly names: readonly string[];
  /** What stands there; undefined: a moment. */
  readonly fields: readonly Path[] | undefined;
}

const known = new WeakMap<DescMessage, readonly Path[]>();

/** The fields of a message that are moments or hold some. */
function momentsOf(desc: DescMessage): readonly Path[] {
  const before = known.get(desc);
  if (before !== undefined) return before;
  const paths: Path[] = [];
  // Known before it is complete: a message may hold itself.
  known.set(desc, paths);
  for (const field of desc.fields) {
    const message = messageOf(field);
    if (message === undefined) continue;
    const fields = message.typeName === timestamp ? undefined : momentsOf(message);
    if (fields === undefined || fields.length > 0) paths.push({ names: [field.name, field.jsonName], fields });
  }
  return paths;
}

function messageOf(field: DescField): DescMessage | undefined {
  if (field.fieldKind === 'message') return field.message;
  return field.fieldKind === 'list' && field.listKind === 'message' ? field.message : undefined;
}

function inValue(path: Path, value: JsonValue | undefined, at: { readonly field: string; readonly violations: Violation[] }): void {
  if (at.violations.length >= maxViolations || value === undefined || value === null) return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) inValue(path, item, { ...at, field: `${at.field}[${index}]` });
  } else if (typeof value === 'string') {
    if (path.fields !== undefined || isCalendarDay(value)) return;
    at.violations.push({ field: at.field, message: `no calendar has the day ${value.slice(0, 10)}`, rule: 'json' });
  } else if (typeof value === 'object') {
    for (const next of path.fields ?? []) {
      for (const name of new Set(next.names)) {
        if (Object.hasOwn(value, name)) inValue(next, value[name], { ...at, field: at.field === '' ? name : `${at.field}.${name}` });
      }
    }
  }
}

/** What is wrong with the moments of a request that is well-formed; `path` stands before the names of the fields. */
export function judgeMoments(desc: DescMessage, json: JsonValue, path: string): readonly Violation[] {
  const fields = momentsOf(desc);
  if (fields.length === 0) return [];
  const violations: Violation[] = [];
  inValue({ names: [], fields }, json, { field: path, violations });
  return violations;
}
