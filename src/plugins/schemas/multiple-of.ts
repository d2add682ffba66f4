/** `multipleOf` by decimals, as people write them: 19.99 is a multiple of 0.01, though no double is one hundredth. */
import { type FuncKeywordDefinition, str } from 'ajv';

interface Decimal {
  readonly digits: bigint;
  /** Of ten. */
  readonly exponent: number;
}

/** The shortest decimal that reads back as this number. */
function decimalOf(value: number): Decimal {
  const [mantissa = '', exponent = '0'] = value.toString().split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  return { digits: BigInt(whole + fraction), exponent: Number(exponent) - fraction.length };
}

/** Both are finite: they come out of JSON. `factor` is above 0. */
export function isMultiple(value: number, factor: number): boolean {
  const [a, b] = [decimalOf(value), decimalOf(factor)];
  const exponent = Math.min(a.exponent, b.exponent);
  const scaled = ({ digits, exponent: own }: Decimal): bigint => digits * 10n ** BigInt(own - exponent);
  return scaled(a) % scaled(b) === 0n;
}

export const multipleOf: FuncKeywordDefinition = {
  keyword: 'multipleOf',
  type: 'number',
  schemaType: 'number',
  compile: (factor: number) => (value: number) => isMultiple(value, factor),
  error: { message: ({ schemaCode }) => str`must be multiple of ${schemaCode}` },
};
