/**
 * An example of every message, put together of what its fields may hold. Values that tell something stand in
 * example-values.ts; a test decodes every example as its message.
 */
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
import { FeatureSet_FieldPresence } from '@bufbuild/protobuf/wkt';
import { fieldConstraint, type Json } from './constraints.ts';
import { exampleValues, moment } from './example-values.ts';
import type { Way } from './schemas.ts';

function scalarExample(type: ScalarType): unknown {
  switch (type) {
    case ScalarType.BOOL:
      return false;
    case ScalarType.STRING:
    case ScalarType.BYTES:
      return '';
    case ScalarType.INT64:
      return '0';
    default:
      return 0;
  }
}

function single(field: DescField, way: Way): unknown {
  if (field.scalar !== undefined) return scalarExample(field.scalar);
  if (field.enum !== undefined) return field.enum.values[1]?.name;
  switch (field.message?.typeName) {
    case undefined:
      return undefined;
    case 'google.protobuf.Timestamp':
      return moment;
    case 'google.protobuf.Duration':
      return '5s';
    case 'google.protobuf.Struct':
    case 'google.protobuf.Value':
    case 'google.protobuf.FieldMask':
      return undefined;
    default:
      return exampleOf(field.message, way);
  }
}

/** What stands in the table for a field; undefined where nothing does. */
export function valueFor(field: DescField): unknown {
  const message = field.parent.typeName.replace(/^([a-z0-9_]+\.)*/, '');
  const own = exampleValues[`${message}.${field.name}`];
  if (own !== undefined) return own;
  const common = exampleValues[field.name];
  const fits = typeof common === 'string' ? field.scalar === ScalarType.STRING || field.message !== undefined : common !== undefined;
  if (!fits || (field.fieldKind === 'list' && !Array.isArray(common))) return undefined;
  return field.scalar === ScalarType.INT64 ? String(common) : common;
}

function fieldExample(field: DescField, way: Way): unknown {
  const known = valueFor(field);
  if (known !== undefined) return known;
  if (field.fieldKind === 'map') return {};
  const value = single(field, way);
  return field.fieldKind === 'list' ? [value] : value;
}

/** Of a request the fields that must be given and those with something to tell; of an answer all that it may hold. */
export function exampleOf(desc: DescMessage, way: Way): Json {
  const asked = desc.fields.filter((field) => {
    if (way === 'response') return true;
    return fieldConstraint(field).required || (valueFor(field) !== undefined && field.presence === FeatureSet_FieldPresence.IMPLICIT);
  });
  return Object.fromEntries(asked.map((field) => [field.name, fieldExample(field, way)]).filter(([, value]) => value !== undefined));
}
