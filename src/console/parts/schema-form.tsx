import type { JsonValue } from '@bufbuild/protobuf';
import { useId, useState } from 'preact/hooks';
import { useTexts } from '../core/app.ts';
import { type Field, isObject, withMember } from '../core/schema.ts';

export interface FieldProps {
  readonly field: Field;
  readonly value: JsonValue | undefined;
  readonly readOnly: boolean;
  readonly required?: boolean;
  readonly onChange: (value: JsonValue | undefined) => void;
}

/** Fields of a document by its JSON Schema. What is left empty is left out. */
export function SchemaField(props: FieldProps) {
  const { field, value, readOnly, onChange } = props;
  if (field.kind !== 'object') return <Labelled {...props} />;
  const members = field.fields.map(({ name, required, field: own }) => (
    <SchemaField
      key={name}
      field={own}
      value={isObject(value) ? value[name] : undefined}
      readOnly={readOnly}
      required={required}
      onChange={(next) => onChange(withMember(value, name, next))}
    />
  ));
  if (field.title === '') return <div class="form">{members}</div>;
  return (
    <fieldset class="form" disabled={readOnly}>
      <legend>{field.title}</legend>
      {field.description !== '' && <p class="dim">{field.description}</p>}
      {members}
    </fieldset>
  );
}

function Labelled(props: FieldProps) {
  const texts = useTexts();
  const id = useId();
  const { field, value, required } = props;
  const hint = [field.description, value === '***' ? texts.plugins.secret : '', field.kind === 'lines' ? texts.plugins.lines : '']
    .filter(Boolean)
    .join(' · ');
  return (
    <div class="labelled">
      <label for={id}>
        {field.title}
        {required === true && <span aria-hidden="true"> *</span>}
      </label>
      <Input {...props} id={id} />
      {hint !== '' && (
        <p class="dim" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

function Input({ field, value, readOnly, required = false, onChange, id }: FieldProps & { readonly id: string }) {
  const common = { id, disabled: readOnly, required, class: 'field' };
  switch (field.kind) {
    case 'boolean':
      return (
        <input
          {...common}
          class="check"
          required={false}
          type="checkbox"
          checked={value === true}
          onChange={(event) => onChange(event.currentTarget.checked)}
        />
      );
    case 'choice':
      return (
        <select {...common} value={JSON.stringify(value)} onChange={(event) => onChange(parsed(event.currentTarget.value))}>
          {!required && <option value="" />}
          {field.values.map((one) => (
            <option key={JSON.stringify(one)} value={JSON.stringify(one)}>
              {typeof one === 'string' ? one : JSON.stringify(one)}
            </option>
          ))}
        </select>
      );
    case 'number':
      return (
        <input
          {...common}
          type="number"
          step={field.whole ? 1 : 'any'}
          {...(field.min !== undefined && { min: field.min })}
          {...(field.max !== undefined && { max: field.max })}
          value={typeof value === 'number' ? value : ''}
          onInput={({ currentTarget: { value: text, valueAsNumber } }) => onChange(text === '' ? undefined : valueAsNumber)}
        />
      );
    case 'text':
      return (
        <input
          {...common}
          type="text"
          autocomplete="off"
          {...(field.maxLength !== undefined && { maxLength: field.maxLength })}
          value={typeof value === 'string' ? value : ''}
          onInput={({ currentTarget: { value: text } }) => onChange(text === '' && !required ? undefined : text)}
        />
      );
    case 'lines':
      return (
        <textarea
          {...common}
          class="field code short"
          value={Array.isArray(value) ? value.join('\n') : ''}
          onInput={({ currentTarget: { value: text } }) => onChange(text === '' ? undefined : text.split('\n'))}
        />
      );
    default:
      return <JsonInput id={id} value={value} readOnly={readOnly} onChange={onChange} />;
  }
}

function parsed(text: string): JsonValue | undefined {
  return text === '' ? undefined : (JSON.parse(text) as JsonValue);
}

type JsonInputProps = Pick<FieldProps, 'value' | 'readOnly' | 'onChange'> & { readonly id?: string; readonly label?: string };

/** A value as JSON; what is not JSON yet stays in the field and changes nothing. */
export function JsonInput({ id, label, value, readOnly, onChange }: JsonInputProps) {
  const [text, setText] = useState(value === undefined ? '' : JSON.stringify(value, null, 2));
  const [wrong, setWrong] = useState(false);
  return (
    <textarea
      id={id}
      aria-label={label}
      class="field code"
      spellcheck={false}
      readOnly={readOnly}
      rows={Math.min(24, text.split('\n').length + 1)}
      aria-invalid={wrong}
      value={text}
      onInput={(event) => {
        setText(event.currentTarget.value);
        try {
          onChange(parsed(event.currentTarget.value));
          setWrong(false);
        } catch {
          setWrong(true);
        }
      }}
    />
  );
}
