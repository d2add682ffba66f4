/** A string literal, a comment, a comma before a closing bracket: whichever comes first. */
const token = /"(?:[^"\\]|\\.)*"|\/\/[^\n]*|#[^\n]*|\/\*[\s\S]*?\*\//g;

/** JSON with comments and trailing commas, as sing-box reads it. Throws SyntaxError. */
export function parseLenientJson(text: string): unknown {
  const strings: string[] = [];
  // Strings are set aside first: what looks like a comment or a comma inside them is text.
  const bare = text.replace(token, (match) => (match.startsWith('"') ? `"${strings.push(match) - 1}"` : ' '));
  const strict = bare.replace(/,(\s*[}\]])/g, '$1').replace(/"(\d+)"/g, (_, index: string) => strings[Number(index)] ?? '""');
  return JSON.parse(strict);
}
